import { CoordinatorError } from "../../src/domain/error.ts";
import { assert } from "./assert.ts";

/**
 * What an operation may take until it is decided: two seconds are promised, and a test machine may be
 * busy with other things.
 */
const DECIDED_MS = 4000;
const RECOVERED_MS = 10_000;

/** The error of an operation that has to fail, in time, and to say what happened. */
export async function failureOf(task: () => Promise<unknown>): Promise<CoordinatorError> {
  const startedAt = performance.now();
  const answer = await task().then((value) => ({ value }), (error: unknown) => ({ error }));
  const ms = performance.now() - startedAt;
  assert(ms < DECIDED_MS, `decided after ${Math.round(ms)} ms`);
  assert("error" in answer, `it did not fail: ${JSON.stringify(answer)}`);
  const { error } = answer;
  assert(error instanceof CoordinatorError, `no error for people: ${error}`);
  assert(error.hint !== "", "an error says what to do next");
  return error;
}

/** Tries an operation until it succeeds, as a store does some time after its server is back. */
export async function recovered<T>(task: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (performance.now() - startedAt > RECOVERED_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
