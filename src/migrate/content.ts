/**
 * Whether two stores hold the same under a key, and a checksum over many.
 *
 * @module
 */

import { isObject, isRawNumber, type Json } from "../domain/json.ts";
import type { Entry, StorageAdapter } from "../storage/adapter.ts";
import { patiently } from "./patience.ts";

/** The entries of a scope, with the store's clock at the moment they were read. */
export interface ScopeContent {
  readonly entries: ReadonlyMap<string, Entry>;
  /** How long an entry has left, in milliseconds from now; null for ever. */
  leftMs(entry: Entry): number | null;
}

/** How far apart the ends of two entries may be: clocks are read some time before a write. */
export const TOLERANCE_MS = 5000;

/** Reads a scope. */
export async function readScope(store: StorageAdapter, scope: string): Promise<ScopeContent> {
  const storeMs = await patiently(() => store.now());
  const readAt = performance.now();
  const entries = await patiently(() => store.retrieveAll(scope));
  const leftMs = ({ expiresAtMs }: Entry) =>
    expiresAtMs === null ? null : expiresAtMs - storeMs - (performance.now() - readAt);
  return { entries, leftMs };
}

/** An entry and how long it has left. */
export interface Timed {
  readonly entry: Entry;
  readonly leftMs: number | null;
}

/** An entry of a scope with its time. */
export function timed(content: ScopeContent, entry: Entry): Timed {
  return { entry, leftMs: content.leftMs(entry) };
}

/** A difference that is mended without losing anything. */
export const LOWER_FENCE = "a lower fence";

/** In what the target's entry is not the source's, in a word for people; null where it is the same. */
export function differenceOf(source: Timed, target: Timed): string | null {
  if (canonical(source.entry.value) !== canonical(target.entry.value)) return "another value";
  if (source.entry.author !== target.entry.author) return "another author";
  if (!endAlike(source.leftMs, target.leftMs)) return "another expiry";
  return (target.entry.fence ?? -1) < (source.entry.fence ?? -1) ? LOWER_FENCE : null;
}

function endAlike(one: number | null, other: number | null): boolean {
  if (one === null || other === null) return one === other;
  return Math.abs(one - other) <= TOLERANCE_MS;
}

/** A value as text: digit by digit, but whatever the order of its keys. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value) || isRawNumber(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

/** SHA-256 over what a scope holds under some keys, as hexadecimal text. */
export function checksumOf(
  scope: string,
  keys: readonly string[],
  entries: ReadonlyMap<string, Entry>,
): Promise<string> {
  const lines = keys.map((key) => {
    const entry = entries.get(key);
    if (!entry) return JSON.stringify([key]);
    const ends = entry.expiresAtMs !== null;
    return `${JSON.stringify([key, entry.author, ends])} ${canonical(entry.value)}`;
  });
  return sha256([JSON.stringify(scope), ...lines].join("\n"));
}

/** SHA-256 of a text, as hexadecimal text. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
