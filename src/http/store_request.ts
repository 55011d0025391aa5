/**
 * What is asked of a store over HTTP, read and checked.
 *
 * @module
 */

import { z } from "zod";
import { CoordinatorError } from "../domain/error.ts";
import { type Json, parseJson } from "../domain/json.ts";
import type { Version } from "../storage/adapter.ts";
import { PROTOCOL } from "../storage/server/protocol.ts";
import { VERSION } from "../version.ts";

const scope = z.string();
const key = z.string();
const conditions = {
  expected: z.string().transform((text) => text as Version | "absent").optional(),
  fence: z.number().optional(),
};
/** Checked where it is stored: a schema would go through all of it once more. */
const value = z.custom<Json>((said) => said !== undefined, { error: "is missing" });
const envelope = {
  v: z.number(),
  id: z.string().min(1).max(200).optional(),
  again_ms: z.number().min(0).optional(),
};

const REQUEST = z.discriminatedUnion("op", [
  z.strictObject({
    ...envelope,
    op: z.literal("store"),
    scope,
    key,
    value,
    options: z.strictObject({
      ...conditions,
      ttlMs: z.number().optional(),
      author: z.string().max(1024).optional(),
    }).optional(),
  }),
  z.strictObject({ ...envelope, op: z.literal("retrieve"), scope, key }),
  z.strictObject({
    ...envelope,
    op: z.literal("delete"),
    scope,
    key,
    conditions: z.strictObject(conditions).optional(),
  }),
  z.strictObject({
    ...envelope,
    op: z.literal("increment"),
    scope,
    key,
    by: z.number(),
    author: z.string().max(1024).optional(),
  }),
  z.strictObject({ ...envelope, op: z.literal("retrieveAll"), scope }),
  z.strictObject({ ...envelope, op: z.literal("listKeys"), scope }),
  z.strictObject({ ...envelope, op: z.literal("listScopes"), pattern: z.string().max(4096) }),
  z.strictObject({ ...envelope, op: z.literal("deleteScope"), scope }),
  z.strictObject({ ...envelope, op: z.literal("now") }),
]);

const WATCH = z.strictObject({ v: z.number(), pattern: z.string().max(4096) });

/** A request to a store. */
export type StoreRequest = z.output<typeof REQUEST>;

/**
 * Reads a request.
 *
 * @throws {CoordinatorError} `invalid_argument`; `store_newer` where a newer csc asks in a newer form.
 */
export function readStoreRequest(text: string): StoreRequest {
  return read(REQUEST, text);
}

/**
 * The text of a request's body.
 *
 * @throws {CoordinatorError} `invalid_argument` where it is no UTF-8, or ends early.
 */
export async function readText(request: Request): Promise<string> {
  try {
    const bytes = await request.arrayBuffer();
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw bad("ended early, or is no UTF-8", error);
  }
}

/** Reads the pattern of a watch; see {@linkcode readStoreRequest}. */
export function readWatchRequest(text: string): string {
  return read(WATCH, text).pattern;
}

function read<T>(schema: z.ZodType<T>, text: string): T {
  const said = parseOrThrow(text);
  const version = (said as { v?: unknown } | null)?.v;
  if (typeof version === "number" && version > PROTOCOL) throw tooNew(version);
  const parsed = schema.safeParse(said);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // Names of our own only: what was sent may hold anything.
  const where = issue.path.length > 0 ? `'${issue.path.map(String).join(".").slice(0, 50)}' ` : "";
  throw bad(`${where}is wrong (${issue.code})`);
}

function parseOrThrow(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    // A RangeError where it nests too deep to be read.
    throw bad("is not JSON", error);
  }
}

function bad(fault: string, cause?: unknown): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `A request to the store cannot be read: ${fault.startsWith("'") ? fault : `it ${fault}`}`,
    "Use the adapter 'server' of csc: it writes such requests. Programs of others have `/mcp`.",
    { cause },
  );
}

function tooNew(version: number): CoordinatorError {
  return new CoordinatorError(
    "store_newer",
    `The server is csc ${VERSION}, which knows version ${PROTOCOL} of the store's protocol; the client speaks version ${version}`,
    "Update csc on the server.",
  );
}
