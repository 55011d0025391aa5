/**
 * What writes were answered lately, so that a client whose answer was lost can ask again without
 * writing twice.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";

/** How long an answer is remembered: many times as long as any client goes on asking. */
const KEEP_MS = 30_000;
/** A client's measure of time and ours may differ by this. */
const SPARE_MS = 1000;
const MAX_REPLIES = 100_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** What an answer takes beside its text. */
const OVERHEAD_BYTES = 200;

interface Reply {
  readonly text: Promise<string>;
  readonly atMs: number;
  bytes: number;
}

/** The answers of one server. */
export class Replies {
  readonly #now: () => number;
  readonly #replies = new Map<string, Reply>();
  #bytes = 0;
  /** Since when every answer is remembered. */
  #sinceMs: number;

  /** @param now A clock that nobody sets, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sinceMs = now();
  }

  /**
   * Runs a write, or gives the answer that it had, also while it is under way.
   *
   * @param id Names the write and whose it is.
   * @param againMs How long ago it was sent first, or null where this is the first time.
   * @throws {CoordinatorError} `outcome_unknown` where it is sent again, and we cannot know whether it
   * came before: this server was started since, or has forgotten.
   */
  once(id: string, againMs: number | null, write: () => Promise<string>): Promise<string> {
    const nowMs = this.#now();
    this.#forget(nowMs);
    const known = this.#replies.get(id);
    if (known) return known.text;
    if (againMs !== null && nowMs - againMs - SPARE_MS < this.#sinceMs) throw forgotten();
    const reply: Reply = { text: write(), atMs: nowMs, bytes: OVERHEAD_BYTES };
    this.#bytes += reply.bytes;
    this.#replies.set(id, reply);
    void reply.text.then((text) => {
      if (this.#replies.get(id) !== reply) return;
      reply.bytes += text.length;
      this.#bytes += text.length;
    }, () => {});
    return reply.text;
  }

  #forget(nowMs: number): void {
    for (const [id, { atMs, bytes }] of this.#replies) {
      const isOld = nowMs - atMs > KEEP_MS;
      if (!isOld && this.#replies.size < MAX_REPLIES && this.#bytes < MAX_BYTES) return;
      this.#replies.delete(id);
      this.#bytes -= bytes;
      this.#sinceMs = Math.max(this.#sinceMs, atMs);
    }
  }
}

function forgotten(): CoordinatorError {
  return new CoordinatorError(
    "outcome_unknown",
    "The server was started since this was sent first, and cannot tell whether it was written",
    "Read it before you write it again.",
  );
}
