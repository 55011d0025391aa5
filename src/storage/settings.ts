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
  SERVER_DEFAULTS,
  type ServerSettings,
} from "./adapter_defaults.ts";

const basePath = z.string().min(1).default(LOCAL_DEFAULTS.base_path).describe(
  "Folder of the store. A relative path starts at the repository's main checkout (of a bare repository: at the repository), or at the project's folder where there is no repository.",
);

const durable = z.boolean().default(LOCAL_DEFAULTS.durable);

function isFileOrHttp(path: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1];
  return scheme === undefined || /^https?$/i.test(scheme);
}

function isServerUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === "" &&
    url.search + url.hash === "";
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
  server: z.strictObject({
    url: z.string().refine(isServerUrl, {
      error:
        "must be an http or https URL such as http://host:8082, without user, password and query: the token comes from CSC_TOKEN",
    }).default(SERVER_DEFAULTS.url).describe(
      "Where `csc serve --http` listens. The token comes from the variable `CSC_TOKEN`.",
    ),
    token_file: z.string().min(1).optional().describe(
      "File that holds the token, where `CSC_TOKEN` is not set. A file that comes with a repository may not set it.",
    ),
    ca_file: z.string().min(1).optional().describe(
      "PEM file of the certificate authority that signed the server's certificate, where the system does not know it. A file that comes with a repository may not set it.",
    ),
    base_path: z.string().optional().describe("Without effect."),
    durable: z.boolean().optional().describe("Without effect: the server's own setting counts."),
  }),
  memory: z.strictObject({
    base_path: basePath.describe("Without effect."),
    durable: durable.describe("Without effect."),
  }),
} satisfies {
  local: z.ZodType<LocalSettings>;
  kv: z.ZodType<KvSettings>;
  server: z.ZodType<ServerSettings>;
  memory: z.ZodType<LocalSettings>;
};
