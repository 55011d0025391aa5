/**
 * `csc status`: who works on this project, and what is stored.
 *
 * @module
 */

import type { Held } from "../coordinator/instances.ts";
import type { ContextView } from "../coordinator/overview.ts";
import {
  findSetting,
  openWorkspace,
  projectFolder,
  type Workspace,
} from "../coordinator/workspace.ts";
import { messageOf } from "../domain/error.ts";
import { shorten } from "../domain/text.ts";
import { bold, dim } from "../std/colors.ts";
import type { CommandLine } from "./command.ts";
import { print, printJson } from "./output.ts";
import { dropPermissions } from "./permissions.ts";
import { table } from "./table.ts";

interface ScopeRow {
  readonly scope: string;
  /** Null where the scope cannot be read; `error` then says why. */
  readonly keys: number | null;
  readonly error: string | null;
}

/** Runs `csc status`. */
export async function status(line: CommandLine): Promise<number> {
  const workspace = await openWorkspace(findSetting(projectFolder(), line.text("config")));
  dropPermissions(workspace);
  try {
    const { held } = await workspace.pool.list();
    const context = await workspace.overview.context();
    const scopes = await scopeRows(workspace);
    if (line.has("json")) printJson(forPrograms(workspace, context, held, scopes));
    else forPeople(workspace, context, held, scopes);
    return 0;
  } finally {
    await workspace.close();
  }
}

async function scopeRows({ data }: Workspace): Promise<ScopeRow[]> {
  const rows: ScopeRow[] = [];
  for (const scope of await data.listScopes()) {
    try {
      rows.push({ scope, keys: (await data.listKeys(scope)).length, error: null });
    } catch (error) {
      rows.push({ scope, keys: null, error: messageOf(error) });
    }
  }
  return rows;
}

function forPrograms(
  { machine, project, store, setting }: Workspace,
  context: ContextView,
  held: readonly Held[],
  scopes: readonly ScopeRow[],
) {
  return {
    machine,
    project: project.id,
    project_found_by: project.foundBy,
    store: { adapter: setting.loaded.config.storage.adapter, ...store.place },
    config_file: setting.loaded.place?.path ?? null,
    instances: Object.entries(context.instances).map(([instance, state]) => {
      const session = context.active_sessions.find((active) => active.instance === instance);
      const holder = held.find((one) => one.instance === instance);
      return {
        instance,
        status: state,
        standing: holder?.standing ?? null,
        holder: holder?.claim ?? null,
        current_issue: session?.current_issue ?? null,
        todo_count: session?.todo_count ?? 0,
      };
    }),
    scopes,
  };
}

function forPeople(
  { machine, project, store, setting }: Workspace,
  context: ContextView,
  held: readonly Held[],
  scopes: readonly ScopeRow[],
): void {
  const { config, place } = setting.loaded;
  print(`${bold("Project")}  ${project.id}  ${dim(`(${project.foundBy})`)}`);
  print(`${bold("Machine")}  ${machine}`);
  print(`${bold("Store")}    ${config.storage.adapter}: ${store.place.location}`);
  print(`${bold("Config")}   ${place?.path ?? "the defaults"}\n`);
  const instances = Object.entries(context.instances).map(([instance, state]) => {
    const session = context.active_sessions.find((active) => active.instance === instance);
    const holder = held.find((one) => one.instance === instance);
    const issue = session?.current_issue ?? null;
    return [
      instance,
      holder?.standing === "silent" ? `${state}, silent` : state,
      holder ? `pid ${holder.claim.pid}` : "-",
      holder ? ago(holder.claim.signed_on_at) : "-",
      holder ? ago(holder.claim.heartbeat.at) : "-",
      issue === null ? "-" : shorten(typeof issue === "string" ? issue : JSON.stringify(issue), 40),
    ];
  });
  print(table(["INSTANCE", "STATE", "HOLDER", "SIGNED ON", "HEARTBEAT", "ISSUE"], instances));
  if (scopes.length === 0) return print("\nNothing is stored yet.");
  const rows = scopes.map(({ scope, keys, error }) => [scope, error ?? String(keys)]);
  print(`\n${table(["SCOPE", "KEYS"], rows)}`);
}

function ago(time: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400
    ? `${Math.floor(seconds / 3600)} h ago`
    : `${Math.floor(seconds / 86400)} d ago`;
}
