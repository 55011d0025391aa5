/**
 * The one command with which a person lifts a denial, ready to be copied.
 *
 * @module
 */

import { findRepository } from "../detect/repository.ts";
import { printable } from "../domain/text.ts";
import type { Holder } from "../lease/record.ts";
import type { Target } from "./place.ts";
import type { Step } from "./step.ts";

/** A name as a word of a shell; null where it holds what cannot be shown as it is. */
export function shellQuote(name: string): string | null {
  if (printable(name) !== name) return null;
  return /^[\w./@%+=:,-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

/** A name as a word of a shell, whatever it holds. */
export function shellWord(name: string): string {
  return shellQuote(name) ?? `$'${
    [...name].map((char) => {
      if (char === "'" || char === "\\") return `\\${char}`;
      if (printable(char) === char && char.isWellFormed()) return char;
      const bytes = new TextEncoder().encode(char);
      return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
    }).join("")
  }'`;
}

/** The call that takes a file or lock from its holder, by the holder where the name cannot be typed. */
export function forceCall(name: string, holder: string): string {
  return `csc unlock ${shellQuote(name) ?? `--session ${holder}`} --force`;
}

/** The call that gives a file back; by its whole path where one is in another tree. */
export function unlockFile(step: Step, target: Target, option = ""): string {
  const isHere = findRepository(step.cwd)?.worktree === target.tree || !target.repository;
  const near = /^[-~]/.test(target.shown) ? `./${target.shown}` : target.shown; // no option, no home
  return `csc unlock ${shellWord(isHere ? near : target.absolute)} ${option}`.trim();
}

/** The calls that free all that some holders' sessions hold. */
export async function unlockSessions(step: Step, holders: readonly Holder[]): Promise<string> {
  const calls = new Set<string>();
  for (const { session } of holders) {
    const known = await step.desk.roster.get(session);
    calls.add(`csc unlock --session ${shellWord(known?.record.alias ?? session)} --force`);
  }
  return [...calls].join(" && ");
}
