/**
 * How keys lie in a bucket: one object per key, so that only writers of the same key contend.
 *
 * ```text
 * <prefix><scope>/<key>        the key's record, as JSON
 * <prefix>.csc/proof-<hash>    what was found out about the endpoint (see `proof.ts`)
 * ```
 *
 * An object per scope would read a scope with one request instead of one per key, but all sessions of
 * a project write to few scopes, and a bucket carries out only some tens of conditional writes a
 * second on one object.
 *
 * An object is never deleted with its key: `DELETE` has no condition on many endpoints, and a fence
 * outlives its key. What stays is a record without an entry. A listing names an object's size, so the
 * size says, modulo four, what a listing wants to know: most objects need not be read then.
 *
 * An object's ETag is a hash of its content, so it would come back with the content. Each record
 * therefore names its own write, counts the writes and names some before it; by these a writer whose
 * answer was lost finds out whether it wrote.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { isObject, type Json, parseJson, utf8Length } from "../../domain/json.ts";
import { VERSION } from "../../version.ts";
import type { Version } from "../adapter.ts";
import type { KeyRecord } from "../record.ts";
import { checkSchema, SCHEMA_VERSION } from "../schema.ts";

/** What an object holds. */
export interface Body {
  /** The true names: those in the object's name may be hashes. */
  readonly scope: string;
  readonly key: string;
  /** Names the write that made it; no other has this name. */
  readonly write: string;
  /** How many writes the object has seen, this one included. */
  readonly count: number;
  /** The names of the writes before it, the latest first. */
  readonly trail: readonly string[];
  readonly record: KeyRecord;
  /** When it was condemned to be removed, or null; see `sweeping.ts`. */
  readonly condemnedAtMs: number | null;
}

/** What the size of an object tells of it, modulo four. */
export const KINDS = ["lasting", "gone", "ending", "fence"] as const;

/**
 * `lasting`: an entry without expiry; `ending`: one that may have ended; `gone`: none, and nothing to
 * keep; `fence`: none, but a fencing number.
 */
export type Kind = typeof KINDS[number];

/** Longer names are hashed: two of these and the prefix stay under S3's 1,024 bytes. */
const MAX_PART_CHARS = 200;
/** Stands before a hash; in a name that is written out two digits follow each `~`. */
const HASHED = "~~";
/** So many writes of others may come between a write and the look whether it happened. */
const TRAIL_LENGTH = 24;

/** Below this, beside the scopes, lies what is no scope: names never start with a dot. */
export const OWN_FOLDER = ".csc/";

/** The part of an object's name that stands for a scope or a key. */
export async function partOf(name: string): Promise<string> {
  const written = writeOut(name);
  if (written.length <= MAX_PART_CHARS) return written;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return HASHED + new Uint8Array(digest).toHex();
}

/** The name that a part stands for, or null where it is a hash or none of ours. */
export function nameOf(part: string): string | null {
  if (part.startsWith(HASHED) || part.startsWith(".") || !/^(?:[\w.-]|~[0-9A-F]{2})+$/.test(part)) {
    return null;
  }
  try {
    return decodeURIComponent(part.replaceAll("~", "%"));
  } catch {
    return null;
  }
}

/** Scope and key parts of an object's name below the prefix, or null for what is no key's object. */
export function partsOf(name: string): { scope: string; key: string } | null {
  const [scope, key, ...others] = name.split("/");
  const isOurs = scope && key && others.length === 0 && !scope.startsWith(".");
  return isOurs ? { scope, key } : null;
}

