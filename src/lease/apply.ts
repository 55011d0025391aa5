/**
 * What one request does to one lease, as a pure function: the same on every store.
 *
 * @module
 */

import {
  type Ending,
  type EndReason,
  hasExpired,
  type Holder,
  isOfOtherBoot,
  isSame,
  type LeaseRecord,
  type Moment,
  plainHolder,
  type Waiter,
} from "./record.ts";
import type { AcquireRequest, Circumstances, Outcome, Refused, Request, Step } from "./request.ts";

export type { AcquireRequest, Circumstances, Outcome, Refused, Request, Step } from "./request.ts";

/** How many can wait for one lease. */
export const MAX_WAITERS = 64;

/** Applies a request to a record; null is a lease that was never used. */
export function apply(before: LeaseRecord | null, request: Request, known: Circumstances): Step {
  const settled = settle(before ?? empty(known), known);
  const { outcome, next } = decide(settled.record, withPlainHolders(request), known);
  const result = next ? settle(next, known) : settled;
  const record = result.record;
  const isChanged = record !== before && !(before === null && next === null);
  const handedTo = result.handedTo ?? settled.handedTo;
  // A waiter who asks in the moment of its turn has taken it up already: there is nobody to tell.
  const isOffered = record.offered && isSame(record.holder, handedTo?.holder ?? null);
  return {
    outcome: { ...outcome, record },
    next: isChanged ? { ...record, request: known.request } : null,
    handedTo: isOffered ? handedTo : null,
  };
}

function withPlainHolders(request: Request): Request {
  if (!("holder" in request)) return request;
  const holder = plainHolder(request.holder);
  const to = request.op === "release" && request.to ? { to: plainHolder(request.to) } : {};
  return { ...request, holder, ...to };
}

interface Decided {
  readonly outcome: Outcome;
  readonly next: LeaseRecord | null;
}

function decide(record: LeaseRecord, request: Request, known: Circumstances): Decided {
  switch (request.op) {
    case "acquire":
      return acquire(record, request, known);
    case "renew":
      return renew(record, request, known);
    case "release":
      return release(record, request, known);
    case "take over":
      return takeOver(record, request, known);
    case "leave queue":
      return leaveQueue(record, request.holder);
    case "mark":
      return mark(record, request.holder, request.mark);
    case "settle":
      return granted(record, null);
  }
}

function acquire(record: LeaseRecord, request: AcquireRequest, known: Circumstances): Decided {
  const { holder } = request;
  if (isSame(record.holder, holder)) {
    // Re-entrant: the same token, and never less time than there was.
    const next = {
      ...record,
      ...times(record, request.ttlS, known.moment),
      offered: false,
      busy_s: request.busy ? known.moment.s : record.busy_s,
      purpose: request.purpose || record.purpose,
      detail: request.detail,
    };
    return granted(next, next, !record.offered);
  }
  const isParent = isWaitingParent(record, holder);
  if (record.holder === null || isParent) {
    const next = grant(record, request, known, isParent ? "lent" : "released");
    return granted(next, next);
  }
  // Whoever is offered a turn has only just come: what was judged silent is gone.
  if (request.mayOverride && !record.offered) {
    const overridden = record.holder;
    const next = grant(record, request, known, "taken over");
    return granted(next, next, false, overridden);
  }
  const place = placeOf(record, holder);
  if (!request.wait) return refused(record, "held", place);
  if (place === null && record.waiters.length >= MAX_WAITERS) {
    return refused(record, "queue full", null);
  }
  const waiter: Waiter = {
    holder,
    ttl_s: request.ttlS,
    turn_s: request.wait.turnS,
    until_s: known.moment.s + request.wait.forS + 1,
    purpose: request.purpose,
    detail: request.detail,
    since: record.waiters.find((one) => isSame(one.holder, holder))?.since ??
      isoOf(known.moment),
  };
  const waiters = place === null
    ? [...record.waiters, waiter]
    : record.waiters.map((one) => isSame(one.holder, holder) ? waiter : one);
  return refused({ ...record, waiters }, "held", place ?? waiters.length, true);
}

/** A parent that only waits for its sub-agent lends it what it holds. */
function isWaitingParent({ holder, busy_s }: LeaseRecord, child: Holder): boolean {
  return holder !== null && holder.agent === undefined && child.agent !== undefined &&
    holder.session === child.session && busy_s === null;
}

