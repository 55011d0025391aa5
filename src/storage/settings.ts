/**
 * The schemas of `storage.config` of the adapters that come with the package.
 *
 * @module
 */

import { z } from "zod";
import {
  type KvSettings,
  LOCAL_DEFAULTS,
  type LocalSettings,
  POSTGRES_DEFAULTS,
  type PostgresSettings,
} from "./adapter_defaults.ts";
import { urlFault } from "./postgres/address.ts";

const basePath = z.string().min(1).default(LOCAL_DEFAULTS.base_path).describe(
  "Folder of the store. A relative path starts at the repository's main checkout (of a bare repository: at the repository), or at the project's folder where there is no repository.",
);

const durable = z.boolean().default(LOCAL_DEFAULTS.durable);

function isFileOrHttp(path: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1];
  return scheme === undefined || /^https?$/i.test(scheme);
}

/** The schemas by adapter name. */
export const ADAPTER_SETTINGS = {
  local: z.strictObject({
    base_path: basePath,
    durable: durable.describe(
      "Flush every write to the disk (fsync): what was acknowledged then survives also a loss of power. Writes take about twice as long.",
    ),
  }),
  kv: z.strictObject({
    path: z.string().min(1).refine(isFileOrHttp, {
      error: "must be a file, or the http or https URL of a KV Connect server",
    }).optional().describe(
      "Database file, or the URL of a KV Connect server (passed through, unverified). Without it: `store.kv` in `base_path`.",
    ),
    base_path: basePath,
    durable: durable.describe("Without effect: Deno KV flushes every write."),
  }),
  memory: z.strictObject({
    base_path: basePath.describe("Without effect."),
    durable: durable.describe("Without effect."),
  }),
  postgres: z.strictObject({
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
  }),
} satisfies {
  local: z.ZodType<LocalSettings>;
  kv: z.ZodType<KvSettings>;
  memory: z.ZodType<LocalSettings>;
  postgres: z.ZodType<PostgresSettings>;
};
