/**
 * Why something was left out of a commit, and what to do about it.
 *
 * @module
 */

import { printable, shorten } from "../domain/text.ts";
import type { Entangled, Lost } from "./carry.ts";
import { shellWord } from "./index_lock.ts";
import { NOBODY } from "./weave.ts";

/** A file of which something was left out. */
export interface LeftFile {
  readonly path: string;
  readonly why: string;
}

/** Says with whom edits are entangled, and how to commit both. */
export function entangledWords(
  entangled: readonly Entangled[],
  path: string,
  isTracked: boolean,
): string {
  const partners = [...new Set(entangled.map((one) => one.with))].map(nameOf).join(" and ");
  const numbers = entangled.flatMap(({ atLine }) => atLine === null ? [] : [atLine]);
  const lines = [...new Set(numbers)].sort((one, other) => one - other).slice(0, 5);
  const where = lines.length === 0
    ? ""
    : ` (at line${lines.length > 1 ? "s" : ""} ${lines.join(", ")})`;
  const name = quoted(path);
  const add = isTracked ? "" : `git add -- ${name} && `;
  return `your edits${where} are on the same lines as those of ${partners}: ` +
    `commit both together with ${add}git commit -m MESSAGE -- ${name}, ` +
    `or run csc commit-mine again after they committed theirs`;
}

/** Says which lines are not there any more. */
export function lostWords({ lines, by }: Lost): string {
  const what = lines === 1 ? "a line that you wrote was" : `${lines} lines that you wrote were`;
  return `${what} replaced or removed since by ${nameOf(by)}, and stays out of the commit`;
}

function nameOf(session: string): string {
  return session === NOBODY
    ? "somebody whom no session recorded"
    : `session ${shorten(printable(session), 64)}`;
}

/** A path as a shell takes it. */
export function quoted(path: string): string {
  return /^[\w./+@%-]+$/.test(path) ? path : shellWord(path);
}