function renew(
  record: LeaseRecord,
  { holder, token, ttlS }: Extract<Request, { op: "renew" }>,
  { moment }: Circumstances,
): Decided {
  if (!isSame(record.holder, holder) || record.token !== token) {
    return refused(record, lossOf(record, holder, token), null);
  }
  // A turn is taken up by acquiring. Renewed with the rest of its session, it would never pass on.
  if (record.offered) return granted(record, null, true);
  const next = { ...record, ...times(record, ttlS, moment) };
  return granted(next, next, true);
}

function release(
  record: LeaseRecord,
  { holder, token, to }: Extract<Request, { op: "release" }>,
  known: Circumstances,
): Decided {
  const isOwn = isSame(record.holder, holder) && (token === undefined || record.token === token);
  if (!isOwn) return refused(record, lossOf(record, holder, token), placeOf(record, holder));
  const next = end(record, "released", known.moment);
  const heir = to ?? record.lent_by;
  return granted(heir ? passOn(next, record, heir, known) : next, next);
}

/** What a sub-agent borrowed or changed goes to its parent, under a new token. */
function passOn(
  ended: LeaseRecord,
  before: LeaseRecord,
  heir: Holder,
  known: Circumstances,
): LeaseRecord {
  return {
    ...ended,
    holder: heir,
    token: nextToken(ended, known),
    ...measuredFrom(known.moment),
    acquired_at: isoOf(known.moment),
    uses: before.uses,
    waiters: ended.waiters.filter((one) => !isSame(one.holder, heir)),
  };
}

function takeOver(
  record: LeaseRecord,
  request: Extract<Request, { op: "take over" }>,
  known: Circumstances,
): Decided {
  if (record.holder === null) return refused(record, "not held", null);
  if (record.token !== request.token) return refused(record, "not owner", null);
  const { holder, reason, forced } = request;
  const ended = end(record, "taken over", known.moment, holder, reason, forced);
  if (request.onlyEnd) return granted(ended, ended);
  const next = grant(ended, { ...request, op: "acquire" }, known, null);
  return granted(next, next, false, record.holder);
}

function leaveQueue(record: LeaseRecord, holder: Holder): Decided {
  const waiters = record.waiters.filter((one) => !isSame(one.holder, holder));
  if (waiters.length === record.waiters.length) return refused(record, "not held", null);
  const next = { ...record, waiters };
  return granted(next, next);
}

function mark(record: LeaseRecord, holder: Holder, what: "used" | "unused"): Decided {
  if (!isSame(record.holder, holder)) return refused(record, lossOf(record, holder), null);
  const next = { ...record, busy_s: null, uses: record.uses + (what === "used" ? 1 : 0) };
  return granted(next, next, true);
}

/** Ends a grant that is over, and hands the lease to whoever has waited longest and still does. */
function settle(
  record: LeaseRecord,
  known: Circumstances,
): { record: LeaseRecord; handedTo: Waiter | null } {
  let current = withoutGone(record, known);
  if (current.holder !== null) {
    const why = known.isDead(current.holder)
      ? "dead"
      : hasExpired(current, known.moment)
      ? "expired"
      : null;
    if (why === null) return { record: current, handedTo: null };
    const lent = current;
    current = end(current, why, known.moment);
    const isLostWithHost = isOfOtherBoot(lent, known.moment);
    if (lent.lent_by && !known.isDead(lent.lent_by) && !isLostWithHost) {
      return { record: passOn(current, lent, lent.lent_by, known), handedTo: null };
    }
  }
  const [first, ...others] = current.waiters;
  if (!first) return { record: current, handedTo: null };
  const request: AcquireRequest = {
    op: "acquire",
    holder: first.holder,
    ttlS: first.turn_s,
    purpose: first.purpose,
    detail: first.detail,
  };
  const handed = grant({ ...current, waiters: others }, request, known, null);
  return { record: { ...handed, offered: true }, handedTo: first };
}

