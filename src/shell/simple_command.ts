/**
 * Runs a simple command of either dialect: takes its wrappers off, and tells what it does.
 *
 * @module
 */

import type { Analysis, Dialect } from "./analysis.ts";
import { type Argument, isHidden } from "./argument.ts";
import { runProgram } from "./commands.ts";
import { runGit } from "./git.ts";
import { readOptions } from "./options.ts";
import type { Unwrapped } from "./wrappers.ts";

const SHELLS: Readonly<Record<string, Dialect>> = {
  bash: "bash",
  sh: "bash",
  dash: "bash",
  zsh: "bash",
  ksh: "bash",
  pwsh: "powershell",
  powershell: "powershell",
};

/** Tells what a program does: git, a shell with a text to run, or one that writes files. */
export function runUnwrapped(
  analysis: Analysis,
  command: Unwrapped,
  variables: ReadonlyMap<string, Argument>,
): void {
  const { name, args, folder } = command;
  const site = analysis.site(folder);
  if (name === "git") runGit(site, args, variables);
  else if (Object.hasOwn(SHELLS, name)) runShell(analysis, SHELLS[name], args, folder);
  else runProgram(site, name, args);
}

const BASH =
  "a b c D e f h i k l m n O= o= p r s t u v x B C E H P T debugger dump-po-strings dump-strings help init-file= login noediting noprofile norc posix pretty-print rcfile= restricted verbose version";

function runShell(
  analysis: Analysis,
  dialect: Dialect,
  args: readonly Argument[],
  folder: string | null,
): void {
  const text = dialect === "bash" ? bashText(args) : powershellText(args);
  if (text === "nothing") return;
  if (text === null || text.kind !== "text") return analysis.unknown();
  analysis.read(dialect, text.text, folder);
}

/** What `bash -c` runs; null of a file or standard input. */
function bashText(args: readonly Argument[]): Argument | "nothing" | null {
  const options = readOptions(args, BASH, "leading");
  if (options.has("help", "version", "n")) return "nothing";
  return options.isUnderstood && options.has("c") ? options.operands[0] ?? null : null;
}

/** What `pwsh -Command` runs; the rest of its words is one text. */
function powershellText(args: readonly Argument[]): Argument | "nothing" | null {
  const at = args.findIndex(({ text }) => /^[-/]c(ommand)?$/i.test(text));
  if (at < 0) {
    return args.some(({ text }) => /^--?(version|v|help|h|\?)$/i.test(text)) ? "nothing" : null;
  }
  return joinWords(args.slice(at + 1));
}

/** Several words as the one text that they make; null if only the shell knows it. */
export function joinWords(words: readonly Argument[]): Argument | null {
  if (words.some((word) => isHidden(word) || word.kind === "glob")) return null;
  return { text: words.map(({ text }) => text).join(" "), kind: "text" };
}
