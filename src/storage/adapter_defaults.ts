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

/** The defaults of `local`. */
export const LOCAL_DEFAULTS: LocalSettings = { base_path: ".claude/session-state", durable: false };

/** The defaults of `kv`. */
export const KV_DEFAULTS: KvSettings = { base_path: LOCAL_DEFAULTS.base_path, durable: false };

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
