/**
 * Configuration values made fit to be shown.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import { redactUrls } from "../domain/text.ts";

const SECRET_KEY =
  /pass(word|wd|phrase)?$|secret|token|credential|api_?key|access_?key|private_?key/i;

/** Where a secret is kept is none. */
const PLACE_KEY = /_(path|file)$/i;

/** The value without passwords: those in URLs, and those under keys that say so. */
export function redact(value: Json, key = ""): Json {
  const isSecret = SECRET_KEY.test(key) && !PLACE_KEY.test(key);
  if (isSecret && value !== null && typeof value !== "boolean") return "***";
  if (typeof value === "string") return redactUrls(value);
  if (Array.isArray(value)) return value.map((item) => redact(item, key));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, redact(inner, name)]),
  );
}
