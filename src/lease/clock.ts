/**
 * What leases are measured with: on one host its uptime, which nobody can set and which goes on
 * while the host sleeps; between hosts the store's own time.
 *
 * @module
 */

import { uptimeSeconds } from "../os/host.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import { serverNow } from "../storage/server_clock.ts";
import type { Moment } from "./record.ts";

/** Tells the moment. */
export type LeaseClock = () => Promise<Moment>;

/** The clock for a store. */
export function clockOf(store: StorageAdapter): LeaseClock {
  if (store.place.reach !== "network") {
    return () => Promise.resolve({ clock: "uptime", s: uptimeSeconds(), wallMs: Date.now() });
  }
  return async () => {
    const wallMs = Math.floor(await serverNow(store)); // tokens are whole numbers
    return { clock: "store", s: Math.floor(wallMs / 1000), wallMs };
  };
}
