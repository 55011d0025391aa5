/**
 * Deno KV as a store. On a file, Deno KV alone keeps less than the contract: two processes get
 * "database is locked", `watch` does not see other processes and expiry comes a minute late. So
 * writers take turns by a file lock, `watch` polls, and expiry is judged when reading.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { compileGlob, type Matcher } from "../../domain/glob.ts";
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
  Version,
  WriteConditions,
} from "../adapter.ts";
import { Database, isUrl } from "./database.ts";
import {
  checkName,
  checkOptions,
  decideDelete,
  decideIncrement,
  decideStore,
  type Decision,
  EMPTY,
  type KeyRecord,
  liveEntry,
} from "../record.ts";
import {
  CHANGED_KEY,
  decodeRecord,
  encodeRecord,
  type Head,
  HEADS,
  headsOf,
  isLive,
  type Keys,
  keysOf,
  readHead,
} from "./layout.ts";

/** Settings of the `kv` store. */
export interface KvOptions {
  /** Absolute path of the database, or the URL of a KV Connect server. */
  readonly path: string;
  readonly limits: ValueLimits;
  /** How long a writer waits for other writers, 5,000 by default, or for a server's answer, 2,000. */
  readonly timeoutMs?: number;
  /** The clock; the system's by default. */
  readonly now?: () => number;
  /** Told of records that cannot be read while others are listed. */
  readonly onUnreadable?: (error: unknown) => void;
}

const DEFAULT_TIMEOUT_MS = 5000;
/** How long the answer of a KV Connect server is waited for. */
const ANSWER_TIMEOUT_MS = 2000;
const POLL_MS = 100;
/** Ten chunks stay below the 800 KiB that one `atomic()` takes. */
const CHUNKS_A_COMMIT = 10;
/** Deno KV takes 1,000 changes in one `atomic()`. */
const CHANGES_A_COMMIT = 500;

