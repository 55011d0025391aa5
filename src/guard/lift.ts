/**
 * The one command with which a person lifts a denial, ready to be copied.
 *
 * @module
 */

import { findRepository } from "../detect/repository.ts";
import { shellQuote, shellWord } from "../domain/shell_word.ts";
import type { Holder } from "../lease/record.ts";
import type { Target } from "./place.ts";
import type { Step } from "./step.ts";

/** The call that takes a file or lock from its holder, by the holder where the name cannot be typed. */
export function forceCall(name: string, holder: string): string {
  return `csc unlock ${shellQuote(name) ?? `--session ${shellWord(holder)}`} --force`;
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
