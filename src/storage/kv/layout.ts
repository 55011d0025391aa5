/**
 * How keys and values lie in Deno KV, whose keys end at 2 KiB and whose values end at 64 KiB.
 *
 * ```text
 * csc head  <scope> <key>                → Head   (JSON; short values inline)
 * csc chunk <scope> <key> <version> <n>  → bytes  (pieces of long values)
 * csc changed                            → new bytes at every write, for `watch`
 * ```
 *
 * @module
 */

import { parseJson } from "../../domain/json.ts";
import { VERSION } from "../../version.ts";
import type { Version } from "../adapter.ts";
import type { KeyRecord } from "../record.ts";
import { checkSchema, SCHEMA_VERSION } from "../schema.ts";

/** What is stored of a key, with its value's text inline or in chunks. */
export interface Head {
  readonly schema: number;
  readonly csc: string;
  /** The true names: parts of the database's key may be hashes. */
  readonly scope: string;
  readonly key: string;
  readonly fence: number | null;
  readonly entry: {
    readonly version: Version;
    readonly author: string | null;
    readonly storedAtMs: number;
    readonly expiresAtMs: number | null;
    /** The value's JSON text, or null where it is in chunks. */
    readonly text: string | null;
    readonly chunks: number;
  } | null;
}

/** Longer values go into chunks, so that listing heads stays cheap. */
const INLINE_BYTES = 4096;
/** Deno KV takes 65,536 bytes of a serialised value. */
const CHUNK_BYTES = 60_000;
/** Longer names are hashed: two of these and the rest stay under Deno KV's 2,048 bytes. */
const MAX_PART_BYTES = 700;

const ROOT = "csc";

/** The key under which every write leaves new bytes. */
export const CHANGED_KEY: Deno.KvKey = [ROOT, "changed"];

/** Above all heads. */
export const HEADS: Deno.KvKey = [ROOT, "head"];

/** Where the parts of one key lie. */
export interface Keys {
  readonly head: Deno.KvKey;
  /** Above the chunks of all its versions. */
  readonly chunks: Deno.KvKey;
}

/** Where a key lies. */
export async function keysOf(scope: string, key: string): Promise<Keys> {
  const parts = [await part(scope), await part(key)];
  return { head: [...HEADS, ...parts], chunks: [ROOT, "chunk", ...parts] };
}

/** Above the heads of a scope. */
export async function headsOf(scope: string): Promise<Deno.KvKey> {
  return [...HEADS, await part(scope)];
}

/** A name as part of a key: a text, or bytes where it had to be hashed, so that they never meet. */
async function part(name: string): Promise<Deno.KvKeyPart> {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_PART_BYTES) return name;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/**
 * A record as it is stored: its head, and its value's chunks where it is long. All are bytes: what Deno
 * KV makes of an object, a Deno that is older than the writer's cannot read.
 */
export function encodeRecord(scope: string, key: string, record: KeyRecord) {
  const { entry, fence } = record;
  const bytes = new TextEncoder().encode(entry ? JSON.stringify(entry.value) : "");
  const chunks: Uint8Array[] = [];
  if (bytes.length > INLINE_BYTES) {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      chunks.push(bytes.slice(at, at + CHUNK_BYTES));
    }
  }
  const text = chunks.length > 0 ? null : new TextDecoder().decode(bytes);
  const head: Head = {
    schema: SCHEMA_VERSION,
    csc: VERSION,
    scope,
    key,
    fence,
    entry: entry && {
      version: entry.version,
      author: entry.author,
      storedAtMs: entry.storedAtMs,
      expiresAtMs: entry.expiresAtMs,
      text,
      chunks: chunks.length,
    },
  };
  return { head: new TextEncoder().encode(JSON.stringify(head)), chunks };
}

/** The record of a head and its value's text. */
export function decodeRecord(head: Head, text: string): KeyRecord {
  const { entry, fence } = head;
  if (!entry) return { entry: null, fence };
  const { version, author, storedAtMs, expiresAtMs } = entry;
  return {
    entry: { value: parseJson(text), version, author, storedAtMs, expiresAtMs, fence },
    fence,
  };
}

/** The stored head, or null for none; refuses one of a newer csc. */
export function readHead(entry: Deno.KvEntryMaybe<unknown>): Head | null {
  const { value } = entry;
  const head = value === null
    ? null
    : JSON.parse(new TextDecoder().decode(value as Uint8Array)) as Head;
  if (head) checkSchema(head.schema, head.csc, `key '${head.key}' of scope '${head.scope}'`);
  return head;
}

/** Whether a head's entry has neither been deleted nor ended. */
export function isLive(head: Head, nowMs: number): boolean {
  const { entry } = head;
  return entry !== null && (entry.expiresAtMs === null || nowMs < entry.expiresAtMs);
}
