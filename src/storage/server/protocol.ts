/**
 * What a client and a csc server say to each other about a store: JSON over HTTP, one request an
 * operation, and a stream of lines for a watch.
 *
 * @module
 */

import type { ErrorCode } from "../../domain/error.ts";
import type { Json } from "../../domain/json.ts";
import type { Change, Version } from "../adapter.ts";

/** The version of what they say; each refuses a newer one. */
export const PROTOCOL = 1;

/** Where operations and watches are, below the server's URL. */
export const STORE_PATH = "/store";
export const WATCH_PATH = "/store/watch";

/** The operations of a store. */
export type StoreOp =
  | "store"
  | "retrieve"
  | "delete"
  | "increment"
  | "retrieveAll"
  | "listKeys"
  | "listScopes"
  | "deleteScope"
  | "now";

/** Which of them write. */
export const WRITES: ReadonlySet<StoreOp> = new Set([
  "store",
  "delete",
  "increment",
  "deleteScope",
]);

/** What a request carries beside its operation's arguments. */
export interface Envelope {
  readonly v: number;
  readonly op: StoreOp;
  /** Names the request: its answer bears it, and a write happens once however often it is sent. */
  readonly id?: string;
  /** Of a write that is sent again: how many milliseconds ago it was sent first. */
  readonly again_ms?: number;
}

/** The answer to a request. */
export type Answer =
  | { readonly v: number; readonly id?: string; readonly ok: true; readonly result: Json }
  | { readonly v: number; readonly id?: string; readonly ok: false; readonly error: AnswerError };

/** Why a request failed. */
export interface AnswerError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * A line of a watch. First come all versions there are, scope by scope, then `ready`, then changes;
 * a line without anything shows that the server is there.
 */
export type WatchLine =
  | { readonly scope: string; readonly versions: readonly (readonly [string, Version])[] }
  | { readonly ready: number }
  | Change
  | { readonly error: AnswerError }
  | { readonly [name: string]: never };

/** In it a hook tells how long it has run, in milliseconds. */
export const HOOK_HEADER = "x-csc-hook-ms";

/** How often a server says that it is there, in milliseconds. */
export const HEARTBEAT_MS = 2000;
/** After this long without a line a client takes the connection for lost. */
export const SILENCE_MS = 7000;
