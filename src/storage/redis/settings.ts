/**
 * The schema of `storage.config` of the adapter `redis`.
 *
 * @module
 */

import { z } from "zod";
import { DEFAULT_REDIS_URL, REDIS_DEFAULTS, type RedisSettings } from "../adapter_defaults.ts";

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

/** The client speaks TLS with all servers of a list or with none: no `rediss:` may go unheeded. */
function allAlike(addresses: readonly string[]): boolean {
  return new Set(addresses.map((one) => URL.parse(withScheme(one))?.protocol)).size === 1;
}

const ALIKE = { error: "must have `rediss:` in all of them or in none" };

/** `storage.config` of the adapter `redis`. */
export const redisSettings = z.strictObject({
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
  sentinels: z.array(sentinel).min(1).refine(allAlike, ALIKE).optional().describe(
    "Redis Sentinel: where the sentinels are, as \`host:port\` or as URLs, with \`rediss:\` where they speak TLS. Their password: in the first URL, or in the variable \`CSC_REDIS_SENTINEL_PASSWORD\`.",
  ),
  sentinel_name: z.string().min(1).optional().describe("What the sentinels call the primary."),
  cluster: z.array(redisUrl).min(1).refine(allAlike, ALIKE).optional().describe(
    "Redis Cluster: the URLs of one or more nodes; the others are found. User and password are those of the first. Replaces \`url\`.",
  ),
})
  .refine(({ sentinels, sentinel_name }) => (sentinels === undefined) === (!sentinel_name), {
    path: ["sentinel_name"],
    error: "goes together with 'sentinels'",
  })
  .refine(({ sentinels, cluster }) => !sentinels || !cluster, {
    path: ["cluster"],
    error: "excludes 'sentinels'",
  }) satisfies z.ZodType<RedisSettings>;
