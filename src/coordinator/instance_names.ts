/**
 * The names of instances, and the list of them that people read.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";

/** Each instance with `"taken"` or `"available"`, in their natural order (seed 002's registry). */
export type InstanceMap = Record<string, "taken" | "available">;

/** What an instance can be called. */
export const INSTANCE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The first of the numbered names that is not known. */
export function nextInstance(known: ReadonlySet<string>): string {
  for (let number = 1;; number++) {
    if (!known.has(`claude_${number}`)) return `claude_${number}`;
  }
}

/** Whether what was published says what is the case. */
export function isSameMap(published: { readonly [key: string]: Json }, map: InstanceMap): boolean {
  const names = Object.keys(map);
  return names.length === Object.keys(published).length &&
    names.every((name) => published[name] === map[name]);
}

/** claude_2 before claude_10, and these before names that somebody chose. */
export function naturally(a: string, b: string): number {
  const isChosen = (name: string) => Number(!/^claude_\d+$/.test(name));
  return isChosen(a) - isChosen(b) ||
    a.localeCompare(b, "en", { numeric: true }) || (a < b ? -1 : 1);
}
