/**
 * `csc run`: runs a command while it holds locks (seed 004's `pytest-locked.sh`, for any command).
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { Keeper, type KeptLock, type Loss } from "../../coordination/keeper.ts";
import { type LockOutcome, Locks, MAX_WAIT_S } from "../../coordination/locks.ts";
import { OwnSession } from "../../coordinator/own_session.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError, ERROR_EXIT_CODES } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { printable, shorten } from "../../domain/text.ts";
import { holderKey } from "../../lease/record.ts";
import { actingSession, checkHolder, inProject } from "../acting.ts";
import { HANGUP, runChild } from "./child.ts";
import type { CommandLine } from "../command.ts";
import { leaseView, People } from "./held.ts";
import { INTERRUPTED, interruptible } from "../interrupt.ts";
import { codeOf, refusal } from "./take.ts";
import { lockNamed, ttlOf, wholeSeconds } from "./words.ts";
import { printError, printJson, printJsonBeside, printWarning } from "../output.ts";

/** Names the holders of the commands around this one, the innermost last. */
export const HOLDER_VARIABLE = "CSC_HOLDER";
/** How long a lock lasts that nobody extends, where the death of its holder cannot be proven. */
const NETWORK_TTL_S = 20;
/** Deeper is a command that starts itself. */
const MAX_NESTED = 32;

/** What is asked for. */
interface Wish {
  readonly names: readonly string[];
  readonly command: readonly [string, ...string[]];
  readonly ttlS: number;
  readonly waitS: number;
  readonly purpose: string;
  /** Whether the command is stopped when a lock is lost. */
  readonly stops: boolean;
  /** Sessions around this command, whose locks it may use. */
  readonly around: readonly string[];
}

/** Runs `csc run`. */
export async function runLocked(line: CommandLine): Promise<number> {
  const words = line.all("lock");
  if (words.length === 0) throw line.mistake("--lock NAME is missing");
  const [program, ...args] = line.words;
  if (program === undefined) throw line.mistake("a command is missing behind --");
  const ttl = line.text("ttl");
  const ttlS = ttl === undefined ? null : ttlOf(line, ttl, "--ttl");
  const waitS = wholeSeconds(line, line.text("wait"), 0, [0, MAX_WAIT_S], "--wait");
  const onLost = line.text("on-lost") ?? "stop";
  if (onLost !== "stop" && onLost !== "warn") {
    throw line.mistake(`--on-lost takes 'stop' or 'warn', not '${onLost}'`);
  }
  const holder = line.text("holder");
  const alias = holder === undefined ? undefined : checkHolder(line, holder);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const purpose = line.text("purpose") ?? `csc run ${nameOf(program)}`;
    const wish: Wish = {
      // In one order, so that two who want the same do not wait for each other.
      names: [...new Set(words.map((word) => lockNamed(workspace, word)))].sort(),
      command: [program, ...args],
      ttlS: ttlS ?? usualTtl(desk),
      waitS,
      purpose,
      stops: onLost === "stop",
      around: await holdersAround(desk, line),
    };
    const { folder, repository } = workspace.setting;
    const options = { repository, folder, alias, kind: "run", intent: purpose };
    const own = await OwnSession.start(desk, options);
    try {
      return await withLocks(workspace, line, own.id, wish);
    } finally {
      await own.end();
    }
  });
}

/** Its arguments may hold what is nobody's business. */
function nameOf(program: string): string {
  return shorten(printable(program.split(/[/\\]/).at(-1) ?? program), 40);
}

function usualTtl({ store, config }: Coordination): number {
  const { named_lock_timeout } = config.coordination;
  return store.place.reach === "network"
    ? Math.min(NETWORK_TTL_S, named_lock_timeout)
    : named_lock_timeout;
}

/** The commands that this one runs in, and the session that they run in. */
async function holdersAround(desk: Coordination, line: CommandLine): Promise<string[]> {
  const named = (Deno.env.get(HOLDER_VARIABLE) ?? "").split(" ").filter((name) => name !== "");
  const session = await actingSession(desk, line, []);
  return [...named.slice(-MAX_NESTED), ...(session === null ? [] : [session])];
}

/** Acquires, runs and gives back. */
async function withLocks(
  { desk }: Workspace,
  line: CommandLine,
  own: string,
  wish: Wish,
): Promise<number> {
  const lost: Loss[] = [];
  const stopped = new AbortController();
  const keeper = new Keeper(desk, (loss) => {
    lost.push(loss);
    printWarning(lossText(loss, wish));
    if (wish.stops) stopped.abort();
  });
  const locks: KeptLock[] = [];
  const keep = (lock: KeptLock, grantedAt: number) => {
    locks.push(lock);
    keeper.keep(lock, grantedAt);
  };
  try {
    const refused = await interruptible((signal) => acquireAll(desk, keep, own, wish, signal));
    if (refused === "interrupted") return INTERRUPTED;
    if (refused !== null) return await tellRefusal(desk, line, refused, wish);
    if (stopped.signal.aborted) return printError(stoppedFor(lost[0], wish));
    const env = environmentFor(locks, [...wish.around, own]);
    const code = await runChild(wish.command, env, stopped.signal);
    const isTold = code === INTERRUPTED || code === HANGUP;
    const loss = stopped.signal.aborted && !isTold ? lost[0] : null;
    if (line.has("json")) report(loss ? ERROR_EXIT_CODES.lock_lost : code, locks, lost);
    return loss ? printError(stoppedFor(loss, wish)) : code;
  } finally {
    await keeper.end();
  }
}

