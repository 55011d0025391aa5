/**
 * Where configuration files may be.
 *
 * @module
 */

import { join, resolve } from "../os/path.ts";

/** The variable that names a configuration file (seeds 000 to 002). */
export const CONFIG_VARIABLE = "CLAUDE_SESSION_COORDINATOR_CONFIG";

/** A place where a configuration file may be. */
export interface ConfigPlace {
  readonly layer: "--config" | typeof CONFIG_VARIABLE | "project" | "user";
  readonly path: string;
  /** Whether somebody named this very file, so that it must exist. */
  readonly isNamed: boolean;
}

/** A place where a YAML file with a say in the configuration may be. */
export interface YamlPlace {
  readonly layer: "project" | "user";
  /**
   * `coordination` and `file-patterns` hold the section `coordination`; the former gives way to the
   * latter. `config` is seed 004's, of which one line counts.
   */
  readonly name: typeof YAML_NAMES[number] | typeof MODE_NAME;
  readonly path: string;
}

const YAML_NAMES = ["coordination", "file-patterns"] as const;
const MODE_NAME = "config";
const YAML_ENDINGS = [".yaml", ".yml"] as const;

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
  const path = userConfigPath();
  if (path !== null) places.push({ layer: "user", path, isNamed: false });
  return places;
}

/** The user's own configuration file, or null where the user has no home. */
export function userConfigPath(): string | null {
  return inUserFolder("config.json");
}

/** The file that tells what the user trusts, or null where the user has no home. */
export function trustPath(): string | null {
  return inUserFolder("trusted.json");
}

function inUserFolder(name: string): string | null {
  const home = Deno.env.get("HOME") || Deno.env.get("USERPROFILE");
  return home ? join(home, ".config", "claude-session-coordinator", name) : null;
}

/**
 * Where the YAML files may be: beside the JSON files of the project and of the user, in the same
 * order, whichever JSON file is in use. `config.yml` is the project's alone.
 */
export function yamlPlaces(places: readonly ConfigPlace[]): YamlPlace[] {
  return places.flatMap(({ layer, path }) => {
    if (layer !== "project" && layer !== "user") return [];
    const folder = path.slice(0, 1 + Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
    const names = layer === "project" ? [...YAML_NAMES, MODE_NAME] as const : YAML_NAMES;
    return names.flatMap((name) =>
      YAML_ENDINGS.map((ending) => ({ layer, name, path: folder + name + ending }))
    );
  });
}

/** Every path that has a say in the configuration, whether or not there is a file. */
export function candidatePaths(places: readonly ConfigPlace[]): string[] {
  const trust = trustPath();
  return [
    ...[...places, ...yamlPlaces(places)].map(({ path }) => path),
    ...(trust === null ? [] : [trust]),
  ];
}
