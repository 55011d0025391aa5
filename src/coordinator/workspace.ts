/**
 * Everything that a command works with in one folder: its configuration, machine, project, store and
 * instances.
 *
 * @module
 */

import { join, relative, resolve } from "@std/path";
import { configPlaces, loadConfig, type LoadedConfig } from "../config/load.ts";
import { detectMachine } from "../detect/machine.ts";
import { detectProject, type Project } from "../detect/project.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import { CoordinatorError, messageOf } from "../domain/error.ts";
import { type Log, openLog, userLogPath, userStateFolder } from "../os/log.ts";
import { resolveFrom } from "../os/path.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import "../storage/builtin.ts";
import { openStore } from "../storage/registry.ts";
import { ProjectData } from "./data.ts";
import { InstancePool } from "./instances.ts";
import { Overview } from "./overview.ts";
import { Session } from "./session.ts";

/** A folder, and the configuration that applies in it. */
export interface Setting {
  /** The project's folder: `CLAUDE_PROJECT_DIR`, else the current one. */
  readonly folder: string;
  readonly repository: Repository | null;
  /** Where relative paths of the configuration start. */
  readonly baseFolder: string;
  readonly loaded: LoadedConfig;
  /** The log's file, or null where there is none. */
  readonly logPath: string | null;
}

/** An open workspace. */
export interface Workspace {
  readonly setting: Setting;
  readonly machine: string;
  readonly project: Project;
  readonly store: StorageAdapter;
  readonly pool: InstancePool;
  readonly data: ProjectData;
  readonly session: Session;
  readonly overview: Overview;
  readonly log: Log;
  /** Closes the store; does not sign off. */
  close(): Promise<void>;
}

/**
 * Where the project is.
 *
 * @throws {CoordinatorError} `invalid_config` where `CLAUDE_PROJECT_DIR` names no folder.
 */
export function projectFolder(): string {
  const named = Deno.env.get("CLAUDE_PROJECT_DIR");
  if (!named) return Deno.cwd();
  try {
    if (Deno.statSync(named).isDirectory) return resolve(named);
  } catch {
    // Said below.
  }
  throw new CoordinatorError(
    "invalid_config",
    `CLAUDE_PROJECT_DIR names '${named}', which is not a folder`,
    "Correct the variable, or unset it to use the current folder.",
  );
}

/** The places where a folder's configuration may be, in their order. */
export function placesFor(folder: string, configPath?: string) {
  const repository = findRepository(folder);
  const folders = [folder, ...(repository ? [repository.worktree, repository.mainFolder] : [])];
  return { repository, places: configPlaces(configPath, folders) };
}

/**
 * Finds the configuration of a folder.
 *
 * @throws {CoordinatorError} `invalid_config`.
 */
export function findSetting(folder: string, configPath?: string): Setting {
  const { repository, places } = placesFor(folder, configPath);
  const loaded = loadConfig(places);
  const baseFolder = repository?.mainFolder ?? folder;
  const { level, path } = loaded.config.log;
  const logPath = path === "auto" ? userLogPath() : resolveFrom(baseFolder, path);
  checkProjectLayer(loaded, baseFolder, logPath);
  return { folder, repository, baseFolder, loaded, logPath: level === "off" ? null : logPath };
}

/**
 * A configuration that comes with a repository is not its user's: it may neither send data to a
 * server nor write a log outside the repository.
 */
function checkProjectLayer(loaded: LoadedConfig, baseFolder: string, logPath: string | null) {
  const { config, place } = loaded;
  if (place?.layer !== "project") return;
  const { adapter, config: { path: storePath } } = config.storage;
  const isOutside = (path: string) => relative(baseFolder, path).startsWith("..");
  const fault = config.log.path !== "auto" && logPath !== null && isOutside(logPath)
    ? "'log.path' lies outside the repository"
    : adapter === "kv" && typeof storePath === "string" && /^https?:/i.test(storePath)
    ? "'storage.config.path' is a server's URL"
    : null;
  if (fault === null) return;
  throw new CoordinatorError(
    "invalid_config",
    `${place.path}: ${fault}, which a file that comes with the repository may not say`,
    "Say it in your own file, ~/.config/claude-session-coordinator/config.json, or pass --config.",
  );
}

/**
 * Opens the workspace of a folder. Nothing is claimed, and nothing written before it must be.
 *
 * @throws {CoordinatorError} `invalid_config`, `unknown_adapter`, `store_io`.
 */
export async function openWorkspace(setting: Setting): Promise<Workspace> {
  const { folder, repository, loaded: { config } } = setting;
  const machine = detectMachine(config.session.machine_id);
  const project = await detectProject(folder, repository, config.session.project_detection);
  const label = () => [`${machine}:${project.id}`, session?.context?.session_id].join(" ").trim();
  const log = openLog({
    level: config.log.level,
    path: setting.logPath,
    maxBytes: config.log.max_bytes,
    keepFiles: config.log.keep_files,
    label,
  });
  const store = await openStore(config.storage.adapter, config.storage.config, {
    baseFolder: setting.baseFolder,
    limits: { maxValueBytes: config.storage.max_value_bytes },
    onUnreadable: (error) => log.warn(messageOf(error)),
  });
  const lifeFolder = join(store.place.folder ?? userStateFolder() ?? setting.baseFolder, "alive");
  const { heartbeat_interval_ms: heartbeatIntervalMs } = config.session;
  const pool = new InstancePool({
    store,
    machine,
    project: project.id,
    lifeFolder,
    maxInstances: config.session.max_instances,
    heartbeatIntervalMs,
    heartbeatTimeoutMs: config.session.heartbeat_timeout_ms,
    log,
  });
  const data = new ProjectData(store, machine, project.id, pool);
  const session: Session = new Session({
    pool,
    machine,
    project: project.id,
    lifeFolder,
    heartbeatIntervalMs,
    clientSession: Deno.env.get("CLAUDE_CODE_SESSION_ID") ?? null,
    log,
  });
  const overview = new Overview({ machine, project: project.id }, pool, data, session);
  const close = () => store.close();
  return { setting, machine, project, store, pool, data, session, overview, log, close };
}
