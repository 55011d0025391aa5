/**
 * Which file a path means: decided on the real path of the target, never on the current folder.
 *
 * @module
 */

import type { FilePlace } from "../coordination/coordination.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import { basename, dirname, isAbsolute, join, relative, resolve } from "../os/path.ts";

/** A file that somebody is about to change. */
export interface Target extends FilePlace {
  /** The real, absolute path; the file itself need not exist. */
  readonly absolute: string;
  /** The path in the tree as it is written, for people. */
  readonly shown: string;
  /** The repository that the file is in, or null. */
  readonly repository: Repository | null;
}

/** A chain of links longer than this leads nowhere. */
const MAX_LINKS = 40;

/**
 * Finds out which file a path means: links followed, `.` and `..` resolved, Unicode composed, and
 * case folded where the file system folds it, so that every spelling leads to one reservation. Outside
 * any repository the tree is the project's folder, or for what lies elsewhere the root.
 */
export function targetOf(path: string, cwd: string): Target {
  const absolute = realPathOf(resolve(cwd, path));
  const repository = findRepository(existingFolder(absolute));
  const tree = repository?.worktree ?? projectWith(absolute, cwd) ?? rootOf(absolute);
  const way = relative(tree, absolute);
  const shown = Deno.build.os === "windows" ? way.replaceAll("\\", "/") : way;
  return { absolute, repository, tree, shown, path: canonicalPath(shown, tree) };
}

/** The one spelling of a path in a tree that all its spellings have in common. */
export function canonicalPath(path: string, tree: string): string {
  const composed = path.normalize("NFC").toWellFormed();
  const isFolded = dirname(tree) !== tree && foldsCase(tree);
  return isFolded ? composed.toLowerCase() : composed;
}

/** The real path, with the names that do not exist yet as they are. */
function realPathOf(path: string): string {
  let at = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const real = realPathOrNull(at);
    if (real !== null) return real;
    const target = readLinkOrNull(at); // a link to something that is not there
    if (target === null) break;
    at = resolve(dirname(at), target);
  }
  const parent = dirname(at);
  return parent === at ? at : join(realPathOf(parent), basename(at));
}

function realPathOrNull(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    return null;
  }
}

function readLinkOrNull(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

function existingFolder(path: string): string {
  for (let at = dirname(path);; at = dirname(at)) {
    if (at === dirname(at) || realPathOrNull(at) !== null) return at;
  }
}

/** The project's folder, or the current one, where a path is inside it. */
function projectWith(path: string, cwd: string): string | null {
  for (const folder of [Deno.env.get("CLAUDE_PROJECT_DIR"), cwd]) {
    const real = folder ? realPathOrNull(folder) : null;
    if (real === null || dirname(real) === real) continue;
    const way = relative(real, path);
    if (way !== "" && way.split(/[/\\]/)[0] !== ".." && !isAbsolute(way)) return real;
  }
  return null;
}

function rootOf(path: string): string {
  for (let at = path;; at = dirname(at)) if (at === dirname(at)) return at;
}

const folding = new Map<string, boolean>();

/** Whether a folder is found under another spelling of its name too. */
function foldsCase(folder: string): boolean {
  let folds = folding.get(folder);
  if (folds === undefined) {
    const name = basename(folder);
    const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
    folds = other !== name && realPathOrNull(join(dirname(folder), other)) !== null &&
      realPathOrNull(join(dirname(folder), other)) === realPathOrNull(folder);
    folding.set(folder, folds);
  }
  return folds;
}
