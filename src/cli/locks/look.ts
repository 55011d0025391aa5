/**
 * `csc lock check`, `wait`, `list`, `info` and `status`: what only looks at named locks.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { LOCK_TTL_S, Locks, MAX_WAIT_S } from "../../coordination/locks.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { printable, shorten } from "../../domain/text.ts";
import { sleep } from "../../os/sleep.ts";
import { bold } from "../../std/colors.ts";
import { actingSession, inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { type LeaseView, leaseView, lockRows, People } from "./held.ts";
import { INTERRUPTED, interruptible } from "../interrupt.ts";
import { lockNamed, wholeSeconds } from "./words.ts";
import { locksTable } from "./locks.ts";
import { print, printJson } from "../output.ts";
import { ago, spoken } from "../time.ts";

/** How long is waited where nothing is said (seed 004). */
const USUAL_WAIT_S = 120;
/** How often a lock is looked at, from the first look to all later ones. */
const LOOK_MS = { first: 50, most: 1000 } as const;

/** A lock's holder for programs, or null where it is free. */
async function viewOf(
  desk: Coordination,
  name: string,
  people?: People,
): Promise<LeaseView | null> {
  const lock = await new Locks(desk).check(name);
  return lock && leaseView(lock.record, people ?? await People.of(desk), await desk.leases.now());
}

/** Runs `csc lock check`: exit code 0 where nobody holds it, else 1. */
export async function checkLock(line: CommandLine, [word]: readonly string[]): Promise<number> {
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    const view = await viewOf(desk, name);
    const me = await actingSession(desk, line, ["holder"]);
    const isMine = view !== null && view.held_by === me;
    if (line.has("json")) {
      printJson({ available: view === null, lock_name: name, is_mine: isMine, ...view });
    } else {
      print(view === null ? "available" : `held by ${isMine ? "you, " : ""}${heldText(view)}`);
    }
    return view === null ? 0 : 1;
  });
}

function heldText({ holder, purpose, seconds_left }: LeaseView): string {
  const why = purpose ? ` (${shorten(purpose, 100)})` : "";
  return printable(`${holder}${why}, for ${spoken(seconds_left)} more unless extended`);
}

/** Runs `csc lock wait`: until nobody holds it; takes nothing. */
export async function waitForLock(
  line: CommandLine,
  [word, seconds]: readonly string[],
): Promise<number> {
  const waitS = wholeSeconds(line, seconds, USUAL_WAIT_S, [1, MAX_WAIT_S], "SECONDS");
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    return await interruptible(async (signal) => {
      const startedAt = performance.now();
      let holder: LeaseView | null = null;
      for (let pauseMs: number = LOOK_MS.first;; pauseMs *= 1.3) {
        holder = await viewOf(desk, name);
        const leftMs = startedAt + waitS * 1000 - performance.now();
        if (holder === null || leftMs <= 0 || signal.aborted) break;
        await sleep(Math.min(pauseMs, LOOK_MS.most, leftMs), signal);
      }
      if (holder !== null && signal.aborted) return INTERRUPTED;
      const waited = Math.round((performance.now() - startedAt) / 1000);
      if (line.has("json")) {
        const reason = holder === null ? {} : { reason: "timed out" };
        const available = holder === null;
        printJson({ available, lock_name: name, waited_seconds: waited, ...reason, ...holder });
        return available ? 0 : 3;
      }
      if (holder !== null) throw inVain(name, waitS, holder);
      print(`${bold(printable(name))} is free; take it with: csc lock ${shellWord(name)}`);
      return 0;
    });
  });
}

function inVain(name: string, waitS: number, holder: LeaseView): CoordinatorError {
  return new CoordinatorError(
    "lock_timeout",
    `Waited ${waitS} s in vain: ${name} is held by ${heldText(holder)}`,
    `Get in line for it instead: csc lock ${shellWord(name)} --wait ${waitS}.`,
  );
}

