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
  type PostgresSettings,
  type RedisSettings,
  type S3Settings,
  type ServerSettings,
} from "./adapter_defaults.ts";
import { postgresSettings } from "./postgres/settings.ts";
import { redisSettings } from "./redis/settings.ts";
import { s3Settings } from "./s3/settings.ts";
import { serverSettings } from "./server/settings.ts";

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
  redis: redisSettings,
  postgres: postgresSettings,
  s3: s3Settings,
  server: serverSettings,
} satisfies {
  local: z.ZodType<LocalSettings>;
  kv: z.ZodType<KvSettings>;
  memory: z.ZodType<LocalSettings>;
  redis: z.ZodType<RedisSettings>;
  postgres: z.ZodType<PostgresSettings>;
  s3: z.ZodType<S3Settings>;
  server: z.ZodType<ServerSettings>;
};
