/**
 * `csc config`: what the configuration is, where it comes from, and whether it is right.
 *
 * @module
 */

import type { ConfigIssue } from "../config/check.ts";
import { type ConfigPlace, inspectConfig, leafKeys } from "../config/load.ts";
import { redact } from "../config/redact.ts";
import { findSetting, placesFor, projectFolder } from "../coordinator/workspace.ts";
import { isObject, type Json } from "../domain/json.ts";
import { lstatOrNull } from "../os/private_folder.ts";
import { userLogPath } from "../os/log.ts";
import type { CommandLine } from "./command.ts";
import { print, printJson } from "./output.ts";
import { table } from "./table.ts";

/** Runs `csc config`. */
export function config(line: CommandLine): Promise<number> {
  const [action, ...words] = line.words;
  const most = action === "validate" ? 1 : 0;
  if (words.length > most) throw line.mistake(`'${action}' with ${words.length} arguments`);
  switch (action) {
    case "show":
      return Promise.resolve(show(line));
    case "validate":
      return Promise.resolve(validate(words[0] ?? line.text("config"), line.has("json")));
    case "path":
      return Promise.resolve(path(line));
    default:
      throw line.mistake(action ? `unknown action '${action}'` : "an action is missing");
  }
}

function show(line: CommandLine): number {
  const { loaded } = findSetting(projectFolder(), line.text("config"));
  const source = loaded.place ? `${loaded.place.layer}: ${loaded.place.path}` : "";
  const values = redact(loaded.config as unknown as Json);
  const rows = leafKeys(values).map((key) => ({
    key,
    value: valueAt(values, key),
    source: loaded.keysInFile.has(key) ? source : "default",
  }));
  if (line.has("json")) printJson(Object.fromEntries(rows.map(({ key, ...rest }) => [key, rest])));
  else {
    const cells = rows.map(({ key, value, source }) => [key, JSON.stringify(value), source]);
    print(table(["KEY", "VALUE", "FROM"], cells));
  }
  return 0;
}

function validate(explicitPath: string | undefined, asJson: boolean): number {
  const { places } = placesFor(projectFolder(), explicitPath);
  for (const place of places) {
    const found = inspectConfig(place);
    if (!found) continue;
    const issues = "issues" in found ? found.issues : [];
    report(place.path, issues, asJson);
    return issues.length > 0 ? 2 : 0;
  }
  report(null, [], asJson);
  return 0;
}

function report(file: string | null, issues: readonly ConfigIssue[], asJson: boolean): void {
  if (asJson) return printJson({ file, valid: issues.length === 0, issues });
  if (file === null) return print("There is no configuration file; the defaults apply.");
  if (issues.length === 0) return print(`${file}: valid`);
  for (const { message, fix } of issues) print(`${file}: ${message}\n  fix: ${fix}`);
}

function path(line: CommandLine): number {
  const { places } = placesFor(projectFolder(), line.text("config"));
  const exists = (place: ConfigPlace) => lstatOrNull(place.path) !== null;
  const used = places.find((place) => place.isNamed || exists(place)) ?? null;
  const log = logPath(line);
  if (line.has("json")) {
    const looked = places.map((place) => ({ ...place, exists: exists(place) }));
    printJson({ used: used?.path ?? null, places: looked, log });
    return 0;
  }
  const rows = places.map((place) => [
    place.layer,
    place === used ? "used" : exists(place) ? "there" : "-",
    place.path,
  ]);
  print(table(["LAYER", "STATE", "FILE"], rows));
  print(
    `\n${used ? "" : "No file: the defaults apply. "}Log: ${log ?? "none"}`,
  );
  return 0;
}

/** The log in use; that of the defaults where the configuration cannot be read. */
function logPath(line: CommandLine): string | null {
  try {
    return findSetting(projectFolder(), line.text("config")).logPath;
  } catch {
    return userLogPath();
  }
}

function valueAt(value: Json, key: string): Json {
  return key.split(".").reduce<Json>((at, name) => isObject(at) ? at[name] ?? null : null, value);
}
