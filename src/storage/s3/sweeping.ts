/**
 * Removing what keys left behind. Not every endpoint can delete an object on a condition, and a delete
 * that arrives late would take what was written since. So an object is condemned first, by a
 * conditional write; for some seconds nobody writes over it, and the delete is signed so that the
 * server refuses it once they have passed.
 *
 * Fencing numbers stay: they must outlive their keys.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { uniqueName } from "../../os/unique.ts";
import type { Bucket } from "./bucket.ts";
import { type Body, encodeBody, isCondemned, nextBody } from "./layout.ts";
import type { ListedKey } from "./listing.ts";
import { readObject } from "./reading.ts";

/** A key is gone this long before its object goes, too; so are ended ones. */
const KEEP_MS = 24 * 3600 * 1000;
/** Removes one object at a time, where there is one to remove. */
export class Sweeper {
  readonly #bucket: Bucket;
  readonly #keepMs: number;

  /** @param keepMs How long what is gone stays; a day without it. */
  constructor(bucket: Bucket, keepMs: number = KEEP_MS) {
    this.#bucket = bucket;
    this.#keepMs = keepMs;
  }

  /** Looks at what was listed. Never fails: there is a next time. */
  async sweep(listed: readonly ListedKey[], until: () => number): Promise<void> {
    const nowMs = this.#bucket.clock.nowMs ?? 0;
    const isOld = ({ kind, writtenAtMs }: ListedKey) =>
      (kind === "gone" || kind === "ending") && nowMs - writtenAtMs >= this.#keepMs;
    const candidates = listed.filter(isOld);
    if (candidates.length === 0) return;
    // Any of them: others sweep at the same time.
    const { name, kind } = candidates[Math.floor(Math.random() * candidates.length)];
    try {
      await (kind === "gone" ? this.#remove(name, until()) : this.#end(name, until()));
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
    }
  }

  async #remove(name: string, until: number): Promise<void> {
    const found = await readObject(this.#bucket, name, until);
    const nowMs = this.#bucket.clock.nowMs!;
    const body = found?.body;
    if (!body || body.record.entry || body.record.fence !== null) return;
    if (isCondemned(body, nowMs)) return;
    const condemned = {
      ...nextBody(body, body, body.record, uniqueName()),
      condemnedAtMs: nowMs,
    };
    const etag = await this.#replace(name, found.etag, condemned, until);
    if (etag !== null) await this.#bucket.remove(name, etag, nowMs, until);
  }

  /** Takes out an entry that has ended long ago, so that listings need not read it. */
  async #end(name: string, until: number): Promise<void> {
    const found = await readObject(this.#bucket, name, until);
    const body = found?.body;
    const endedAtMs = body?.record.entry?.expiresAtMs ?? Infinity;
    if (!body || this.#bucket.clock.nowMs! - endedAtMs < this.#keepMs) return;
    const record = { entry: null, fence: body.record.fence };
    await this.#replace(name, found.etag, nextBody(body, body, record, uniqueName()), until);
  }

  async #replace(name: string, etag: string, body: Body, until: number): Promise<string | null> {
    const put = await this.#bucket.put(name, encodeBody(body), { etag }, until);
    return put.did === "write" ? put.etag : null;
  }
}