/** Where objects of scopes that match a glob can be: everything that starts with one of these. */
export function prefixesOf(pattern: string): string[] {
  const literal = writeOut(/^[^*?[]*/.exec(pattern)![0]);
  return literal === "" ? [""] : [literal.slice(0, MAX_PART_CHARS), HASHED];
}

/** A name in letters, digits, `_`, `.` and `-`; everything else as `~` and two digits per byte. */
function writeOut(name: string): string {
  const hex = (char: string) =>
    `~${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  return encodeURIComponent(name)
    .replace(/[~!*'()]/g, hex)
    .replaceAll("%", "~")
    .replace(/^\./, hex);
}

/** The body that follows another one, or a key's first. */
export function nextBody(
  { scope, key }: { scope: string; key: string },
  before: Body | null,
  record: KeyRecord,
  write: string,
): Body {
  const trail = before ? [before.write, ...before.trail].slice(0, TRAIL_LENGTH) : [];
  const count = (before?.count ?? 0) + 1;
  return { scope, key, write, count, trail, record, condemnedAtMs: null };
}

/** The server refuses the delete of a condemned object later than this, in seconds. */
export const DELETE_WITHIN_S = 5;
/** Nobody writes over a condemned object before; beyond the delete there is room for clocks. */
const CONDEMNED_MS = 2 * DELETE_WITHIN_S * 1000;

/** Whether an object may be about to be deleted, so that nobody can write over it. */
export function isCondemned({ condemnedAtMs }: Body, nowMs: number): boolean {
  return condemnedAtMs !== null && Math.abs(nowMs - condemnedAtMs) < CONDEMNED_MS;
}

/**
 * Whether a write is part of what an object has become: `open` where the object is as it was before
 * it, `unknown` where more writes came since than it can tell.
 */
export function fateOf(
  written: Body,
  current: Body | null,
): "happened" | "lost" | "open" | "unknown" {
  const count = current?.count ?? 0;
  if (count === written.count - 1) {
    return (current?.write ?? null) === (written.trail[0] ?? null) ? "open" : "unknown";
  }
  if (!current || count < written.count) return "unknown";
  const names = [current.write, ...current.trail];
  const at = count - written.count;
  if (at >= names.length) return "unknown";
  return names[at] === written.write ? "happened" : "lost";
}

/** The text of an object; its length tells the {@linkcode Kind}. */
export function encodeBody(body: Body): string {
  const { scope, key, write, count, trail, record, condemnedAtMs } = body;
  const { entry, fence } = record;
  const text = JSON.stringify({
    schema: SCHEMA_VERSION,
    csc: VERSION,
    scope,
    key,
    write,
    count,
    trail,
    ...(condemnedAtMs === null ? {} : { condemnedAtMs }),
    fence,
    entry: entry && {
      version: entry.version,
      author: entry.author,
      storedAtMs: entry.storedAtMs,
      expiresAtMs: entry.expiresAtMs,
      value: entry.value,
    },
  });
  const kind = KINDS.indexOf(kindOf(record));
  return text + " ".repeat((kind + 4 - utf8Length(text) % 4) % 4);
}

/** The kind of an object, by its size. */
export function kindOfSize(bytes: number): Kind {
  return KINDS[bytes % 4];
}

function kindOf({ entry, fence }: KeyRecord): Kind {
  if (!entry) return fence === null ? "gone" : "fence";
  return entry.expiresAtMs === null ? "lasting" : "ending";
}

/**
 * Reads an object.
 *
 * @param name The object's name, for errors.
 * @throws {CoordinatorError} `store_corrupt` where it is not what csc wrote; `store_newer`.
 */
export function decodeBody(text: string, name: string): Body {
  const found = parsed(text);
  if (!isObject(found)) throw corrupt(name);
  const { scope, key, write, count, trail, fence, entry, condemnedAtMs = null } = found;
  checkSchema(found.schema, found.csc, `the object '${name}'`);
  const isWhole = typeof scope === "string" && typeof key === "string" &&
    typeof write === "string" && typeof count === "number" && isTexts(trail) &&
    isNumberOrNull(fence) && isNumberOrNull(condemnedAtMs) && (entry === null || isEntry(entry));
  if (!isWhole) throw corrupt(name);
  const record: KeyRecord = {
    fence,
    entry: entry && {
      value: entry.value,
      version: entry.version,
      author: entry.author,
      storedAtMs: entry.storedAtMs,
      expiresAtMs: entry.expiresAtMs,
      fence,
    },
  };
  return { scope, key, write, count, trail, record, condemnedAtMs };
}

interface StoredEntry {
  readonly value: Json;
  readonly version: Version;
  readonly author: string | null;
  readonly storedAtMs: number;
  readonly expiresAtMs: number | null;
}

function isEntry(entry: Json): entry is Json & StoredEntry {
  return isObject(entry) && entry.value !== undefined && typeof entry.version === "string" &&
    (entry.author === null || typeof entry.author === "string") &&
    typeof entry.storedAtMs === "number" && isNumberOrNull(entry.expiresAtMs);
}

function isNumberOrNull(value: Json): value is number | null {
  return value === null || typeof value === "number";
}

function isTexts(value: Json): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

function corrupt(name: string): CoordinatorError {
  return new CoordinatorError(
    "store_corrupt",
    `Cannot read the object '${name}' as it is not as csc wrote it`,
    "Delete that object, or restore an older version of it where the bucket keeps versions.",
  );
}
