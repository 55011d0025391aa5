/**
 * `csc lock`: takes a named lock, or extends it.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import {
  LOCK_TTL_S,
  type LockOutcome,
  Locks,
  type LockView,
  MAX_WAIT_S,
} from "../coordination/locks.ts";
import type { Workspace } from "../coordinator/workspace.ts";
import { CoordinatorError, ERROR_EXIT_CODES } from "../domain/error.ts";
import { printable, shorten } from "../domain/text.ts";
import { headOf } from "../detect/head.ts";
import { lockName } from "../lease/lock_name.ts";
import { bold } from "../std/colors.ts";
import { inProject, needSession } from "./acting.ts";
import type { CommandLine } from "./command.ts";
import { leaseView, People } from "./held.ts";
import { INTERRUPTED, interruptible } from "./interrupt.ts";
import { print, printJson, printWarning } from "./output.ts";
import { spoken } from "./time.ts";

/** Words of seed 004's scripts: no lock is called so without saying that it is a resource. */
const VERBS = ["acquire", "release", "check", "wait", "list", "info", "force-release", "status"];

/** Runs `csc lock`. */
export async function lock(line: CommandLine): Promise<number> {
  const [word, ttl] = line.words;
  if (word === undefined) throw line.mistake("a lock's name is missing");
  if (VERBS.includes(word)) {
    throw line.mistake(`'${word}' alone is no lock's name; write resource:${word}`);
  }
  const { usual, least, most } = LOCK_TTL_S;
  const ttlS = wholeSeconds(line, ttl, usual, [least, most], "SECONDS");
  const waitS = wholeSeconds(line, line.text("wait"), 0, [0, MAX_WAIT_S], "--wait");
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    const session = await needSession(desk, line, "holder");
    if ((await desk.roster.get(session))?.standing === "dead") throw hasEnded(session);
    return await interruptible(async (signal) => {
      const locks = new Locks(desk);
      const purpose = line.text("purpose") ?? "";
      const options = { purpose, waitMs: waitS * 1000, signal };
      const answer = await locks.acquire(name, { session }, ttlS, options);
      if (signal.aborted) return await callOff(locks, name, session, answer);
      return await tell(desk, line, name, answer, waitS);
    });
  });
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

/** What came in the moment of the interruption is not wanted any more. */
async function callOff(
  locks: Locks,
  name: string,
  session: string,
  { outcome }: LockOutcome,
): Promise<number> {
  if (outcome.ok && !outcome.extended) await locks.release(name, { session });
  return INTERRUPTED;
}

async function tell(
  desk: Coordination,
  line: CommandLine,
  name: string,
  { outcome, lock, warning }: LockOutcome,
  waitS: number,
): Promise<number> {
  if (line.has("json")) {
    const people = await People.of(desk);
    const view = lock && leaseView(lock.record, people, await desk.leases.now());
    printJson({
      acquired: outcome.ok,
      lock_name: name,
      ...(outcome.ok ? { extended: outcome.extended, warning } : { reason: outcome.why }),
      ...view,
    });
    return outcome.ok ? 0 : ERROR_EXIT_CODES[codeOf(outcome.why)];
  }
  if (!outcome.ok) throw refusal(name, outcome.why, lock, waitS);
  if (warning !== null) printWarning(warning);
  const verb = outcome.extended ? "Extended" : "Acquired";
  const left = spoken(outcome.record.ttl_s);
  print(`${bold(verb)} ${printable(name)} for ${left}, token ${outcome.record.token}`);
  print(`Give it back: csc unlock ${printable(name)}`);
  return 0;
}

function codeOf(why: string): "lock_timeout" | "deadlock" | "lock_held" {
  if (why === "timed out") return "lock_timeout";
  return why === "deadlock" ? "deadlock" : "lock_held";
}

function refusal(
  name: string,
  why: string,
  lock: LockView | null,
  waitS: number,
): CoordinatorError {
  const holder = lock?.session?.record.alias ?? lock?.holder.session ?? "somebody";
  const work = lock?.record.purpose ? ` (${shorten(lock.record.purpose, 100)})` : "";
  const until = lock ? `, until ${lock.expiresAt} unless extended` : "";
  const held = `${name} is held by ${shorten(holder, 60)}${work}${until}`;
  switch (codeOf(why)) {
    case "lock_timeout":
      return new CoordinatorError(
        "lock_timeout",
        `Waited ${waitS} s in vain: ${held}`,
        "Do something that does not need it, wait longer, or ask its holder.",
      );
    case "deadlock":
      return new CoordinatorError(
        "deadlock",
        `Not waiting for ${name}: its holder waits for what you hold`,
        "Give back what you hold first: `csc unlock NAME`.",
      );
    default:
      return new CoordinatorError(
        "lock_held",
        why === "queue full" ? `Too many wait already: ${held}` : held,
        `Wait for it: csc lock ${name} --wait 120. Lift it, as a person: csc unlock ${name} --force`,
      );
  }
}

function hasEnded(session: string): CoordinatorError {
  return new CoordinatorError(
    "not_found",
    `The session ${shorten(session, 60)} has ended, and a lock ends with its session`,
    "Name who is to hold it: --holder NAME.",
  );
}
