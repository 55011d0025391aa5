import type { Json } from "../../../src/domain/json.ts";
import type { StorageAdapter, StoreOptions, Version } from "../../../src/storage/adapter.ts";
import { WrappedStore } from "../../support/wrapped_store.ts";

class IgnoresExpected extends WrappedStore {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope, key, value, { ...options, expected: undefined });
  }
}

class TakesAbsentForAny extends WrappedStore {
  override store(scope: string, key: string, value: Json, options: StoreOptions = {}) {
    const expected = options.expected === "absent" ? undefined : options.expected;
    return this.inner.store(scope, key, value, { ...options, expected });
  }
}

class ChecksThenWrites extends WrappedStore {
  override async store(scope: string, key: string, value: Json, options: StoreOptions = {}) {
    const current = await this.inner.retrieve(scope, key);
    const { expected, ...rest } = options;
    const holds = expected === undefined || (current?.version ?? "absent") === expected;
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    return await this.inner.store(scope, key, value, holds ? rest : options);
  }
}

class IgnoresFence extends WrappedStore {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope, key, value, { ...options, fence: undefined });
  }
}

class DeletesWithoutExpected extends WrappedStore {
  override delete(scope: string, key: string) {
    return this.inner.delete(scope, key);
  }
}

class AcknowledgesWithoutWriting extends WrappedStore {
  #count = 0;
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    if (++this.#count % 3 !== 0) return this.inner.store(scope, key, value, options);
    return Promise.resolve({
      ok: true as const,
      version: crypto.randomUUID() as string as Version,
    });
  }
}

/** A broken store, and the clause of the leases that catches it. */
export interface StoreBug {
  readonly does: string;
  readonly caughtBy: string;
  readonly Store: new (inner: StorageAdapter) => StorageAdapter;
}

/** Stores that break what leases need of them. */
export const STORE_BUGS: readonly StoreBug[] = [
  {
    does: "ignores `expected`",
    caughtBy: "of ten who take over one grant at once, one gets it",
    Store: IgnoresExpected,
  },
  {
    does: 'takes "absent" for anything',
    caughtBy: "of twenty who ask at once, one gets it",
    Store: TakesAbsentForAny,
  },
  {
    does: "checks, then writes a moment later",
    caughtBy: "of twenty who ask at once, one gets it",
    Store: ChecksThenWrites,
  },
  {
    does: "ignores the fence",
    caughtBy: "a fenced write of a holder that was overtaken is refused",
    Store: IgnoresFence,
  },
  {
    does: "deletes without `expected`",
    caughtBy: "`collect()` leaves alone what is taken in that very moment",
    Store: DeletesWithoutExpected,
  },
  {
    does: "acknowledges what it has not written",
    caughtBy: "tokens rise over rounds of races",
    Store: AcknowledgesWithoutWriting,
  },
];
