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

const ON_MACHINE: SessionLease = { beatMs: 20_000, told: {} };
const ON_NETWORK: SessionLease = { beatMs: 5_000, told: { lease_s: 20 } };

/** The lease of sessions on a store: where other machines share it, they cannot see our proof. */
export function sessionLease({ reach }: Pick<StorePlace, "reach">): SessionLease {
  return reach === "network" ? ON_NETWORK : ON_MACHINE;
}
