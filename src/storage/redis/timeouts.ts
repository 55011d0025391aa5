/**
 * One timer for all that a connection waits for: one for each request would cost a tenth of a request.
 *
 * @module
 */

import { within } from "../../os/within.ts";

/** Something was not there in time. */
export class TooLate extends Error {}

interface Waiting {
  /** As `performance.now()` tells time. */
  readonly until: number;
  readonly reject: (reason: TooLate) => void;
}

/** Waits for the answers of one connection, for each until a time of its own. */
export class Timeouts {
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** When the timer rings. */
  #ringsAt = Infinity;
  #isOver = false;

  /** Whether nothing is awaited. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Settles as a promise does, or rejects with {@linkcode TooLate} at a time. */
  inTime<T>(until: number, promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = { until, reject };
      this.#waiting.add(waiting);
      if (until < this.#ringsAt) this.#ringAt(until);
      promise.then((value) => {
        this.#leave(waiting);
        resolve(value);
      }, (error) => {
        this.#leave(waiting);
        reject(error);
      });
    });
  }

  /** No more promises will come: stops the timer as soon as those there are have settled. */
  end(): void {
    this.#isOver = true;
    if (this.isIdle) this.#stop();
  }

  #leave(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    if (this.#isOver && this.isIdle) this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#ringsAt = Infinity;
  }

  #ringAt(until: number): void {
    this.#stop();
    if (until === Infinity) return;
    this.#ringsAt = until;
    const timer = setTimeout(() => this.#ring(), Math.max(0, until - performance.now()));
    this.#timer = timer;
    Deno.unrefTimer(timer); // the connection itself keeps the process
  }

  #ring(): void {
    this.#stop();
    const now = performance.now();
    let next = Infinity;
    for (const waiting of this.#waiting) {
      if (waiting.until > now) {
        next = Math.min(next, waiting.until);
        continue;
      }
      this.#waiting.delete(waiting);
      waiting.reject(new TooLate());
    }
    this.#ringAt(next);
  }
}

/** The same for one promise that no connection keeps the process for, with a timer of its own. */
export async function inTime<T>(until: number, promise: Promise<T>): Promise<T> {
  return await within(until - performance.now(), promise, () => {
    throw new TooLate();
  });
}
