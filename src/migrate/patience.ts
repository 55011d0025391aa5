/**
 * Failures that pass: a store that is being started anew is back within seconds.
 *
 * @module
 */

import { CoordinatorError, type ErrorCode } from "../domain/error.ts";
import { sleep } from "../os/sleep.ts";

const PASSING: readonly ErrorCode[] = ["store_unreachable", "store_busy", "outcome_unknown"];
const MOST_FAILURES = 6;
const FIRST_PAUSE_MS = 100;

/**
 * Waits before the next try, each time twice as long; 6 s in all.
 *
 * @param failures How often the step has failed, this time included.
 * @throws The error where it does not pass, or has come too often.
 */
export async function pauseAfter(error: unknown, failures: number): Promise<void> {
  const passes = error instanceof CoordinatorError && PASSING.includes(error.code);
  if (!passes || failures >= MOST_FAILURES) throw error;
  await sleep(FIRST_PAUSE_MS * 2 ** failures);
}

/** Runs a step that may be repeated, again while its failures pass. */
export async function patiently<T>(step: () => Promise<T>): Promise<T> {
  for (let failures = 0;;) {
    try {
      return await step();
    } catch (error) {
      await pauseAfter(error, ++failures);
    }
  }
}
