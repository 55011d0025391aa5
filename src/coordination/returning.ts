/**
 * A session that comes back: its host slept, or was cut off from the store, for so long that other
 * hosts may have taken it for dead. It is told what it lost, and keeps what nobody took.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { printable, shorten } from "../domain/text.ts";
import type { JournalEvent } from "../journal/journal.ts";
import type { LeaseRef } from "../lease/leases.ts";
import type { Holder, LeaseRecord } from "../lease/record.ts";
import type { Coordination } from "./coordination.ts";
import { Reservations } from "./reservations.ts";

/** More than this is counted, not named. */
const MAX_NAMED = 12;

/** Something that is another's by now, or free. */
interface Loss {
  readonly name: string;
  /** Who has it now, or null. */
  readonly holder: Holder | null;
}

/**
 * Looks what a session lost that is marked as lapsed, and tells it by a notice; of several that look
 * at once, one does. What it still holds is renewed by that, so that nobody takes it any more who had
 * found the session dead a moment ago.
 */
export async function lookIntoLapse(desk: Coordination, session: string): Promise<void> {
  if (!await desk.roster.lookInto(session)) return;
  const { scopes, journal, notices } = desk;
  const reservations = new Reservations(desk);
  const losses: Loss[] = [];
  for (const place of reservations.keptBy(session)) {
    const lost = await keepOrLose(desk, reservations.refOf(place), session);
    if (!lost) continue;
    losses.push({ name: place.path, holder: lost.holder });
    journal.append({ event: "release", session, ...place, detail: "lost in its silence" });
  }
  for (const key of openLocks(journal.read(session))) {
    const lost = await keepOrLose(desk, { scope: scopes.locks, key }, session);
    if (!lost) continue;
    losses.push({ name: `the lock ${key}`, holder: lost.holder });
    noteLock(desk, { session }, key, null);
  }
  if (losses.length === 0) return;
  await notices.send(session, { kind: "lost", from: "csc", text: await textOf(desk, losses) });
}

/** Renews what a session and its sub-agents still hold; answers the lease where they lost it. */
async function keepOrLose(
  { leases }: Coordination,
  ref: LeaseRef,
  session: string,
): Promise<LeaseRecord | null> {
  const record = await leases.inspect(ref);
  if (record === null) return null;
  const { holder, token } = record;
  if (holder?.session === session) {
    const outcome = await leases.act(ref, { op: "renew", holder, token, ttlS: 1 });
    return outcome.ok ? null : outcome.record;
  }
  // What it gave back itself its journal does not show any more; of what was taken by force it was told.
  const { ended } = record;
  const isOverAnyway = ended?.holder.session === session &&
    (ended.why === "expired" || ended.why === "taken over");
  return isOverAnyway ? null : record;
}

async function textOf(desk: Coordination, losses: readonly Loss[]): Promise<string> {
  const named = await Promise.all(
    losses.slice(0, MAX_NAMED).map(async ({ name, holder }) => {
      const known = holder && await desk.roster.get(holder.session);
      const now = holder === null
        ? "free now"
        : `now held by ${known?.record.alias ?? holder.session.slice(0, 8)}`;
      return `${shorten(printable(name), 200)} (${printable(now)})`;
    }),
  );
  const more = losses.length > named.length ? ` and ${losses.length - named.length} more` : "";
  return "this session gave no sign of life for a while, and other machines took it for dead. " +
    `It lost ${named.join(", ")}${more}. Look at what others did meanwhile, and take anew what ` +
    "you still need before you go on.";
}

/**
 * Notes in a session's journal that it has a named lock for so many seconds, or has it no more. Only
 * where the store is shared: on one machine nobody can be taken for dead who is not.
 */
export function noteLock(
  { store, journal }: Coordination,
  holder: Holder,
  lock: string,
  ttlS: number | null,
): void {
  if (store.place.reach !== "network") return;
  const event = ttlS === null ? "unlock" : "lock";
  journal.append({ event, ...holder, detail: { lock, ...(ttlS !== null && { ttl_s: ttlS }) } });
}

/** The named locks that a session's journal shows as held, and whose time is not over. */
function openLocks(events: readonly JournalEvent[]): string[] {
  const open = new Map<string, number>();
  for (const { event, at, detail } of events) {
    if (!isObject(detail ?? null)) continue;
    const { lock, ttl_s } = detail as Record<string, unknown>;
    if (typeof lock !== "string") continue;
    if (event === "unlock") open.delete(lock);
    if (event === "lock" && typeof ttl_s === "number") {
      open.set(lock, Math.max(open.get(lock) ?? 0, Date.parse(at) + ttl_s * 1000));
    }
  }
  return [...open].filter(([, untilMs]) => untilMs > Date.now()).map(([lock]) => lock);
}
