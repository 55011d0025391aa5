/**
 * Reading one object.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import type { Bucket } from "./bucket.ts";
import { type Body, decodeBody } from "./layout.ts";

/** An object as it was found. */
export interface Current {
  readonly etag: string;
  readonly body: Body;
  /** How long its text is. */
  readonly length: number;
}

/**
 * What an object holds, or null where it is gone.
 *
 * @throws {CoordinatorError} `store_corrupt` where it is not what csc wrote, twice: without TLS a
 * network can harm an answer. `store_newer`, and what {@linkcode Bucket} throws.
 */
export async function readObject(
  bucket: Bucket,
  name: string,
  until: number,
): Promise<Current | null> {
  try {
    return await readOnce(bucket, name, until);
  } catch (error) {
    const isCorrupt = error instanceof CoordinatorError && error.code === "store_corrupt";
    if (!isCorrupt) throw error;
    return await readOnce(bucket, name, until);
  }
}

async function readOnce(bucket: Bucket, name: string, until: number): Promise<Current | null> {
  const found = await bucket.get(name, until);
  if (!found) return null;
  const { etag, text } = found;
  return { etag, body: decodeBody(text, name), length: text.length };
}
