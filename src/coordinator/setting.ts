/**
 * Where one is, and which configuration applies there.
 *
 * @module
 */

import { loadConfig, type LoadedConfig, prepareConfig } from "../config/load.ts";
import { checkPersonal } from "../config/personal.ts";
import { configPlaces } from "../config/places.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { requireTrust } from "../config/trust.ts";
import { detectProject } from "../detect/project.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import { CoordinatorError } from "../domain/error.ts";
import { userLogPath } from "../os/log.ts";
import { basename, dirname, isAbsolute, join, relative, resolve, resolveFrom } from "../os/path.ts";
import { lstatOrNull } from "../os/private_folder.ts";
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
  /** Whether the log's file may be written at this moment: links may have changed where it leads. */
  readonly isLogAllowed: () => boolean;
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
 * @throws {CoordinatorError} `invalid_config`; `not_trusted` where a file that comes with the
 * repository names a store on the network that the user has not allowed.
 */
export async function findSetting(folder: string, configPath?: string): Promise<Setting> {
  const setting = await findUntrusted(folder, configPath);
  requireTrust(setting.loaded, setting.baseFolder);
  return setting;
}

/**
 * Finds the configuration of a folder, whether or not its store may be used: to be looked at only.
 *
 * @throws {CoordinatorError} `invalid_config`.
 */
export async function findUntrusted(folder: string, configPath?: string): Promise<Setting> {
  const { repository, places } = placesFor(folder, configPath);
  await prepareConfig(places);
  const loaded = loadConfig(places);
  checkPersonal(loaded);
  const baseFolder = repository?.mainFolder ?? folder;
  const { level, path } = loaded.config.log;
  const logPath = path === "auto" ? userLogPath() : resolveFrom(baseFolder, path);
  const isLogAllowed = () => isOwnLog(loaded, baseFolder, logPath);
  if (!isLogAllowed()) throw logOutside(loaded);
  return {
    folder,
    repository,
    baseFolder,
    loaded,
    logPath: level === "off" ? null : logPath,
    isLogAllowed,
  };
}

/**
 * A configuration that comes with a repository is not its user's: it may not write a log outside the
 * repository, nor into git's own files, also not by a link that the repository brings along.
 */
function isOwnLog({ config, place }: LoadedConfig, baseFolder: string, logPath: string | null) {
  const isTheirs = place?.layer === "project" && config.log.path !== "auto";
  return !isTheirs || logPath === null || isWithin(baseFolder, logPath);
}

function logOutside({ place }: LoadedConfig): CoordinatorError {
  return new CoordinatorError(
    "invalid_config",
    `${place?.path}: 'log.path' lies outside the repository, which a file that comes with the repository may not say`,
    "Say it in your own file, ~/.config/claude-session-coordinator/config.json, or pass --config.",
  );
}

/** Whether a file lies in a repository's folder and is none of git's, whichever links lead to it. */
function isWithin(baseFolder: string, path: string): boolean {
  const from = realPathOf(baseFolder);
  const real = realPathOf(path);
  if (from === null || real === null) return false;
  const parts = relative(from, real).split(/[/\\]/);
  const isBare = ["HEAD", "objects", "refs"].every((name) => lstatOrNull(join(from, name)));
  return parts[0] !== ".." && !isAbsolute(parts.join("/")) && (!isBare || parts[0] === ".claude") &&
    !parts.some((part) => /^\.git$/i.test(part));
}

/** Where a path leads that need not exist yet; null where a link on it leads to nothing. */
function realPathOf(path: string): string | null {
  if (lstatOrNull(path) === null && dirname(path) !== path) {
    const folder = realPathOf(dirname(path));
    return folder && join(folder, basename(path));
  }
  try {
    return Deno.realPathSync(path);
  } catch {
    return null;
  }
}

/** What a hook needs to know of a folder; it keeps this for the next ones. */
export async function resolveSetting(folder: string): Promise<Snapshot> {
  const { repository, loaded: { config, place } } = await findSetting(folder);
  const project = await detectProject(folder, repository, config.session.project_detection);
  return { config, place: place && { layer: place.layer, path: place.path }, project };
}
