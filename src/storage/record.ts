/**
 * What one write does to one key, as pure functions: the same rules for every store whose engine
 * offers no such rules of its own.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import type { Json } from "../domain/json.ts";
import { uniqueName } from "../os/unique.ts";
import type {
  DeleteResult,
  Entry,
  Refusal,
  StoreOptions,
  StoreResult,
  Version,
  WriteConditions,
} from "./adapter.ts";

/** What a store keeps of a key: its entry, and beyond its end the highest fencing number. */
export interface KeyRecord {
  /** The entry, null once deleted. May have expired: see {@linkcode liveEntry}. */
  readonly entry: Entry | null;
  /** The highest fencing number that the key has seen. */
  readonly fence: number | null;
}

/** The decision on a write: what to keep now, or null to leave everything as it is. */
export interface Decision<R> {
  readonly answer: R;
  /** The record to write; with neither entry nor fence there is nothing left to keep. */
  readonly next: KeyRecord | null;
}

/** A key that was never written. */
export const EMPTY: KeyRecord = { entry: null, fence: null };

/** The entry of a record, unless it has ended. */
export function liveEntry(record: KeyRecord, nowMs: number): Entry | null {
  const { entry } = record;
  return entry && (entry.expiresAtMs === null || nowMs < entry.expiresAtMs) ? entry : null;
}

/** The live entries of a scope's records, sorted by key. */
export function liveEntries(
  records: Iterable<readonly [key: string, record: KeyRecord]>,
  nowMs: number,
): Map<string, Entry> {
  const live = [...records].flatMap(([key, record]) => {
    const entry = liveEntry(record, nowMs);
    return entry ? [[key, entry] as const] : [];
  });
  return new Map(live.sort(([one], [other]) => one < other ? -1 : 1));
}

/** Decides on `store`. */
export function decideStore(
  record: KeyRecord,
  value: Json,
  options: StoreOptions,
  nowMs: number,
): Decision<StoreResult> {
  const refusal = refuse(record, options, nowMs);
  if (refusal) return { answer: refusal, next: null };
  const fence = highest(record.fence, options.fence);
  const entry: Entry = {
    value,
    version: newVersion(),
    author: options.author ?? null,
    storedAtMs: nowMs,
    expiresAtMs: options.ttlMs === undefined ? null : nowMs + options.ttlMs,
    fence,
  };
  return { answer: { ok: true, version: entry.version }, next: { entry, fence } };
}

/** Decides on `delete`. */
export function decideDelete(
  record: KeyRecord,
  conditions: WriteConditions,
  nowMs: number,
): Decision<DeleteResult> {
  const refusal = refuse(record, conditions, nowMs);
  if (refusal) return { answer: refusal, next: null };
  const existed = liveEntry(record, nowMs) !== null;
  const fence = highest(record.fence, conditions.fence);
  const nothingToDo = record.entry === null && fence === record.fence;
  return { answer: { ok: true, existed }, next: nothingToDo ? null : { entry: null, fence } };
}

/** Decides on `increment`. */
export function decideIncrement(
  record: KeyRecord,
  by: number,
  author: string | undefined,
  nowMs: number,
): Decision<number> {
  const current = liveEntry(record, nowMs);
  const from = current ? current.value : 0;
  const sum = typeof from === "number" ? from + by : NaN;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(sum)) {
    throw new CoordinatorError(
      "invalid_argument",
      `Cannot increment by ${by} as ${
        Number.isSafeInteger(from) ? "the sum" : "the stored value"
      } is not a whole number between -(2^53 - 1) and 2^53 - 1`,
      "Store a whole number there first, or use another key.",
    );
  }
  const entry: Entry = {
    value: sum,
    version: newVersion(),
    author: author ?? null,
    storedAtMs: nowMs,
    expiresAtMs: current?.expiresAtMs ?? null,
    fence: record.fence,
  };
  return { answer: sum, next: { entry, fence: record.fence } };
}

function refuse(record: KeyRecord, conditions: WriteConditions, nowMs: number): Refusal | null {
  const current = liveEntry(record, nowMs);
  const { expected, fence } = conditions;
  const refusal = (reason: Refusal["reason"]): Refusal => (
    { ok: false, reason, current, fence: record.fence }
  );
  if (fence !== undefined && record.fence !== null && fence < record.fence) return refusal("fence");
  if (expected === undefined) return null;
  const holds = expected === "absent" ? current === null : current?.version === expected;
  return holds ? null : refusal("version");
}

function highest(seen: number | null, offered: number | undefined): number | null {
  return offered === undefined ? seen : Math.max(seen ?? 0, offered);
}

/** A version that no other write has: a counter in the store would repeat once it is deleted. */
function newVersion(): Version {
  return uniqueName() as Version;
}

/** Longest scope or key, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 1024;

/**
 * Checks a scope or a key.
 *
 * @throws {CoordinatorError} `invalid_argument` where it is empty, too long or not well-formed.
 */
export function checkName(what: "scope" | "key", name: string): void {
  const fault = typeof name !== "string"
    ? "is not text"
    : name === ""
    ? "is empty"
    : name.length > MAX_NAME_LENGTH
    ? `has ${name.length} characters; ${MAX_NAME_LENGTH} are the limit`
    : !name.isWellFormed()
    ? "holds half of a surrogate pair"
    : null;
  if (fault) {
    throw new CoordinatorError("invalid_argument", `The ${what} ${fault}`, `Use another ${what}.`);
  }
}

const MAX_TTL_MS = 100 * 365 * 24 * 3600 * 1000;

/** Checks the options of a write; see {@linkcode StoreOptions}. */
export function checkOptions(options: StoreOptions): void {
  const { fence, ttlMs } = options;
  if (fence !== undefined && !(Number.isSafeInteger(fence) && fence >= 0)) {
    throw badOption("fence", fence, "a safe integer from 0");
  }
  if (ttlMs !== undefined && !(Number.isSafeInteger(ttlMs) && ttlMs > 0 && ttlMs <= MAX_TTL_MS)) {
    throw badOption("ttlMs", ttlMs, "a whole number of milliseconds, above 0 and up to 100 years");
  }
}

function badOption(name: string, value: number, rule: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `'${name}' is ${value}`,
    `Use ${rule}.`,
  );
}
