/**
 * The default store: JSON files in a folder that all processes of a machine share.
 *
 * @module
 */

import { join } from "../../os/path.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { compileGlob } from "../../domain/glob.ts";
import { copyValue, type Json, type ValueLimits } from "../../domain/json.ts";
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
  EMPTY,
  type KeyRecord,
  liveEntries,
  liveEntry,
} from "../record.ts";
import { type FileNames, fileNames } from "./file_name.ts";
import { Folder } from "./folder.ts";
import {
  formatScope,
  HEADER_BYTES,
  headerOf,
  parseScope,
  readHeader,
  type ScopeContent,
} from "./scope_file.ts";
import { watchFolder } from "./watch.ts";

/** Settings of the `local` store. */
export interface LocalOptions {
  /** Absolute path of its folder. */
  readonly folder: string;
  /** Flush each write to the disk: what is acknowledged then survives also a loss of power. */
  readonly durable: boolean;
  readonly limits: ValueLimits;
  /** How long a writer waits for other writers; 5,000 by default. */
  readonly lockTimeoutMs?: number;
  /** When all waiting ends; see `AdapterContext`. */
  readonly deadline?: number;
  /** The clock; the system's by default. */
  readonly now?: () => number;
  /** Told of files that cannot be read while others are listed. */
  readonly onUnreadable?: (error: unknown) => void;
}

/** A scope's file, as found. */
interface Found {
  readonly name: string;
  readonly content: ScopeContent;
}

