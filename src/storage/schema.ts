/**
 * The format of stored records, and what happens when a newer csc has changed it.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import type { Json } from "../domain/json.ts";
import { VERSION } from "../version.ts";

/** The format that this version writes, and the newest it reads. */
export const SCHEMA_VERSION = 1;

/**
 * Refuses a record in a newer format; one without a format is as old as the seeds.
 *
 * @param schema The record's format.
 * @param writtenBy The version that wrote it.
 * @param what The record, for the message.
 * @throws {CoordinatorError} `store_newer`, with the version to install.
 */
export function checkSchema(schema: Json | undefined, writtenBy: Json | undefined, what: string) {
  if (typeof schema !== "number" || schema <= SCHEMA_VERSION) return;
  const needed = typeof writtenBy === "string" ? writtenBy : "a newer version";
  throw new CoordinatorError(
    "store_newer",
    `Cannot use ${what} as csc ${needed} wrote it in format ${schema}; this is csc ${VERSION}, which knows format ${SCHEMA_VERSION}`,
    `Install csc ${needed} or newer for all sessions of this project.`,
  );
}
