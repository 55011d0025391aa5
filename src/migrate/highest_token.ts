/**
 * Fencing tokens go on rising in the target: what a session stored there under its old token must not
 * keep the next one out, nor a lease be given out under a token that was used before.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { FLOOR_KEY } from "../lease/token_floor.ts";
import type { Entry } from "../storage/adapter.ts";

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
