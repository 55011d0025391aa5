/**
 * Where one is, and which configuration applies there.
 *
 * @module
 */

import { loadConfig, type LoadedConfig, prepareConfig } from "../config/load.ts";
import { checkPersonal } from "../config/personal.ts";
import { configPlaces } from "../config/places.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { detectProject } from "../detect/project.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import { CoordinatorError } from "../domain/error.ts";
import { userLogPath } from "../os/log.ts";
import { relative, resolve, resolveFrom } from "../os/path.ts";
import "../storage/builtin.ts";

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
export async function findSetting(folder: string, configPath?: string): Promise<Setting> {
  const { repository, places } = placesFor(folder, configPath);
  await prepareConfig(places);
  const loaded = loadConfig(places);
  checkPersonal(loaded);
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

/** What a hook needs to know of a folder; it keeps this for the next ones. */
export async function resolveSetting(folder: string): Promise<Snapshot> {
  const { repository, loaded: { config, place } } = await findSetting(folder);
  const project = await detectProject(folder, repository, config.session.project_detection);
  return { config, place: place && { layer: place.layer, path: place.path }, project };
}
