/**
 * A call of a git verb, and the paths it is limited to.
 *
 * @module
 */

import { type Argument, isHidden, readPattern } from "./argument.ts";
import type { Site } from "./effects.ts";

/** A call of a git verb. */
export interface GitCall {
  /** Where its paths start. */
  readonly site: Site;
  /** The working tree that it works on: another place with `--work-tree`. */
  readonly tree: Site;
  /** What follows the verb. */
  readonly args: readonly Argument[];
}

/** Tells what a verb does. */
export type GitVerb = (call: GitCall) => void;

/** Whether one of these words was given. */
export function isGiven(args: readonly Argument[], ...words: readonly string[]): boolean {
  return args.some(({ text, kind }) => kind === "text" && words.includes(text));
}

/** Whether help is asked for, and nothing done. */
export function asksForHelp([first]: readonly Argument[]): boolean {
  return first !== undefined && isGiven([first], "--help", "-h");
}

/** A pathspec of the folder itself. */
const isHere = ({ text, kind }: Argument) => kind === "text" && /^(\.\/*|:\/?)$/.test(text);

/**
 * Files that a verb takes from a commit, the index or the stash stack, over what is in the working
 * tree. The folder itself counts as a change of the tree at large.
 */
export function overwrite(
  { site, tree }: GitCall,
  pathspecs: readonly Argument[],
  verb: string,
): void {
  for (const pathspec of pathspecs) {
    if (isHere(pathspec)) {
      const limit = pathspec.text.startsWith(":") ? {} : { pathspecs: [pathspec.text] };
      tree.git({ kind: "tree", verb: `${verb} ${pathspec.text}`, ...limit });
    } else if (isMagic(pathspec)) {
      site.unknown();
    } else {
      site.write(readPattern(pathspec), `git ${verb}`, { below: true });
    }
  }
}

/** A pathspec such as `:(exclude)x`, `:!x` or `:/x`, which is not read here. */
export function isMagic({ text }: Argument): boolean {
  return text.startsWith(":");
}

/**
 * The words that limit a verb, none for the whole working tree; null where they are not known, or
 * leave something out.
 */
export function pathspecTexts(pathspecs: readonly Argument[]): string[] | null {
  if (pathspecs.some((one) => one.kind === "text" && one.text === ":/")) return [];
  if (pathspecs.some((one) => isHidden(one) || isMagic(one))) return null;
  return pathspecs.map(({ text }) => text);
}
