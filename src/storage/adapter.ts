/**
 * The contract of every store. Its vocabulary is that of seed 002 (`store`, `retrieve`, `delete`,
 * `list_keys`, `list_scopes`, `delete_scope`, `close`); beyond it, and for every adapter: conditional
 * writes, fencing, counters, expiry and `watch`.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";

export type { Json, RawNumber } from "../domain/json.ts";

/** Changes with every write of a key and never comes back. Compare with `===`; never build one. */
export type Version = string & { readonly __brand: "version" };

/** A stored value and what is known about it. */
export interface Entry {
  /** The value. */
  readonly value: Json;
  /** The version of this very write. */
  readonly version: Version;
  /** Who wrote it, or null where the writer did not say. */
  readonly author: string | null;
  /** When it was written, in milliseconds since 1970 by the store's clock. */
  readonly storedAtMs: number;
  /** When it ends by the store's clock, or null for never. */
  readonly expiresAtMs: number | null;
  /** The highest fencing number that the key has seen, or null for none. */
  readonly fence: number | null;
}

/** What must be true for a write to happen. */
export interface WriteConditions {
  /** The version the key must have, or `"absent"`; without it the write is unconditional. */
  readonly expected?: Version | "absent";
  /**
   * The writer's fencing number, a safe integer from 0. The write is refused where the key has seen a
   * higher one; a key remembers its highest also beyond deletion, expiry and `deleteScope`.
   */
  readonly fence?: number;
}

/** Options of {@linkcode StorageAdapter.store}. */
export interface StoreOptions extends WriteConditions {
  /** How long the value lives, in milliseconds by the store's clock; without it, for ever. */
  readonly ttlMs?: number;
  /** Who writes. */
  readonly author?: string;
}

/** A write that did not happen: a lost race or an old fencing number is an answer, not an exception. */
export interface Refusal {
  readonly ok: false;
  /** Which condition failed. */
  readonly reason: "version" | "fence";
  /** What the key held at that moment. */
  readonly current: Entry | null;
  /** The highest fencing number the key has seen. */
  readonly fence: number | null;
}

/** The answer to `store`. */
export type StoreResult = { readonly ok: true; readonly version: Version } | Refusal;

/** The answer to `delete`; `existed` is the boolean of seed 002. */
export type DeleteResult = { readonly ok: true; readonly existed: boolean } | Refusal;

/** A change of one key, by this or another process. Quick successions may be reported as one. */
export interface Change {
  readonly scope: string;
  readonly key: string;
  /** The version it has now, or null where it is gone. Expiry is reported late or not at all. */
  readonly version: Version | null;
}

/** Where a store is, and who can see it. */
export interface StorePlace {
  /** Who shares it: this process, all processes of this machine, or all machines. */
  readonly reach: "process" | "machine" | "network";
  /** For people; holds no password. */
  readonly location: string;
  /** A folder that exactly the processes sharing the store share too, or null where there is none. */
  readonly folder: string | null;
  /** Whether `watch` finds changes by asking again and again, each time at a cost; false by default. */
  readonly polls?: boolean;
}

/** What a store's server says of itself. */
export interface ServerInfo {
  readonly version: string;
  /** How long it has been up, in seconds. */
  readonly uptimeS: number;
}

/** A setting of a store's server with which it loses what it has acknowledged. */
export interface Weakness {
  /** What is so, and what follows from it; no trailing period. */
  readonly fact: string;
  /** What to do: a command, or a sentence's rest. */
  readonly remedy: string;
}

/**
 * A store of JSON values under scope and key. Scopes and keys are any well-formed text of 1 to 1,024
 * characters; two different ones never meet.
 *
 * Once a write's promise resolves, every client of the store sees it, and it survives the death of
 * any process.
 *
 * @throws {CoordinatorError} From every method: `invalid_argument` for a bad scope, key or option,
 * `value_refused`, `store_busy` where the store did not answer in time, `store_corrupt`,
 * `store_newer` and `store_io`. Of a store on the network also `store_unreachable`, where nothing was
 * written, and `outcome_unknown`, where the answer to a write was lost and it may have happened.
 */
export interface StorageAdapter {
  /** Where the store is. */
  readonly place: StorePlace;
  /** Writes a value, whatever was there, unless a condition says otherwise. */
  store(scope: string, key: string, value: Json, options?: StoreOptions): Promise<StoreResult>;
  /** The value with its version, or null where there is none. A stored `null` is an entry. */
  retrieve(scope: string, key: string): Promise<Entry | null>;
  /** Removes a value. A condition that fails is an answer; a key that was absent is `existed: false`. */
  delete(scope: string, key: string, conditions?: WriteConditions): Promise<DeleteResult>;
  /**
   * Adds to a number, atomically, and answers the sum. An absent key counts as 0; expiry and fence
   * stay as they are. `invalid_argument` where the value or the sum is not a safe integer.
   */
  increment(scope: string, key: string, by?: number, author?: string): Promise<number>;
  /**
   * All entries of a scope as they stood at one moment (where its store cannot, at moments close
   * together), sorted by key; none for an unknown scope.
   */
  retrieveAll(scope: string): Promise<ReadonlyMap<string, Entry>>;
  /** The keys of a scope, sorted by code unit; none for an unknown scope. */
  listKeys(scope: string): Promise<string[]>;
  /** The scopes that hold at least one key and match the glob, sorted by code unit. */
  listScopes(pattern?: string): Promise<string[]>;
  /** Removes all keys of a scope; answers whether there were any. */
  deleteScope(scope: string): Promise<boolean>;
  /**
   * Reports every change in the scopes that match the glob, from the moment the promise resolves,
   * until the signal aborts, the loop is left or the store is closed.
   */
  watch(pattern?: string, signal?: AbortSignal): Promise<AsyncIterable<Change>>;
  /** The store's clock, in milliseconds since 1970. */
  now(): Promise<number>;
  /** What puts at risk what the store holds; missing where a store cannot know. */
  weaknesses?(): Promise<readonly Weakness[]>;
  /** What the server says of itself where there is one; missing where a store does not ask it. */
  serverInfo?(): Promise<ServerInfo>;
  /** Frees what the adapter holds; ends its watches. May be called again. */
  close(): Promise<void>;
}
