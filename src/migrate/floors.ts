/**
 * Fencing tokens go on rising in the target: what a session stored there under its old token must not
 * keep the next one out, nor a lease be given out under a token that was used before.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { FLOOR_KEY } from "../lease/leases.ts";
import type { Entry, StorageAdapter } from "../storage/adapter.ts";

/** The highest token that a scope's entries tell: of leases, of fences, of a floor; 0 for none. */
export function highestToken(entries: ReadonlyMap<string, Entry>): number {
  let highest = 0;
  for (const [key, { value, fence }] of entries) {
    const tokens = [fence, isObject(value) ? value.token : null, key === FLOOR_KEY ? value : null];
    for (const token of tokens) {
      if (Number.isSafeInteger(token)) highest = Math.max(highest, token as number);
    }
  }
  return highest;
}

/** Sees to it that a store gives out no token up to this one; never lowers what is there. */
export async function raiseFloor(
  store: StorageAdapter,
  bookScope: string,
  token: number,
): Promise<void> {
  for (;;) {
    const entry = await store.retrieve(bookScope, FLOOR_KEY);
    if (typeof entry?.value === "number" && entry.value >= token) return;
    const expected = entry?.version ?? "absent";
    if ((await store.store(bookScope, FLOOR_KEY, token, { expected })).ok) return;
  }
}
