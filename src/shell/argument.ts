/**
 * A word of a command as it reaches the program, as far as its text tells.
 *
 * @module
 */

import { LONGEST_PATH } from "./place.ts";

/** A word of a command. */
export interface Argument {
  /**
   * The word without its quotes; the pattern of a glob, with its quoted characters made literal; of
   * a word that is not known, what it begins with.
   */
  readonly text: string;
  /**
   * `"text"`: known. `"glob"`: names of files. `"one"`: a word that only the shell will know.
   * `"many"`: any number of such words, also none.
   */
  readonly kind: "text" | "glob" | "one" | "many";
}

/** A known word. */
export const known = (text: string): Argument => ({ text, kind: "text" });

/** Whether a word is one that only the shell will know. */
export const isHidden = ({ kind }: Argument): boolean => kind === "one" || kind === "many";

/**
 * A pattern that `matchesPath()` reads as the program does; hidden if it has more than `*`, `?` and
 * plain sets.
 */
export function patternOf(text: string): Argument {
  if (text.length > LONGEST_PATH || /\\|\[[^\]]*\[[:.=]/.test(text)) {
    return { text: "", kind: "many" };
  }
  return { text: text.replaceAll("[^", "[!"), kind: "glob" };
}

/** A word in which the program itself, not a shell, looks for a pattern. */
export function readPattern(argument: Argument): Argument {
  const isPattern = argument.kind === "text" && /[*?[]/.test(argument.text);
  return isPattern ? patternOf(argument.text) : argument;
}

/** The last name of a path, also of one that ends in a slash; `""` where it has none. */
export function lastName(path: string): string {
  let end = path.length;
  while (end > 0 && isSeparator(path[end - 1])) end--;
  let start = end;
  while (start > 0 && !isSeparator(path[start - 1])) start--;
  const name = path.slice(start, end);
  return name === "." || name === ".." ? "" : name;
}

const isSeparator = (char: string) => char === "/" || char === "\\";
