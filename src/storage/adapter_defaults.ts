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

/** The defaults of `server`. */
export const SERVER_DEFAULTS: ServerSettings = { url: "http://127.0.0.1:8082" };
