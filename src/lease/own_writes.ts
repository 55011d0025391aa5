/**
 * What this process wrote last, by lease: to try a conditional write at once, without reading first.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import type { Entry, Version } from "../storage/adapter.ts";
import type { LeaseRef } from "./waits.ts";

/** More leases than this are no one session's. */
const MAX_REMEMBERED = 256;

/** The part of an entry that a conditional write needs. */
export type OwnEntry = Pick<Entry, "value" | "version">;

/** The latest own writes; those that were made longest ago are forgotten first. */
export class OwnWrites {
  readonly #entries = new Map<string, OwnEntry>();

  /** Takes note of a write that was acknowledged. */
  remember(ref: LeaseRef, value: Json, version: Version): void {
    const id = idOf(ref);
    this.#entries.delete(id);
    this.#entries.set(id, { value, version });
    if (this.#entries.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest);
  }

  /** Forgets what was written to a lease. */
  forget(ref: LeaseRef): void {
    this.#entries.delete(idOf(ref));
  }

  /** What was written last to a lease, or undefined where that is not known. */
  recall(ref: LeaseRef): OwnEntry | undefined {
    return this.#entries.get(idOf(ref));
  }
}

function idOf({ scope, key }: LeaseRef): string {
  return `${scope.length} ${scope}${key}`;
}
