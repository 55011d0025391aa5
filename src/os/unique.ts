/**
 * Names that no other process, and no later one, makes up.
 *
 * @module
 */

/** Sixteen letters and no digits, so that no part of a name looks like a number in a JSON text. */
const PROCESS = Array.from(
  crypto.getRandomValues(new Uint8Array(20)),
  (byte) => "abcdfghjklmnpqrs"[byte & 15],
).join(""); // 80 random bits
let count = 0;

/** A new name of letters, digits and a dash; cheaper than random numbers each time. */
export function uniqueName(): string {
  return `${PROCESS}-${count++}`;
}
