/**
 * Giving up rights: what a command does not need, it cannot be made to misuse.
 *
 * @module
 */

import type { Workspace } from "../coordinator/workspace.ts";
import { PERMISSIONS } from "./command.ts";
import type { Permission } from "./command.ts";

/** Gives up all rights but those that a command names. */
export function keepPermissions(needed: readonly Permission[]): void {
  for (const name of PERMISSIONS) {
    if (!needed.includes(name)) Deno.permissions.revokeSync({ name });
  }
}

/** The adapters whose needs are known; one that a program registered may need anything. */
const OURS = new Set(["local", "kv", "memory", "server"]);

/**
 * Gives up the network where the store is on this machine. The right to start programs stays: only
 * with it can be seen whether another session's client still runs.
 */
export function dropPermissions({ setting, store }: Workspace): void {
  if (!OURS.has(setting.loaded.config.storage.adapter)) return;
  if (store.place.reach !== "network") Deno.permissions.revokeSync({ name: "net" });
}