/** The `local` adapter. */
export class LocalStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #folder: Folder;
  readonly #limits: ValueLimits;
  readonly #now: () => number;
  readonly #onUnreadable: (error: unknown) => void;
  readonly #closing = new AbortController();
  #prepared: Promise<void> | null = null;

  constructor(options: LocalOptions) {
    const { folder, durable, limits, lockTimeoutMs = 5000, deadline = Infinity } = options;
    this.place = { reach: "machine", location: folder, folder: join(folder, ".csc") };
    this.#folder = new Folder(folder, { durable, lockTimeoutMs, deadline });
    this.#limits = limits;
    this.#now = options.now ?? Date.now;
    this.#onUnreadable = options.onUnreadable ?? (() => {});
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    checkName("key", key);
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
    const found = await this.#find(scope, fileNames(scope));
    return liveEntry(found?.content.records.get(key) ?? EMPTY, this.#now());
  }

  async delete(
    scope: string,
    key: string,
    conditions: WriteConditions = {},
  ): Promise<DeleteResult> {
    checkName("key", key);
    checkOptions(conditions);
    return await this.#update(
      scope,
      key,
      (record, nowMs) => decideDelete(record, conditions, nowMs),
    );
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    checkName("key", key);
    return await this.#update(
      scope,
      key,
      (record, nowMs) => decideIncrement(record, by, author, nowMs),
    );
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    checkName("scope", scope);
    const found = await this.#find(scope, fileNames(scope));
    return liveEntries(found?.content.records ?? [], this.#now());
  }

  async listKeys(scope: string): Promise<string[]> {
    return [...(await this.retrieveAll(scope)).keys()];
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    await Promise.resolve();
    const matches = compileGlob(pattern);
    const nowMs = this.#now();
    const buffer = new Uint8Array(HEADER_BYTES);
    const scopes = new Set<string>();
    for (const name of this.#folder.scopeFiles()) {
      try {
        const header = this.#readHeader(name, buffer, nowMs);
        if (header?.isLive && matches(header.scope)) scopes.add(header.scope);
      } catch (error) {
        this.#onUnreadable(error); // one bad file does not hide the others
      }
    }
    return [...scopes].sort();
  }

  async deleteScope(scope: string): Promise<boolean> {
    checkName("scope", scope);
    return await this.#hold(scope, (found, nowMs, write) => {
      if (!found) return false;
      const entries = [...found.content.records];
      const existed = entries.some(([, record]) => liveEntry(record, nowMs));
      write(new Map(entries.map(([key, { fence }]) => [key, { entry: null, fence }])));
      return existed;
    });
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    await this.#prepare();
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    return watchFolder(this.#folder, compileGlob(pattern), stop, this.#onUnreadable);
  }

  now(): Promise<number> {
    return Promise.resolve(this.#now());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#folder.close();
  }

  /** Decides on one key and writes what was decided, with no other writer in between. */
  async #update<R>(
    scope: string,
    key: string,
    decide: (record: KeyRecord, nowMs: number) => Decision<R>,
  ): Promise<R> {
    checkName("scope", scope);
    return await this.#hold(scope, (found, nowMs, write) => {
      const records = found?.content.records;
      const { answer, next } = decide(records?.get(key) ?? EMPTY, nowMs);
      if (next) write(new Map(records).set(key, next));
      return answer;
    });
  }

  /** Runs a task that may rewrite a scope, while holding its bucket. */
  async #hold<R>(
    scope: string,
    task: (
      found: Found | null,
      nowMs: number,
      write: (records: Map<string, KeyRecord>) => void,
    ) => R,
  ): Promise<R> {
    const names = fileNames(scope);
    const { bucket, seed, seedIsSafe } = names;
    return await this.#inTurn(bucket, async () => {
      const found = await this.#find(scope, names);
      const name = found?.name ??
        (seedIsSafe && this.#folder.read(seed!) === null ? seed! : await names.hashed());
      const nowMs = this.#now();
      return task(found, nowMs, (records) => {
        const createdAt = found?.content.createdAt ?? null;
        const isEmpty = records.values().every((record) =>
          record.fence === null && !liveEntry(record, nowMs)
        );
        if (!isEmpty) {
          const text = formatScope({ scope, createdAt, records }, nowMs);
          this.#folder.replace(name, text, bucket);
        } else if (found) {
          this.#folder.remove(name);
        }
      });
    });
  }

  /**
   * Looks where the scope can be: under the seed's name, unless another scope has that, else under
   * its hashed name.
   */
  async #find(scope: string, { seed, hashed: hashedName }: FileNames): Promise<Found | null> {
    const plain = seed === null ? null : this.#readUnlessForeign(seed, scope);
    if (plain?.scope === scope) return { name: seed!, content: plain };
    const hashed = await hashedName();
    const content = this.#readContent(hashed);
    if (content && content.scope !== scope) {
      throw new CoordinatorError(
        "store_corrupt",
        `Cannot use '${join(this.#folder.path, hashed)}' as it holds another scope`,
        "It was left untouched. Rename it to what it was called before, or move it out of the folder.",
      );
    }
    return content && { name: hashed, content };
  }

  #readContent(name: string): ScopeContent | null {
    const text = this.#folder.read(name);
    return text === null ? null : this.#parse(text, name);
  }

  #parse(text: string, name: string): ScopeContent {
    return parseScope(text, `${this.#folder.path}/${name}`);
  }

  /** Like {@linkcode #readContent}, but a broken file of another scope does not concern this one. */
  #readUnlessForeign(name: string, scope: string): ScopeContent | null {
    const text = this.#folder.read(name);
    if (text === null) return null;
    try {
      return this.#parse(text, name);
    } catch (error) {
      const header = readHeader(text, 0);
      if (header && header.scope !== scope) return null;
      throw error;
    }
  }

  #readHeader(name: string, buffer: Uint8Array, nowMs: number) {
    const start = this.#folder.readStart(name, buffer);
    if (start === null) return null;
    const header = readHeader(start, nowMs);
    if (header) return header;
    const content = this.#readContent(name);
    return content && headerOf(content, nowMs);
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= this.#folder.prepare();
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = null;
      throw error;
    }
  }

  /** Runs a task in its turn, in a folder that is made anew where somebody removed it. */
  async #inTurn<R>(bucket: number, task: () => R | Promise<R>): Promise<R> {
    for (let isRetry = false;; isRetry = true) {
      await this.#prepare();
      try {
        return await this.#folder.hold(bucket, task);
      } catch (error) {
        const isGone = error instanceof Error &&
          [error, error.cause].some((one) => one instanceof Deno.errors.NotFound);
        if (!isGone || isRetry) throw error;
        this.#prepared = null;
      }
    }
  }
}
