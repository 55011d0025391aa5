import type { Json } from "../../src/domain/json.ts";
import type {
  StorageAdapter,
  StoreOptions,
  StoreResult,
  WriteConditions,
} from "../../src/storage/adapter.ts";

/** A store that does what another does, to be changed by overriding. */
export class WrappedStore implements StorageAdapter {
  readonly place: StorageAdapter["place"];

  constructor(protected readonly inner: StorageAdapter) {
    this.place = inner.place;
  }

  store(scope: string, key: string, value: Json, options?: StoreOptions): Promise<StoreResult> {
    return this.inner.store(scope, key, value, options);
  }
  retrieve(scope: string, key: string) {
    return this.inner.retrieve(scope, key);
  }
  delete(scope: string, key: string, conditions?: WriteConditions) {
    return this.inner.delete(scope, key, conditions);
  }
  increment(scope: string, key: string, by?: number, author?: string) {
    return this.inner.increment(scope, key, by, author);
  }
  retrieveAll(scope: string) {
    return this.inner.retrieveAll(scope);
  }
  listKeys(scope: string) {
    return this.inner.listKeys(scope);
  }
  listScopes(pattern?: string) {
    return this.inner.listScopes(pattern);
  }
  deleteScope(scope: string) {
    return this.inner.deleteScope(scope);
  }
  watch(pattern?: string, signal?: AbortSignal) {
    return this.inner.watch(pattern, signal);
  }
  now() {
    return this.inner.now();
  }
  close() {
    return this.inner.close();
  }
}
