/**
 * The schemas of `storage.config` of the adapters that come with the package.
 *
 * @module
 */

import { z } from "zod";
import {
  DEFAULT_REDIS_URL,
  type KvSettings,
  LOCAL_DEFAULTS,
  type LocalSettings,
  POSTGRES_DEFAULTS,
  type PostgresSettings,
  REDIS_DEFAULTS,
  type RedisSettings,
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

const redisUrl = z.string().refine(isRedisUrl, {
  error: "must be a URL such as rediss://user:password@host:6379/0",
});

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== "" &&
    /^\/?\d*$/.test(url.pathname) && url.search === "" && isEncoded(url);
}

function isEncoded({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

const sentinel = z.string().refine((text) => isRedisUrl(withScheme(text)), {
  error: "must be a host with a port, such as sentinel-1:26379, or a URL",
});

function withScheme(address: string): string {
  return address.includes("://") ? address : `redis://${address}`;
}

const redis = z.strictObject({
  url: redisUrl.optional().describe(
    `The server: \`redis:\`, or \`rediss:\` with TLS; with user, password and number of the database where there are any. Without it: the variable \`REDIS_URL\`, else \`${DEFAULT_REDIS_URL}\`. A password is better kept in the variable \`CSC_REDIS_PASSWORD\`. With \`sentinels\`, only user, password, database and TLS of it count.`,
  ),
  prefix: z.string().regex(/^[^{}]*(\{[^{}]+\}[^{}]*)?$/, {
    error: "may hold braces only around one hash tag",
  }).min(1).max(200).default(REDIS_DEFAULTS.prefix).describe(
    "What the names of all keys in Redis begin with. No prefix of one team may be the beginning of another's.",
  ),
  ttl: z.int().min(1).max(100 * 365 * 24 * 3600).nullable().default(REDIS_DEFAULTS.ttl).describe(
    "Seconds after which a value ends that was stored without an end; null for never. csc's own records (leases, sessions, instances) have their own ends.",
  ),
  sentinels: z.array(sentinel).min(1).optional().describe(
    "Redis Sentinel: where the sentinels are, as \`host:port\` or as URLs. Their password: in the first URL, or in the variable \`CSC_REDIS_SENTINEL_PASSWORD\`.",
  ),
  sentinel_name: z.string().min(1).optional().describe("What the sentinels call the primary."),
  cluster: z.array(redisUrl).min(1).optional().describe(
    "Redis Cluster: the URLs of one or more nodes; the others are found. User, password and TLS are those of the first. Replaces \`url\`.",
  ),
})
  .refine(({ sentinels, sentinel_name }) => (sentinels === undefined) === (!sentinel_name), {
    path: ["sentinel_name"],
    error: "goes together with 'sentinels'",
  })
  .refine(({ sentinels, cluster }) => !sentinels || !cluster, {
    path: ["cluster"],
    error: "excludes 'sentinels'",
  });

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
  redis,
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
  redis: z.ZodType<RedisSettings>;
  postgres: z.ZodType<PostgresSettings>;
};
