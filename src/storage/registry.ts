/**
 * Which adapters there are, and how a configuration becomes an open store.
 *
 * @module
 */

import type { Json, ValueLimits } from "../domain/json.ts";
import type { StorageAdapter } from "./adapter.ts";

/** What a factory gets beside its own configuration. */
export interface AdapterContext {
  /** Absolute path of the folder that relative paths start at: the repository's main checkout. */
  readonly baseFolder: string;
  /** What a value may be; the adapter refuses others. */
  readonly limits: ValueLimits;
  /**
   * When waiting for other processes ends, as `performance.now()` tells time: for a process that has
   * to answer by then. Without it, each operation has its adapter's usual time.
   */
  readonly deadline?: number;
  /** Told of records that cannot be read while others are listed. */
  readonly onUnreadable: (error: unknown) => void;
  /** Told once of what makes the store less safe than it should be, for people to mend; for logs. */
  readonly onWarning?: (text: string) => void;
}

/** Opens a store from `storage.config`, which it checks itself. */
export type AdapterFactory = (
  config: { readonly [key: string]: Json },
  context: AdapterContext,
) => StorageAdapter | Promise<StorageAdapter>;

const METHODS = [
  "store",
  "retrieve",
  "delete",
  "increment",
  "retrieveAll",
  "listKeys",
  "listScopes",
  "deleteScope",
  "watch",
  "now",
  "close",
] as const satisfies readonly (keyof StorageAdapter)[];

const factories = new Map<string, AdapterFactory>();

/**
 * Makes a store available as `storage.adapter`.
 *
 * @param name Its name in the configuration: lower-case letters, digits and dashes.
 * @param factory Opens it.
 * @throws {TypeError} Where the name is taken or malformed, or the factory is no function.
 * @example
 * ```ts
 * import { registerAdapter } from "@csc/server/storage";
 * import { main } from "@csc/server";
 *
 * registerAdapter("my-store", (config, context) => new MyStore(config, context.limits));
 * await main(Deno.args);
 * ```
 */
export function registerAdapter(name: string, factory: AdapterFactory): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new TypeError(
      `Cannot register the adapter '${name}' as a name has lower-case letters, digits and dashes only`,
    );
  }
  if (typeof factory !== "function") {
    throw new TypeError(`Cannot register the adapter '${name}' as its factory is no function`);
  }
  if (factories.has(name)) {
    throw new TypeError(`Cannot register the adapter '${name}' as the name is taken`);
  }
  factories.set(name, factory);
}

/** The names that `storage.adapter` can have. */
export function adapterNames(): string[] {
  return [...factories.keys()];
}

/**
 * Opens a store.
 *
 * @throws {CoordinatorError} `unknown_adapter`, with the known ones.
 * @throws {TypeError} Where a registered factory returns something that is no adapter.
 */
export async function openStore(
  name: string,
  config: { readonly [key: string]: Json },
  context: AdapterContext,
): Promise<StorageAdapter> {
  const factory = factories.get(name);
  if (!factory) {
    const { unknownAdapter } = await import("./unknown_adapter.ts");
    throw unknownAdapter(name, adapterNames());
  }
  const store = await factory(config, context);
  const missing = METHODS.filter((method) => typeof store?.[method] !== "function");
  if (missing.length > 0 || !store.place) {
    const parts = missing.length > 0 ? missing.map((method) => `${method}()`) : ["place"];
    throw new TypeError(
      `The adapter '${name}' does not fulfil the contract: ${parts.join(", ")} missing`,
    );
  }
  return store;
}
