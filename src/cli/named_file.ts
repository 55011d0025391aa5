/**
 * Which file a word of a command line means.
 *
 * @module
 */

import { findRepository } from "../detect/repository.ts";
import { CoordinatorError } from "../domain/error.ts";
import { shorten } from "../domain/text.ts";
import { type Target, targetOf } from "../guard/place.ts";
import { lstatOrNull } from "../os/private_folder.ts";
import type { CommandLine } from "./command.ts";

/**
 * The files that a path can mean: the one seen from the current folder first, then the one seen from
 * the working tree's top, since messages and tables name files by their path in the tree.
 */
export function filesNamed(line: CommandLine, word: string): [Target, ...Target[]] {
  if (word === "" || word.includes("\0")) throw line.mistake("a file's name is empty");
  const cwd = Deno.cwd();
  const near = targetOf(word, cwd);
  const top = findRepository(cwd)?.worktree;
  const fromTop = top === undefined ? near : targetOf(word, top);
  return fromTop.absolute === near.absolute ? [near] : [near, fromTop];
}

/** The file that a path means: of two, the one that is there. */
export function fileNamed(line: CommandLine, word: string): Target {
  const files = filesNamed(line, word);
  const file = files.find(({ absolute }) => lstatOrNull(absolute) !== null) ?? files[0];
  if (!isFolder(file)) return file;
  throw new CoordinatorError(
    "invalid_argument",
    `'${shorten(word, 200)}' is a folder`,
    "Files are held one by one: name a file. `csc locks 'FOLDER/*'` shows what is held in a folder.",
  );
}

/** Whether a file's path leads to a folder. */
export function isFolder({ absolute, path }: Target): boolean {
  return path === "" || lstatOrNull(absolute)?.isDirectory === true;
}
