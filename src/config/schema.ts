/**
 * The one description of the configuration: messages and the table in the docs come from it. Types
 * and defaults have files of their own, since hooks cannot afford to evaluate a schema.
 *
 * @module
 */

import { z } from "zod";
import { coordination } from "./coordination.ts";
import { http } from "./http.ts";
import { DEFAULT_CONFIG } from "./defaults.ts";
import { isHostPattern } from "./host_pattern.ts";
import type { Config } from "./types.ts";

/** How many heartbeats must be missed before an instance counts as left. */
const MISSED_HEARTBEATS = 3;

const MISSING_STORAGE = "Missing 'storage' section in config";
const MISSING_ADAPTER = "Missing 'storage.adapter' in config";

const defaults = DEFAULT_CONFIG;

const storage = z.strictObject({
  adapter: z.string({ error: MISSING_ADAPTER }).min(1, { error: MISSING_ADAPTER })
    .default(defaults.storage.adapter)
    .describe("Which store: `local`, `kv`, `memory`, or one that a program registered."),
  config: z.record(z.string(), z.json()).default(
    { ...defaults.storage.config } as Record<never, never>,
  )
    .describe("Settings of the store, see below."),
  max_value_bytes: z.int().min(1024).max(64 * 1024 * 1024)
    .default(defaults.storage.max_value_bytes)
    .describe("Largest stored value, in bytes of its JSON text."),
  trusted_hosts: z.array(
    z.string().refine(isHostPattern, {
      error:
        "must be a host such as redis.example.org, *.corp.example or [::1], with or without a scheme and :port",
    }),
  ).readonly().default(defaults.storage.trusted_hosts).describe(
    "Hosts that a repository's file may name as the store without `csc trust`, such as `rediss://redis.example.org` (over TLS only), `redis.example.org` or `*.corp.example:6379`. Counts in the user's own file only, whichever file is in use.",
  ),
}, { error: (issue) => issue.code === "invalid_type" ? MISSING_STORAGE : undefined });

const session = z.strictObject({
  machine_id: z.string().min(1).default(defaults.session.machine_id).describe(
    "This machine's name in scopes; \"auto\" takes the host's name.",
  ),
  project_detection: z.enum(["git", "directory"]).default(defaults.session.project_detection)
    .describe("How the project is found: by git's remote `origin`, or by the directory's name."),
  max_instances: z.int().min(1).nullable().default(defaults.session.max_instances).describe(
    "How many instances there may be at once; null for no limit.",
  ),
  heartbeat_interval_ms: z.int().min(100).default(defaults.session.heartbeat_interval_ms).describe(
    "How often a server renews its instance, in milliseconds.",
  ),
  heartbeat_timeout_ms: z.int().min(300).default(defaults.session.heartbeat_timeout_ms).describe(
    "After how many milliseconds without renewal an instance is free again, where the death of its server cannot be proven.",
  ),
}).refine(
  (value) => value.heartbeat_timeout_ms >= MISSED_HEARTBEATS * value.heartbeat_interval_ms,
  {
    path: ["heartbeat_timeout_ms"],
    error: `must be at least ${MISSED_HEARTBEATS} times 'session.heartbeat_interval_ms'`,
  },
);

const log = z.strictObject({
  level: z.enum(["off", "error", "warn", "info", "debug"]).default(defaults.log.level).describe(
    "How much the log tells; it never holds stored values.",
  ),
  path: z.string().min(1).default(defaults.log.path).describe(
    "The log's file; \"auto\" is `csc.log` in the user's state folder (`csc config path` names it).",
  ),
  max_bytes: z.int().min(10_000).default(defaults.log.max_bytes).describe(
    "At this size the log is renamed to `csc.log.1` and begun anew.",
  ),
  keep_files: z.int().min(0).max(100).default(defaults.log.keep_files).describe(
    "How many old logs are kept.",
  ),
});

/** The schema of a whole configuration; `storage.config` is checked by its adapter's. */
export const CONFIG_SCHEMA = z.strictObject({
  storage: storage.prefault({}),
  session: session.prefault({}),
  log: log.prefault({}),
  http: http.prefault({}),
  coordination: coordination.prefault({}),
}) satisfies z.ZodType<Config>;
