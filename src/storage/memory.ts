// deno-lint-ignore-file require-await -- async, so that a refused argument rejects as everywhere
/**
 * A store in this process's memory, for tests.
 *
 * @module
 */

import { compileGlob, type Matcher } from "../domain/glob.ts";
import { copyValue, DEFAULT_LIMITS, type Json, type ValueLimits } from "../domain/json.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  WriteConditions,
} from "./adapter.ts";
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
} from "./record.ts";

/** What the clients of one memory store share. */
export class MemoryData {
  readonly scopes = new Map<string, Map<string, KeyRecord>>();
  readonly listeners = new Set<(change: Change) => void>();
}

/** The `memory` adapter. */
export class MemoryStore implements StorageAdapter {
  readonly place: StorePlace = { reach: "process", location: "memory", folder: null };
  readonly #data: MemoryData;
  readonly #limits: ValueLimits;
  readonly #now: () => number;
  readonly #closing = new AbortController();

  constructor(data = new MemoryData(), limits = DEFAULT_LIMITS, now: () => number = Date.now) {
    this.#data = data;
    this.#limits = limits;
    this.#now = now;
  }

  async store(scope: string, key: string, value: Json, options: StoreOptions = {}) {
    checkOptions(options);
    const copy = copyValue(value, this.#limits);
    const decide = (record: KeyRecord) => decideStore(record, copy, options, this.#now());
    return this.#update<StoreResult>(scope, key, decide);
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    const entry = liveEntry(this.#record(scope, key), this.#now());
    return copyEntry(entry);
  }

  async delete(scope: string, key: string, conditions: WriteConditions = {}) {
    checkOptions(conditions);
    const decide = (record: KeyRecord) => decideDelete(record, conditions, this.#now());
    return this.#update<DeleteResult>(scope, key, decide);
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    const decide = (record: KeyRecord) => decideIncrement(record, by, author, this.#now());
    return this.#update(scope, key, decide);
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    checkName("scope", scope);
    const entries = liveEntries(this.#data.scopes.get(scope) ?? [], this.#now());
    return new Map([...entries].map(([key, entry]) => [key, copyEntry(entry)!]));
  }

  async listKeys(scope: string): Promise<string[]> {
    checkName("scope", scope);
    return this.#liveKeys(scope).sort();
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    const matches = compileGlob(pattern);
    return [...this.#data.scopes.keys()]
      .filter((scope) => matches(scope) && this.#liveKeys(scope).length > 0)
      .sort();
  }

  async deleteScope(scope: string): Promise<boolean> {
    checkName("scope", scope);
    const keys = this.#liveKeys(scope);
    for (const key of keys) this.#update(scope, key, (record) => decideDelete(record, {}, 0));
    return keys.length > 0;
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    return listen(this.#data.listeners, compileGlob(pattern), stop);
  }

  now(): Promise<number> {
    return Promise.resolve(this.#now());
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  #record(scope: string, key: string): KeyRecord {
    checkName("scope", scope);
    checkName("key", key);
    return this.#data.scopes.get(scope)?.get(key) ?? EMPTY;
  }

  #liveKeys(scope: string): string[] {
    const records = [...this.#data.scopes.get(scope) ?? []];
    return records.filter(([, record]) => liveEntry(record, this.#now())).map(([key]) => key);
  }

  #update<R>(scope: string, key: string, decide: (record: KeyRecord) => Decision<R>): R {
    const { entry, fence } = this.#record(scope, key);
    // The decision may hand out the entry, so it gets a copy.
    const { answer, next } = decide({ entry: copyEntry(entry), fence });
    if (!next) return answer;
    const records = this.#data.scopes.get(scope) ?? new Map<string, KeyRecord>();
    this.#data.scopes.set(scope, records.set(key, next));
    if (!next.entry && next.fence === null) records.delete(key);
    const change = { scope, key, version: next.entry?.version ?? null };
    for (const listener of this.#data.listeners) listener(change);
    return answer;
  }
}

function copyEntry(entry: Entry | null): Entry | null {
  return entry && { ...entry, value: copyValue(entry.value, NO_LIMITS) };
}

const NO_LIMITS: ValueLimits = { maxValueBytes: Infinity };

function listen(
  listeners: Set<(change: Change) => void>,
  matches: Matcher,
  stop: AbortSignal,
): AsyncIterable<Change> {
  let leave = () => {};
  return new ReadableStream<Change>({
    start(controller) {
      const listener = (change: Change) => {
        if (matches(change.scope)) controller.enqueue(change);
      };
      const end = () => {
        leave();
        controller.close();
      };
      leave = () => {
        listeners.delete(listener);
        stop.removeEventListener("abort", end);
      };
      if (stop.aborted) return end();
      listeners.add(listener);
      stop.addEventListener("abort", end);
    },
    cancel: () => leave(),
  });
}
