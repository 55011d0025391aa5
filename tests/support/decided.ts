/** The promises of all stores on the network: when an operation is decided, and a client is back. */

import { CoordinatorError, type ErrorCode } from "../../src/domain/error.ts";
import { within } from "../../src/os/within.ts";
import type { Change } from "../../src/storage/adapter.ts";
import { assert } from "./assert.ts";
import { pause } from "./project.ts";
import { Stopwatch } from "./stopwatch.ts";

/** What it takes to run and to tell, on a machine that does nothing else. */
const SLACK_MS = 200;
/** Two seconds are promised. */
export const DECIDED_MS = 2000 + SLACK_MS;
/** Five seconds are promised. */
export const RECONNECTED_MS = 5000 + SLACK_MS;

/** The error of an operation that has to fail in time, and to say what happened and nothing secret. */
export async function failureOf(task: () => Promise<unknown>): Promise<CoordinatorError> {
  const { answer, ms } = await timed(task);
  assert("error" in answer, `it did not fail: ${JSON.stringify(answer)}`);
  const { error } = answer;
  assert(error instanceof CoordinatorError, `no error for people: ${(error as Error)?.stack}`);
  assert(error.hint !== "", "an error says what to do next");
  const said = `${error.message} ${error.hint}`;
  assert(!/password@|test-password|csc_[\w-]{20}/.test(said), said);
  assert(ms < DECIDED_MS, `decided after ${Math.round(ms)} ms: ${said}`);
  return error;
}

/** Asserts that an operation fails in time and with one of some codes; gives the error. */
export async function assertFails(
  codes: ErrorCode | readonly ErrorCode[],
  task: () => Promise<unknown>,
): Promise<CoordinatorError> {
  const error = await failureOf(task);
  assert([codes].flat().includes(error.code), `${error.code}: ${error.message}`);
  return error;
}

/** Asserts that an operation ends in time, however it ends. */
export async function assertDecides(task: () => Promise<unknown>): Promise<void> {
  const { ms } = await timed(task);
  assert(ms < DECIDED_MS, `decided after ${Math.round(ms)} ms`);
}

async function timed(task: () => Promise<unknown>) {
  using stopwatch = new Stopwatch();
  const answer = await task().then((value) => ({ value }), (error: unknown) => ({ error }));
  return { answer, ms: stopwatch.ms };
}

/** Tries an operation until it succeeds, as it must soon after the server, or the way to it, is back. */
export async function recovered<T>(task: () => Promise<T>): Promise<T> {
  using stopwatch = new Stopwatch();
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (stopwatch.ms > RECONNECTED_MS) throw error;
      await pause(50);
    }
  }
}

/** Waits until a watch has seen something, as it must soon after the server, or the way to it, is back. */
export async function caughtUp(what: string, holds: () => unknown): Promise<void> {
  await recovered(async () => {
    if (!await holds()) throw new Error(`not in time: ${what}`);
  });
}

/** The key of the next change that a watch tells, as it must soon after its connection broke. */
export async function nextKey(changes: AsyncIterator<Change>): Promise<string | undefined> {
  using stopwatch = new Stopwatch();
  const next = await within(30_000, changes.next(), () => {
    throw new Error("nothing was told");
  });
  const { ms } = stopwatch;
  assert(ms < RECONNECTED_MS, `told after ${Math.round(ms)} ms`);
  return next.value?.key;
}
