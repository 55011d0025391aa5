/**
 * `storage.config` of the adapters that come with the package: what it holds, and what holds where it
 * says nothing. Apart from the schemas, so that a store can be opened without evaluating these.
 *
 * @module
 */

/** `storage.config` of the adapter `local`. */
export interface LocalSettings {
  readonly base_path: string;
  readonly durable: boolean;
}

/** `storage.config` of the adapter `kv`; `base_path` is there so that it can replace `local`. */
export interface KvSettings {
  readonly path?: string | undefined;
  readonly base_path: string;
  readonly durable: boolean;
}

/** `storage.config` of the adapter `s3`; the keys are not in it, see `s3/credentials.ts`. */
export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  readonly prefix: string;
  readonly endpoint?: string | undefined;
}

/** `storage.config` of the adapter `server`; `base_path` and `durable` are there so that it can replace `local`. */
export interface ServerSettings {
  readonly url: string;
  readonly token_file?: string | undefined;
  readonly ca_file?: string | undefined;
  readonly base_path?: string | undefined;
  readonly durable?: boolean | undefined;
}

/** The defaults of `local`. */
export const LOCAL_DEFAULTS: LocalSettings = { base_path: ".claude/session-state", durable: false };

/** The defaults of `kv`. */
export const KV_DEFAULTS: KvSettings = { base_path: LOCAL_DEFAULTS.base_path, durable: false };

/** `storage.config` of the adapter `redis`. */
export interface RedisSettings {
  /** Without it: the variable `REDIS_URL`, else {@linkcode DEFAULT_REDIS_URL}. */
  readonly url?: string | undefined;
  readonly prefix: string;
  /** In seconds. */
  readonly ttl: number | null;
  /** URLs, or hosts with ports. */
  readonly sentinels?: readonly string[] | undefined;
  /** What the sentinels call the primary. */
  readonly sentinel_name?: string | undefined;
  /** URLs of some of a cluster's nodes. */
  readonly cluster?: readonly string[] | undefined;
}

/** Where Redis is looked for if nothing says where it is. */
export const DEFAULT_REDIS_URL = "redis://localhost:6379";

/** The defaults of `redis`. */
export const REDIS_DEFAULTS: RedisSettings = { prefix: "claude-sessions:", ttl: null };

/** `storage.config` of the adapter `postgres`. */
export interface PostgresSettings {
  /** `postgres://user@host:port/database`. */
  readonly url: string;
  /** The schema that holds everything. */
  readonly schema: string;
  /** The most connections of one process, beside the one that a watch has. */
  readonly pool: number;
}

/** The defaults of `postgres`; a URL has none. */
export const POSTGRES_DEFAULTS: Omit<PostgresSettings, "url"> = { schema: "csc", pool: 4 };
/** The defaults of `s3`, which has none for its bucket. */
export const S3_DEFAULTS: Omit<S3Settings, "bucket"> = {
  region: "us-east-1",
  prefix: "claude-sessions/",
};

/** The defaults of `server`. */
export const SERVER_DEFAULTS: ServerSettings = { url: "http://127.0.0.1:8082" };
