/**
 * Locks and reservations as the commands show them.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { Locks } from "../../coordination/locks.ts";
import { type HeldFile, Reservations } from "../../coordination/reservations.ts";
import { shorten } from "../../domain/text.ts";
import {
  expiresAt,
  type Holder,
  type LeaseRecord,
  type Moment,
  secondsLeft,
} from "../../lease/record.ts";
import type { SeenSession } from "../../roster/roster.ts";
import { declaredBy } from "../../work/declared.ts";

/** Somebody in a queue, for programs. */
export interface WaiterView {
  readonly session_id: string;
  readonly agent: string | null;
  /** As people know them. */
  readonly name: string;
  readonly since: string;
}

/** What somebody holds, for programs; the names of seed 004 where it has them. */
export interface LeaseView {
  /** The holder's session id. */
  readonly held_by: string;
  readonly agent: string | null;
  /** The holder as people know it. */
  readonly holder: string;
  /** The working tree that the holder works in, or null where it never registered. */
  readonly worktree: string | null;
  readonly acquired_at: string;
  readonly expires_at: string;
  readonly seconds_left: number;
  readonly token: number;
  /** What it was taken for, else what the holder says of its work; empty where nothing is said. */
  readonly purpose: string;
  readonly state: HeldState;
  readonly waiting: readonly WaiterView[];
}

/** A named lock. */
export interface LockRow extends LeaseView {
  readonly name: string;
}

/** A file's reservation. */
export interface FileRow extends LeaseView {
  readonly tree: string;
  readonly path: string;
  readonly machine: string;
}

/**
 * `used`: what it was taken for has been done at least once; `busy`: an edit is under way; `reserved`:
 * neither; `offered`: it waits to be taken up by whoever's turn has come.
 */
export type HeldState = "used" | "busy" | "reserved" | "offered";

/** Everybody in a project, by name. */
export class People {
  readonly #known: ReadonlyMap<string, SeenSession>;

  constructor(sessions: readonly SeenSession[]) {
    this.#known = new Map(sessions.map((one) => [one.record.session, one]));
  }

  /** Reads the roster. */
  static async of(desk: Coordination): Promise<People> {
    return new People(await desk.roster.list());
  }

  /** How a session, or its sub-agent, is called: `Session_1`, `Session_1/a1b2c3d4`. */
  nameOf({ session, agent }: Holder): string {
    const alias = shorten(this.aliasOf(session), 20);
    return agent === undefined ? alias : `${alias}/${agent.slice(0, 8)}`;
  }

  /** What a command calls a session by: its alias, or the id of one that never registered. */
  aliasOf(session: string): string {
    return this.#known.get(session)?.record.alias ?? session;
  }

  /** The name of the machine that a session works on, or null where it is this one or unknown. */
  farMachineOf(session: string): string | null {
    const seen = this.get(session);
    return seen && !seen.isHere ? seen.record.machine : null;
  }

  /** A session, or null where it never registered. */
  get(session: string): SeenSession | null {
    return this.#known.get(session) ?? null;
  }
}

/** A lease for programs; null where nobody holds it. */
export function leaseView(record: LeaseRecord, people: People, moment: Moment): LeaseView | null {
  const { holder } = record;
  if (holder === null) return null;
  return {
    held_by: holder.session,
    agent: holder.agent ?? null,
    holder: people.nameOf(holder),
    worktree: people.get(holder.session)?.record.worktree ?? null,
    acquired_at: record.acquired_at,
    expires_at: expiresAt(record, moment),
    seconds_left: secondsLeft(record, moment),
    token: record.token,
    purpose: record.purpose || workOf(people.get(holder.session)),
    state: stateOf(record),
    waiting: record.waiters.map((one) => ({
      session_id: one.holder.session,
      agent: one.holder.agent ?? null,
      name: people.nameOf(one.holder),
      since: one.since,
    })),
  };
}

function workOf(seen: SeenSession | null): string {
  if (!seen) return "";
  const { intent, workAreas } = declaredBy(seen.record);
  return intent || workAreas.join(", ");
}

function stateOf({ offered, busy_s, uses }: LeaseRecord): HeldState {
  if (offered) return "offered";
  if (busy_s !== null) return "busy";
  return uses > 0 ? "used" : "reserved";
}

/** The named locks that are held, by name. */
export async function lockRows(
  desk: Coordination,
  people: People,
  pattern = "*",
): Promise<LockRow[]> {
  const moment = await desk.leases.now();
  return (await new Locks(desk).list(pattern)).flatMap(({ name, record }) => {
    const view = leaseView(record, people, moment);
    return view ? [{ name, ...view }] : [];
  });
}

/** The reservations of the project, by path. */
export async function fileRows(desk: Coordination, people: People): Promise<FileRow[]> {
  return rowsOf(desk, people, await new Reservations(desk).all());
}

/** Reservations for programs. */
export async function rowsOf(
  desk: Coordination,
  people: People,
  held: readonly HeldFile[],
): Promise<FileRow[]> {
  const moment = await desk.leases.now();
  return held.flatMap(({ tree, path, machine, record }) => {
    const view = leaseView(record, people, moment);
    return view ? [{ tree, path, machine, ...view }] : [];
  });
}
