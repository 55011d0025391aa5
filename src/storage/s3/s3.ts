/**
 * A bucket of an S3-compatible server as a store. See `layout.ts` for how keys lie there, `writing.ts`
 * for how they change and `proof.ts` for what the endpoint must keep.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { compileGlob } from "../../domain/glob.ts";
import { copyValue, type Json, type ValueLimits } from "../../domain/json.ts";
import { sleep } from "../../os/sleep.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  WriteConditions,
} from "../adapter.ts";
import {
  checkName,
  checkOptions,
  decideDelete,
  decideIncrement,
  decideStore,
  type Decision,
  type KeyRecord,
  liveEntry,
} from "../record.ts";
import { type Bucket, type BucketPlace, HttpBucket } from "./bucket.ts";
import type { CredentialSource } from "./credentials.ts";
import { type Body, nameOf, partOf, prefixesOf } from "./layout.ts";
import { type ListedKey, mapAtOnce, Reader } from "./listing.ts";
import { proveAnew, proveConditions } from "./proof.ts";
import { Sweeper } from "./sweeping.ts";
import { Turns } from "./turns.ts";
import { Poll } from "./watching.ts";
import { readTarget, type Target, writeTarget, type Writing } from "./writing.ts";

export { userCredentials } from "./credentials.ts";

/** Settings of the `s3` store. */
export interface S3Options extends BucketPlace {
  readonly credentials: CredentialSource;
  readonly limits: ValueLimits;
  /** How long an operation takes at most, in milliseconds; 2,000 by default. */
  readonly timeoutMs?: number;
  /** When all of them end, as `performance.now()` tells time. */
  readonly deadline?: number;
  /** Told of objects that cannot be read while others are listed. */
  readonly onUnreadable?: (error: unknown) => void;
  /** How often `watch` looks, in milliseconds; 1,000 by default. */
  readonly pollMs?: number;
  /** Added to the server's clock. */
  readonly offsetMs?: () => number;
  /** How far the clock may be off; about a second is spent on that. Half a second without it. */
  readonly clockErrorMs?: number;
}

const TIMEOUT_MS = 2000;
const POLL_MS = 1000;
/** The turn of a second comes in this time. */
const SHARPEN_MS = 1500;
const NO_LIMITS: ValueLimits = { maxValueBytes: Infinity };

/** The `s3` adapter. */
export class S3Store implements StorageAdapter {
  readonly place: StorePlace;
  readonly #bucket: Bucket;
  readonly #options: S3Options;
  readonly #reader: Reader;
  readonly #turns = new Turns();
  readonly #closing = new AbortController();

  private constructor(bucket: Bucket, options: S3Options) {
    this.place = {
      reach: "network",
      location: bucket.endpoint.location,
      folder: null,
      polls: true,
    };
    this.#bucket = bucket;
    this.#options = options;
    this.#reader = new Reader(bucket, options.prefix);
  }

