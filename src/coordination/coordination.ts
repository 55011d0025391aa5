/**
 * What every part of the coordination works with in one project: its sessions, leases, journal and
 * notices.
 *
 * @module
 */

import type { Config, CoordinationConfig, NotificationType } from "../config/types.ts";
import { Journal } from "../journal/journal.ts";
import { Snapshots } from "../journal/snapshots.ts";
import { clockOf } from "../lease/clock.ts";
import { type LeaseRef, Leases } from "../lease/leases.ts";
import type { LeaseRecord, Waiter } from "../lease/record.ts";
import { hostIdIn } from "../os/host_id.ts";
import { userStateFolder } from "../os/log.ts";
import { join } from "../os/path.ts";
import { type NoticeKind, Notices } from "../roster/notices.ts";
import { type Patience, Roster } from "../roster/roster.ts";
import { type Scopes, scopesOf } from "../roster/scopes.ts";
import { type SessionLease, sessionLease } from "../roster/session_lease.ts";
import type { StorageAdapter } from "../storage/adapter.ts";

/** The coordination of one project, as one process sees it. */
export interface Coordination {
  readonly store: StorageAdapter;
  readonly config: Config;
  readonly machine: string;
  readonly project: string;
  readonly scopes: Scopes;
  /** How this process is to show that a session lives. */
  readonly sessionLease: SessionLease;
  readonly leases: Leases;
  readonly roster: Roster;
  /** The sessions of another project on the same store: to be looked at only. */
  readonly rosterOf: (project: string) => Roster;
  readonly notices: Notices;
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  /** Where this machine keeps what is not shared: proofs of life, the journal, inboxes. */
  readonly machineFolder: string;
  /** When a hook has to have decided, as `performance.now()` tells time; elsewhere infinite. */
  readonly deadline: number;
}

/** What a coordination is made of. */
export interface Parts {
  readonly store: StorageAdapter;
  readonly config: Config;
  readonly machine: string;
  readonly project: string;
  /** Where the project keeps its files if there is no better place. */
  readonly baseFolder: string;
  /** See {@linkcode Coordination}; by default where the store says, else in the user's state folder. */
  readonly machineFolder?: string;
  /** See {@linkcode Coordination}; infinite by default. */
  readonly deadline?: number;
  /** Where process numbers count; by default what the system tells. */
  readonly pidNamespace?: () => string | null;
}

/** Puts a coordination together; nothing is read or written. */
export function coordinate(parts: Parts): Coordination {
  const { store, config, machine, project, deadline = Infinity } = parts;
  const machineFolder = parts.machineFolder ?? machineFolderOf(parts);
  const scopes = scopesOf(machine, project);
  const patience = patienceOf(store, config);
  const hostId = hostIdOf(store, machineFolder);
  const rosterOf = (other: string) =>
    new Roster(store, scopesOf(machine, other), machine, patience, hostId, parts.pidNamespace);
  const roster = rosterOf(project);
  const isWanted = (kind: NoticeKind) => isToldOf(kind, config.coordination);
  const notices = new Notices(store, scopes, machineFolder, isWanted);
  const journal = new Journal(join(machineFolder, "journal"));
  const leases = new Leases({
    store,
    clock: clockOf(store),
    witness: (sessions) => roster.deadAmong(sessions),
    bookScope: scopes.book,
    onHandOver: async (ref, record, waiter) => {
      const { session } = waiter.holder;
      journal.append({
        event: "hand-over",
        ...waiter.holder,
        ...placeIn(record),
        token: record.token,
      });
      // Where it ended in this very moment, it gave back what it had, but did not see this yet.
      if ((await roster.deadAmong([session])).size > 0) {
        await leases.act(ref, { op: "settle" });
        return;
      }
      await notices.send(session, {
        kind: "turn",
        text: turnText(ref, record, waiter),
        from: "csc",
        ...(waiter.holder.agent !== undefined && { agent: waiter.holder.agent }),
      });
    },
  });
  const snapshots = new Snapshots(join(machineFolder, "snapshots"));
  return {
    store,
    config,
    machine,
    project,
    scopes,
    sessionLease: leaseOf(store, config),
    leases,
    roster,
    rosterOf,
    notices,
    journal,
    snapshots,
    machineFolder,
    deadline,
  };
}

/** Which type of `notification_types` a kind of notice is of; what a session lost has none. */
const TYPES: Readonly<Partial<Record<NoticeKind, NotificationType>>> = {
  turn: "lock_acquired",
  waiting: "conflict_detected",
  overlap: "conflict_detected",
};

function isToldOf(
  kind: NoticeKind,
  { show_notifications, notification_types }: CoordinationConfig,
): boolean {
  // Its turn a session has asked for, and an overlap is about its own work.
  if (kind === "waiting" && !show_notifications) return false;
  const type = TYPES[kind];
  return type === undefined || notification_types.includes(type);
}

/** How long sessions on a store may be quiet. */
export function patienceOf(store: StorageAdapter, config: Config): Patience {
  return {
    timeoutS: config.coordination.session_timeout,
    beatS: leaseOf(store, config).beatMs / 1000,
  };
}

function leaseOf({ place }: StorageAdapter, { coordination }: Config): SessionLease {
  return sessionLease(place, coordination.heartbeat_interval);
}

/** Hosts have to be told apart where they share a store; found out when it is asked for. */
function hostIdOf({ place }: StorageAdapter, machineFolder: string): () => string | null {
  if (place.reach !== "network") return () => null;
  let id: string | null = null;
  return () => id ??= hostIdIn(machineFolder);
}

function machineFolderOf({ store, project, baseFolder }: Parts): string {
  if (store.place.folder !== null) return store.place.folder;
  const name = project.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  return join(userStateFolder() ?? join(baseFolder, ".claude", "session-state"), "projects", name);
}

/** Where a reservation's file is. */
export interface FilePlace {
  /** The working tree's real path. */
  readonly tree: string;
  /** The path in it, with `/`. */
  readonly path: string;
}

/** The place that a reservation's record tells, or nothing where it is no reservation. */
export function placeIn({ detail }: Pick<LeaseRecord, "detail">): Partial<FilePlace> {
  const { tree, path } = (detail ?? {}) as { tree?: unknown; path?: unknown };
  return typeof tree === "string" && typeof path === "string" ? { tree, path } : {};
}

/** Where a hook notes which sub-agent makes a tool call, beside the clients. */
export function callKey(callId: string): string {
  return `call ${callId}`.slice(0, 200).toWellFormed();
}

function turnText(ref: LeaseRef, record: LeaseRecord, waiter: Waiter): string {
  const { path } = placeIn(record);
  const what = path === undefined ? `the lock ${ref.key}` : path;
  return `It is your turn: ${what} is free now and kept for you for ${waiter.turn_s} s. ` +
    `Read it again before you change it, since others have.`;
}