/** Without those in the queue who have given up or are dead, so that they fill no place in it. */
function withoutGone(record: LeaseRecord, { moment, isDead }: Circumstances): LeaseRecord {
  const isLostWithHost = isOfOtherBoot(record, moment);
  // What another clock counted cannot be compared: they stay as long as the holder does.
  const isOtherClock = record.clock !== moment.clock;
  const hasEnded = isOtherClock && (record.holder === null || hasExpired(record, moment));
  const waiters = record.waiters.filter((one) =>
    !isLostWithHost && !hasEnded && !isDead(one.holder) && (isOtherClock || one.until_s > moment.s)
  );
  return waiters.length === record.waiters.length ? record : { ...record, waiters };
}

/** A new grant, under a higher token than any before. `why` the running one ends, if there is one. */
function grant(
  record: LeaseRecord,
  request: AcquireRequest,
  known: Circumstances,
  why: EndReason | null,
): LeaseRecord {
  const before = record.holder && why ? end(record, why, known.moment, request.holder) : record;
  return {
    ...before,
    holder: request.holder,
    token: nextToken(record, known),
    ...measuredFrom(known.moment),
    ttl_s: request.ttlS,
    purpose: request.purpose,
    detail: request.detail,
    acquired_at: isoOf(known.moment),
    offered: false,
    busy_s: request.busy ? known.moment.s : null,
    // What its parent has changed is still changed when the sub-agent gives it back unused.
    uses: why === "lent" ? record.uses : 0,
    lent_by: why === "lent" ? record.holder : null,
    waiters: record.waiters.filter((one) => !isSame(one.holder, request.holder)),
  };
}

function end(
  record: LeaseRecord,
  why: EndReason,
  moment: Moment,
  by: Holder | null = null,
  reason = "",
  forced = false,
): LeaseRecord {
  const ended: Ending = {
    holder: record.holder!,
    token: record.token,
    why,
    by,
    reason,
    ...(forced && { forced }),
    at: isoOf(moment),
  };
  return { ...record, holder: null, busy_s: null, uses: 0, offered: false, lent_by: null, ended };
}

/** Why somebody does not hold what they believe to hold. */
function lossOf(record: LeaseRecord, holder: Holder, token?: number): Refused {
  const { ended } = record;
  const isTheirs = ended !== null && isSame(ended.holder, holder) &&
    (token === undefined || ended.token === token);
  if (isTheirs) return ended.why;
  return record.holder === null ? "not held" : "not owner";
}

function times(record: LeaseRecord, ttlS: number, moment: Moment) {
  const isSameClock = record.clock === moment.clock;
  const left = isSameClock ? record.renewed_s + record.ttl_s - moment.s : 0;
  // An offer is only for being taken up: its short time is replaced, not extended.
  const ttl_s = record.offered ? ttlS : Math.max(ttlS, left);
  return { ...measuredFrom(moment), ttl_s };
}

function measuredFrom(moment: Moment) {
  return { clock: moment.clock, renewed_s: moment.s, renewed_at: isoOf(moment) };
}

/** Above the last one, and above the time of day, so that tokens rise also where a store was lost. */
function nextToken(record: LeaseRecord, { moment, floor }: Circumstances): number {
  return Math.max(record.token + 1, floor + 1, moment.wallMs);
}

function placeOf(record: LeaseRecord, holder: Holder): number | null {
  const at = record.waiters.findIndex((one) => isSame(one.holder, holder));
  return at < 0 ? null : at + 1;
}

function granted(
  record: LeaseRecord,
  next: LeaseRecord | null,
  extended = false,
  overridden: Holder | null = null,
): Decided {
  return { outcome: { ok: true, record, extended, overridden }, next: next && record };
}

function refused(
  record: LeaseRecord,
  why: Refused,
  place: number | null,
  isChanged = false,
): Decided {
  return { outcome: { ok: false, why, record, place }, next: isChanged ? record : null };
}

function empty({ moment, request }: Circumstances): LeaseRecord {
  return {
    v: 1,
    holder: null,
    token: 0,
    clock: moment.clock,
    renewed_s: 0,
    renewed_at: isoOf(moment),
    ttl_s: 0,
    purpose: "",
    detail: null,
    acquired_at: isoOf(moment),
    offered: false,
    busy_s: null,
    uses: 0,
    lent_by: null,
    waiters: [],
    ended: null,
    request,
  };
}

function isoOf(moment: Moment): string {
  return new Date(moment.wallMs).toISOString();
}
