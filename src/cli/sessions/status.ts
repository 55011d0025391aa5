/**
 * `csc status`: who works on this project and on what, what is held, and what is stored.
 *
 * @module
 */

import { type Neighbour, neighboursOf } from "../../coordination/neighbours.ts";
import type { Held } from "../../coordinator/instances.ts";
import type { ContextView } from "../../coordinator/overview.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { messageOf } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import { failuresSince, type HookFailure } from "../../hook/failures.ts";
import type { SeenSession } from "../../roster/roster.ts";
import { bold, dim, red } from "../../std/colors.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { fileRows, lockRows, People } from "../locks/held.ts";
import { endOf } from "../locks/locks.ts";
import { print, printJson } from "../output.ts";
import {
  fewOf,
  type Holdings,
  neighboursTable,
  neighbourView,
  queueLines,
  sessionsTable,
  sessionView,
} from "./sessions.ts";
import { table, wrapped } from "../table.ts";
import { ago } from "../time.ts";

interface ScopeRow {
  readonly scope: string;
  /** Null where the scope cannot be read; `error` then says why. */
  readonly keys: number | null;
  readonly error: string | null;
}

/** What there is to show. */
interface State {
  readonly failures: readonly HookFailure[];
  readonly sessions: readonly SeenSession[];
  readonly holdings: Holdings;
  /** Who is at work in other projects on the same store. */
  readonly neighbours: readonly Neighbour[];
  /** What could not be read, and why. */
  readonly unreadable: readonly string[];
  readonly context: ContextView;
  readonly held: readonly Held[];
  readonly scopes: readonly ScopeRow[];
}

/** Failures of hooks that are older than this are old news. */
const RECENT_MS = 24 * 3600 * 1000;

/** Runs `csc status`. */
export async function status(line: CommandLine): Promise<number> {
  return await inProject(line, async (workspace) => {
    const state = await readState(workspace);
    if (line.has("json")) printJson(forPrograms(workspace, state));
    else forPeople(workspace, state);
    return 0;
  });
}

async function readState(workspace: Workspace): Promise<State> {
  const { desk, pool, overview } = workspace;
  const unreadable: string[] = [];
  // One damaged record does not hide all the rest.
  const read = async <T>(task: () => T[] | Promise<T[]>): Promise<T[]> => {
    try {
      return await task();
    } catch (error) {
      unreadable.push(messageOf(error));
      return [];
    }
  };
  const failures = await read(() => failuresSince(Date.now() - RECENT_MS));
  const sessions = await read(() => desk.roster.list());
  const people = new People(sessions);
  const locks = await read(() => lockRows(desk, people));
  const reservations = await read(() => fileRows(desk, people));
  const neighbours = await read(() => neighboursOf(desk));
  const { held } = await pool.list();
  return {
    failures,
    sessions,
    holdings: { locks, reservations },
    neighbours,
    unreadable,
    context: await overview.context(),
    held,
    scopes: await scopeRows(workspace),
  };
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

function forPrograms({ machine, project, store, setting }: Workspace, state: State) {
  const { failures, sessions, holdings, neighbours, unreadable, context, held, scopes } = state;
  return {
    machine,
    project: project.id,
    project_found_by: project.foundBy,
    store: { adapter: setting.loaded.config.storage.adapter, ...store.place },
    config_file: setting.loaded.place?.path ?? null,
    sessions: sessions.map((seen) => sessionView(seen, holdings)),
    ...holdings,
    other_projects: neighbours.map(({ project, sessions }) => ({
      project,
      sessions: sessions.map(neighbourView),
    })),
    hook_failures: { count: failures.length, last: failures.at(-1) ?? null },
    unreadable,
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

function forPeople(workspace: Workspace, state: State): void {
  const { machine, project, store, setting } = workspace;
  const { config, place } = setting.loaded;
  warnOf(state);
  print(`${bold("Project")}  ${printable(project.id)}  ${dim(`(${printable(project.foundBy)})`)}`);
  print(`${bold("Machine")}  ${printable(machine)}`);
  print(`${bold("Store")}    ${config.storage.adapter}: ${printable(store.place.location)}`);
  print(`${bold("Config")}   ${printable(place?.path ?? "the defaults")}\n`);
  showSessions(state, setting.repository?.worktree ?? setting.folder);
  if (state.neighbours.length > 0) print(`${neighboursTable(state.neighbours)}\n`);
  print(instancesTable(state));
  if (state.scopes.length === 0) return print("\nNothing is stored yet.");
  const rows = state.scopes.map(({ scope, keys, error }) => [scope, error ?? String(keys)]);
  print(`\n${table(["SCOPE", "KEYS"], rows)}`);
}

/** What went wrong comes first, or nobody sees it. */
function warnOf({ failures, unreadable }: State): void {
  const last = failures.at(-1);
  if (last) {
    const times = failures.length === 1 ? "once" : `${failures.length} times`;
    print(bold(red(`!! Hooks failed ${times} in the last 24 h: edits went ahead unchecked`)));
    print(wrapped(`last ${ago(last.at)}, ${last.event}: ${shorten(last.message, 200)}`, 3));
    print("   To find the cause: csc doctor\n");
  }
  for (const message of unreadable) print(bold(red(wrapped(`!! ${shorten(message, 300)}`, 0, 3))));
  if (unreadable.length > 0) print("   To remove damaged records: csc cleanup --force\n");
}

function showSessions({ sessions, holdings, unreadable }: State, here: string): void {
  if (sessions.length > 0) {
    print(sessionsTable(sessions, holdings, here));
    const isUnproven = sessions.some(({ standing }) => standing === "unproven");
    if (isUnproven) print(dim("silent?: nothing proves that it lives (it has no MCP server here)"));
    if (
      sessions.some(({ record, standing }) => standing === "dead" && record.status === "active")
    ) {
      print(dim("gone: its process has ended; csc refresh frees what it held"));
    }
  } else if (unreadable.length === 0) print("No session is registered.");
  const { locks, reservations } = holdings;
  if (locks.length > 0 || reservations.length > 0) {
    const names = locks.map(({ name, holder }) => `${shorten(name, 40)} (${holder})`);
    const idle = reservations.filter(({ state }) => state === "reserved").length;
    const files = `files ${fewOf(reservations.map(({ path }) => endOf(path, 40)))}${
      idle > 0 ? `, ${idle} of them only reserved` : ""
    }`;
    const text = [
      names.length > 0 ? `locks ${fewOf(names)}` : "",
      reservations.length > 0 ? files : "",
    ].filter(Boolean).join(
      "; ",
    );
    print(`\n${bold("Held")} ${dim("(all: csc locks)")}\n${wrapped(text, 2)}`);
  }
  const queues = queueLines(holdings);
  if (queues.length > 0) {
    print(`\n${bold("Waiting")}`);
    for (const text of queues) print(wrapped(text, 2, 4));
  }
  print("");
}

function instancesTable({ context, held }: State): string {
  const rows = Object.entries(context.instances).map(([instance, state]) => {
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
  return table(["INSTANCE", "STATE", "HOLDER", "SIGNED ON", "HEARTBEAT", "ISSUE"], rows);
}
