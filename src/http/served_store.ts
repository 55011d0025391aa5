/**
 * The server's own store, as everything within the server uses it: each operation is measured, and all
 * watches share one, since systems offer few.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { compileGlob } from "../domain/glob.ts";
import type { Json } from "../domain/json.ts";
import type { Log } from "../os/log.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  WriteConditions,
} from "../storage/adapter.ts";
import type { Metrics } from "./metrics.ts";
import { SharedWatch } from "./shared_watch.ts";

/** A store with measured operations and one watch for all. */
export class ServedStore implements StorageAdapter {
  /**
   * Whoever comes through a server may be on another machine: time is the store's, and proofs of life
   * mean nothing.
   */
  readonly place: StorePlace = {
    reach: "network",
    location: "the store of this csc server",
    folder: null,
  };
  readonly #store: StorageAdapter;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #watches = new Map<string, SharedWatch>();

  constructor(store: StorageAdapter, metrics: Metrics, log: Log) {
    this.#store = store;
    this.#metrics = metrics;
    this.#log = log;
  }

  store(scope: string, key: string, value: Json, options?: StoreOptions): Promise<StoreResult> {
    return this.#measured("store", () => this.#store.store(scope, key, value, options));
  }

  retrieve(scope: string, key: string): Promise<Entry | null> {
    return this.#measured("retrieve", () => this.#store.retrieve(scope, key));
  }

  delete(scope: string, key: string, conditions?: WriteConditions): Promise<DeleteResult> {
    return this.#measured("delete", () => this.#store.delete(scope, key, conditions));
  }

  increment(scope: string, key: string, by?: number, author?: string): Promise<number> {
    return this.#measured("increment", () => this.#store.increment(scope, key, by, author));
  }

  retrieveAll(scope: string): Promise<ReadonlyMap<string, Entry>> {
    return this.#measured("retrieve_all", () => this.#store.retrieveAll(scope));
  }

  listKeys(scope: string): Promise<string[]> {
    return this.#measured("list_keys", () => this.#store.listKeys(scope));
  }

  listScopes(pattern?: string): Promise<string[]> {
    return this.#measured("list_scopes", () => this.#store.listScopes(pattern));
  }

  deleteScope(scope: string): Promise<boolean> {
    return this.#measured("delete_scope", () => this.#store.deleteScope(scope));
  }

  now(): Promise<number> {
    return this.#measured("now", () => this.#store.now());
  }

  /** Ends all watches and closes the store. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#store.close();
  }

  watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    // What all machines of a project share changes often and is large: not for everybody's watch.
    const all = /^[^:*?[]/.test(pattern) ? "[!:]*" : "*";
    const watch = this.#watches.get(all) ??
      new SharedWatch(() => this.#store.watch(all, this.#closing.signal), this.#log);
    this.#watches.set(all, watch);
    const signals = [this.#closing.signal, ...(signal ? [signal] : [])];
    return watch.join(compileGlob(pattern), AbortSignal.any(signals));
  }

  async #measured<T>(op: string, task: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await task();
    } catch (error) {
      const code = error instanceof CoordinatorError ? error.code : "unexpected";
      this.#metrics.storeFailures.add({ op, code });
      throw error;
    } finally {
      this.#metrics.storeTime.observe(performance.now() - startedAt, { op });
    }
  }
}
