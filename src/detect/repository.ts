/**
 * The git repository around a folder, found without starting git (gitrepository-layout(5)), so that
 * all worktrees share one store also where git is missing or slow.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "../os/path.ts";

/** A repository as seen from one of its worktrees. */
export interface Repository {
  /** The top folder of the worktree; of a bare repository, the repository itself. */
  readonly worktree: string;
  /** What all its worktrees have in common. */
  readonly commonFolder: string;
  /**
   * The folder that stands for the repository whichever worktree one is in: its main checkout, or
   * its common folder where it is bare or keeps its git folder elsewhere.
   */
  readonly mainFolder: string;
}

/** Looks for a repository in the folder and the folders above it. */
export function findRepository(folder: string): Repository | null {
  for (let at = realPath(folder);; at = dirname(at)) {
    const gitFolder = gitFolderOf(at);
    if (gitFolder !== null) return describe(at, gitFolder);
    if (dirname(at) === at) return null;
  }
}

/** The git folder of a worktree's top folder, which holds its HEAD; null where there is none. */
export function gitFolderOf(folder: string): string | null {
  const dotGit = join(folder, ".git");
  if (isGitFolder(dotGit)) return dotGit;
  const link = /^gitdir: (.+?)\s*$/.exec(readOrEmpty(dotGit))?.[1];
  // A worktree that was moved or pruned, or whose repository is not mounted, has a dead link.
  if (link !== undefined && exists(join(resolve(folder, link), "HEAD"))) {
    return resolve(folder, link);
  }
  return isGitFolder(folder) ? folder : null; // a bare repository
}

function isGitFolder(path: string): boolean {
  return exists(join(path, "HEAD")) && exists(join(path, "objects")) && exists(join(path, "refs"));
}

function describe(worktree: string, gitFolder: string): Repository {
  // Only a linked worktree's has one; not to look spares a hook the price of its first exception.
  // A folder that is a git folder itself may have come with a repository, as bait: what it says of other
  // places does not count.
  const isItself = gitFolder === worktree;
  const isLinked = !isItself && gitFolder !== join(worktree, ".git");
  const common = isLinked ? readOrEmpty(join(gitFolder, "commondir")).trim() : "";
  const commonFolder = realPath(common === "" ? gitFolder : resolve(gitFolder, common));
  return { worktree, commonFolder, mainFolder: mainFolderOf(commonFolder, isItself) };
}

/** Follows from the common folder alone, so that every worktree comes to the same answer. */
function mainFolderOf(commonFolder: string, isItself: boolean): string {
  const shared = readOrEmpty(join(commonFolder, "config"));
  const hasOwn = /^\s*worktreeConfig\s*=\s*(true|yes|on|1)\b/im.test(shared);
  const config = hasOwn ? shared + readOrEmpty(join(commonFolder, "config.worktree")) : shared;
  if (/^\s*bare\s*=\s*true\b/m.test(config)) return commonFolder;
  const checkout = isItself ? undefined : /^\s*worktree\s*=\s*"?(.+?)"?\s*$/m.exec(config)?.[1]; // a submodule has one
  if (checkout !== undefined) return realPath(resolve(commonFolder, checkout));
  return basename(commonFolder) === ".git" ? dirname(commonFolder) : commonFolder;
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return resolve(path);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
