import { CoordinatorError } from "../../src/domain/error.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { HttpBucket } from "../../src/storage/s3/bucket.ts";
import { type S3Options, S3Store } from "../../src/storage/s3/s3.ts";
import { optionsOf } from "./servers/s3.ts";

/** Options of a client with the usual times, in a namespace of its own. */
export function clientOptions(options: Partial<S3Options> = {}): S3Options {
  const namespace = `f${crypto.randomUUID().replaceAll("-", "")}`;
  const { timeoutMs: _timeout, clockErrorMs: _error, ...rest } = optionsOf({
    namespace,
    offsetMs: () => 0,
    limits: DEFAULT_LIMITS,
  });
  return { ...rest, ...options };
}

/** A bucket over HTTP, for a look beneath the store. */
export function bucketOf(options: S3Options): HttpBucket {
  return new HttpBucket(options, options.credentials);
}

/** Opens stores for a task and closes them after it. */
export async function withStores(
  options: readonly S3Options[],
  task: (...stores: S3Store[]) => Promise<void>,
): Promise<void> {
  const stores: S3Store[] = [];
  try {
    for (const one of options) stores.push(await S3Store.open(one));
    await task(...stores);
  } finally {
    for (const store of stores) await store.close();
  }
}

/** Increments a key some times; answers how often it was acknowledged, and how often it is unknown. */
export async function count(store: StorageAdapter, times: number) {
  let [acknowledged, unknown, refused] = [0, 0, 0];
  for (let i = 0; i < times; i++) {
    try {
      await store.increment("s", "target");
      acknowledged++;
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      if (error.code === "outcome_unknown") unknown++;
      else refused++;
    }
  }
  return { acknowledged, unknown, refused };
}
