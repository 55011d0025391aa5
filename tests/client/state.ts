/**
 * What the store of a project has on the disk.
 *
 * @module
 */

import { join } from "@std/path";

/** A session as stored. */
export interface Session {
  readonly session: string;
  readonly alias: string;
  readonly status: "active" | "completed";
  readonly client_pid: number;
  readonly worktree: string;
  readonly life: { readonly pid: number } | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A lease as stored. */
export interface Lease {
  readonly scope: string;
  readonly key: string;
  /** A session, or a session/agent; null for nobody. */
  readonly holder: string | null;
  /** The working tree of the file, where it is one. */
  readonly tree: string | null;
  readonly uses: number;
  readonly waiters: readonly string[];
}

// deno-lint-ignore no-explicit-any
type Data = Record<string, any>;

/** The sessions in a folder of the `local` store, by their id. */
export function sessionsIn(folder: string): Map<string, Session> {
  const all = scopesIn(folder).filter(({ scope }) => scope.endsWith(":sessions"));
  return new Map(all.flatMap(({ data }) => Object.entries(data) as [string, Session][]));
}

/** The leases in a folder of the `local` store. */
export function leasesIn(folder: string): Lease[] {
  const all = scopesIn(folder).filter(({ scope }) => /:file:|:locks$/.test(scope));
  return all.flatMap(({ scope, data }) =>
    Object.entries(data).map(([key, { holder, detail, uses, waiters }]) => ({
      scope,
      key,
      holder: holder && keyOf(holder),
      tree: detail?.tree ?? null,
      uses,
      waiters: waiters.map((one: Data) => keyOf(one.holder)),
    }))
  );
}

function keyOf({ session, agent }: Data): string {
  return agent === undefined ? session : `${session}/${agent}`;
}

function scopesIn(folder: string): { scope: string; data: Data }[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return names.filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(Deno.readTextFileSync(join(folder, name))));
}
