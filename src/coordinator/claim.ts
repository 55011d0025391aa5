/**
 * A claim on an instance: the lease on it, and whether its holder still stands behind it.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { apply } from "../lease/apply.ts";
import {
  hasExpired,
  isOfOtherBoot,
  type LeaseRecord,
  type Moment,
  readLease,
} from "../lease/record.ts";
import { uptimeSeconds } from "../os/host.ts";
import type { LifeSign } from "../os/life_file.ts";

/** Who holds an instance. */
export interface Claim {
  /** The life file of the server that holds it. */
  readonly life: string;
  /** The host whose uptime the heartbeat tells. */
  readonly host: string;
  /** For people: process numbers prove nothing. */
  readonly pid: number;
  /** The client's session, where it told one. */
  readonly client_session: string | null;
  readonly signed_on_at: string;
  /** The last sign of life: the host's uptime in whole seconds, and the time for people. */
  readonly heartbeat: { readonly uptime_s: number; readonly at: string };
}

/** `"dead"` is proven; `"silent"` means that heartbeats were missed, which a pause also explains. */
export type Standing = "live" | "silent" | "dead";

/**
 * Judges the holder of a lease, by more than the lease's time.
 *
 * @param known What its life file says, and which host and moment it is here.
 */
export function judge(
  lease: LeaseRecord,
  known: { readonly lifeSign: LifeSign; readonly host: string; readonly moment: Moment },
): Standing {
  const { lifeSign, host } = known;
  if (lifeSign === "dead" || lease.holder?.session === NOBODY.life) return "dead";
  // Another host's uptime means nothing here.
  const isHere = claimIn(lease).host === host;
  const moment: Moment = isHere ? known.moment : { ...known.moment, clock: "store" };
  if (isOfOtherBoot(lease, moment)) return lifeSign === "alive" ? "live" : "dead";
  return hasExpired(lease, moment) ? "silent" : "live";
}

/** What a lease tells of its holder. */
export function claimIn({ holder, detail, renewed_s, renewed_at }: LeaseRecord): Claim {
  const told = isObject(detail) ? detail : {};
  const text = (value: Json | undefined) => typeof value === "string" ? value : "";
  return {
    life: holder?.session ?? "",
    host: text(told.host),
    pid: typeof told.pid === "number" ? told.pid : 0,
    client_session: text(told.client_session) || null,
    signed_on_at: text(told.signed_on_at),
    heartbeat: { uptime_s: renewed_s, at: renewed_at },
  };
}

/** A lease as a claim that an older csc reads beside it; where it is free, as none. */
export function oldClaimBeside(lease: LeaseRecord): Record<string, Json> {
  if (lease.holder === null) return { heartbeat: null };
  const { heartbeat: { at }, ...claim } = claimIn(lease);
  return { ...claim, heartbeat: { count: lease.renewed_s, uptime_s: uptimeSeconds(), at } };
}

/**
 * Reads the lease on an instance. A claim of an older csc is read as the lease that it would be, but
 * with token 0; and what is neither as that of nobody, long over, so that it blocks nobody.
 *
 * @throws {CoordinatorError} `store_newer` where a newer csc wrote it.
 */
export function readClaim(value: Json, instance: string, ttlS: number): LeaseRecord {
  try {
    return readLease(value, `on ${instance}`);
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "store_corrupt") throw error;
  }
  const claim = isOldClaim(value) ? value as unknown as typeof NOBODY : NOBODY;
  const { life, heartbeat: { uptime_s, at } } = claim;
  const moment: Moment = { clock: "uptime", s: uptime_s, wallMs: Date.parse(at) };
  const known = { moment, isDead: () => false, floor: 0, request: "" };
  const request = { op: "acquire", holder: { session: life }, ttlS, purpose: "" } as const;
  const { outcome } = apply(null, { ...request, detail: { ...claim } as unknown as Json }, known);
  return { ...outcome.record, token: 0 };
}

function isOldClaim(value: Json): boolean {
  if (!isObject(value) || !isObject(value.heartbeat ?? null)) return false;
  const { uptime_s, at } = value.heartbeat as Record<string, Json>;
  return typeof value.life === "string" && typeof value.host === "string" &&
    typeof uptime_s === "number" && typeof at === "string" && !Number.isNaN(Date.parse(at));
}

/** Holds what does not say who holds it. */
const NOBODY: Pick<Claim, "life" | "heartbeat"> = {
  life: "",
  heartbeat: { uptime_s: 0, at: new Date(0).toISOString() },
};
