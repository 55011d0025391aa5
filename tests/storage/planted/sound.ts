import { DEFAULT_LIMITS, type Json } from "../../../src/domain/json.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StoreResult,
  WriteConditions,
} from "../../../src/storage/adapter.ts";
import { MemoryData, MemoryStore } from "../../../src/storage/memory.ts";

/** What the two clients of one broken store share. */
export class Shared {
  readonly data = new MemoryData();
  nowMs = Date.UTC(2026, 0, 1);
  /** What a bug keeps beside the data. */
  readonly notes = new Map<string, unknown>();
  readonly now = () => this.nowMs;
}

/** A sound store, to be broken by overriding. */
export class Sound implements StorageAdapter {
  readonly place: StorageAdapter["place"];
  protected readonly inner: MemoryStore;

  constructor(protected readonly shared: Shared) {
    this.inner = new MemoryStore(shared.data, DEFAULT_LIMITS, shared.now);
    this.place = this.inner.place;
  }

  store(scope: string, key: string, value: Json, options?: StoreOptions): Promise<StoreResult> {
    return this.inner.store(scope, key, value, options);
  }
  retrieve(scope: string, key: string): Promise<Entry | null> {
    return this.inner.retrieve(scope, key);
  }
  delete(scope: string, key: string, conditions?: WriteConditions): Promise<DeleteResult> {
    return this.inner.delete(scope, key, conditions);
  }
  increment(scope: string, key: string, by?: number, author?: string): Promise<number> {
    return this.inner.increment(scope, key, by, author);
  }
  retrieveAll(scope: string): Promise<ReadonlyMap<string, Entry>> {
    return this.inner.retrieveAll(scope);
  }
  listKeys(scope: string): Promise<string[]> {
    return this.inner.listKeys(scope);
  }
  listScopes(pattern?: string): Promise<string[]> {
    return this.inner.listScopes(pattern);
  }
  deleteScope(scope: string): Promise<boolean> {
    return this.inner.deleteScope(scope);
  }
  watch(pattern?: string, signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    return this.inner.watch(pattern, signal);
  }
  now(): Promise<number> {
    return this.inner.now();
  }
  close(): Promise<void> {
    return this.inner.close();
  }

  /** Everything that is kept of a key, or undefined. */
  protected kept(scope: string, key: string) {
    return this.shared.data.scopes.get(scope)?.get(key);
  }
}

/** Broken stores by what they do wrong. */
export type Bugs = Record<string, new (shared: Shared) => StorageAdapter>;
