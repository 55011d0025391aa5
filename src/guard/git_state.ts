/**
 * What git says of files in a working tree; asked only where the answer decides something, since
 * starting git costs more than all the rest of a hook.
 *
 * @module
 */

import { git } from "../detect/git.ts";
import { canonicalPath } from "./place.ts";

/** How long git may take before its answer is not waited for any more. */
const GIT_STATE_MS = 1000;
/** More paths than this are not named to git: it is asked for all there are. */
const MAX_NAMED = 500;

/** A file that differs from HEAD. */
export interface FileState {
  /** Its path in the tree as it is on the disk. */
  readonly name: string;
  /** Whether a commit of the index would take a change of it along. */
  readonly isStaged: boolean;
}

/** How git is asked. */
export interface GitStateOptions {
  /** Whether a file that git ignores counts too: it is never committed. Yes by default. */
  readonly ignored?: boolean;
  /** When all waiting ends, as `performance.now()` tells time. */
  readonly deadline?: number;
}

/**
 * Which of some paths differ from HEAD: changed, staged, new, deleted or ignored. Null where git cannot
 * tell, so that nobody takes silence for "unchanged".
 *
 * @param paths Paths in the tree, in any spelling that leads to the file.
 */
export async function dirtyPaths(
  tree: string,
  paths: readonly string[],
  { ignored = true, deadline = Infinity }: GitStateOptions = {},
): Promise<ReadonlyMap<string, FileState> | null> {
  if (paths.length === 0) return new Map();
  const timeoutMs = Math.min(GIT_STATE_MS, deadline - performance.now());
  if (timeoutMs <= 0) return null;
  const args = [
    "status",
    "--porcelain=v2",
    "-z",
    "--untracked-files=all",
    `--ignored=${ignored ? "matching" : "no"}`,
    "--no-renames",
    "--",
    ...(paths.length > MAX_NAMED ? [] : pathspecsOf(tree, paths)),
  ];
  const answer = await git(args, tree, timeoutMs);
  return answer.ok ? namedIn(answer.text, tree, paths) : null;
}

/** Git compares names byte by byte: so each is given as it may be on the disk. */
function pathspecsOf(tree: string, paths: readonly string[]): string[] {
  const magic = canonicalPath("A", tree) === "A" ? ":(top,literal)" : ":(top,literal,icase)";
  return paths.flatMap((path) =>
    [...new Set([path, path.normalize("NFC"), path.normalize("NFD")])].map((name) => magic + name)
  );
}

function namedIn(text: string, tree: string, paths: readonly string[]): Map<string, FileState> {
  const asked = new Map(paths.map((path) => [canonicalPath(path, tree), path]));
  const found = new Map<string, FileState>();
  for (const entry of text.split("\0")) {
    const fields = FIELDS_BEFORE_PATH[entry[0]];
    if (fields === undefined) continue;
    const name = entry.split(" ").slice(fields).join(" ");
    const canonical = canonicalPath(name, tree);
    const path = asked.get(canonical);
    if (path !== undefined) found.set(path, { name, isStaged: /^[1u] [^.]/.test(entry) });
    else if (name.endsWith("/")) addBelow(found, asked, canonical);
  }
  return found;
}

/** A folder that is ignored as a whole stands for all that lies in it. */
function addBelow(
  found: Map<string, FileState>,
  asked: ReadonlyMap<string, string>,
  folder: string,
): void {
  for (const [name, path] of asked) {
    if (name.startsWith(folder)) found.set(path, { name: path, isStaged: false });
  }
}

/** How many fields come before the path, by the kind of entry: changed, unmerged, untracked, ignored. */
const FIELDS_BEFORE_PATH: Readonly<Record<string, number>> = { "1": 8, u: 10, "?": 1, "!": 1 };
