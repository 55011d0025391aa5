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
  S3_DEFAULTS,
  type S3Settings,
} from "./adapter_defaults.ts";

const basePath = z.string().min(1).default(LOCAL_DEFAULTS.base_path).describe(
  "Folder of the store. A relative path starts at the repository's main checkout (of a bare repository: at the repository), or at the project's folder where there is no repository.",
);

const durable = z.boolean().default(LOCAL_DEFAULTS.durable);

function isFileOrHttp(path: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1];
  return scheme === undefined || /^https?$/i.test(scheme);
}

/** Whether a text is the URL of a server, without a user, a query or a fragment. */
function isServerUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && !/[@?#\s]/.test(text);
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
  s3: z.strictObject({
    bucket: z.string({ error: "must name the bucket" }).regex(
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      {
        error: "must be a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes",
      },
    ).describe(
      "The bucket, which exists. Its keys come from the environment or from `~/.aws/credentials`, never from a configuration.",
    ),
    region: z.string().regex(/^[a-z0-9-]+$/, { error: 'must be a region, such as "eu-central-1"' })
      .default(S3_DEFAULTS.region).describe("The bucket's region."),
    prefix: z.string().max(200).regex(/^(?:(?!\.{0,2}\/)[\w.-]+\/)*$/, {
      error: 'must be empty, or folders of letters, digits, "_", "." and "-" that end with "/"',
    }).default(S3_DEFAULTS.prefix).describe("What the names of all objects start with."),
    endpoint: z.string().refine(isServerUrl, {
      error: "must be the http or https URL of a server, without user, password or query",
    }).optional().describe(
      "URL of an S3-compatible server that keeps conditional writes. Without it: AWS.",
    ),
  }),
} satisfies {
  local: z.ZodType<LocalSettings>;
  kv: z.ZodType<KvSettings>;
  memory: z.ZodType<LocalSettings>;
  s3: z.ZodType<S3Settings>;
};
