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

/** The defaults of `local`. */
export const LOCAL_DEFAULTS: LocalSettings = { base_path: ".claude/session-state", durable: false };

/** The defaults of `kv`. */
export const KV_DEFAULTS: KvSettings = { base_path: LOCAL_DEFAULTS.base_path, durable: false };

/** The defaults of `s3`, which has none for its bucket. */
export const S3_DEFAULTS: Omit<S3Settings, "bucket"> = {
  region: "us-east-1",
  prefix: "claude-sessions/",
};
