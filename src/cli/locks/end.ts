/**
 * `csc lock release` and `force-release`: the end of a named lock.
 *
 * @module
 */

import { Locks } from "../../coordination/locks.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { printable, shorten } from "../../domain/text.ts";
import { actingSession, inProject, needSession } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { leaseView, People } from "./held.ts";
import { lockNamed } from "./words.ts";
import { print, printJson, printWarning } from "../output.ts";
import { PERSON } from "./unlock.ts";

/** Runs `csc lock release`; that nobody holds it any more is no failure (seed 004). */
export async function releaseLock(line: CommandLine, [word]: readonly string[]): Promise<number> {
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    const session = await needSession(desk, line, "holder");
    const { outcome, lock } = await new Locks(desk).release(name, { session });
    const people = await People.of(desk);
    const view = lock && leaseView(lock.record, people, await desk.leases.now());
    const isOthers = !outcome.ok && view !== null;
    if (line.has("json")) {
      const reason = outcome.ok ? {} : { reason: isOthers ? "not_owner" : "lock_not_found" };
      printJson({ released: outcome.ok, lock_name: name, ...reason, ...view });
      return isOthers ? 1 : 0;
    }
    if (isOthers) {
      const call = `csc lock force-release ${shellWord(name)}`;
      throw new CoordinatorError(
        "not_owner",
        `${shorten(name, 200)} is held by ${view.holder}, not by ${people.nameOf({ session })}`,
        `Ask it to give it back, or take it: ${call}. Its holder is told then.`,
      );
    }
    if (!outcome.ok) printWarning(`nobody holds ${name}: it was given back before, or has ended`);
    else print(`Given back: ${printable(name)}`);
    if (outcome.ok && view !== null) print(`It is the turn of ${printable(view.holder)} now.`);
    return 0;
  });
}

/** Runs `csc lock force-release`: whoever holds it is told. */
export async function forceRelease(line: CommandLine, [word]: readonly string[]): Promise<number> {
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    const session = await actingSession(desk, line, ["holder"]);
    const reason = shorten(printable(line.text("reason") ?? "csc lock force-release"), 200);
    const by = session === null ? PERSON : { session };
    const lock = await new Locks(desk).force(name, by, reason);
    const from = lock && (await People.of(desk)).nameOf(lock.holder);
    if (line.has("json")) {
      const held_by = lock?.holder.session ?? null;
      printJson({ released: lock !== null, lock_name: name, held_by, holder: from });
    } else if (lock === null) printWarning(`nobody holds ${name}`);
    else print(`Taken from ${printable(from!)}: ${printable(name)}`);
    return 0;
  });
}
