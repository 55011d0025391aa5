/**
 * What the words of commands about locks mean: names, lengths of time, and holders.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { LOCK_TTL_S } from "../../coordination/locks.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { headOf } from "../../detect/head.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { shorten } from "../../domain/text.ts";
import { lockName } from "../../lease/lock_name.ts";
import { needSession } from "../acting.ts";
import type { CommandLine } from "../command.ts";

/** `--holder NAME` as a call has to repeat it that is told as the next one; else "". */
export function holderWords(line: CommandLine): string {
  const name = line.text("holder");
  return name === undefined ? "" : ` --holder ${shellWord(name)}`;
}

/** The full name of the lock that a word means in a project. */
export function lockNamed({ setting }: Pick<Workspace, "setting">, word: string): string {
  const { repository } = setting;
  return lockName(word, repository && headOf(repository).branch);
}

/** Reads a whole number of seconds. */
export function wholeSeconds(
  line: CommandLine,
  text: string | undefined,
  usual: number,
  [least, most]: readonly [least: number, most: number],
  what: string,
): number {
  if (text === undefined) return usual;
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (seconds >= least && seconds <= most) return seconds;
  throw line.mistake(`${what} takes a whole number of seconds from ${least} to ${most}`);
}

/** How long a lock is to last. */
export function ttlOf(line: CommandLine, text: string, what: string): number {
  const { least, most } = LOCK_TTL_S;
  return wholeSeconds(line, text, most, [least, most], what);
}

/**
 * Who is to hold what the command takes.
 *
 * @throws {CoordinatorError} `not_found` where it is a session that has ended.
 */
export async function livingHolder(desk: Coordination, line: CommandLine): Promise<string> {
  const session = await needSession(desk, line, "holder");
  if ((await desk.roster.get(session))?.standing === "dead") throw hasEnded(session);
  return session;
}

function hasEnded(session: string): CoordinatorError {
  return new CoordinatorError(
    "not_found",
    `The session ${shorten(session, 60)} has ended, and a lock ends with its session`,
    "Name who is to hold it: --holder NAME.",
  );
}
