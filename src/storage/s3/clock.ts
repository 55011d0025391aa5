/**
 * The server's clock, which S3 tells with each answer, in whole seconds.
 *
 * @module
 */

/** What the monotonic clock of two machines may differ by, as a part of the time that has passed. */
const DRIFT = 1e-4;
/** Servers behind one name differ a little; more than this is a clock that was set. */
const JITTER_MS = 100;
/** Older news are no longer relied on. */
const FRESH_MS = 10_000;

/**
 * Narrows the server's clock down with each answer: within a second by the first, more closely as
 * answers fall around the turn of a second.
 */
export class ServerClock {
  /** What lies between the server's clock and `performance.now()`, at least and at most. */
  #lowest = -Infinity;
  #highest = Infinity;
  #heardAt = -Infinity;
  #heardWallMs = 0;
  #toldMs = -Infinity;

  /**
   * Learns from an answer.
   *
   * @param date Its `Date`.
   * @param sentAt When the request was sent, as `performance.now()` tells time.
   * @param receivedAt When its answer came.
   */
  learn(date: string, sentAt: number, receivedAt: number): void {
    const secondMs = Date.parse(date);
    if (Number.isNaN(secondMs)) return;
    const slack = (receivedAt - this.#heardAt) * DRIFT;
    const [lowest, highest] = [secondMs - receivedAt, secondMs + 1000 - sentAt];
    const low = Math.max(lowest, this.#lowest - slack);
    const high = Math.min(highest, this.#highest + slack);
    // Where the two contradict each other by much, the clock was set, or this machine slept.
    const isSame = low - high < JITTER_MS;
    this.#lowest = isSame ? Math.min(low, high) : lowest;
    this.#highest = isSame ? Math.max(low, high) : highest;
    this.#heardAt = receivedAt;
    this.#heardWallMs = Date.now();
  }

  /** How far it may be off, in milliseconds. */
  get errorMs(): number {
    return (this.#highest - this.#lowest) / 2;
  }

  /** Whether it was heard of lately, and this machine has not slept since. */
  get isFresh(): boolean {
    const passedMs = performance.now() - this.#heardAt;
    const wallMs = Date.now() - this.#heardWallMs;
    return passedMs < FRESH_MS && Math.abs(wallMs - passedMs) < 1000;
  }

  /** The time, in milliseconds since 1970, or null where nothing was heard yet. */
  get nowMs(): number | null {
    if (this.#heardAt === -Infinity) return null;
    const guessMs = Math.round((this.#lowest + this.#highest) / 2 + performance.now());
    // A better guess may be an earlier one: time stands still then, but it does not run back.
    const isSetBack = guessMs < this.#toldMs - 1000;
    this.#toldMs = isSetBack ? guessMs : Math.max(guessMs, this.#toldMs);
    return this.#toldMs;
  }
}

const clocks = new Map<string, ServerClock>();

/** The clock of a server; all stores of a process that use it share what they learn. */
export function clockOf(server: string): ServerClock {
  const clock = clocks.get(server) ?? new ServerClock();
  clocks.set(server, clock);
  return clock;
}
