/**
 * The text of a scope's file: seed 002's `{scope, data, metadata{created_at, updated_at}}`, with what
 * this package adds under `metadata`: its schema version and, for each key, version, author, expiry
 * and fence. A file without these, as the Python reference writes it, is read as it is.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { isObject, type Json, parseJson } from "../../domain/json.ts";
import { VERSION } from "../../version.ts";
import type { Entry, Version } from "../adapter.ts";
import { type KeyRecord, liveEntry } from "../record.ts";
import { checkSchema, SCHEMA_VERSION } from "../schema.ts";

/** What a scope's file holds. */
export interface ScopeContent {
  readonly scope: string;
  /** ISO time of the first write, or null where the file does not say. */
  readonly createdAt: string | null;
  readonly records: ReadonlyMap<string, KeyRecord>;
}

/** What the start of a file tells, without reading the rest. */
export interface ScopeHeader {
  readonly scope: string;
  /** Whether the scope holds a key that has not ended. */
  readonly isLive: boolean;
}

/** How much of a file {@linkcode readHeader} usually needs. */
export const HEADER_BYTES = 512;

/** The file's text. Keys that have ended are left out; fencing numbers stay. */
export function formatScope(content: ScopeContent, nowMs: number): string {
  const data: [string, Json][] = [];
  const keys: [string, Json][] = [];
  let endsAtMs = 0;
  for (const [key, record] of content.records) {
    const entry = liveEntry(record, nowMs);
    if (!entry && record.fence === null) continue;
    if (entry) {
      data.push([key, entry.value]);
      endsAtMs = Math.max(endsAtMs, entry.expiresAtMs ?? Infinity);
    }
    keys.push([key, {
      ...(entry && { version: entry.version, updated_at: iso(entry.storedAtMs) }),
      ...(entry?.author != null && { author: entry.author }),
      ...(entry?.expiresAtMs != null && { expires_at: iso(entry.expiresAtMs) }),
      ...(record.fence !== null && { fence: record.fence }),
    }]);
  }
  const file = {
    scope: content.scope,
    // Near the start, so that listing scopes need not read the rest: when the last key ends.
    ...(data.length > 0 && endsAtMs !== Infinity && { expires_at: iso(endsAtMs) }),
    data: Object.fromEntries(data), // defines properties: also one named __proto__
    metadata: {
      created_at: content.createdAt ?? iso(nowMs),
      updated_at: iso(nowMs),
      schema_version: SCHEMA_VERSION,
      csc_version: VERSION,
      keys: Object.fromEntries(keys),
    },
  };
  return JSON.stringify(file, null, 2) + "\n";
}

/**
 * Parses a file's text.
 *
 * @param path For messages.
 * @throws {CoordinatorError} `store_corrupt` where it is no scope file, `store_newer`.
 */
export function parseScope(text: string, path: string): ScopeContent {
  const file = parseFile(text, path);
  if (!isObject(file) || typeof file.scope !== "string" || !isObject(file.data)) {
    throw corrupt(path, "it is not a scope file: 'scope' or 'data' is missing");
  }
  const metadata = isObject(file.metadata) ? file.metadata : {};
  checkSchema(metadata.schema_version, metadata.csc_version, `'${path}'`);
  const keys = isObject(metadata.keys) ? metadata.keys : {};
  const updatedAt = typeof metadata.updated_at === "string" ? metadata.updated_at : "";
  const records = new Map<string, KeyRecord>();
  for (const [key, value] of Object.entries(file.data)) {
    const known = Object.hasOwn(keys, key) ? keys[key] : null;
    records.set(key, readRecord(value, isObject(known) ? known : {}, updatedAt));
  }
  for (const [key, known] of Object.entries(keys)) {
    if (records.has(key) || !isObject(known) || typeof known.fence !== "number") continue;
    records.set(key, { entry: null, fence: known.fence });
  }
  const createdAt = typeof metadata.created_at === "string" ? metadata.created_at : null;
  return { scope: file.scope, createdAt, records };
}

function readRecord(value: Json, known: { [key: string]: Json }, updatedAt: string): KeyRecord {
  const fence = typeof known.fence === "number" ? known.fence : null;
  const entry: Entry = {
    value,
    // A value that the reference wrote has no version: its content serves as one.
    version:
      (typeof known.version === "string"
        ? known.version
        : `${updatedAt} ${JSON.stringify(value)}`) as Version,
    author: typeof known.author === "string" ? known.author : null,
    storedAtMs: timeOf(known.updated_at) ?? timeOf(updatedAt) ?? 0,
    expiresAtMs: timeOf(known.expires_at),
    fence,
  };
  return { entry, fence };
}

const HEADER =
  /^\s*\{\s*"scope":\s*("(?:[^"\\]|\\.)*")\s*,\s*(?:"expires_at":\s*"([^"]*)"\s*,\s*)?"data":\s*\{(\s*[}"])/;

/** Reads the start of a file's text, or null where that does not suffice. */
export function readHeader(start: string, nowMs: number): ScopeHeader | null {
  const match = HEADER.exec(start);
  if (!match) return null;
  const [, quoted, expiresAt, afterBrace] = match;
  const hasEnded = expiresAt !== undefined && (timeOf(expiresAt) ?? Infinity) <= nowMs;
  const scope = parseText(quoted);
  return scope === null ? null : { scope, isLive: afterBrace.endsWith('"') && !hasEnded };
}

function parseText(quoted: string): string | null {
  try {
    return JSON.parse(quoted);
  } catch {
    return null; // a broken escape
  }
}

/** The header of a file that was read whole. */
export function headerOf(content: ScopeContent, nowMs: number): ScopeHeader {
  const isLive = [...content.records.values()].some((record) => liveEntry(record, nowMs));
  return { scope: content.scope, isLive };
}

function parseFile(text: string, path: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    throw corrupt(path, text.trim() === "" ? "it is empty" : "it is not valid JSON", error);
  }
}

function corrupt(path: string, fact: string, cause?: unknown): CoordinatorError {
  return new CoordinatorError(
    "store_corrupt",
    `Cannot read '${path}' as ${fact}`,
    "It was left untouched. Repair it, or move it out of the folder and store the data anew.",
    { cause },
  );
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function timeOf(text: Json | undefined): number | null {
  const ms = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
