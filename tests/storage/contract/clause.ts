import { CoordinatorError, type ErrorCode } from "../../../src/domain/error.ts";
import type {
  Change,
  DeleteResult,
  Refusal,
  StorageAdapter,
  StoreResult,
  Version,
} from "../../../src/storage/adapter.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";

/** Two clients of one empty store, and a way to move the store's clock. */
export interface World {
  readonly a: StorageAdapter;
  readonly b: StorageAdapter;
  advance(ms: number): void | Promise<void>;
  /** How long to wait for what must happen; 20 s without it. */
  readonly patienceMs?: number;
  /** How far apart the clients may tell the store's time; 0 without it. */
  readonly clockErrorMs?: number;
}

/** One sentence of the contract. */
export interface Clause {
  readonly name: string;
  check(world: World): Promise<void>;
}

/** The version of a write that must have happened. */
export function versionOf(result: StoreResult): Version {
  assert(result.ok, `the write was refused: ${JSON.stringify(result)}`);
  return result.version;
}

/** The refusal of a write that must not have happened. */
export function refusalOf(result: StoreResult | DeleteResult): Refusal {
  assert(!result.ok, "the write was not refused");
  return result;
}

/** Asserts that a task fails with a certain code. */
export async function assertFails(code: ErrorCode, task: () => Promise<unknown>, what = "") {
  const error = await assertRejects(task, Error);
  assert(error instanceof CoordinatorError, `${what}: ${error}`);
  assertEquals(error.code, code, `${what}: ${error.message}`);
  assert(error.hint !== "", "an error says what to do next");
}

/** The promise's value, or an error where it takes too long. */
export async function within<T>(world: World, what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`waited in vain for ${what}`)),
    world.patienceMs ?? 20_000,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads changes up to the first that fits, then leaves the loop. */
export async function until(
  world: World,
  changes: AsyncIterable<Change>,
  fits: (change: Change) => boolean,
  what = "a change",
): Promise<Change[]> {
  const seen: Change[] = [];
  const read = async () => {
    for await (const change of changes) {
      seen.push(change);
      if (fits(change)) return seen;
    }
    throw new Error(`the watch ended before ${what}`);
  };
  return await within(world, what, read());
}

/** The value of a key, or undefined where there is none. */
export async function valueOf(store: StorageAdapter, scope: string, key: string) {
  return (await store.retrieve(scope, key))?.value;
}
