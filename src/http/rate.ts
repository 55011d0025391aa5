/**
 * How often somebody may ask: a bucket of tokens for each, which fills steadily.
 *
 * @module
 */

interface Bucket {
  tokens: number;
  filledMs: number;
}

/** When full buckets are forgotten. */
const SWEEP_MS = 60_000;

/** The buckets of all who ask. */
export class RateLimit {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #sweptMs: number;

  /**
   * @param perMinute How many requests may come within a minute, and at once.
   * @param now A clock that nobody can set, in milliseconds.
   */
  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#perMs = perMinute / 60_000;
    this.#capacity = perMinute;
    this.#now = now;
    this.#sweptMs = now();
  }

  /** Takes one request from somebody's bucket; answers 0, or after how many seconds there is one. */
  take(who: string): number {
    const now = this.#now();
    this.#sweep(now);
    const bucket = this.#buckets.get(who) ?? { tokens: this.#capacity, filledMs: now };
    this.#buckets.set(who, bucket);
    this.#fill(bucket, now);
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.#perMs / 1000));
    bucket.tokens--;
    return 0;
  }

  #fill(bucket: Bucket, now: number): void {
    const gained = (now - bucket.filledMs) * this.#perMs;
    bucket.tokens = Math.min(this.#capacity, bucket.tokens + gained);
    bucket.filledMs = now;
  }

  #sweep(now: number): void {
    if (now - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = now;
    for (const [who, bucket] of this.#buckets) {
      this.#fill(bucket, now);
      if (bucket.tokens === this.#capacity) this.#buckets.delete(who);
    }
  }
}
