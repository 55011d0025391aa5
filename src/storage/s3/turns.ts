/**
 * Turns within one process: writers of one object that wait for each other here do not have to race
 * each other over the network, where only one of them would win at a time.
 *
 * @module
 */

/** Gives turns, in the order of asking. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Carries out a task when its turn comes.
   *
   * @param until When the wait ends, as `performance.now()` tells time; the task is not begun then.
   * @param late The error for that.
   */
  async take<T>(
    name: string,
    until: number,
    late: () => Error,
    task: () => Promise<T>,
  ): Promise<T> {
    const before = this.#last.get(name);
    const { promise, resolve: leave } = Promise.withResolvers<void>();
    const last = before ? before.then(() => promise) : promise;
    this.#last.set(name, last);
    try {
      if (before) await inTime(before, until, late);
      return await task();
    } finally {
      leave();
      if (this.#last.get(name) === last) this.#last.delete(name);
    }
  }
}

async function inTime(turn: Promise<void>, until: number, late: () => Error): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), Math.max(0, until - performance.now()));
  try {
    await Promise.race([turn, promise]);
  } finally {
    clearTimeout(timer);
  }
}
