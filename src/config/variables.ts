/**
 * Seed 004's environment variables, each as the value of a key of the configuration. They count where
 * no file says anything of the key: names such as `REDIS_URL` are often there for something else.
 *
 * @module
 */

import { shortHash } from "../domain/hash.ts";
import { isObject, type Json } from "../domain/json.ts";
import { isAbsolute, join, resolve } from "../os/path.ts";

/** A variable that says the value of a key. */
export interface VariableText {
  readonly name: string;
  /** The key that it stands for. */
  readonly path: readonly string[];
  readonly value: Json;
}

/** A variable that cannot be understood; it does not count. */
export interface VariableFault {
  readonly name: string;
  readonly key: string;
  readonly message: string;
  readonly fix: string;
}

interface Variable {
  readonly name: string;
  readonly path: readonly string[];
  /** The store that it is about; absent for those that count with every store. */
  readonly adapter?: string;
  /** Keys beside its own that say the same in another way. */
  readonly instead?: readonly (readonly string[])[];
  /** The key's value, or null where the text is not what the variable may hold. */
  readonly read: (text: string) => Json;
  readonly takes: string;
}

/** What seed 004 keeps in this folder itself must not be taken for ours. */
const STATE_FOLDER = "session-state";

const VARIABLES: readonly Variable[] = [
  {
    name: "REDIS_URL",
    path: ["storage", "config", "url"],
    adapter: "redis",
    instead: [["storage", "config", "cluster"], ["storage", "config", "sentinels"]],
    read: (text) => text,
    takes: "the URL of a Redis",
  },
  {
    name: "COORDINATION_DIR",
    path: ["storage", "config", "base_path"],
    adapter: "local",
    read: (text) => join(isAbsolute(text) ? text : resolve(text), STATE_FOLDER),
    takes: "a folder",
  },
  {
    name: "DEFAULT_LOCK_TIMEOUT",
    path: ["coordination", "named_lock_timeout"],
    read: secondsFrom(1, 86_400),
    takes: "whole seconds from 1 to 86400",
  },
  {
    name: "HEARTBEAT_TTL",
    path: ["session", "heartbeat_timeout_ms"],
    read: (text) => {
      const seconds = secondsFrom(15, 86_400)(text);
      return seconds === null ? null : seconds * 1000;
    },
    takes: "whole seconds from 15 to 86400",
  },
];

function secondsFrom(least: number, most: number): (text: string) => number | null {
  return (text) => {
    const seconds = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    return seconds >= least && seconds <= most ? seconds : null;
  };
}

/**
 * What the environment says beside the files.
 *
 * @param said What the files say, in one; it wins.
 */
export function readVariables(
  said: Json,
): { readonly texts: readonly VariableText[]; readonly faults: readonly VariableFault[] } {
  const storage = isObject(said) && isObject(said.storage ?? null)
    ? said.storage as { readonly [key: string]: Json }
    : {};
  const adapter = storage.adapter ?? "local";
  const texts: VariableText[] = [];
  const faults: VariableFault[] = [];
  for (const { name, path, read, takes, adapter: needed, instead = [] } of VARIABLES) {
    const text = Deno.env.get(name) ?? "";
    if (text === "" || (needed !== undefined && needed !== adapter)) continue;
    if ([path, ...instead].some((one) => says(said, one))) continue;
    const value = read(text);
    if (value !== null) texts.push({ name, path, value });
    else {
      faults.push({
        name,
        key: path.join("."),
        message: `The environment variable ${name} does not count, as it takes ${takes}`,
        fix: `Correct it, unset it, or say '${path.join(".")}' in a configuration file.`,
      });
    }
  }
  return { texts, faults };
}

/** The texts of variables as the JSON of a configuration. */
export function variablesJson(texts: readonly VariableText[]): Json {
  const merged: Record<string, Record<string, Json>> = {};
  for (const { path: [section, ...rest], value } of texts) {
    const inner = rest.toReversed().reduce<Json>((at, name) => ({ [name]: at }), value);
    merged[section] = { ...merged[section], ...inner as { [key: string]: Json } };
  }
  return merged;
}

/** A folder's name for snapshots: another one where the environment says something else. */
export function keyInEnvironment(folder: string): string {
  const values = VARIABLES.map(({ name }) => Deno.env.get(name) ?? "");
  // Hashed, as one of them may hold a password.
  return values.every((text) => text === "")
    ? folder
    : `${folder}\n${shortHash(JSON.stringify(values))}`;
}

function says(said: Json, path: readonly string[]): boolean {
  let at = said;
  for (const name of path) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return false;
    at = at[name];
  }
  return true;
}
