/**
 * Where the configuration comes from: the first of `--config`, `CLAUDE_SESSION_COORDINATOR_CONFIG`,
 * the project's file and the user's file that there is, merged deeply over what `file-patterns.yaml`
 * says, over what `coordination.yaml` says, over the store that `config.yml` names, over what seed
 * 004's environment variables say, over the defaults.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { dirname } from "../os/path.ts";
import { checkConfig, configError, type ConfigIssue, type SaidElsewhere } from "./check.ts";
import type { CoordinationText } from "./coordination_files.ts";
import { DEFAULT_CONFIG } from "./defaults.ts";
import { MAX_BYTES, parseConfigJson, readConfigText } from "./file_text.ts";
import { keyName, leaves, mergeOver } from "./keys.ts";
import { readMode } from "./mode_file.ts";
import { type ConfigPlace, type YamlPlace, yamlPlaces } from "./places.ts";
import type { Config } from "./types.ts";
import { readVariables, variablesJson, type VariableText } from "./variables.ts";

export { candidatePaths, CONFIG_VARIABLE, type ConfigPlace, configPlaces } from "./places.ts";

/** A file that a configuration was read from, or a variable that says a value of it. */
export interface ConfigFile {
  readonly layer: ConfigPlace["layer"] | typeof ENVIRONMENT;
  /** The variable's name where it is no file. */
  readonly path: string;
}

/** The layer of seed 004's variables. */
export const ENVIRONMENT = "environment";

/** A configuration, and where its values come from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The JSON file it was read from, or null where there is none. */
  readonly place: ConfigPlace | null;
  /** Which keys that file sets, such as `storage.adapter`. */
  readonly keysInFile: ReadonlySet<string>;
  /** All files it was read from, YAML ones too; what the first says wins. */
  readonly files: readonly ConfigFile[];
  /** Which file a key's value comes from; a key without is a default. */
  readonly origins: ReadonlyMap<string, ConfigFile>;
  /** Variables of the environment that do not count, as they make no sense. */
  readonly warnings: readonly ConfigIssue[];
}

/** Files in which something is wrong. */
export interface WrongConfig {
  readonly files: readonly ConfigFile[];
  /** At least one. */
  readonly issues: readonly ConfigIssue[];
}

/** A file and what it says. */
interface JsonText {
  readonly place: ConfigPlace;
  readonly said: Json;
}

interface YamlText extends CoordinationText {
  readonly place: YamlPlace;
}

/** The store that `config.yml` names. */
interface ModeChoice {
  readonly place: YamlPlace;
  readonly line: number;
  readonly adapter: string;
}

/** All that has a say, in the order in which it wins. */
interface Texts {
  readonly json: JsonText | null;
  readonly yaml: readonly YamlText[];
  readonly mode: ModeChoice | null;
  readonly variables: readonly VariableText[];
}

let readCoordination: ((text: string) => CoordinationText) | null = null;

/**
 * Loads the YAML parser where one of the places has a YAML file. Await it before {@linkcode loadConfig}
 * or {@linkcode inspectConfig}; everybody else is spared the parser.
 */
export async function prepareConfig(places: readonly ConfigPlace[]): Promise<void> {
  const needs = ({ name, path }: YamlPlace) => name !== "config" && isThere(path);
  if (readCoordination || !yamlPlaces(places).some(needs)) return;
  ({ readCoordination } = await import("./coordination_files.ts"));
}

/**
 * Loads the configuration from the first place that has a file, and from the YAML files.
 *
 * @throws {CoordinatorError} `invalid_config`: a file cannot be read, is not JSON or YAML, or says
 * something that is not allowed; the message names file and key, the hint the fix.
 */
export function loadConfig(places: readonly ConfigPlace[]): LoadedConfig {
  const found = inspectConfig(places);
  if ("config" in found) return found;
  throw configError(found.issues[0].file ?? "", found.issues);
}

/**
 * The configuration, or everything that is wrong with it.
 *
 * @throws {CoordinatorError} `invalid_config` where a file cannot be read.
 */
export function inspectConfig(places: readonly ConfigPlace[]): LoadedConfig | WrongConfig {
  const issues: ConfigIssue[] = [];
  const json = readJson(places, issues);
  const yaml = readYamlFiles(places, issues);
  const mode = readModeFile(places, issues);
  if (json && "said" in json) issues.push(...selfTrust(json));
  const files = [json?.place, ...yaml.map(({ place }) => place), mode?.place]
    .flatMap((place) => place ? [{ layer: place.layer, path: place.path }] : []);
  if (json && !("said" in json)) return { files, issues };
  const said = mergedText(json, yaml, mode);
  const { texts: variables, faults } = readVariables(said);
  const warnings = faults.map(({ name, ...fault }) => ({ file: name, ...fault }));
  if (files.length === 0 && variables.length === 0 && issues.length === 0) {
    return { ...NO_FILES, config: DEFAULT_CONFIG, warnings };
  }
  const texts = { json, yaml, mode, variables };
  const whole = isObject(said) ? mergeOver(variablesJson(variables), said) : said;
  const checked = checkConfig(whole, elsewhere(texts));
  if ("config" in checked && issues.length === 0) {
    const keysInFile = new Set(json ? leaves(json.said).map(({ path }) => keyName(path)) : []);
    const origins = originsOf(texts);
    const { config } = checked;
    return { config, place: json?.place ?? null, keysInFile, files, origins, warnings };
  }
  const file = json?.place.path ?? files[0]?.path ?? ENVIRONMENT;
  const found = "issues" in checked ? checked.issues.map((issue) => ({ file, ...issue })) : [];
  return { files, issues: [...issues, ...found] };
}

