/**
 * The sessions of a project as `csc status` shows them.
 *
 * @module
 */

import type { Neighbour } from "../../coordination/neighbours.ts";
import { shorten } from "../../domain/text.ts";
import type { SeenSession } from "../../roster/roster.ts";
import { declaredBy } from "../../work/declared.ts";
import type { FileRow, LockRow } from "../locks/held.ts";
import { endOf, treeName } from "../locks/locks.ts";
import { table } from "../table.ts";
import { ago, brief, secondsSince } from "../time.ts";

/** What sessions hold. */
export interface Holdings {
  readonly locks: readonly LockRow[];
  readonly reservations: readonly FileRow[];
}

/** A session for programs. */
export function sessionView(seen: SeenSession, { locks, reservations }: Holdings) {
  const { record, tier, standing, quietS } = seen;
  const { intent, workAreas, dependsOn, percentDone } = declaredBy(record);
  const isTheirs = ({ held_by }: LockRow | FileRow) => held_by === record.session;
  return {
    session_id: record.session,
    alias: record.alias,
    name: record.name,
    status: record.status === "completed" ? "completed" : tier,
    standing,
    intent: intent || null,
    work_areas: workAreas,
    percent_done: percentDone,
    depends_on: dependsOn,
    branch: record.branch,
    worktree: record.worktree,
    files: reservations.filter(isTheirs).map(({ tree, path, state }) => ({ tree, path, state })),
    locks: locks.filter(isTheirs).map(({ name }) => name),
    started_at: record.started_at,
    ended_at: record.ended_at,
    last_activity: record.last_activity,
    quiet_seconds: quietS,
    pid: record.client_pid || null,
    host: record.host,
    machine: record.machine,
    metadata: record.metadata,
  };
}

/** A session of another project for programs. */
export function neighbourView(seen: SeenSession) {
  const { record, tier, standing, quietS } = seen;
  return {
    session_id: record.session,
    alias: record.alias,
    status: tier,
    standing,
    intent: declaredBy(record).intent || null,
    branch: record.branch,
    worktree: record.worktree,
    quiet_seconds: quietS,
    host: record.host,
    machine: record.machine,
  };
}

/** The sessions of other projects as a table. */
export function neighboursTable(neighbours: readonly Neighbour[]): string {
  const rows = neighbours.flatMap(({ project, sessions }) =>
    sessions.map((seen) => [
      shorten(project, 40),
      shorten(seen.record.alias, 20),
      stateOf(seen),
      brief(seen.quietS),
      shorten(declaredBy(seen.record).intent || "-", 60),
    ])
  );
  return table(["PROJECT", "SESSION", "STATE", "LAST", "WORKS ON"], rows);
}

const MAX_NAMED = 4;

/** The sessions as a table, each with its work and what it holds below it. */
export function sessionsTable(
  sessions: readonly SeenSession[],
  holdings: Holdings,
  here: string,
): string {
  const rows = sessions.map((seen) => [
    shorten(seen.record.alias, 20),
    stateOf(seen),
    brief(seen.quietS),
    processOf(seen),
    shorten(seen.record.branch ?? "-", 40),
  ]);
  const below = (row: number) => detailsOf(sessions[row], holdings, here);
  return table(["SESSION", "STATE", "LAST", "PROCESS", "BRANCH"], rows, { below });
}

/** `silent?` where nothing proves that it lives, though nothing proves its death. */
function stateOf({ record, standing, tier }: SeenSession): string {
  if (record.status === "completed") return "ended";
  if (standing === "dead") return "gone";
  return standing === "live" ? tier : `${tier}, silent?`;
}

function processOf({ record, isInSight }: SeenSession): string {
  const pid = record.client_pid > 0 ? String(record.client_pid) : "?";
  return isInSight ? pid : `${pid}@${shorten(record.host, 20)}`;
}

function detailsOf(seen: SeenSession, { locks, reservations }: Holdings, here: string): string[] {
  const { record, isHere } = seen;
  if (record.ended_at !== null) return [`ended ${ago(record.ended_at)}`];
  const { intent, workAreas, dependsOn, percentDone } = declaredBy(record);
  const work = [
    intent,
    ...(workAreas.length > 0 ? [`area ${workAreas.join(", ")}`] : []),
    ...(percentDone === null ? [] : [`${Math.round(percentDone)} % done`]),
    ...(dependsOn.length > 0 ? [`depends on ${dependsOn.join(", ")}`] : []),
  ].filter((part) => part !== "");
  const isTheirs = ({ held_by }: LockRow | FileRow) => held_by === record.session;
  const files = reservations.filter(isTheirs).map(({ path }) => endOf(path, 60));
  const names = locks.filter(isTheirs).map(({ name }) => shorten(name, 60));
  return [
    ...(work.length > 0 ? [work.join("; ")] : []),
    ...(isHere && record.worktree === here
      ? []
      : [`in ${treeName(record.worktree, here, isHere ? null : record.machine)}`]),
    ...(files.length > 0 ? [`files: ${fewOf(files)}`] : []),
    ...(names.length > 0 ? [`locks: ${fewOf(names)}`] : []),
  ];
}

/** The first of many names. */
export function fewOf(names: readonly string[], most: number = MAX_NAMED): string {
  const more = names.length > most ? ` and ${names.length - most} more` : "";
  return names.slice(0, most).join(", ") + more;
}

/** Who waits for what, a line each. */
export function queueLines({ locks, reservations }: Holdings): string[] {
  const all = [
    ...reservations.map((file) => ({ ...file, what: endOf(file.path, 60) })),
    ...locks.map((lock) => ({ ...lock, what: shorten(lock.name, 60) })),
  ];
  return all.filter(({ waiting }) => waiting.length > 0).map(({ what, holder, waiting }) => {
    const names = waiting.map(({ name, since }) => `${name} (${brief(secondsSince(since))})`);
    return `${what}, held by ${holder}: ${fewOf(names)}`;
  });
}
