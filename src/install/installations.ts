/**
 * What is installed, as far as files tell it.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import { basename, join } from "../os/path.ts";
import { readFile } from "./files.ts";
import { namesIn } from "./folder_tree.ts";
import { examineHooks, type HookReport, type Program } from "./hooks.ts";
import { examineFolder } from "./marker.ts";
import { claudeFolderOrNull, claudeStateFile } from "./places.ts";
import { HOOKS_FILE, SERVER_NAME, SERVERS_FILE } from "./plugin.ts";
import { SERVERS, SETTINGS, SHARED_PROGRAM } from "./shared_files.ts";

/** A place from which Claude Code loads our hooks, our server, or both. */
export interface Installation {
  readonly kind: "plugin" | "project" | "user settings";
  /** The plugin's name; of the others, empty. */
  readonly name: string;
  /** The folder or file. */
  readonly place: string;
  /** The words that start the program. */
  readonly program: Program;
  readonly hooks: HookReport;
  readonly hasServer: boolean;
  /** The command that writes it anew. */
  readonly repair: string;
}

/** Finds the installations that apply in a worktree (null: in no repository). */
export function findInstallations(worktree: string | null): Installation[] {
  return [...plugins(), ...(worktree ? sharedFiles(worktree) : []), ...userSettings()];
}

function plugins(): Installation[] {
  const claude = claudeFolderOrNull();
  if (!claude) return [];
  return namesIn(join(claude, "skills")).sort().flatMap((name): Installation[] => {
    const place = join(claude, "skills", name);
    const found = name.startsWith(".") ? { kind: "foreign" as const } : kindOf(place);
    if (found.kind !== "ours") return [];
    const { program, strict } = found.marker;
    const hooks = examineHooks(readObject(join(place, HOOKS_FILE))?.hooks, program);
    const servers = readObject(join(place, SERVERS_FILE))?.mcpServers;
    const hasServer = isObject(servers) && SERVER_NAME in servers;
    const repair = `csc install${name === "sc" ? "" : ` --name ${name}`}${
      strict ? " --strict" : ""
    }`;
    return [{ kind: "plugin", name, place, program, hooks, hasServer, repair }];
  });
}

function kindOf(place: string): ReturnType<typeof examineFolder> {
  try {
    return examineFolder(place);
  } catch {
    return { kind: "absent" }; // not ours to read
  }
}

function sharedFiles(worktree: string): Installation[] {
  const place = join(worktree, SETTINGS.name);
  const hooks = examineHooks(readObject(place)?.hooks, SHARED_PROGRAM);
  const servers = readObject(join(worktree, SERVERS.name))?.mcpServers;
  const hasServer = isObject(servers) && Object.values(servers).some(startsCsc);
  if (hooks.found === 0 && hooks.inShellForm.length === 0) return [];
  const repair = `csc install --project${hooks.isStrict ? " --strict" : ""}`;
  return [{ kind: "project", name: "", place, program: SHARED_PROGRAM, hooks, hasServer, repair }];
}

/** Hooks that somebody wrote into the user's own settings by hand. */
function userSettings(): Installation[] {
  const claude = claudeFolderOrNull();
  const place = claude && join(claude, "settings.json");
  const hooks = place && examineHooks(readObject(place)?.hooks, SHARED_PROGRAM);
  if (!hooks || (hooks.found === 0 && hooks.inShellForm.length === 0)) return [];
  const common = { kind: "user settings", name: "", place, program: SHARED_PROGRAM } as const;
  return [{ ...common, hooks, hasServer: true, repair: "csc install" }];
}

/** A server of ours that `claude mcp add` connected. */
export interface AddedServer {
  readonly scope: "user" | "local" | "project";
  readonly name: string;
}

/** Servers of ours outside of plugins: in Claude Code's own file, and in the worktree's. */
export function findServers(worktree: string | null): AddedServer[] {
  const path = claudeStateFile();
  const state = path ? readObject(path) : null;
  const projects = state?.projects;
  const local = worktree && isObject(projects) ? projects[worktree] : undefined;
  const shared = worktree ? readObject(join(worktree, SERVERS.name)) : null;
  return [
    ...named("user", state?.mcpServers),
    ...named("local", isObject(local) ? local.mcpServers : undefined),
    ...named("project", shared?.mcpServers),
  ];
}

function named(scope: AddedServer["scope"], servers: Json | undefined): AddedServer[] {
  return Object.entries(isObject(servers) ? servers : {})
    .filter(([, entry]) => startsCsc(entry))
    .map(([name]) => ({ scope, name }));
}

/** Whether an entry of `mcpServers` starts a csc: by that name, or from source. */
function startsCsc(entry: Json): boolean {
  if (!isObject(entry) || typeof entry.command !== "string") return false;
  return /^csc(-[\w-]+)?(\.exe)?$/.test(basename(entry.command));
}

/** What switches installations off. */
export interface SwitchedOff {
  readonly detail: string;
  readonly fix: string;
}

/** Settings that keep Claude Code from loading what is installed. */
export function findSwitches(
  worktree: string | null,
  installations: readonly Installation[],
): SwitchedOff[] {
  const claude = claudeFolderOrNull();
  const files = [
    ...(claude ? [join(claude, "settings.json")] : []),
    ...(worktree
      ? [SETTINGS.name, ".claude/settings.local.json"].map((name) => join(worktree, name))
      : []),
  ];
  return files.flatMap((file) => {
    const settings = readObject(file);
    const plugins = settings?.enabledPlugins;
    const off = installations
      .map(({ name }) => `${name}@skills-dir`)
      .filter((id) => isObject(plugins) && plugins[id] === false)
      .map((id) => ({
        detail: `the plugin ${id} is disabled in ${file}`,
        fix: `claude plugin enable ${id}`,
      }));
    if (settings?.disableAllHooks !== true) return off;
    const fix = `Remove "disableAllHooks" from ${file}`;
    return [...off, { detail: `all hooks are switched off in ${file}`, fix }];
  });
}

/** What a JSON file says, or null where it is missing, unreadable or no object. */
function readObject(path: string): { readonly [key: string]: Json } | null {
  try {
    const found = readFile(path);
    const value = found && JSON.parse(new TextDecoder().decode(found.bytes));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
