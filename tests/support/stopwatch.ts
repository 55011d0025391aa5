const TICK_MS = 5;

/**
 * Tells how long something takes on a machine that does nothing else: how late this process's own
 * timers come, as others use the processor, does not count. `using stopwatch = new Stopwatch()`.
 */
export class Stopwatch implements Disposable {
  readonly #startedAt = performance.now();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  #tickedAt = performance.now();
  #lateMs = 0;

  /** The time since the start. */
  get ms(): number {
    this.#tick();
    return performance.now() - this.#startedAt - this.#lateMs;
  }

  #tick(): void {
    const now = performance.now();
    this.#lateMs += Math.max(0, now - this.#tickedAt - TICK_MS);
    this.#tickedAt = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
