/**
 * A Claude Code session as the project knows it.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";

/** A session as stored, under the id that its client gave it. */
export interface SessionRecord {
  readonly v: 1;
  readonly session: string;
  /** `Session_{host}_{pid}_{time}` (seed 003). */
  readonly name: string;
  /** Short, for people: `Session_1`. */
  readonly alias: string;
  readonly host: string;
  /** Tells hosts of one name apart, on a store that several hosts share. */
  readonly host_id?: string;
  readonly machine: string;
  /** The client's process, or 0 where it is not known. */
  readonly client_pid: number;
  /** Where that number counts; absent where the host has no PID namespaces, or an older csc wrote it. */
  readonly pid_namespace?: string;
  /** The working tree it was started in. */
  readonly worktree: string;
  /** The branch, and the commit it was at, when the session last looked. */
  readonly branch: string | null;
  readonly head: string | null;
  readonly status: "active" | "completed";
  readonly started_at: string;
  readonly ended_at: string | null;
  /** The proof of life that its MCP server gives, or null where none serves it. */
  readonly life: Life | null;
  readonly heartbeat: SessionBeat;
  /** ISO time of the last thing it did. */
  readonly last_activity: string;
  /** What it says of its work: intent, work_area, depends_on, percent_done, capacity and more. */
  readonly metadata: { readonly [key: string]: Json };
  /** Until when it has seen what happened: ISO time. */
  readonly seen_until: string;
  /** Whether its turn is over, so that it has to be woken to learn anything; absent if never told. */
  readonly idle?: boolean;
  /** Other hosts may have taken it for dead: what it lost by that is still to be looked into. */
  readonly lapsed?: true;
  /** Another host ended it, as it gave no sign of life. It may come back. */
  readonly given_up?: true;
  /** All that it held was freed after it was given up. */
  readonly swept?: true;
}

/** Where the life file of a session's server is. */
export interface Life {
  readonly folder: string;
  readonly id: string;
  readonly pid: number;
  /**
   * How long after its last sign of life other hosts take the session for dead, in seconds; absent
   * where the server does not renew it often enough for that.
   */
  readonly lease_s?: number;
  /** It is a process beside the session, whose end proves nothing; absent where it is not. */
  readonly beside?: true;
}

/** The last sign of a session. */
export interface SessionBeat {
  readonly at: string;
  /** The host's uptime in whole seconds. */
  readonly uptime_s: number;
}

/** Reads a stored session; null where it is none. */
export function readSession(value: Json): SessionRecord | null {
  const isSession = isObject(value) && value.v === 1 && typeof value.session === "string" &&
    typeof value.alias === "string" && isObject(value.heartbeat) && isObject(value.metadata);
  return isSession ? value as unknown as SessionRecord : null;
}

/** The record's JSON. */
export function sessionJson(record: SessionRecord): Json {
  const told = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told) as Json;
}
