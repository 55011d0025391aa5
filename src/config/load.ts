/**
 * Where the configuration comes from: the first of `--config`, `CLAUDE_SESSION_COORDINATOR_CONFIG`,
 * the project's file and the user's file that there is, merged deeply over the defaults.
 *
 * @module
 */

import { join, resolve } from "@std/path";
import { CoordinatorError, messageOf } from "../domain/error.ts";
import { isObject, type Json, parseJson } from "../domain/json.ts";
import { checkConfig, configError, type ConfigIssue } from "./check.ts";
import { type Config, DEFAULT_CONFIG } from "./schema.ts";

/** The variable that names a configuration file (seeds 000 to 002). */
export const CONFIG_VARIABLE = "CLAUDE_SESSION_COORDINATOR_CONFIG";

/** A place where a configuration file may be. */
export interface ConfigPlace {
  readonly layer: "--config" | typeof CONFIG_VARIABLE | "project" | "user";
  readonly path: string;
  /** Whether somebody named this very file, so that it must exist. */
  readonly isNamed: boolean;
}

/** A configuration, and where its values come from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file it was read from, or null where only defaults apply. */
  readonly place: ConfigPlace | null;
  /** Which keys the file sets, such as `storage.adapter`. */
  readonly keysInFile: ReadonlySet<string>;
}

/** The places to look at, in their order. */
export function configPlaces(
  explicitPath: string | undefined,
  projectFolders: readonly string[],
): ConfigPlace[] {
  const places: ConfigPlace[] = [];
  const named = (layer: ConfigPlace["layer"], path: string) =>
    places.push({ layer, path: resolve(path), isNamed: true });
  const variable = Deno.env.get(CONFIG_VARIABLE);
  if (explicitPath !== undefined) named("--config", explicitPath);
  if (variable) named(CONFIG_VARIABLE, variable);
  for (const folder of new Set(projectFolders)) {
    const path = join(folder, ".claude", "session-coordinator-config.json");
    places.push({ layer: "project", path, isNamed: false });
  }
  const home = Deno.env.get("HOME") || Deno.env.get("USERPROFILE");
  if (home) {
    const path = join(home, ".config", "claude-session-coordinator", "config.json");
    places.push({ layer: "user", path, isNamed: false });
  }
  return places;
}

/**
 * Loads the configuration from the first place that has a file.
 *
 * @throws {CoordinatorError} `invalid_config`: the file cannot be read, is not JSON, or says
 * something that is not allowed; the message names file and key, the hint the fix.
 */
export function loadConfig(places: readonly ConfigPlace[]): LoadedConfig {
  for (const place of places) {
    const found = inspectConfig(place);
    if (!found) continue;
    if ("issues" in found) throw configError(place.path, found.issues);
    return { config: found.config, place, keysInFile: found.keysInFile };
  }
  return { config: DEFAULT_CONFIG, place: null, keysInFile: new Set() };
}

/** What a file says, or everything that is wrong with it; null where there is none. */
export function inspectConfig(
  place: ConfigPlace,
): { config: Config; keysInFile: Set<string> } | { issues: ConfigIssue[] } | null {
  const text = readConfig(place);
  if (text === null) return null;
  let said: Json;
  try {
    said = parseJson(text.replace(/^\ufeff/, ""));
  } catch (error) {
    return { issues: [notJson(text, error)] };
  }
  const checked = checkConfig(said);
  return "issues" in checked ? checked : { ...checked, keysInFile: new Set(leafKeys(said)) };
}

function readConfig(place: ConfigPlace): string | null {
  try {
    return Deno.readTextFileSync(place.path);
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isAbsent && !place.isNamed) return null;
    const fact = isAbsent ? "there is no such file" : messageOf(error);
    throw new CoordinatorError(
      "invalid_config",
      `${place.path}: cannot be read as configuration: ${fact}`,
      place.isNamed ? `Correct ${place.layer}, or create the file.` : "Check the file's mode.",
      { cause: error },
    );
  }
}

/** Names the position only: the parser's own message would quote the file, passwords included. */
function notJson(text: string, error: unknown): ConfigIssue {
  const lines = text.slice(0, positionOf(error) ?? faultAt(text)).split("\n");
  const where = ` (line ${lines.length}, column ${lines.at(-1)!.length + 1})`;
  return {
    key: "",
    message: `This is not valid JSON${where}`,
    fix: "Correct it; JSON has no comments and no comma behind the last entry.",
  };
}

/** Where a text stops being the start of something valid; the parser does not always say. */
function faultAt(text: string): number {
  let [valid, faulty] = [0, text.length];
  while (valid + 1 < faulty) {
    const middle = Math.floor((valid + faulty) / 2);
    if (isStartOfJson(text.slice(0, middle))) valid = middle;
    else faulty = middle;
  }
  return valid;
}

function isStartOfJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const position = positionOf(error);
    return position === null ? /end of JSON/.test(messageOf(error)) : position >= text.length;
  }
}

function positionOf(error: unknown): number | null {
  const position = /position (\d+)/.exec(messageOf(error))?.[1];
  return position === undefined ? null : Number(position);
}

/** The keys of all values that are no objects themselves. */
export function leafKeys(value: Json, path = ""): string[] {
  if (!isObject(value) || (path !== "" && Object.keys(value).length === 0)) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leafKeys(inner, path === "" ? key : `${path}.${key}`)
  );
}