  /**
   * Opens the store: reads one object, and proves the endpoint where nobody did lately.
   *
   * @param bucket The bucket over HTTP, where nothing else is given.
   * @throws {CoordinatorError} `store_unreachable`; `store_io` where the bucket is missing, the keys
   * are wrong or the endpoint keeps no conditions.
   */
  static async open(
    options: S3Options,
    bucket: Bucket = new HttpBucket(options, options.credentials),
  ): Promise<S3Store> {
    const store = new S3Store(bucket, options);
    try {
      await proveConditions(bucket, options.prefix, store.#until());
      if (options.clockErrorMs !== undefined) await store.#sharpenClock(options.clockErrorMs);
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    checkOptions(options);
    const copy = copyValue(value, this.#options.limits);
    const decide = (record: KeyRecord) => decideStore(record, copy, options, this.#nowMs());
    return await this.#update(scope, key, decide, options.expected !== undefined);
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    const target = await this.#target(scope, key);
    const current = await readTarget(this.#bucket, target, this.#until());
    if (!current) return null;
    this.#reader.remember(target.name, current);
    return copyEntry(liveEntry(current.body.record, this.#nowMs()));
  }

  async delete(
    scope: string,
    key: string,
    conditions: WriteConditions = {},
  ): Promise<DeleteResult> {
    checkOptions(conditions);
    const decide = (record: KeyRecord) => decideDelete(record, conditions, this.#nowMs());
    return await this.#update(scope, key, decide, conditions.expected !== undefined);
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    const decide = (record: KeyRecord) => decideIncrement(record, by, author, this.#nowMs());
    return await this.#update(scope, key, decide, false);
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    const listed = (await this.#listScope(scope)).filter(mayLive);
    const bodies = await this.#readable(listed);
    const live = bodies.flatMap((body) => {
      const entry = body && copyEntry(liveEntry(body.record, this.#nowMs()));
      return entry ? [[body.key, entry] as const] : [];
    });
    return new Map(live.sort(([one], [other]) => one < other ? -1 : 1));
  }

  async listKeys(scope: string): Promise<string[]> {
    const listed = (await this.#listScope(scope)).filter(mayLive);
    const names = await mapAtOnce(listed, (one) => this.#liveName(one, "key"));
    return names.filter((name) => name !== null).sort();
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    const matches = compileGlob(pattern);
    const byScope = Map.groupBy(
      (await this.#list(prefixesOf(pattern))).filter(mayLive),
      ({ parts }) => parts.scope,
    );
    const scopes = await mapAtOnce([...byScope], async ([part, listed]) => {
      const written = nameOf(part);
      if (written !== null && !matches(written)) return null;
      // What lives surely comes first: then nothing needs to be read, or one object for its name.
      const ordered = listed.toSorted((one) => one.kind === "lasting" ? -1 : 1);
      for (const one of ordered) {
        const scope = await this.#liveName(one, "scope");
        if (scope !== null) return matches(scope) ? scope : null;
      }
      return null;
    });
    return scopes.filter((scope) => scope !== null).sort();
  }

  async deleteScope(scope: string): Promise<boolean> {
    const listed = (await this.#listScope(scope)).filter(mayLive);
    const bodies = await this.#readable(listed);
    const deleted = await mapAtOnce(bodies.filter((body) => body !== null), async ({ key }) => {
      const result = await this.delete(scope, key);
      return result.ok && result.existed;
    });
    return deleted.includes(true);
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const sweeper = new Sweeper(this.#bucket);
    const poll = new Poll({
      reader: this.#reader,
      list: () => this.#list(prefixesOf(pattern)),
      matches: compileGlob(pattern),
      until: () => this.#until(),
      everyMs: this.#options.pollMs ?? POLL_MS,
      onUnreadable: this.#options.onUnreadable ?? (() => {}),
      onListed: (listed) => sweeper.sweep(listed, () => this.#until()),
    });
    if (!stop.aborted) await poll.begin();
    return poll.changes(stop);
  }

  async now(): Promise<number> {
    if (!this.#bucket.clock.isFresh) await this.#ask();
    return this.#nowMs();
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#bucket.close();
    return Promise.resolve();
  }

  async #update<R>(
    scope: string,
    key: string,
    decide: (record: KeyRecord) => Decision<R>,
    knows: boolean,
  ): Promise<R> {
    const target = await this.#target(scope, key);
    const until = this.#until();
    const late = () => waitedInVain(target);
    const writing: Writing = {
      bucket: this.#bucket,
      until,
      proveAnew: () => proveAnew(this.#bucket, this.#options.prefix, until),
      // Whoever names a version has just looked.
      guess: knows ? this.#reader.guess(target.name) : null,
      onWritten: (current) => this.#reader.remember(target.name, current),
    };
    const write = () => writeTarget(writing, target, decide);
    return await this.#turns.take(target.name, until, late, write);
  }

  async #target(scope: string, key: string): Promise<Target> {
    checkName("scope", scope);
    checkName("key", key);
    const name = `${this.#options.prefix}${await partOf(scope)}/${await partOf(key)}`;
    return { scope, key, name };
  }

  async #listScope(scope: string): Promise<ListedKey[]> {
    checkName("scope", scope);
    return await this.#list([`${await partOf(scope)}/`]);
  }

  async #list(prefixes: readonly string[]): Promise<ListedKey[]> {
    const lists = prefixes.map((prefix) => this.#reader.list(prefix, () => this.#until()));
    return (await Promise.all(lists)).flat();
  }

  /** The scope or key of an object that holds a live entry, or null; reads it only where it must. */
  async #liveName(listed: ListedKey, part: "scope" | "key"): Promise<string | null> {
    const written = nameOf(listed.parts[part]);
    if (listed.kind === "lasting" && written !== null) return written;
    const [body] = await this.#readable([listed]);
    return body && liveEntry(body.record, this.#nowMs()) ? body[part] : null;
  }

  /** What objects hold; those that cannot be read are reported and count as gone. */
  async #readable(listed: readonly ListedKey[]): Promise<(Body | null)[]> {
    return await mapAtOnce(listed, async (one) => {
      try {
        return await this.#reader.read(one, () => this.#until());
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        this.#options.onUnreadable?.(error);
        return null;
      }
    });
  }

  async #ask(): Promise<void> {
    await proveConditions(this.#bucket, this.#options.prefix, this.#until());
  }

  async #sharpenClock(errorMs: number): Promise<void> {
    const until = performance.now() + SHARPEN_MS;
    while (this.#bucket.clock.errorMs > errorMs && performance.now() < until) {
      await this.#ask();
      await sleep(errorMs / 2);
    }
  }

  #nowMs(): number {
    const nowMs = this.#bucket.clock.nowMs;
    if (nowMs === null) throw new Error("the store was not opened");
    return nowMs + (this.#options.offsetMs?.() ?? 0);
  }

  /** When an operation that begins now must have ended. */
  #until(): number {
    const usual = performance.now() + (this.#options.timeoutMs ?? TIMEOUT_MS);
    return Math.min(usual, this.#options.deadline ?? Infinity);
  }
}

/** An entry for a caller: what is remembered is for others, too. */
function copyEntry(entry: Entry | null): Entry | null {
  return entry && { ...entry, value: copyValue(entry.value, NO_LIMITS) };
}

/** Whether an object may hold a live entry. */
function mayLive({ kind }: ListedKey): boolean {
  return kind === "lasting" || kind === "ending";
}

function isUnreadable(error: unknown): boolean {
  return error instanceof CoordinatorError &&
    (error.code === "store_corrupt" || error.code === "store_newer");
}

function waitedInVain({ scope, key }: Target): CoordinatorError {
  return new CoordinatorError(
    "store_busy",
    `Waited in vain for other writes of the key '${key}' of the scope '${scope}'; nothing was written`,
    "Try again.",
  );
}
