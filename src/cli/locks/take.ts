/**
 * `csc lock acquire`: takes a named lock, or extends it.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { type LockOutcome, Locks, type LockView, MAX_WAIT_S } from "../../coordination/locks.ts";
import { CoordinatorError, ERROR_EXIT_CODES } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { printable, shorten } from "../../domain/text.ts";
import { bold } from "../../std/colors.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { leaseView, People } from "./held.ts";
import { INTERRUPTED, interruptible } from "../interrupt.ts";
import { holderWords, livingHolder, lockNamed, ttlOf, wholeSeconds } from "./words.ts";
import { print, printJson, printWarning } from "../output.ts";
import { spoken } from "../time.ts";

/** Runs `csc lock acquire`, which is also what `csc lock NAME` does. */
export async function acquireLock(
  line: CommandLine,
  [word, ttl]: readonly string[],
): Promise<number> {
  const ttlS = ttl === undefined ? null : ttlOf(line, ttl, "SECONDS");
  const waitS = wholeSeconds(line, line.text("wait"), 0, [0, MAX_WAIT_S], "--wait");
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    const session = await livingHolder(desk, line);
    return await interruptible(async (signal) => {
      const locks = new Locks(desk);
      const purpose = line.text("purpose") ?? "";
      const options = { purpose, waitMs: waitS * 1000, signal };
      const seconds = ttlS ?? desk.config.coordination.named_lock_timeout;
      const answer = await locks.acquire(name, { session }, seconds, options);
      if (signal.aborted) return await callOff(locks, name, session, answer);
      return await tell(desk, line, name, answer, waitS);
    });
  });
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
  const holder = holderWords(line);
  if (!outcome.ok) {
    const call = `csc lock ${shellWord(name)} --wait 120${holder}`;
    throw refusal(name, outcome.why, lock, waitS, call);
  }
  if (warning !== null) printWarning(warning);
  const verb = outcome.extended ? "Extended" : "Acquired";
  const left = spoken(outcome.record.ttl_s);
  print(`${bold(verb)} ${printable(name)} for ${left}, token ${outcome.record.token}`);
  const giveBack = holder === "" ? "unlock" : "lock release";
  print(`Give it back: csc ${giveBack} ${shellWord(name)}${holder}`);
  return 0;
}

/** The code of a refusal. */
export function codeOf(why: string): "lock_timeout" | "deadlock" | "lock_held" {
  if (why === "timed out") return "lock_timeout";
  return why === "deadlock" ? "deadlock" : "lock_held";
}

/**
 * Why a lock was not granted.
 *
 * @param call The call that waits for it.
 */
export function refusal(
  name: string,
  why: string,
  lock: LockView | null,
  waitS: number,
  call: string,
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
        `Wait for it: ${call}. Lift it, as a person: csc unlock ${shellWord(name)} --force`,
      );
  }
}
