/**
 * The lease as it is stored: who holds something, until when, under which fencing token, and who
 * waits for it.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";

/** Who can hold a lease: a session, or one of its sub-agents, which holds for itself. */
export interface Holder {
  /** The session's id. */
  readonly session: string;
  /** The sub-agent's id; absent for the session itself. */
  readonly agent?: string;
}

/** Somebody who waits, in the order of coming. */
export interface Waiter {
  readonly holder: Holder;
  /** How long the lease is to last once it is taken up, in seconds. */
  readonly ttl_s: number;
  /** How long it is kept for the waiter when its turn comes, in seconds. */
  readonly turn_s: number;
  /** When the waiter gives up, in seconds of the lease's clock. */
  readonly until_s: number;
  readonly purpose: string;
  readonly detail: Json;
  /** ISO time, for people. */
  readonly since: string;
}

/** How the grant before this one ended, so that its holder can be told. */
export interface Ending {
  readonly holder: Holder;
  readonly token: number;
  readonly why: EndReason;
  /** Who took it over, and why, where somebody did. */
  readonly by: Holder | null;
  readonly reason: string;
  /** Whether it was taken by force; absent where it was not. */
  readonly forced?: boolean;
  /** ISO time. */
  readonly at: string;
}

/** Why a grant ended. */
export type EndReason = "released" | "expired" | "dead" | "taken over" | "lent";

/** A lease as stored. Without a holder it is free; it is kept for a while, so that tokens rise. */
export interface LeaseRecord {
  readonly v: 1;
  readonly holder: Holder | null;
  /** Fencing token of the latest grant: higher than that of every grant before it. */
  readonly token: number;
  /** What is measured with: the host's uptime, or the store's own time. */
  readonly clock: "uptime" | "store";
  /** When the grant was last renewed, in seconds of the clock. */
  readonly renewed_s: number;
  readonly ttl_s: number;
  readonly purpose: string;
  /** What the kind of lease needs to know of its holder. */
  readonly detail: Json;
  /** ISO time of the grant, for people. */
  readonly acquired_at: string;
  /** ISO time of `renewed_s`, for those who measure with another clock. */
  readonly renewed_at: string;
  /** Whether it only waits to be taken up by the waiter whose turn it is. */
  readonly offered: boolean;
  /** Seconds of the clock since which an operation of the holder is under way, or null. */
  readonly busy_s: number | null;
  /** How many operations it has been used for. */
  readonly uses: number;
  /** The parent that gets it back when its sub-agent is done. */
  readonly lent_by: Holder | null;
  readonly waiters: readonly Waiter[];
  readonly ended: Ending | null;
  /** Names the request that wrote this, so that a writer whose answer was lost finds its own. */
  readonly request: string;
}

/** A moment: in seconds of the lease's clock, and for tokens and people as milliseconds since 1970. */
export interface Moment {
  readonly clock: "uptime" | "store";
  readonly s: number;
  readonly wallMs: number;
}

/** Whether two name the same holder. */
export function isSame(one: Holder | null, other: Holder | null): boolean {
  return one !== null && other !== null && one.session === other.session &&
    (one.agent ?? "") === (other.agent ?? "");
}

/** The holder as it is stored: without an agent where there is none, however that was written. */
export function plainHolder({ session, agent }: Holder): Holder {
  return agent ? { session, agent } : { session };
}

/** One text for a holder, as a key. */
export function holderKey({ session, agent }: Holder): string {
  return agent ? `${session}/${agent}` : session;
}

/**
 * Whether a grant's time is over. Clocks count whole seconds, so it waits one more; an uptime below
 * the recorded one means that the host was started anew.
 */
export function hasExpired(record: LeaseRecord, moment: Moment): boolean {
  if (record.clock !== moment.clock) {
    return moment.wallMs - Date.parse(record.renewed_at) > (record.ttl_s + 1) * 1000;
  }
  return isOfOtherBoot(record, moment) || moment.s >= record.renewed_s + record.ttl_s + 1;
}

/** Whether the host was started anew since: what its uptime counted then means nothing now. */
export function isOfOtherBoot(record: LeaseRecord, moment: Moment): boolean {
  return record.clock === "uptime" && moment.clock === "uptime" && moment.s < record.renewed_s;
}

/** How many seconds a grant has left; 0 where none. */
export function secondsLeft(record: LeaseRecord, moment: Moment): number {
  if (record.holder === null || hasExpired(record, moment)) return 0;
  return Math.max(0, record.renewed_s + record.ttl_s - moment.s);
}

/** ISO time at which a grant ends, seen from a moment. */
export function expiresAt(record: LeaseRecord, moment: Moment): string {
  const left = record.renewed_s + record.ttl_s - moment.s;
  return new Date(moment.wallMs + left * 1000).toISOString();
}

/**
 * Reads a stored lease.
 *
 * @throws {CoordinatorError} `store_newer` where a newer csc wrote it, `store_corrupt` where it is
 * none.
 */
export function readLease(value: Json, what: string): LeaseRecord {
  if (isObject(value) && typeof value.v === "number" && value.v > 1) {
    throw new CoordinatorError(
      "store_newer",
      `Cannot use the lease ${what} as a newer csc wrote it in format ${value.v}`,
      "Install that version for all sessions of this project.",
    );
  }
  if (!isLease(value)) {
    throw new CoordinatorError(
      "store_corrupt",
      `Cannot read the lease ${what} as its record is damaged`,
      "`csc cleanup --force` removes damaged records; whoever held it has to take it anew.",
    );
  }
  return value as unknown as LeaseRecord;
}

/** Everything that a decision depends on; a record that lacks a part of it would free what is held. */
function isLease(value: Json): boolean {
  if (!isObject(value) || value.v !== 1) return false;
  const { token, clock, renewed_s, renewed_at, ttl_s, holder, lent_by, waiters, ended } = value;
  return Number.isSafeInteger(token) && (clock === "uptime" || clock === "store") &&
    typeof renewed_s === "number" && typeof ttl_s === "number" &&
    typeof renewed_at === "string" && !Number.isNaN(Date.parse(renewed_at)) &&
    (holder === null || isHolder(holder)) && (lent_by === null || isHolder(lent_by)) &&
    (ended === null || isObject(ended) && isHolder(ended.holder)) &&
    Array.isArray(waiters) && waiters.every(isWaiter);
}

function isHolder(value: Json | undefined): boolean {
  return isObject(value ?? null) && typeof (value as { session?: Json }).session === "string";
}

function isWaiter(value: Json): boolean {
  return isObject(value) && isHolder(value.holder) && typeof value.until_s === "number" &&
    typeof value.turn_s === "number";
}

/** The record's JSON. */
export function leaseJson(record: LeaseRecord): Json {
  return record as unknown as Json;
}
