/**
 * The server's own store, as everything within the server uses it: each operation is measured, and all
 * watches share one, since systems offer few.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { compileGlob, type Matcher } from "../domain/glob.ts";
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

/** Somebody who watches. */
interface Watcher {
  readonly matches: Matcher;
  readonly controller: ReadableStreamDefaultController<Change>;
  readonly leave: () => void;
}

/** A client that does not read its changes must not fill the memory: it loses its watch. */
const MAX_UNREAD = 10_000;

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
  readonly #watchers = new Set<Watcher>();
  readonly #closing = new AbortController();
  #watching: Promise<void> | null = null;

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
    for (const { leave } of this.#watchers) leave();
    await this.#store.close();
    await this.#watching?.catch(() => {});
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    let watcher: Watcher | null = null;
    const changes = new ReadableStream<Change>({
      start: (controller) => {
        watcher = this.#join(compileGlob(pattern), controller, signal);
      },
      cancel: () => watcher?.leave(),
    }, { highWaterMark: MAX_UNREAD });
    try {
      await (this.#watching ??= this.#watch());
    } catch (error) {
      watcher!.leave();
      throw error;
    }
    return changes;
  }

  #join(
    matches: Matcher,
    controller: ReadableStreamDefaultController<Change>,
    signal?: AbortSignal,
  ): Watcher {
    const leave = () => {
      if (!this.#watchers.delete(watcher)) return;
      signal?.removeEventListener("abort", leave);
      try {
        controller.close();
      } catch {
        // The reader has cancelled.
      }
    };
    const watcher = { matches, controller, leave };
    this.#watchers.add(watcher);
    if (signal?.aborted || this.#closing.signal.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
    return watcher;
  }

  /** Begins the one watch; resolves once it runs. */
  async #watch(): Promise<void> {
    try {
      const changes = await this.#store.watch("*", this.#closing.signal);
      this.#passOn(changes);
    } catch (error) {
      this.#watching = null; // the next one tries again
      throw error;
    }
  }

  async #passOn(changes: AsyncIterable<Change>): Promise<void> {
    try {
      for await (const change of changes) {
        for (const watcher of this.#watchers) this.#tell(watcher, change);
      }
    } catch (error) {
      this.#log.warn(`changes of the store are not seen any more: ${messageOf(error)}`);
    } finally {
      this.#watching = null;
      for (const { leave } of this.#watchers) leave();
    }
  }

  #tell({ matches, controller, leave }: Watcher, change: Change): void {
    if (!matches(change.scope)) return;
    if ((controller.desiredSize ?? 0) <= 0) return leave();
    controller.enqueue(change);
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
