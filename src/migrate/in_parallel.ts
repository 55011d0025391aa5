/**
 * Many tasks, so many at once.
 *
 * @module
 */

import { sleep } from "../os/sleep.ts";

/** A store on this machine may do all its work without a pause, in which no signal would be heard. */
const BREATH_EVERY_MS = 50;

let breathedAt = performance.now();
let breath = Promise.resolve();

/**
 * Waits, once in a while and then for all tasks at once, until what came from outside was heard. That
 * takes two turns of Deno's event loop: after a single one it went on to the end in half of all runs.
 */
function breathe(): Promise<void> {
  if (performance.now() - breathedAt > BREATH_EVERY_MS) {
    breath = sleep(1).then(() => sleep(1)).then(() => {
      breathedAt = performance.now();
    });
    breathedAt = Infinity;
  }
  return breath;
}

/**
 * Runs a task for each item, so many at once. Once the signal aborts no further one begins; those that
 * have begun are waited for. A task must not throw.
 *
 * @returns Whether all were run.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  task: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<boolean> {
  const queue = Iterator.from(items);
  let isWhole = true;
  const work = async () => {
    for (;;) {
      await breathe();
      const next = queue.next();
      if (next.done) return;
      if (signal?.aborted) {
        isWhole = false;
        return;
      }
      await task(next.value);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return isWhole;
}