/** Runs `csc lock list`. */
export async function listLocks(
  line: CommandLine,
  [pattern = "*"]: readonly string[],
): Promise<number> {
  return await inProject(line, async ({ desk, setting }) => {
    const people = await People.of(desk);
    const rows = await lockRows(desk, people, pattern);
    if (line.has("json")) {
      const me = await actingSession(desk, line, ["holder"]);
      const locks = rows.map((row) => ({ ...row, is_mine: row.held_by === me }));
      printJson({ count: locks.length, pattern, locks });
    } else if (rows.length === 0) {
      print(pattern === "*" ? "No lock is held." : "No lock of that name is held.");
    } else {
      print(locksTable(rows, people, setting.repository?.worktree ?? setting.folder));
    }
    return 0;
  });
}

/** Runs `csc lock info`: all about a lock that somebody holds; exit code 1 where nobody does. */
export async function lockInfo(line: CommandLine, [word]: readonly string[]): Promise<number> {
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const name = lockNamed(workspace, word);
    const people = await People.of(desk);
    const view = await viewOf(desk, name, people);
    if (line.has("json")) {
      printJson({ held: view !== null, lock_name: name, ...view });
      return view === null ? 1 : 0;
    }
    if (view === null) {
      throw new CoordinatorError(
        "not_found",
        `Nobody holds the lock ${shorten(name, 100)}`,
        "`csc lock list` shows what is held.",
      );
    }
    const { holder, held_by, acquired_at, seconds_left, expires_at, token, purpose } = view;
    const far = people.farMachineOf(held_by);
    const place = view.worktree === null || far === null
      ? view.worktree
      : `${far}:${view.worktree}`;
    const waiting = view.waiting.map((one) => one.name).join(", ");
    const rows = [
      ["Lock", name],
      ["Holder", holder === held_by ? holder : `${holder} (${held_by})`],
      ...(place === null ? [] : [["Works in", place]]),
      ["Taken", `${acquired_at}, ${ago(acquired_at)}`],
      ["Ends", `${expires_at}, in ${spoken(seconds_left)}`],
      ["Token", String(token)],
      ...(purpose ? [["For", shorten(purpose, 200)]] : []),
      ...(waiting ? [["Waiting", waiting]] : []),
    ];
    for (const [label, text] of rows) print(`${bold(label.padEnd(9))} ${printable(text)}`);
    return 0;
  });
}

/** Runs `csc lock status`: who asks, where the locks are, and how many are held. */
export async function lockStatus(line: CommandLine, words: readonly string[]): Promise<number> {
  if (words.length > 0) return await lockInfo(line, words);
  return await inProject(line, async ({ desk, machine, project, store, setting }) => {
    const session = await actingSession(desk, line, ["holder"]);
    const locks = (await new Locks(desk).list()).length;
    const sessions = (await desk.roster.list()).filter(({ standing }) =>
      standing !== "dead"
    ).length;
    const state = {
      session_id: session,
      project: project.id,
      machine,
      store: { adapter: setting.loaded.config.storage.adapter, ...store.place },
      locks,
      sessions,
      default_seconds: desk.config.coordination.named_lock_timeout,
      longest_seconds: LOCK_TTL_S.most,
      wait_seconds: USUAL_WAIT_S,
      longest_wait_seconds: MAX_WAIT_S,
    };
    if (line.has("json")) {
      printJson(state);
      return 0;
    }
    const rows = [
      ["Session", session ?? "none here: --holder NAME takes a lock"],
      ["Project", `${project.id} on ${machine}`],
      ["Store", `${state.store.adapter}: ${store.place.location}`],
      ["Held", `${locks === 1 ? "1 lock" : `${locks} locks`}; csc lock list`],
      ["Sessions", String(sessions)],
      ["A lock", `lasts ${state.default_seconds} s, or 1 to ${LOCK_TTL_S.most} where it is said`],
      ["A wait", `lasts ${USUAL_WAIT_S} s, or 1 to ${MAX_WAIT_S} where it is said`],
    ];
    for (const [label, text] of rows) print(`${bold(label.padEnd(9))} ${printable(text)}`);
    return 0;
  });
}
