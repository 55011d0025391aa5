/**
 * Where a working tree is, read from its files without starting git.
 *
 * @module
 */

import { gitFolderOf, type Repository } from "./repository.ts";

/** The branch and commit that a working tree is at, read from its files; null where there is none. */
export function headOf(
  { worktree, commonFolder }: Repository,
): { branch: string | null; head: string | null } {
  const gitFolder = gitFolderOf(worktree) ?? commonFolder;
  const text = readOrEmpty(`${gitFolder}/HEAD`).trim();
  const ref = /^ref: (.+)$/.exec(text)?.[1];
  if (ref === undefined) return { branch: null, head: text || null };
  const branch = ref.replace(/^refs\/heads\//, "");
  const loose = readOrEmpty(`${commonFolder}/${ref}`).trim();
  if (loose !== "") return { branch, head: loose };
  const packed = readOrEmpty(`${commonFolder}/packed-refs`);
  const line = packed.split("\n").find((one) => one.endsWith(` ${ref}`));
  return { branch, head: line?.split(" ")[0] ?? null };
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
