/**
 * The index that everybody in a working tree shares, after a commit that did not come from it: where
 * it still has what HEAD had, it would show the reverse of the commit as staged.
 *
 * @module
 */

import { removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import type { Checkout, Head } from "./checkout.ts";
import { copyIndex, type IndexEntry, indexInfo } from "./index_file.ts";

/**
 * Brings the shared index in line with a commit, for the paths that the commit changed and that the
 * index had as they were before. What others have staged stays staged. To be called while holding the
 * index's lock.
 */
export async function followCommit(
  checkout: Checkout,
  before: Head,
  commit: string,
): Promise<void> {
  const base = before.commit ?? await checkout.emptyTree();
  const changed = await changedPaths(checkout, base, commit);
  const copyPath = `${checkout.indexPath}.csc-${uniqueName()}`;
  try {
    copyIndex(checkout.indexPath, copyPath);
    const env = { GIT_INDEX_FILE: copyPath };
    const staged = await stagedPaths(checkout, base, env);
    const outdated = changed.filter(({ path }) => !staged.has(path));
    if (outdated.length === 0) return;
    const input = indexInfo(outdated);
    await checkout.git(["update-index", "-z", "--index-info"], { env, input });
    Deno.renameSync(copyPath, checkout.indexPath);
  } finally {
    removeIfThere(copyPath);
  }
}

/** What a commit changed, as the commit has it. */
async function changedPaths(
  checkout: Checkout,
  base: string,
  commit: string,
): Promise<IndexEntry[]> {
  const args = ["diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", base, commit];
  const fields = (await checkout.ask(args)).split("\0");
  const changed: IndexEntry[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode, , id] = fields[at].split(" ");
    changed.push({ path: fields[at + 1], mode, id });
  }
  return changed;
}

/** Where the index differs from the commit before; a path only meant to be added does not. */
async function stagedPaths(
  checkout: Checkout,
  base: string,
  env: Record<string, string>,
): Promise<Set<string>> {
  const args = ["diff-index", "--cached", "-z", "--name-only", "--no-renames"];
  const answer = await checkout.ask([...args, "--ita-invisible-in-index", base], { env });
  return new Set(answer.split("\0"));
}
