/**
 * The end of sessions: announced, noticed, or found by the next one who looks.
 *
 * @module
 */

import { readLease } from "../lease/record.ts";
import { Reservations } from "./reservations.ts";
import type { SeenSession } from "../roster/roster.ts";
import type { SessionRecord } from "../roster/session_record.ts";
import type { Coordination } from "./coordination.ts";

/**
 * Ends a session: frees all it holds, and keeps its journal as an archive.
 *
 * @param seen What it is ended for: where it has given a sign of life since, it is left alone.
 * @returns Whether it was ended now.
 */
export async function endSession(
  desk: Coordination,
  session: string,
  why: string,
  seen?: SeenSession,
): Promise<boolean> {
  const ended = await desk.roster.end(session, seen);
  if (seen && !ended) return false;
  await releaseAll(desk, session, why, seen && stillEnded(desk, session));
  if (!ended) return false;
  desk.journal.append({ event: "end", session, detail: why });
  await desk.notices.close(session);
  if (desk.config.coordination.archive_completed) desk.journal.archive(session);
  return true;
}

/**
 * Gives back every file and every lock of a session; answers what was given back.
 *
 * @param isOver Whether it still is to be given back: asked after a grant was read, so that what a
 * session takes that has come back meanwhile is not given back with the rest.
 */
export async function releaseAll(
  desk: Coordination,
  session: string,
  why: string,
  isOver: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<string[]> {
  const { leases, scopes, store } = desk;
  const reservations = new Reservations(desk);
  const released: string[] = [];
  for (const place of reservations.keptBy(session)) {
    if (isLate(desk)) return released;
    if (await reservations.releaseKept(place, session, why, isOver)) released.push(place.path);
  }
  // As stored: what a session that has ended holds counts as free already, but whoever waits for it
  // is told only when somebody writes so.
  const held = [...await store.retrieveAll(scopes.locks)].flatMap(([key, { value }]) => {
    const { holder, token } = readLease(value, `'${key}'`);
    return holder?.session === session ? [{ key, holder, token }] : [];
  });
  if (held.length === 0 || !await isOver()) return released;
  for (const { key, holder, token } of held) {
    const { ok } = await leases.release({ scope: scopes.locks, key }, holder, token);
    if (ok) released.push(key);
  }
  return released;
}

/** What goes on without anybody asking for it; `auto_cleanup_stale` says whether it ends sessions. */
export function healUnasked(desk: Coordination): Promise<SessionRecord[]> {
  return heal(desk, desk.config.coordination.auto_cleanup_stale);
}

/**
 * Ends the sessions that are proven dead, and forgets those that ended some time ago.
 *
 * @param endsDead Whether it ends sessions at all; else it only completes the end of others.
 * @returns Those that it ended.
 */
export async function heal(desk: Coordination, endsDead = true): Promise<SessionRecord[]> {
  const healed: SessionRecord[] = [];
  for (const seen of await desk.roster.list()) {
    const { record, standing, isInSight } = seen;
    if (standing !== "dead") continue;
    const { session } = record;
    if (record.status === "completed") {
      // Its client may have cut its end short; once forgotten it would seem to hold the rest again.
      await releaseAll(desk, session, "its session has ended", stillEnded(desk, session));
    } else if (endsDead && await endSession(desk, session, isInSight ? GONE : SILENT, seen)) {
      healed.push(record);
    }
    if (isLate(desk)) return healed;
  }
  await sweep(desk);
  await desk.roster.removeEnded();
  return healed;
}

const GONE = "its process is gone";
const SILENT = "its host gave no sign of life";

/** On one machine whoever comes back has been seen to be gone; from others it can come back any time. */
function stillEnded(desk: Coordination, session: string): (() => Promise<boolean>) | undefined {
  return desk.store.place.reach === "network" ? () => hasEnded(desk, session) : undefined;
}

async function hasEnded({ roster }: Coordination, session: string): Promise<boolean> {
  return (await roster.get(session))?.record.status !== "active";
}

/** Frees the files of sessions that were given up: their journals are on hosts that may be gone. */
async function sweep(desk: Coordination): Promise<void> {
  const isGivenUp = ({ record }: SeenSession) => record.given_up === true && !record.swept;
  const givenUp = (await desk.roster.list()).filter(isGivenUp);
  if (givenUp.length === 0) return;
  const sessions = new Set(givenUp.map(({ record }) => record.session));
  const reservations = new Reservations(desk);
  const isOver = (session: string) => hasEnded(desk, session);
  for (const scope of await desk.store.listScopes(desk.scopes.filePattern)) {
    if (isLate(desk)) return;
    await reservations.releaseIn(scope, sessions, isOver);
  }
  await desk.roster.swept(givenUp);
}

/**
 * Whether a hook has no time left. What a session that has ended holds counts as free anyway: the next
 * one who looks goes on with it.
 */
function isLate({ deadline }: Coordination): boolean {
  return performance.now() > deadline - SPARE_MS;
}

/** What a hook needs for the rest. */
const SPARE_MS = 300;
