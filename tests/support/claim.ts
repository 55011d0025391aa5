import type { Claim } from "../../src/coordinator/claim.ts";

/** A claim of nobody, with a heartbeat at a certain time. */
export function claimOf(overrides: { host?: string; uptime_s?: number; at?: string } = {}): Claim {
  const { host = "here", uptime_s = 1000, at = "2026-01-01T00:00:00.000Z" } = overrides;
  return {
    life: crypto.randomUUID(),
    host,
    pid: 1,
    client_session: null,
    signed_on_at: at,
    heartbeat: { count: 1, uptime_s, at },
  };
}