function report(exit_code: number, locks: readonly KeptLock[], lost: readonly Loss[]): void {
  const isLost = (name: string) => lost.some(({ lock }) => lock.name === name);
  printJsonBeside({
    exit_code,
    locks: locks.map(({ name, token, isOwn }) => (
      { name, token, held_before: !isOwn, lost: isLost(name) }
    )),
  });
}

interface RefusedLock extends LockOutcome {
  readonly name: string;
}

/** Acquires one after the other, all within the time; answers which one it did not get, or null. */
async function acquireAll(
  desk: Coordination,
  keep: (lock: KeptLock, grantedAt: number) => void,
  own: string,
  wish: Wish,
  signal: AbortSignal,
): Promise<RefusedLock | "interrupted" | null> {
  const { ttlS, purpose, around } = wish;
  const locks = new Locks(desk);
  const deadline = performance.now() + wish.waitS * 1000;
  for (const name of wish.names) {
    const known = await heldAround(locks, name, around, ttlS);
    const askedAt = performance.now();
    if (known) {
      keep(known, askedAt);
      continue;
    }
    const holder = { session: own };
    const waitMs = Math.max(0, deadline - performance.now());
    const answer = await locks.acquire(name, holder, ttlS, { purpose, waitMs, signal });
    const { outcome, warning } = answer;
    if (!outcome.ok) return signal.aborted ? "interrupted" : { name, ...answer };
    if (warning !== null) printWarning(`${name}: ${warning}`);
    // What was waited for was granted at some time since: only a renewal tells when.
    const grantedAt = waitMs > 0 ? performance.now() : askedAt;
    keep({ name, holder, token: outcome.record.token, ttlS, isOwn: true }, grantedAt);
    if (signal.aborted) return "interrupted";
  }
  return null;
}

/** A lock that the session around, or a command around this one, holds already. */
async function heldAround(
  locks: Locks,
  name: string,
  around: readonly string[],
  ttlS: number,
): Promise<KeptLock | null> {
  const lock = await locks.check(name);
  if (!lock || !around.some((session) => holderKey(lock.holder) === session)) return null;
  const { holder, record: { token } } = lock;
  const { ok } = await locks.renew(name, holder, token, ttlS);
  return ok ? { name, holder, token, ttlS, isOwn: false } : null;
}

/** What the command is told of its locks. */
function environmentFor(
  locks: readonly KeptLock[],
  holders: readonly string[],
): Record<string, string> {
  const [first] = locks;
  return {
    CSC_LOCK_NAME: first.name,
    CSC_LOCK_TOKEN: String(first.token),
    CSC_LOCKS: JSON.stringify(Object.fromEntries(locks.map(({ name, token }) => [name, token]))),
    [HOLDER_VARIABLE]: [...new Set(holders)].join(" "),
  };
}

async function tellRefusal(
  desk: Coordination,
  line: CommandLine,
  { name, outcome, lock }: RefusedLock,
  { waitS }: Wish,
): Promise<number> {
  const why = outcome.ok ? "" : outcome.why;
  const call = `csc run --lock ${shellWord(name)} --wait 120 -- …`;
  if (!line.has("json")) throw refusal(name, why, lock, waitS, call);
  const view = lock && leaseView(lock.record, await People.of(desk), await desk.leases.now());
  printJson({ acquired: false, lock_name: name, reason: why, ...view });
  return ERROR_EXIT_CODES[codeOf(why)];
}

function lossText({ lock, why, record }: Loss, { stops }: Wish): string {
  const by = record?.ended?.by;
  const reason = record?.ended?.reason ? `: ${shorten(record.ended.reason, 100)}` : "";
  const how = why === "taken over"
    ? `was taken by force${by ? ` by ${shorten(by.session, 60)}` : ""}${reason}`
    : why === "released"
    ? "was given back meanwhile"
    : why === "unreachable"
    ? "has ended, as the store could not be asked in time"
    : "has ended before it was extended (was this process, or the machine, stopped?)";
  return `the lock ${lock.name} ${how}; the command ${stops ? "is stopped" : "goes on without it"}`;
}

function stoppedFor({ lock }: Loss, { command }: Wish): CoordinatorError {
  return new CoordinatorError(
    "lock_lost",
    `Stopped ${nameOf(command[0])}, as the lock ${shorten(lock.name, 200)} was lost`,
    "Look what it left undone, and who holds the lock now: `csc lock list`. " +
      "A longer --ttl outlasts a pause; with --on-lost warn the command goes on.",
  );
}
