import type { Json } from "../../src/domain/json.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";

/** Where and when a claim was renewed last, and for how long. */
export interface Renewal {
  readonly life?: string;
  readonly host?: string;
  readonly uptime_s?: number;
  readonly at?: string;
  readonly ttl_s?: number;
}

/** The lease of a holder that nobody can see, renewed at a certain time. */
export function claimOf(renewal: Renewal = {}): LeaseRecord {
  const { life = crypto.randomUUID(), host = "here", uptime_s = 1000, ttl_s = 60 } = renewal;
  const { at = "2026-01-01T00:00:00.000Z" } = renewal;
  return {
    v: 1,
    holder: { session: life },
    token: Date.parse(at),
    clock: "uptime",
    renewed_s: uptime_s,
    renewed_at: at,
    ttl_s,
    purpose: "instance",
    detail: { life, host, pid: 1, client_session: null, signed_on_at: at },
    acquired_at: at,
    offered: false,
    busy_s: null,
    uses: 0,
    lent_by: null,
    waiters: [],
    ended: null,
    request: crypto.randomUUID(),
  };
}

/** The same claim as csc wrote it before instances were leases. */
export function oldClaimOf(renewal: Renewal = {}): Record<string, Json> {
  const { life = crypto.randomUUID(), host = "here", uptime_s = 1000 } = renewal;
  const { at = "2026-01-01T00:00:00.000Z" } = renewal;
  const heartbeat = { count: 1, uptime_s, at };
  return { life, host, pid: 1, client_session: null, signed_on_at: at, heartbeat };
}

/** The instances in a scope that somebody holds, dead or alive. */
export async function heldIn(store: StorageAdapter, scope: string): Promise<string[]> {
  const entries = [...await store.retrieveAll(scope)];
  return entries.filter(([, { value }]) => isHeld(value)).map(([instance]) => instance);
}

/** Whether what is stored for an instance says that somebody holds it. */
export function isHeld(value: unknown): boolean {
  return (value as LeaseRecord | null)?.holder !== null;
}
