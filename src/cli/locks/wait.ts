/**
 * `csc wait`: gets in line for a file.
 *
 * @module
 */

import { fileRule } from "../../config/file_rules.ts";
import type { ReserveOptions } from "../../coordination/reservations.ts";
import { MAX_WAIT_S } from "../../coordination/locks.ts";
import { projectFolder } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import { isGuarded, trySettle } from "../../guard/edit.ts";
import type { Target } from "../../guard/place.ts";
import type { Step } from "../../guard/step.ts";
import type { WaitOutcome } from "../../lease/leases.ts";
import { sleep } from "../../os/sleep.ts";
import { bold } from "../../std/colors.ts";
import { inProject, needSession, stepFor } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { leaseView, People } from "./held.ts";
import { INTERRUPTED, interruptible } from "../interrupt.ts";
import { wholeSeconds } from "./words.ts";
import { fileNamed } from "../named_file.ts";
import { print, printJson } from "../output.ts";
import { spoken } from "../time.ts";

const TOOL = "csc wait";
/** How long it waits where nothing is said; with `--notify`, how long the place in the queue is kept. */
const USUAL_WAIT_S = 600;
const USUAL_QUEUE_S = 1800;
/** How long a turn is kept for a session that has to be woken for it. */
const TURN_S = 120;
/** How often it is looked whether the holder's edits have been committed meanwhile. */
const LOOK_MS = 3000;

/** What has come of it: `queued` only with `--notify`. */
type Result = "yours" | "not guarded" | "queued" | "timed out" | "deadlock" | "queue full";

interface Answer {
  readonly result: Result;
  readonly outcome: WaitOutcome | null;
  /** What is to be known of a file that was taken over from a silent session. */
  readonly note: string | null;
}

/** How the wait ended, and what was found on the way. */
interface Found {
  readonly outcome: WaitOutcome;
  readonly note: string | null;
}

/** Runs `csc wait`. */
export async function wait(line: CommandLine): Promise<number> {
  const [word] = line.words;
  if (word === undefined) throw line.mistake("a file is missing");
  const file = fileNamed(line, word);
  const isNotified = line.has("notify");
  const usual = isNotified ? USUAL_QUEUE_S : USUAL_WAIT_S;
  const waitS = wholeSeconds(line, line.text("timeout"), usual, [1, MAX_WAIT_S], "--timeout");
  return await inProject(line, async ({ desk }) => {
    const step = stepFor(desk, await needSession(desk, line, "session"), TOOL);
    if (!isGuarded(step, file)) {
      return await tell(step, line, file, { result: "not guarded", outcome: null, note: null });
    }
    return await interruptible(async (signal) => {
      const found = isNotified
        ? await getInLine(step, file, waitS)
        : await waitFor(step, file, waitS, signal);
      if (signal.aborted) return await callOff(step, file, found.outcome);
      return await tell(step, line, file, { result: resultOf(found.outcome), ...found });
    });
  }, file.repository?.worktree ?? projectFolder());
}

async function optionsFor({ desk }: Step, file: Target): Promise<ReserveOptions> {
  const { timeoutS } = fileRule(desk.config.coordination, file.path);
  const before = await desk.snapshots.keep(file.absolute);
  return { ttlS: timeoutS, purpose: "", tool: TOOL, before };
}

/** Joins the queue, and leaves the rest to the notice that comes with the turn. */
async function getInLine(step: Step, file: Target, forS: number): Promise<Found> {
  const { reservations, holder } = step;
  const options = await optionsFor(step, file);
  const free = await settled(step, file, options);
  if (free !== null) return free;
  const wait = { forS, turnS: TURN_S };
  const outcome = await reservations.reserve(file, holder, { ...options, wait });
  return { outcome: outcome.ok ? await atRest(step, file, outcome) : outcome, note: null };
}