const NO_FILES = { place: null, keysInFile: new Set<string>(), files: [], origins: new Map() };

/** Whether there is something at a path, or something that hides it. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

/** The first JSON file there is; without `said` where it is not JSON. */
function readJson(
  places: readonly ConfigPlace[],
  issues: ConfigIssue[],
): JsonText | { place: ConfigPlace } | null {
  for (const place of places) {
    const text = readConfigText(place, MAX_BYTES.json);
    if (text === null) continue;
    const parsed = parseConfigJson(text);
    if ("said" in parsed) return { place, said: parsed.said };
    const { line, column } = parsed;
    // The place only: the parser's own message would quote the file, passwords included.
    issues.push({
      file: place.path,
      key: "",
      message: `This is not valid JSON (line ${line}, column ${column})`,
      fix: "Correct it; JSON has no comments and no comma behind the last entry.",
    });
    return { place };
  }
  return null;
}

/** A file that comes with a repository cannot vouch for itself. */
function selfTrust({ place, said }: JsonText): ConfigIssue[] {
  if (place.layer !== "project" || !has(said, ["storage", "trusted_hosts"])) return [];
  return [{
    file: place.path,
    key: "storage.trusted_hosts",
    message: "'storage.trusted_hosts' stands in a file that comes with the repository",
    fix: "Say it in your own file, ~/.config/claude-session-coordinator/config.json.",
  }];
}

/** The YAML files that count; what the first says wins. */
function readYamlFiles(places: readonly ConfigPlace[], issues: ConfigIssue[]): YamlText[] {
  const there = yamlPlaces(places).filter(({ path }) => isThere(path));
  const names: YamlPlace["name"][] = ["file-patterns", "coordination"];
  return names.flatMap((name) => {
    const [place, other] = there.filter((one) => one.name === name);
    if (!place) return [];
    const file = place.path;
    if (other && dirname(other.path) === dirname(file)) {
      const message = `'${other.path}' lies beside it, and only one of the two can count`;
      issues.push({ file, key: "", message, fix: "Make one file of them." });
    }
    const text = readConfigText(place, MAX_BYTES.yaml);
    if (text === null) return [];
    if (!readCoordination) throw appeared(file);
    const read = readCoordination(text);
    issues.push(...read.issues.map((issue) => ({ file, ...issue })));
    return [{ place, ...read }];
  });
}

/** Since `prepareConfig` looked. */
function appeared(path: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_config",
    `${path}: the file appeared while the configuration was being read`,
    "Run the command again.",
  );
}

/** The first `config.yml` that says which store to use. */
function readModeFile(places: readonly ConfigPlace[], issues: ConfigIssue[]): ModeChoice | null {
  for (const place of yamlPlaces(places).filter(({ name }) => name === "config")) {
    const text = readConfigText(place, MAX_BYTES.json);
    const mode = text === null ? null : readMode(text);
    if (mode === null) continue;
    const { line } = mode;
    if ("adapter" in mode) return { place, line, adapter: mode.adapter };
    const { message, fix } = mode;
    issues.push({ file: place.path, line, key: "coordination", message, fix });
    return null;
  }
  return null;
}

/** What all files say, in one. */
function mergedText(
  json: JsonText | null,
  yaml: readonly YamlText[],
  mode: ModeChoice | null,
): Json {
  const said = json?.said ?? {};
  if (!isObject(said)) return said;
  const section = yaml.map((text): Json => text.section).reduceRight(mergeOver, {});
  const files = mergeOver(modeJson(mode), yaml.length > 0 ? { coordination: section } : {});
  return mergeOver(files, said);
}

function modeJson(mode: ModeChoice | null): Json {
  return mode ? { storage: { adapter: mode.adapter } } : {};
}

/** Where something else than the JSON file says a value, unless that says it as well. */
function elsewhere({ json, yaml, mode, variables }: Texts): SaidElsewhere {
  return (path) => {
    if (has(json?.said ?? null, path)) return null;
    const [section, ...inner] = path;
    if (section === "coordination") {
      const text = yaml.find(({ section }) => has(section, inner)) ??
        yaml.find(({ section }) => has(section, inner.slice(0, 1)));
      const at = text?.saidAt(inner);
      if (text && at) return { file: text.place.path, ...at };
    }
    if (mode && keyName(path) === "storage.adapter") {
      return { file: mode.place.path, line: mode.line, key: "coordination" };
    }
    const variable = variables.find((one) => keyName(one.path) === keyName(path));
    return variable ? { file: ENVIRONMENT, key: variable.name } : null;
  };
}

function has(value: Json, path: readonly string[]): boolean {
  let at: Json = value;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return false;
    at = (at as { readonly [key: string]: Json })[name];
  }
  return true;
}

function originsOf({ json, yaml, mode, variables }: Texts): Map<string, ConfigFile> {
  const origins = new Map<string, ConfigFile>();
  const note = ({ layer, path }: ConfigFile, said: Json) =>
    leaves(said).forEach((leaf) => origins.set(keyName(leaf.path), { layer, path }));
  for (const { name, path } of variables) {
    origins.set(keyName(path), { layer: ENVIRONMENT, path: name });
  }
  if (mode) note(mode.place, modeJson(mode));
  for (const { place, section } of yaml.toReversed()) note(place, { coordination: section });
  if (json) note(json.place, json.said);
  return origins;
}
