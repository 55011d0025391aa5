/**
 * `csc config`: what the configuration is, where it comes from, and whether it is right.
 *
 * @module
 */

import { type ConfigIssue, whereOf } from "../../config/check.ts";
import { MAX_BYTES, readConfigText } from "../../config/file_text.ts";
import { keyName, leaves } from "../../config/keys.ts";
import {
  type ConfigFile,
  inspectConfig,
  type LoadedConfig,
  prepareConfig,
} from "../../config/load.ts";
import { readMode } from "../../config/mode_file.ts";
import { type ConfigPlace, type YamlPlace, yamlPlaces } from "../../config/places.ts";
import { redact } from "../../config/redact.ts";
import { requireTrust } from "../../config/trust.ts";
import { findUntrusted, placesFor, projectFolder } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import type { Json } from "../../domain/json.ts";
import { shorten } from "../../domain/text.ts";
import { basename } from "../../os/path.ts";
import { lstatOrNull } from "../../os/private_folder.ts";
import { userLogPath } from "../../os/log.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson, printWarning } from "../output.ts";
import { table } from "../table.ts";

/** Runs `csc config`. */
export async function config(line: CommandLine): Promise<number> {
  const [action, ...words] = line.words;
  const most = action === "validate" ? 1 : 0;
  if (words.length > most) throw line.mistake(`'${action}' with ${words.length} arguments`);
  const run = ACTIONS.get(action);
  if (!run) throw line.mistake(action ? `unknown action '${action}'` : "an action is missing");
  const explicitPath = words[0] ?? line.text("config");
  const { places } = placesFor(projectFolder(), explicitPath);
  await prepareConfig(places);
  return await run(line, places, explicitPath);
}

type Action = (
  line: CommandLine,
  places: readonly ConfigPlace[],
  explicitPath?: string,
) => number | Promise<number>;

const ACTIONS: ReadonlyMap<string | undefined, Action> = new Map<string, Action>([
  ["show", show],
  ["validate", validate],
  ["path", path],
]);

/** As many characters of a value as leave room for the other columns. */
const SHOWN_CHARS = 24;

async function show(
  line: CommandLine,
  _places: unknown,
  explicitPath?: string,
): Promise<number> {
  const { loaded, baseFolder } = await findUntrusted(projectFolder(), explicitPath);
  for (const { message, fix } of loaded.warnings) printWarning(`${message}. ${fix}`);
  warnOfStore(loaded, baseFolder);
  const rows = leaves(redact(loaded.config as unknown as Json)).map(({ path, value }) => {
    const key = keyName(path);
    return { key, value, file: loaded.origins.get(key) };
  });
  if (line.has("json")) {
    const source = (file?: ConfigFile) => file ? `${file.layer}: ${file.path}` : "default";
    printJson(
      Object.fromEntries(
        rows.map(({ key, value, file }) => [key, { value, source: source(file) }]),
      ),
    );
    return 0;
  }
  const cells = rows.map(({ key, value, file }) => [
    key,
    shorten(JSON.stringify(value), SHOWN_CHARS),
    file ? `${file.layer}: ${basename(file.path)}` : "default",
  ]);
  print(table(["KEY", "VALUE", "FROM"], cells));
  print("\nWhole values: `csc config show --json`. Where the files are: `csc config path`.");
  return 0;
}

/** Whoever looks why nothing is coordinated looks here. */
function warnOfStore(loaded: LoadedConfig, baseFolder: string): void {
  try {
    requireTrust(loaded, baseFolder);
  } catch (error) {
    if (!(error instanceof CoordinatorError)) throw error;
    printWarning(`${error.message}. ${error.hint}`);
  }
}

function validate(line: CommandLine, places: readonly ConfigPlace[]): number {
  const found = inspectConfig(places);
  const issues = "issues" in found ? found.issues : found.warnings;
  report(found.files, issues, line.has("json"));
  return issues.length > 0 ? 2 : 0;
}

function report(
  files: readonly ConfigFile[],
  issues: readonly ConfigIssue[],
  asJson: boolean,
): void {
  const valid = issues.length === 0;
  const paths = files.map(({ path }) => path);
  if (asJson) return printJson({ file: paths[0] ?? null, files: paths, valid, issues });
  if (files.length === 0 && valid) {
    return print("There is no configuration file; the defaults apply.");
  }
  for (const path of paths) {
    if (valid || issues.every(({ file }) => file !== path)) print(`${path}: valid`);
  }
  for (const issue of issues) print(`${whereOf(issue)}: ${issue.message}\n  fix: ${issue.fix}`);
}

async function path(
  line: CommandLine,
  places: readonly ConfigPlace[],
  explicitPath?: string,
): Promise<number> {
  const exists = ({ path }: { path: string }) => lstatOrNull(path) !== null;
  const used = places.find((place) => place.isNamed || exists(place)) ?? null;
  const yaml = yamlPlaces(places);
  const counts = (place: YamlPlace) => place.name === "config" ? saysMode(place) : exists(place);
  const usedYaml = new Set(
    yaml.filter((place) => place === yaml.find((one) => one.name === place.name && counts(one))),
  );
  const log = await logPath(explicitPath);
  if (line.has("json")) {
    const looked = places.map((place) => ({ ...place, exists: exists(place) }));
    const yamlLooked = yaml.map((place) => ({
      ...place,
      exists: exists(place),
      used: usedYaml.has(place),
    }));
    printJson({ used: used?.path ?? null, places: looked, yaml: yamlLooked, log });
    return 0;
  }
  const row = (place: Pick<ConfigPlace, "layer" | "path">, isUsed: boolean) => [
    place.layer,
    isUsed ? "used" : exists(place) ? "there" : "-",
    place.path,
  ];
  const rows = [
    ...places.map((place) => row(place, place === used)),
    ...yaml.filter((place) => place.path.endsWith(usualEnding(place)) || exists(place))
      .map((place) => row(place, usedYaml.has(place))),
  ];
  print(table(["LAYER", "STATE", "FILE"], rows));
  const isNone = used === null && usedYaml.size === 0;
  print(`\n${isNone ? "No file: the defaults apply. " : ""}Log: ${log ?? "none"}`);
  return 0;
}

/** `config.yml` is another tool's: it counts where it says which store to use. */
function saysMode(place: YamlPlace): boolean {
  const text = readConfigText(place, MAX_BYTES.json);
  return text !== null && readMode(text) !== null;
}

function usualEnding({ name }: YamlPlace): string {
  return name === "config" ? ".yml" : ".yaml";
}

/** The log in use; that of the defaults where the configuration cannot be read. */
async function logPath(explicitPath: string | undefined): Promise<string | null> {
  try {
    return (await findUntrusted(projectFolder(), explicitPath)).logPath;
  } catch {
    return userLogPath();
  }
}
