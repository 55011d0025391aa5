/**
 * Where the state that a project shares on all its machines is kept: scopes without a machine, which
 * no scope of a machine can be called.
 *
 * @module
 */

import { shortHash } from "../domain/hash.ts";
import type { StorageAdapter } from "../storage/adapter.ts";

/** The scopes of one project. */
export interface Scopes {
  /** Every session, by its id. */
  readonly sessions: string;
  /** Named locks, by their name. */
  readonly locks: string;
  /** Issues that somebody has said are done, by the name of their lock. */
  readonly done: string;
  /** What leases need beside their records. */
  readonly book: string;
  /** Which session a client's process has, by its process: of this machine only. */
  readonly clients: string;
  /** What matches the scopes of all reservations. */
  readonly filePattern: string;
  /** The reservations of one path, by working tree. */
  file(path: string): string;
  /** The path whose reservations a scope holds, or null where it is too long to be seen. */
  pathOf(scope: string): string | null;
  /** What a session is to be told. */
  notices(session: string): string;
}

/**
 * The projects of a store that have a project-wide scope of a type, sorted. Scopes such as those of
 * files match the pattern too where a path ends like one; no project has a colon.
 */
export async function projectsIn(
  store: Pick<StorageAdapter, "listScopes">,
  type: "sessions" | "locks",
): Promise<string[]> {
  const scopes = await store.listScopes(`:*:${type}`);
  return scopes.map((scope) => scope.slice(1, -`:${type}`.length))
    .filter((project) => !project.includes(":")).sort();
}

/** A scope has 1,024 characters at the most. */
const LONGEST_PATH = 700;

/** The scopes of a project, seen from a machine. */
export function scopesOf(machine: string, project: string): Scopes {
  const prefix = `:${project}`;
  const files = `${prefix}:file:`;
  return {
    sessions: `${prefix}:sessions`,
    locks: `${prefix}:locks`,
    done: `${prefix}:done`,
    book: `${prefix}:book`,
    clients: `${machine}:${project}:csc:clients`,
    filePattern: `${files.replace(/[*?[]/g, "[$&]")}*`,
    file: (path) => files + (path.length <= LONGEST_PATH ? path : longName(path)),
    pathOf: (scope) => {
      const name = scope.slice(files.length);
      return name.startsWith("~") && name.length === LONGEST_PATH ? null : name;
    },
    notices: (session) => `${prefix}:notices:${session}`,
  };
}

/** A long path's end, which people know it by, behind a number that tells it from others. */
function longName(path: string): string {
  const name = `~${shortHash(path)}~`;
  return name + path.slice(-(LONGEST_PATH - name.length)).toWellFormed();
}