/** The `kv` adapter. */
export class KvStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #database: Database;
  readonly #limits: ValueLimits;
  readonly #now: () => number;
  readonly #onUnreadable: (error: unknown) => void;
  readonly #closing = new AbortController();
  #isClosed = false;

  private constructor(database: Database, options: KvOptions) {
    this.place = database.place;
    this.#database = database;
    this.#limits = options.limits;
    this.#now = options.now ?? Date.now;
    this.#onUnreadable = options.onUnreadable ?? (() => {});
  }

  /**
   * Opens the database.
   *
   * @throws {CoordinatorError} See {@linkcode Database.open}.
   */
  static async open(options: KvOptions): Promise<KvStore> {
    const usualMs = isUrl(options.path) ? ANSWER_TIMEOUT_MS : DEFAULT_TIMEOUT_MS;
    const timeoutMs = options.timeoutMs ?? usualMs;
    return new KvStore(await Database.open(options.path, timeoutMs), options);
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    checkOptions(options);
    const copy = copyValue(value, this.#limits);
    return await this.#update(
      scope,
      key,
      (record, nowMs) => decideStore(record, copy, options, nowMs),
    );
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    checkName("scope", scope);
    checkName("key", key);
    const keys = await keysOf(scope, key);
    return liveEntry((await this.#read(keys)).record, this.#now());
  }

  async delete(
    scope: string,
    key: string,
    conditions: WriteConditions = {},
  ): Promise<DeleteResult> {
    checkOptions(conditions);
    return await this.#update(
      scope,
      key,
      (record, nowMs) => decideDelete(record, conditions, nowMs),
    );
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    return await this.#update(
      scope,
      key,
      (record, nowMs) => decideIncrement(record, by, author, nowMs),
    );
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    const entries = new Map<string, Entry>();
    for (const key of await this.listKeys(scope)) {
      const entry = await this.retrieve(scope, key);
      if (entry) entries.set(key, entry);
    }
    return entries;
  }

  async listKeys(scope: string): Promise<string[]> {
    checkName("scope", scope);
    const prefix = await headsOf(scope);
    const nowMs = this.#now();
    const heads = await this.#heads(prefix);
    return heads.filter((head) => isLive(head, nowMs)).map(({ key }) => key).sort();
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    const matches = compileGlob(pattern);
    const nowMs = this.#now();
    const heads = await this.#readableHeads();
    const live = heads.filter((head) => isLive(head, nowMs) && matches(head.scope));
    return [...new Set(live.map(({ scope }) => scope))].sort();
  }

  async deleteScope(scope: string): Promise<boolean> {
    checkName("scope", scope);
    const prefix = await headsOf(scope);
    return await this.#database.inTurn(async () => {
      const nowMs = this.#now();
      const heads = await this.#heads(prefix);
      for (let at = 0; at < heads.length; at += CHANGES_A_COMMIT) {
        const atomic = this.#database.atomic();
        for (const { key, fence } of heads.slice(at, at + CHANGES_A_COMMIT)) {
          const { head } = await keysOf(scope, key);
          if (fence === null) atomic.delete(head);
          else atomic.set(head, encodeRecord(scope, key, { entry: null, fence }).head);
        }
        await this.#commit(atomic);
      }
      for (const head of heads) {
        const { key, entry } = head;
        if (entry?.chunks) await this.#dropChunks(await keysOf(scope, key), null, head);
      }
      return heads.some((head) => isLive(head, nowMs));
    });
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const matches = compileGlob(pattern);
    const changed = await this.#changed();
    const versions = await this.#versions(matches);
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    return this.#poll(matches, changed, versions, stop);
  }

  now(): Promise<number> {
    return Promise.resolve(this.#now());
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort();
    await this.#database.close();
  }

  async #update<R>(
    scope: string,
    key: string,
    decide: (record: KeyRecord, nowMs: number) => Decision<R>,
  ): Promise<R> {
    checkName("scope", scope);
    checkName("key", key);
    const keys = await keysOf(scope, key);
    return await this.#database.inTurn(async () => {
      for (;;) {
        const { head, record } = await this.#read(keys);
        const { answer, next } = decide(record, this.#now());
        if (!next || await this.#write(scope, key, keys, head, next)) return answer;
      }
    });
  }

  /** Writes a record unless another client of a KV Connect server came first. */
  async #write(
    scope: string,
    key: string,
    keys: Keys,
    before: Deno.KvEntryMaybe<unknown>,
    next: KeyRecord,
  ): Promise<boolean> {
    const { head, chunks } = encodeRecord(scope, key, next);
    const version = next.entry?.version ?? null;
    // The chunks come first, where nobody looks yet; the head then switches to all of them at once.
    for (let at = 0; at < chunks.length; at += CHUNKS_A_COMMIT) {
      const atomic = this.#database.atomic();
      chunks.slice(at, at + CHUNKS_A_COMMIT).forEach((chunk, i) =>
        atomic.set([...keys.chunks, version!, at + i], chunk)
      );
      await this.#database.commit(atomic);
    }
    const atomic = this.#database.atomic().check(before);
    if (next.entry || next.fence !== null) atomic.set(keys.head, head);
    else atomic.delete(keys.head);
    const written = await this.#commit(atomic);
    if (written) await this.#dropChunks(keys, version, readHead(before));
    return written;
  }

  async #commit(atomic: Deno.AtomicOperation): Promise<boolean> {
    atomic.set(CHANGED_KEY, crypto.getRandomValues(new Uint8Array(16)));
    return await this.#database.commit(atomic);
  }

  /**
   * Removes the chunks of all versions but one, also those that a killed writer left. Where writers
   * take no turns, others may be writing theirs: there, only those of the replaced version.
   */
  async #dropChunks(keys: Keys, except: Version | null, replaced: Head | null): Promise<void> {
    const at = keys.chunks.length;
    const isOurTurn = this.place.reach === "machine";
    for (const { key } of await this.#database.list(keys.chunks)) {
      const isOld = isOurTurn ? key[at] !== except : key[at] === replaced?.entry?.version;
      if (isOld) await this.#database.delete(key);
    }
  }

  async #read(keys: Keys): Promise<{ head: Deno.KvEntryMaybe<unknown>; record: KeyRecord }> {
    for (let seen: string | null = null;;) {
      const head = await this.#database.get(keys.head);
      const known = readHead(head);
      if (!known) return { head, record: EMPTY };
      const text = known.entry === null ? "" : known.entry.text ?? await this.#join(keys, known);
      if (text !== null) return { head, record: decodeRecord(known, text) };
      if (head.versionstamp === seen) throw incomplete(known);
      seen = head.versionstamp; // replaced while its chunks were read, perhaps: look again
    }
  }

  async #join(keys: Keys, { entry }: Head): Promise<string | null> {
    const decoder = new TextDecoder();
    let text = "";
    for (let i = 0; i < entry!.chunks; i++) {
      const { value } = await this.#database.get([...keys.chunks, entry!.version, i]);
      if (value === null) return null;
      text += decoder.decode(value as Uint8Array, { stream: true });
    }
    return text + decoder.decode();
  }

  async #heads(prefix: Deno.KvKey): Promise<Head[]> {
    return (await this.#database.list(prefix)).map((entry) => readHead(entry)!);
  }

  /** All heads but those that a newer csc wrote. */
  async #readableHeads(): Promise<Head[]> {
    return (await this.#database.list(HEADS)).flatMap((entry) => {
      try {
        return [readHead(entry)!];
      } catch (error) {
        this.#onUnreadable(error);
        return [];
      }
    });
  }

  async #changed(): Promise<unknown> {
    return ((await this.#database.get(CHANGED_KEY)).value as Uint8Array | null)?.toHex();
  }

  /** The versions of all keys that match, by scope and key. */
  async #versions(matches: Matcher): Promise<Map<string, Change>> {
    const heads = await this.#readableHeads();
    const present = heads.filter(({ scope, entry }) => entry && matches(scope));
    return new Map(present.map(({ scope, key, entry }) => [
      JSON.stringify([scope, key]),
      { scope, key, version: entry!.version },
    ]));
  }

  async *#poll(
    matches: Matcher,
    changed: unknown,
    versions: Map<string, Change>,
    stop: AbortSignal,
  ): AsyncGenerator<Change> {
    for (;; await sleep(POLL_MS, stop)) {
      if (stop.aborted) return;
      try {
        const latest = await this.#changed();
        if (latest === changed) continue;
        const after = await this.#versions(matches);
        const before = versions;
        changed = latest;
        versions = after;
        for (const [id, change] of after) {
          if (before.get(id)?.version !== change.version) yield change;
        }
        for (const [id, { scope, key }] of before) {
          if (!after.has(id)) yield { scope, key, version: null };
        }
      } catch (error) {
        if (stop.aborted) return; // the database was closed under a poll
        throw error;
      }
    }
  }
}

function incomplete({ scope, key }: Head): CoordinatorError {
  return new CoordinatorError(
    "store_corrupt",
    `Cannot read the key '${key}' of the scope '${scope}' as a part of its value is missing`,
    "Store the value anew.",
  );
}
