/**
 * What a configuration holds. Apart from its schema, so that what hooks evaluate can name it.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";

/** How much the log tells. */
export type LogLevel = "off" | "error" | "warn" | "info" | "debug";

/** A complete configuration. */
export interface Config {
  readonly storage: {
    readonly adapter: string;
    readonly config: { readonly [key: string]: Json };
    readonly max_value_bytes: number;
    /** Hosts that repositories may name as their store; only the user's own file may list them. */
    readonly trusted_hosts: readonly string[];
  };
  readonly session: {
    readonly machine_id: string;
    readonly project_detection: "git" | "directory";
    readonly max_instances: number | null;
    readonly heartbeat_interval_ms: number;
    readonly heartbeat_timeout_ms: number;
  };
  readonly log: {
    readonly level: LogLevel;
    readonly path: string;
    readonly max_bytes: number;
    readonly keep_files: number;
  };
  readonly http: HttpConfig;
  readonly coordination: CoordinationConfig;
}

/** How `csc serve --http` serves. */
export interface HttpConfig {
  /** The file with the hashes of the tokens; `"auto"` for `tokens.json` in the user's state folder. */
  readonly tokens_path: string;
  readonly allowed_hosts: readonly string[];
  readonly allowed_origins: readonly string[];
  readonly max_body_bytes: number;
  readonly max_connections: number;
  readonly max_sessions: number;
  readonly max_sessions_per_user: number;
  /** In seconds. */
  readonly idle_timeout_s: number;
  readonly header_timeout_s: number;
  readonly body_timeout_s: number;
  readonly shutdown_timeout_s: number;
  readonly rate_per_minute: number;
  /** A path, `auto` or `off`. */
  readonly audit_path: string;
  readonly audit_max_bytes: number;
  readonly audit_keep_files: number;
}

/** What happens to an edit of a file that another session holds. */
export type ConflictAction = "block" | "warn" | "proceed";

/** What a session can be told of others. */
export type NotificationType =
  | "session_start"
  | "conflict_detected"
  | "lock_acquired"
  | "session_complete";

/** What happens to an edit while the store cannot be asked. */
export type StoreErrorAction = "allow" | "ask" | "deny";

/**
 * How sessions are coordinated: the keys of the seeds' `coordination.yaml` and `file-patterns.yaml`.
 * Durations are whole seconds, unless the key says otherwise.
 */
export interface CoordinationConfig {
  readonly auto_register: boolean;
  readonly session_timeout: number;
  readonly heartbeat_interval: number;
  readonly enable_file_locks: boolean;
  readonly lock_timeout: number;
  readonly named_lock_timeout: number;
  readonly conflict_action: ConflictAction;
  readonly show_notifications: boolean;
  readonly notification_types: readonly NotificationType[];
  readonly kg_context: string;
  readonly kg_location: "project" | "global";
  readonly auto_cleanup_stale: boolean;
  readonly cleanup_interval: number;
  readonly archive_completed: boolean;
  /** In days. */
  readonly retention_days: number;
  readonly on_store_error: StoreErrorAction;
  readonly critical_files: readonly string[];
  readonly ignore_files: readonly string[];
  readonly docs_files: readonly string[];
  /** Seconds by glob. */
  readonly timeouts: { readonly [glob: string]: number };
  readonly work_areas: { readonly [name: string]: WorkArea };
  /** Priority by word; more is more urgent. */
  readonly priority_rules: { readonly [word: string]: number };
  readonly multi_project: boolean;
  /** In front of the number of an issue; `"auto"` derives it from the repository's name. */
  readonly claim_prefix: string;
}

/** A part of the project that one session can work on alone. */
export interface WorkArea {
  /** Globs; one that starts with `!` takes files out again. */
  readonly files: readonly string[];
  /** Names of the areas that it builds on. */
  readonly dependencies: readonly string[];
}
