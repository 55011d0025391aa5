/**
 * How a process shows that the session lives which it stands for.
 *
 * @module
 */

import type { StorePlace } from "../storage/adapter.ts";

/** How often it says so, and after how long without that others take the session for dead. */
export interface SessionLease {
  readonly beatMs: number;
  /** What a session's proof of life tells of it; nothing where all processes can see the proof itself. */
  readonly told: { readonly lease_s?: number };
}

const ON_NETWORK: SessionLease = { beatMs: 5_000, told: { lease_s: 20 } };

/**
 * The lease of sessions on a store: where other machines share it, they cannot see our proof.
 *
 * @param heartbeatS How often a session is to give a sign where nobody takes it for dead for giving none.
 */
export function sessionLease(
  { reach }: Pick<StorePlace, "reach">,
  heartbeatS: number,
): SessionLease {
  // Rather early: whoever beats looks only about once a second whether it is time.
  return reach === "network" ? ON_NETWORK : { beatMs: heartbeatS * 900, told: {} };
}
