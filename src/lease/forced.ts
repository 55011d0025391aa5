/**
 * What a server that keeps leases for others can tell of a write: whether it ends by force what
 * somebody holds.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import { type LeaseRecord, readLease } from "./record.ts";

/**
 * Whether a write ends a grant by force: it says so itself, as `csc unlock --force` does, or puts
 * something in its place that is no lease. What a program that only pretends to release writes
 * cannot be told from a release.
 *
 * @param before The stored value, or null where there is none.
 * @param after The value to be written, or null for a deletion.
 */
export function endsByForce(before: Json | null, after: Json | null): boolean {
  const held = leaseOrNull(before);
  if (!held?.holder) return false;
  const next = leaseOrNull(after);
  if (!next) return true;
  return next.ended?.forced === true && next.ended.token === held.token &&
    held.ended?.token !== held.token;
}

/** Whether a value to be written could end a grant by force at all: whatever it takes the place of. */
export function couldEndByForce(after: Json | null): boolean {
  const next = leaseOrNull(after);
  return next === null || next.ended?.forced === true;
}

function leaseOrNull(value: Json | null): LeaseRecord | null {
  try {
    return readLease(value, "");
  } catch {
    return null;
  }
}
