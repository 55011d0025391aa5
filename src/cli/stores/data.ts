/**
 * `csc data`: the project's shared data from the command line.
 *
 * @module
 */

import type { ProjectData } from "../../coordinator/data.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { type Json, parseJson } from "../../domain/json.ts";
import { printable } from "../../domain/text.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";

/** Who the command line is, as the author of what it stores. */
const AUTHOR = "csc data";

/** How many words follow each action, at least and at most. */
const WORDS: Record<string, [least: number, most: number]> = {
  list: [0, 1],
  get: [2, 2],
  set: [3, 3],
  delete: [1, 2],
};

/** Runs `csc data`. */
export async function data(line: CommandLine): Promise<number> {
  const [action, ...words] = line.words;
  const counts = action === undefined ? undefined : WORDS[action];
  if (!counts) throw line.mistake(action ? `unknown action '${action}'` : "an action is missing");
  if (words.length < counts[0] || words.length > counts[1]) {
    throw line.mistake(`'${action}' with ${words.length} arguments`);
  }
  const machine = line.text("machine");
  if (machine !== undefined && (action === "set" || action === "delete")) {
    throw line.mistake(`--machine only reads; '${action}' changes this machine's data`);
  }
  const value = action === "set" ? await readValue(words[2], line.has("text")) : null;
  return await inProject(
    line,
    (workspace) => act(action, words, value, workspace.data, machine, line.has("json")),
  );
}

async function act(
  action: string,
  [scope, key]: string[],
  value: Json,
  data: ProjectData,
  machine: string | undefined,
  asJson: boolean,
): Promise<number> {
  switch (action) {
    case "list": {
      const names = scope === undefined
        ? await data.listScopes(undefined, machine)
        : await data.listKeys(scope, machine);
      if (asJson) printJson(names);
      else names.forEach((name) => print(printable(name)));
      return 0;
    }
    case "get": {
      const stored = await data.retrieve(scope, key, machine);
      if (!stored) throw nothingThere(scope, key);
      if (asJson) {
        printJson({ value: stored.value, stored_by: stored.author, stored_at: stored.storedAt });
      } else printJson(stored.value);
      return 0;
    }
    case "set":
      await data.store(scope, key, value, AUTHOR);
      if (asJson) printJson({ stored: true });
      return 0;
    default: {
      const existed = key === undefined
        ? await data.deleteScope(scope)
        : await data.delete(scope, key);
      if (asJson) printJson({ deleted: existed });
      else if (!existed) throw nothingThere(scope, key);
      return existed ? 0 : 1;
    }
  }
}

async function readValue(word: string, isText: boolean): Promise<Json> {
  const text = word === "-" ? await new Response(Deno.stdin.readable).text() : word;
  if (isText) return text;
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoordinatorError(
      "invalid_argument",
      "csc data set: the value is not JSON",
      "Write text as '\"text\"', or add --text to store the argument as it is.",
      { cause: error },
    );
  }
}

function nothingThere(scope: string, key: string | undefined): CoordinatorError {
  const what = key === undefined ? `in the scope '${scope}'` : `under '${key}' in '${scope}'`;
  return new CoordinatorError(
    "not_found",
    `Nothing is stored ${what}`,
    "`csc data list` shows the scopes, `csc data list SCOPE` the keys of one.",
  );
}
