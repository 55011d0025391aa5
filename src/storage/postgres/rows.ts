/**
 * Between the store's terms and the rows of its table.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { type Json, parseJson } from "../../domain/json.ts";
import type { Entry, Refusal, Version } from "../adapter.ts";
import { checkName } from "../record.ts";
import type { Row } from "./link.ts";
import { escapeText, storedName, unescapeText } from "./names.ts";

/** A key as errors name it. */
export function keyName(scope: string, key: string): string {
  return `key '${key}' of scope '${scope}'`;
}

/** Scope and key as parameters of a function that writes. */
export async function keyParameters(scope: string, key: string): Promise<(string | null)[]> {
  checkName("scope", scope);
  checkName("key", key);
  const [one, other] = [await storedName(scope), await storedName(key)];
  return [one.id, other.id, one.long, other.long];
}

/** An author as it is stored. */
export function storedAuthor(author: string | undefined): string | null {
  return author === undefined ? null : escapeText(author);
}

/**
 * The entry of a row that has one.
 *
 * @param name The key, for the error.
 * @throws {CoordinatorError} `store_corrupt` where the value is no JSON.
 */
export function entryOf(row: Row, name: string): Entry {
  return {
    value: readValue(row.value as string, name),
    version: row.version as Version,
    author: row.author === null ? null : unescapeText(row.author as string),
    storedAtMs: Number(row.stored_ms),
    expiresAtMs: numberOf(row.expires_ms),
    fence: numberOf(row.fence),
  };
}

/** What a write was refused for, or null where it was not. */
export function refusalOf(row: Row, name: string): Refusal | null {
  if (row.r_refused === null) return null;
  const fields = Object.entries(row).map(([field, value]) => [field.replace(/^r_/, ""), value]);
  return {
    ok: false,
    reason: row.r_refused as Refusal["reason"],
    current: row.r_version === null ? null : entryOf(Object.fromEntries(fields), name),
    fence: numberOf(row.r_fence),
  };
}

function readValue(text: string, name: string): Json {
  try {
    return parseJson(text);
  } catch { // its message would quote the value
    throw new CoordinatorError(
      "store_corrupt",
      `Cannot read ${name} as its stored value is no JSON`,
      "Store it anew, or delete it.",
    );
  }
}

function numberOf(value: Row[string]): number | null {
  return value === null ? null : Number(value);
}
