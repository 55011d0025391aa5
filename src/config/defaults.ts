/**
 * The configuration where no file says otherwise; the schema takes its defaults from here.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../domain/json.ts";
import type { Config, CoordinationConfig, NotificationType } from "./types.ts";

/** The kinds of notices there are. */
export const NOTIFICATION_TYPES = [
  "session_start",
  "conflict_detected",
  "lock_acquired",
  "session_complete",
] as const satisfies readonly NotificationType[];

const SOURCE_S = 3600;
const DATABASE_S = 7200;
const SETTINGS_S = 1800;
const DOCS_S = 900;

const COORDINATION: CoordinationConfig = {
  auto_register: true,
  session_timeout: 7200,
  heartbeat_interval: 300,
  enable_file_locks: true,
  lock_timeout: 3600,
  named_lock_timeout: 300,
  conflict_action: "block",
  show_notifications: true,
  notification_types: NOTIFICATION_TYPES,
  kg_context: "session_coordination",
  kg_location: "project",
  auto_cleanup_stale: true,
  cleanup_interval: 1800,
  archive_completed: true,
  retention_days: 7,
  on_store_error: "allow",
  critical_files: ["*.py", "*.js", "*.yaml", "*.json"],
  ignore_files: [
    // what comes from elsewhere
    "node_modules/",
    "bower_components/",
    ".venv/",
    "venv/",
    ".terraform/",
    // what is built
    "dist/",
    "build/",
    "target/",
    ".next/",
    ".nuxt/",
    ".svelte-kit/",
    ".gradle/",
    "*.egg-info/",
    "*.pyc",
    "*.pyo",
    "*.class",
    "*.o",
    // what tools note down
    ".git/",
    "/.claude/session-state/",
    "__pycache__/",
    ".cache/",
    ".turbo/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".tox/",
    ".nox/",
    ".nyc_output/",
    "coverage/",
    "htmlcov/",
    "*.log",
    "*.tmp",
    "*.swp",
    ".DS_Store",
  ],
  docs_files: ["*.md", "*.mdx", "*.rst", "*.adoc"],
  timeouts: {
    "*.py": SOURCE_S,
    "*.js": SOURCE_S,
    "*.jsx": SOURCE_S,
    "*.mjs": SOURCE_S,
    "*.cjs": SOURCE_S,
    "*.ts": SOURCE_S,
    "*.tsx": SOURCE_S,
    "*.sql": DATABASE_S,
    "*.yaml": SETTINGS_S,
    "*.yml": SETTINGS_S,
    "*.json": SETTINGS_S,
    "*.sh": SETTINGS_S,
    "*.md": DOCS_S,
    "*.mdx": DOCS_S,
    "*.rst": DOCS_S,
    "*.adoc": DOCS_S,
  },
  work_areas: {},
  priority_rules: { production: 100, hotfix: 90, feature: 50, refactor: 30, experiment: 10 },
  multi_project: false,
  claim_prefix: "auto",
};

/** The configuration where no file says otherwise. */
export const DEFAULT_CONFIG: Config = {
  storage: {
    adapter: "local",
    config: {},
    max_value_bytes: DEFAULT_LIMITS.maxValueBytes,
    trusted_hosts: [],
  },
  session: {
    machine_id: "auto",
    project_detection: "git",
    max_instances: null,
    heartbeat_interval_ms: 5_000,
    heartbeat_timeout_ms: 60_000,
  },
  log: { level: "info", path: "auto", max_bytes: 1_000_000, keep_files: 3 },
  http: {
    tokens_path: "auto",
    allowed_hosts: [],
    allowed_origins: [],
    max_body_bytes: 1_048_576,
    max_connections: 2000,
    max_sessions: 1000,
    max_sessions_per_user: 500,
    idle_timeout_s: 1800,
    header_timeout_s: 10,
    body_timeout_s: 20,
    shutdown_timeout_s: 5,
    rate_per_minute: 60_000,
    audit_path: "auto",
    audit_max_bytes: 10_000_000,
    audit_keep_files: 9,
  },
  coordination: COORDINATION,
};
