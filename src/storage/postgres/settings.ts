/**
 * The schema of `storage.config` of the adapter `postgres`.
 *
 * @module
 */

import { z } from "zod";
import { POSTGRES_DEFAULTS, type PostgresSettings } from "../adapter_defaults.ts";
import { urlFault } from "./address.ts";

/** `storage.config` of the adapter `postgres`. */
export const postgresSettings = z.strictObject({
  url: z.string().superRefine((url, context) => {
    const fault = urlFault(url);
    if (fault) context.addIssue(`${fault}; write postgres://user@db.example:5432/team`);
  }).describe(
    "Address of the database, `postgres://user@host:port/database`; several servers of one database with commas. Keep the password out of it: set the variable `CSC_POSTGRES_PASSWORD` (else `PGPASSWORD` counts).",
  ),
  schema: z.string().regex(/^[a-z_][a-z0-9_]{0,47}$/, {
    error: "must be up to 48 of a-z, 0-9 and _, beginning with a letter",
  }).default(POSTGRES_DEFAULTS.schema).describe(
    "Schema that holds everything; it is made where it is missing.",
  ),
  pool: z.int().min(1).max(100).default(POSTGRES_DEFAULTS.pool).describe(
    "Most connections of one process, beside the one that a watch has.",
  ),
}) satisfies z.ZodType<PostgresSettings>;
