/**
 * JSON values that keep large numbers: integers and exponents that a JavaScript number cannot hold
 * (`12345678901234567890`, `1e400`) stay the text they were written as. Fractions keep the 15 to 17
 * digits that every JSON program keeps.
 *
 * @module
 */

import { CoordinatorError } from "./error.ts";

/**
 * A number too large or too precise for a JavaScript number, kept as the text it was written as.
 * `JSON.stringify` writes exactly that text.
 */
export interface RawNumber {
  /** The number's source text. */
  readonly rawJSON: string;
}

/** Any JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | RawNumber
  | readonly Json[]
  | { readonly [key: string]: Json };

/** How deep a stored value may nest, and how many bytes its JSON text may have. */
export interface ValueLimits {
  /** Largest JSON text of one value, in bytes of UTF-8; 1 MiB by default. */
  readonly maxValueBytes: number;
}

/** Deepest nesting of a stored value. */
export const MAX_DEPTH = 64;

/** The limits where the configuration names none. */
export const DEFAULT_LIMITS: ValueLimits = { maxValueBytes: 1024 * 1024 };

// Not in TypeScript's library yet; in V8 since 11.4.
const raw = JSON as typeof JSON & {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** Whether a value is a number kept as text. */
export const isRawNumber: (value: unknown) => value is RawNumber = raw.isRawJSON;

/** Sixteen digits or an exponent: the only texts in which a number can lose digits. */
const MAY_LOSE_DIGITS = /\d\.?(?:\d\.?){14}\d|\d[eE][+-]?\d/;

/**
 * Parses JSON text without rounding integers or large exponents.
 *
 * @throws {SyntaxError} Where the text is not JSON.
 */
export function parseJson(text: string): Json {
  if (!MAY_LOSE_DIGITS.test(text)) return JSON.parse(text);
  const keepDigits = (_key: string, value: unknown, context: { source?: string }) =>
    typeof value === "number" && isRounded(value) ? raw.rawJSON(context.source!) : value;
  return JSON.parse(text, keepDigits as Parameters<typeof JSON.parse>[1]);
}

function isRounded(value: number): boolean {
  return Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value);
}

/**
 * Checks a value and returns its JSON text.
 *
 * @throws {CoordinatorError} `value_refused`: not JSON (`NaN`, `undefined`, a lone surrogate, a
 * cycle), nested deeper than 64 levels, or larger than the limit.
 */
export function encodeValue(value: unknown, limits: ValueLimits = DEFAULT_LIMITS): string {
  checkValue(value, "value", 1);
  const text = JSON.stringify(value);
  // A code unit becomes at most three bytes: most texts need no counting.
  const bytes = 3 * text.length <= limits.maxValueBytes ? 0 : utf8Length(text);
  if (bytes > limits.maxValueBytes) {
    throw new CoordinatorError(
      "value_refused",
      `Cannot store a value of ${bytes} bytes as the limit is ${limits.maxValueBytes} bytes`,
      "Split it over several keys, store a file's path instead of its content, or raise 'storage.max_value_bytes'.",
    );
  }
  return text;
}

function checkValue(value: unknown, path: string, depth: number): void {
  if (typeof value === "string") return checkText(value, path);
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw refused(`${path} is ${value}`, "JSON has no such number: send null or a string.");
  }
  if (isRawNumber(value)) return;
  if (typeof value !== "object") {
    throw refused(`${path} is of type ${typeof value}`, "Send a JSON value.");
  }
  if (depth > MAX_DEPTH) {
    throw refused(
      `it nests deeper than ${MAX_DEPTH} levels`,
      "Flatten it, or store it as one string.",
    );
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) checkValue(value[i], `${path}[${i}]`, depth + 1);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refused(
      `${path} is a ${prototype.constructor?.name ?? "special object"}`,
      "Send a JSON value.",
    );
  }
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) checkText(key, `a key of ${path}`);
    checkValue((value as Record<string, unknown>)[key], path, depth + 1);
  }
}

function checkText(text: string, path: string): void {
  if (text.isWellFormed()) return;
  throw refused(
    `${path} holds half of a surrogate pair`,
    "Send well-formed Unicode: replace the character or cut the text at a whole one.",
  );
}

function refused(fact: string, hint: string): CoordinatorError {
  return new CoordinatorError("value_refused", `Cannot store the value as ${fact}`, hint);
}

const encoder = new TextEncoder();

/**
 * Checks a value and returns a copy of it: what the caller does to the value later changes nothing.
 *
 * @throws {CoordinatorError} See {@linkcode encodeValue}.
 */
export function copyValue(value: unknown, limits: ValueLimits = DEFAULT_LIMITS): Json {
  return parseJson(encodeValue(value, limits));
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a value is a JSON object: neither an array nor a number kept as text. */
export function isObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !isRawNumber(value);
}