/** Waits in the queue; meanwhile ends a reservation whose edits are committed. */
async function waitFor(
  step: Step,
  file: Target,
  waitS: number,
  signal: AbortSignal,
): Promise<Found> {
  const { reservations, holder } = step;
  const options = await optionsFor(step, file);
  const done = new AbortController();
  const waiting = reservations.wait(file, holder, options, waitS * 1000, signal)
    .finally(() => done.abort());
  const looking = keepSettling(step, file, options, done.signal);
  const outcome = await waiting;
  return { outcome, note: await looking };
}

async function keepSettling(
  step: Step,
  file: Target,
  options: ReserveOptions,
  done: AbortSignal,
): Promise<string | null> {
  let note: string | null = null;
  while (!done.aborted) {
    // What fails here, the wait itself runs into as well, and tells.
    note ??= (await settled(step, file, options).catch(() => null))?.note ?? null;
    await sleep(LOOK_MS, done);
  }
  return note;
}

/** Takes a file whose reservation stands in the way without need; null where it does not. */
async function settled(
  step: Step,
  file: Target,
  options: ReserveOptions,
): Promise<Found | null> {
  const record = await step.reservations.inspect(file);
  const found = record && await trySettle(step, file, record, options);
  if (!found?.outcome.ok) return null;
  return { outcome: await atRest(step, file, found.outcome), note: found.note };
}

/** No edit is under way yet: the file is only kept. */
async function atRest(
  { desk, reservations, holder }: Step,
  file: Target,
  outcome: WaitOutcome,
): Promise<WaitOutcome> {
  const ref = reservations.refOf(file);
  const { record } = await desk.leases.act(ref, { op: "mark", holder, mark: "unused" });
  return { ...outcome, record };
}

/** What came in the moment of the interruption is not wanted any more. */
async function callOff({ reservations, holder }: Step, file: Target, outcome: WaitOutcome) {
  if (outcome.ok && !outcome.extended) await reservations.release(file, holder, "called off");
  return INTERRUPTED;
}

function resultOf(outcome: WaitOutcome): Result {
  if (outcome.ok) return "yours";
  if (outcome.place !== null) return "queued";
  return outcome.why === "deadlock" || outcome.why === "queue full" ? outcome.why : "timed out";
}

const EXIT_CODES: Readonly<Record<Result, number>> = {
  yours: 0,
  "not guarded": 0,
  queued: 0,
  "timed out": 3,
  deadlock: 1,
  "queue full": 1,
};

async function tell(
  { desk }: Step,
  line: CommandLine,
  file: Target,
  { result, outcome, note }: Answer,
): Promise<number> {
  const people = await People.of(desk);
  const view = outcome && leaseView(outcome.record, people, await desk.leases.now());
  const place = outcome && !outcome.ok ? outcome.place : null;
  if (line.has("json")) {
    const { tree, path, absolute } = file;
    printJson({ result, file: absolute, tree, path, place, note, ...view });
    return EXIT_CODES[result];
  }
  const name = shorten(printable(file.shown), 200);
  const holder = view?.holder ?? "somebody";
  if (EXIT_CODES[result] !== 0) throw refusal(result, name, holder);
  print(
    {
      yours: `${bold(name)} is yours for ${
        spoken(view?.seconds_left ?? 0)
      }: read it again before you change it`,
      "not guarded": `${name} is not guarded: nobody has to wait for it`,
      queued: `Number ${place} in the queue for ${bold(name)}, which ${
        printable(holder)
      } holds; you are told when it is your turn`,
    }[result as "yours" | "not guarded" | "queued"],
  );
  if (note !== null) print(printable(note));
  return 0;
}

function refusal(result: Result, name: string, holder: string): CoordinatorError {
  switch (result) {
    case "deadlock":
      return new CoordinatorError(
        "deadlock",
        `Not waiting for ${name}: ${holder} waits for what you hold`,
        "Commit or give back one of your files first: `csc unlock FILE`.",
      );
    case "queue full":
      return new CoordinatorError(
        "lock_held",
        `Too many sessions wait for ${name} already`,
        "Do something that does not need it; `csc suggest` has ideas.",
      );
    default:
      return new CoordinatorError(
        "lock_timeout",
        `Waited in vain for ${name}, which ${holder} holds`,
        "Do something that does not need it (`csc suggest`), or wait again.",
      );
  }
}
