/**
 * What a project's shared files say of us: `.claude/settings.json` and `.mcp.json`. Pure functions from
 * text to text; everything else in the files stays as it is.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { basename } from "../os/path.ts";
import { groupsOf, handlersOf, hookSettings, isHandlerOf, type Program } from "./hooks.ts";
import { appendItem, JsonKindFault, removeAt, setMember } from "./json_edit.ts";
import { JsonFault, parseTree } from "./json_tree.ts";
import { SERVER_NAME, serverEntry } from "./plugin.ts";

/** How shared files start this program: from the `PATH`, which is another on every machine. */
export const SHARED_PROGRAM: Program = ["csc"];

/** A shared file: how our entries get into its text, and out of it. */
export interface SharedFile {
  /** Its path in the worktree. */
  readonly name: string;
  /** The text with our entries. `path` is named in errors. */
  merge(text: string, strict: boolean, path: string): string;
  /** The text without our entries; what an earlier text had already stays, if only as `{}`. */
  strip(text: string, original: string | null, path: string): string;
}

/** The text that a file which is not there counts as. */
export const EMPTY_TEXT = "{}\n";

/** `.mcp.json`: the MCP server. */
export const SERVERS: SharedFile = {
  name: ".mcp.json",
  merge(text, _strict, path) {
    const servers = valueOf(text, path).mcpServers;
    const there = isObject(servers) ? servers[SERVER_NAME] : undefined;
    if (there === undefined) {
      return edited(path, () => setMember(text, ["mcpServers", SERVER_NAME], OUR_SERVER));
    }
    if (startsUs(there)) return text;
    throw new CoordinatorError(
      "invalid_config",
      `${path} has another server called '${SERVER_NAME}'`,
      "Rename or remove that entry of 'mcpServers', then run `csc install --project` again.",
    );
  },
  strip(text, original, path) {
    const servers = valueOf(text, path).mcpServers;
    if (!isObject(servers) || !isSame(servers[SERVER_NAME], OUR_SERVER)) return text;
    const rest = removeAt(text, ["mcpServers", SERVER_NAME]);
    const isEmpty = Object.keys(servers).length === 1;
    const hadThem = isObject(valueOrEmpty(original).mcpServers);
    return isEmpty && !hadThem ? removeAt(rest, ["mcpServers"]) : rest;
  },
};

/** `.claude/settings.json`: the hooks. */
export const SETTINGS: SharedFile = {
  name: ".claude/settings.json",
  merge(text, strict, path) {
    const { hooks } = valueOf(text, path);
    const wanted = hookSettings(SHARED_PROGRAM, strict);
    if (isSame(ourGroups(hooks), wanted as unknown as Json)) return text;
    return edited(path, () => {
      let merged = SETTINGS.strip(text, text, path);
      for (const [event, groups] of Object.entries(wanted)) {
        for (const group of groups) {
          merged = appendItem(merged, ["hooks", event], group as unknown as Json);
        }
      }
      return merged;
    });
  },
  strip(text, original, path) {
    const { hooks } = valueOf(text, path);
    if (!isObject(hooks)) return text;
    const before = valueOrEmpty(original).hooks;
    const had = isObject(before) ? Object.keys(before) : [];
    let rest = text;
    for (const event of Object.keys(hooks)) rest = withoutOurs(rest, event, had.includes(event));
    const left = valueOf(rest, "").hooks;
    const isEmpty = isObject(left) && Object.keys(left).length === 0;
    return rest !== text && isEmpty && !isObject(before) ? removeAt(rest, ["hooks"]) : rest;
  },
};

const OUR_SERVER: Json = serverEntry(SHARED_PROGRAM);

const isOurs = (handler: Json) => isHandlerOf(SHARED_PROGRAM, handler);

/** Takes our handlers of an event out, with the groups and, unless `hadIt`, the list left empty. */
function withoutOurs(text: string, event: string, hadIt: boolean): string {
  const list = (valueOf(text, "").hooks as { [key: string]: Json })[event];
  if (!Array.isArray(list)) return text;
  let rest = text;
  let left = list.length;
  for (const [i, group] of [...list.entries()].toReversed()) {
    const handlers = isObject(group) ? handlersOf(group) : [];
    const ours = [...handlers.keys()].filter((at) => isOurs(handlers[at]));
    if (ours.length === 0) continue;
    if (ours.length === handlers.length) {
      rest = removeAt(rest, ["hooks", event, i]);
      left--;
    } else {
      for (const at of ours.toReversed()) rest = removeAt(rest, ["hooks", event, i, "hooks", at]);
    }
  }
  return rest !== text && left === 0 && !hadIt ? removeAt(rest, ["hooks", event]) : rest;
}

/** The groups that hold a handler of ours, by event. */
function ourGroups(hooks: Json | undefined): Json {
  const events = isObject(hooks) ? Object.keys(hooks) : [];
  const found = events
    .map((event) => [event, groupsOf(hooks, event).filter((one) => handlersOf(one).some(isOurs))])
    .filter(([, groups]) => groups.length > 0);
  return Object.fromEntries(found);
}

/** Whether an entry of `mcpServers` starts this program's server, in whatever way. */
function startsUs(entry: Json): boolean {
  if (!isObject(entry) || typeof entry.command !== "string") return false;
  const { args = [] } = entry;
  return /^csc(\.exe)?$/.test(basename(entry.command)) && Array.isArray(args) &&
    (args.length === 0 || args[0] === "serve");
}

/** Whether two values are the same, whatever the order of their members. */
function isSame(a: Json | undefined, b: Json): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((item) => sorted(item)!);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])!]));
}

/**
 * What a file says.
 *
 * @throws {CoordinatorError} `invalid_config` where it is not a JSON object; it names the place, and
 * quotes nothing.
 */
function valueOf(text: string, path: string): { readonly [key: string]: Json } {
  try {
    parseTree(text);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const { line, column, message } = error;
    throw new CoordinatorError(
      "invalid_config",
      `${path} is not JSON: ${message} (line ${line}, column ${column}); it was left as it is`,
      "Correct it (JSON has no comments and no comma behind the last entry), then try again.",
    );
  }
  const value = JSON.parse(text);
  if (isObject(value)) return value;
  throw new CoordinatorError(
    "invalid_config",
    `${path} is not a JSON object; it was left as it is`,
    "Settings are an object, '{ … }': correct the file, then try again.",
  );
}

function valueOrEmpty(text: string | null): { readonly [key: string]: Json } {
  try {
    return text === null ? {} : valueOf(text.replace(/^\ufeff/, ""), "");
  } catch {
    return {};
  }
}

/** Runs an edit; something of another shape on its way becomes an error that names it. */
function edited(path: string, edit: () => string): string {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof JsonKindFault)) throw error;
    throw new CoordinatorError(
      "invalid_config",
      `${path}: '${error.message}' is not of the kind that Claude Code knows; it was left as it is`,
      "'mcpServers' and 'hooks' are objects, and each event's hooks a list: correct it, then try again.",
      { cause: error },
    );
  }
}
