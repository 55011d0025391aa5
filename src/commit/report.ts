/**
 * What `csc commit-mine` tells.
 *
 * @module
 */

import { shown } from "./checkout.ts";
import type { CommitResult } from "./commit_mine.ts";

/** The result of a commit for people: what is in it, and what was left out, why. */
export function reportOf(result: CommitResult): string {
  const { files, left, notes } = result;
  const lines = [headline(result)];
  for (const { path, hunks } of files) lines.push(`  ${shown(path)} (${count(hunks, "hunk")})`);
  if (left.length > 0) lines.push("Left out:");
  for (const { path, why } of left) lines.push(`  ${shown(path)}: ${why}`);
  for (const note of notes) lines.push(`Note: ${note}`);
  return lines.join("\n") + "\n";
}

function headline({ commit, dryRun, branch, files }: CommitResult): string {
  if (files.length === 0) return "Nothing was committed.";
  const hunks = files.reduce((sum, file) => sum + file.hunks, 0);
  const what = `${count(hunks, "hunk")} in ${count(files.length, "file")}`;
  const where = branch === null ? "" : ` on ${shown(branch)}`;
  if (commit === null) return `${dryRun ? "Would commit" : "Did not commit"} ${what}${where}:`;
  return `Committed ${what}${where} as ${commit.slice(0, 12)}:`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
