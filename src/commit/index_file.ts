/**
 * Files that are git indexes, and what goes into them.
 *
 * @module
 */

import { lstatOrNull } from "../os/private_folder.ts";

/** An entry of an index. */
export interface IndexEntry {
  readonly path: string;
  /** As git writes it; `000000` where the path is to be taken out. */
  readonly mode: string;
  /** The object; zeros where there is none. */
  readonly id: string;
}

/** The mode of a path that is to be taken out. */
export const ABSENT = "000000";

/** Entries as `git update-index -z --index-info` reads them. */
export function indexInfo(entries: readonly IndexEntry[]): string {
  const isGone = ({ mode }: IndexEntry) => mode === ABSENT;
  // First what goes: a file may make room for a folder, or the reverse.
  return [...entries.filter(isGone), ...entries.filter((entry) => !isGone(entry))]
    .map(({ path, mode, id }) => `${mode} ${id}\t${path}\0`)
    .join("");
}

/**
 * Copies an index with its time, rounded down: git compares the content of files that were changed at
 * the index's time or later, since their own time does not tell.
 */
export function copyIndex(from: string, to: string): boolean {
  const info = lstatOrNull(from);
  if (info === null) return false; // nothing was ever staged
  Deno.copyFileSync(from, to);
  const atMs = info.mtime?.getTime() ?? 0;
  Deno.utimeSync(to, new Date(atMs), new Date(atMs));
  return true;
}
