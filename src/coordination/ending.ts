/**
 * The end of sessions: announced, noticed, or found by the next one who looks.
 *
 * @module
 */

import { readLease } from "../lease/record.ts";
import { Reservations } from "./reservations.ts";
import type { SessionRecord } from "../roster/session_record.ts";
import type { Coordination } from "./coordination.ts";

/** Ends a session: frees all it holds, and keeps its journal as an archive. */
export async function endSession(desk: Coordination, session: string, why: string): Promise<void> {
  const ended = await desk.roster.end(session);
  await releaseAll(desk, session, why);
  if (!ended) return;
  desk.journal.append({ event: "end", session, detail: why });
  await desk.notices.close(session);
  if (desk.config.coordination.archive_completed) desk.journal.archive(session);
}

/** Gives back every file and every lock of a session; answers what was given back. */
export async function releaseAll(
  desk: Coordination,
  session: string,
  why: string,
): Promise<string[]> {
  const { leases, scopes, store } = desk;
  const reservations = new Reservations(desk);
  const released: string[] = [];
  for (const place of reservations.keptBy(session)) {
    if (isLate(desk)) return released;
    if (await reservations.releaseKept(place, session, why)) released.push(place.path);
  }
  // As stored: what a session that has ended holds counts as free already, but whoever waits for it
  // is told only when somebody writes so.
  for (const [key, { value }] of await store.retrieveAll(scopes.locks)) {
    const { holder } = readLease(value, `'${key}'`);
    if (holder?.session !== session) continue;
    if ((await leases.release({ scope: scopes.locks, key }, holder)).ok) released.push(key);
  }
  return released;
}

/** Ends the sessions that are proven dead, and forgets those that ended some time ago. */
export async function heal(desk: Coordination): Promise<SessionRecord[]> {
  const healed: SessionRecord[] = [];
  for (const { record, standing } of await desk.roster.list()) {
    if (standing !== "dead") continue;
    if (record.status === "completed") {
      // Its client may have cut its end short; once forgotten it would seem to hold the rest again.
      await releaseAll(desk, record.session, "its session has ended");
    } else {
      await endSession(desk, record.session, "its process is gone");
      healed.push(record);
    }
    if (isLate(desk)) return healed;
  }
  await desk.roster.removeEnded();
  return healed;
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
