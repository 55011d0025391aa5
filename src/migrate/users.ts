/**
 * Who is at work with a store: they would go on writing there after their data was moved.
 *
 * @module
 */

import { clockOf } from "../lease/clock.ts";
import { Leases } from "../lease/leases.ts";
import { type Patience, Roster } from "../roster/roster.ts";
import { projectsIn, scopesOf } from "../roster/scopes.ts";
import { isLongSilent } from "../roster/standing.ts";
import type { StorageAdapter } from "../storage/adapter.ts";

/** A session, or the holder of a lock that belongs to none. */
export interface StoreUser {
  readonly project: string;
  /** The session's alias, or the holder's name. */
  readonly who: string;
  /** Where it runs, or what it holds. */
  readonly what: string;
}

/**
 * The sessions that live or have not been silent for long, and the holders of locks.
 *
 * @param machine This machine's name in scopes.
 */
export async function usersOf(
  store: StorageAdapter,
  machine: string,
  patience: Patience,
): Promise<StoreUser[]> {
  const projects = [...await projectsIn(store, "sessions"), ...await projectsIn(store, "locks")];
  const users: StoreUser[] = [];
  for (const project of [...new Set(projects)].sort()) {
    users.push(...await inProject(store, project, machine, patience));
  }
  return users;
}

async function inProject(
  store: StorageAdapter,
  project: string,
  machine: string,
  patience: Patience,
): Promise<StoreUser[]> {
  const scopes = scopesOf(machine, project);
  const roster = new Roster(store, scopes, machine, patience);
  const sessions = (await roster.list()).filter((seen) =>
    seen.standing !== "dead" && !isLongSilent(seen)
  );
  const leases = new Leases({
    store,
    clock: clockOf(store),
    witness: (asked) => roster.deadAmong(asked),
    bookScope: scopes.book,
  });
  const known = new Set(sessions.map(({ record }) => record.session));
  const held = (await leases.list(scopes.locks)).filter(({ record }) =>
    record.holder !== null && !known.has(record.holder.session)
  );
  return [
    ...sessions.map(({ record }) => ({
      project,
      who: record.alias,
      what: `process ${record.client_pid || record.life?.pid || "?"} on ${record.host}`,
    })),
    ...held.map(({ ref, record }) => ({
      project,
      who: record.holder!.session,
      what: `holds the lock ${ref.key}`,
    })),
  ];
}
