/**
 * How long somebody will still need a file, from what there is to go by.
 *
 * @module
 */

import { hasExpired, type LeaseRecord, type Moment, secondsLeft } from "../lease/record.ts";
import type { SeenSession } from "../roster/roster.ts";
import { declaredBy, timeOf } from "./declared.ts";

/** An estimate. */
export interface Estimate {
  /** Seconds, or null where there is nothing to go by. */
  readonly minS: number | null;
  /** Such as `about 15 minutes (60 % done)` or `at most 12 minutes`. */
  readonly text: string;
}

/** What an estimate is made from. */
export interface Known {
  readonly record: LeaseRecord;
  /** The holder's session, or null where the roster does not know it. */
  readonly holder: SeenSession | null;
  /** How long files of this kind were held. */
  readonly history: readonly { readonly heldS: number }[];
  /** What the lease has left, or null where its clock is not known. */
  readonly leftS: number | null;
  readonly nowMs: number;
}

/** Fewer show no habit. */
const MIN_HISTORY = 3;
/** A progress by which the work would still take longer than this says nothing. */
const LONGEST_S = 24 * 3600;

/**
 * Estimates how long a lease will still be held: from how far its holder's work is and how long that
 * took; else from how long such files are held (of those that were held longer than this one by now,
 * the median); else it is what the lease has left.
 */
export function estimateWait(
  record: LeaseRecord,
  holder: SeenSession | null,
  history: readonly { readonly heldS: number }[],
  moment: Moment,
): Estimate {
  const isOver = hasExpired(record, moment);
  const leftS = record.clock === moment.clock || isOver ? secondsLeft(record, moment) : null;
  return estimateFrom({
    record: isOver ? { ...record, holder: null } : record,
    holder,
    history,
    leftS,
    nowMs: moment.wallMs,
  });
}

/** The same, for a lease whose time left is known already. */
export function estimateFrom(known: Known): Estimate {
  const { record, holder, leftS } = known;
  if (record.holder === null) return { minS: 0, text: "free now" };
  const found = fromProgress(known) ?? fromHistory(known) ?? fromLease(leftS);
  return { ...found, text: found.text + quietNote(holder) };
}

/** In how many seconds a session's work is done by its own account, or null where it gives none. */
export function secondsToDone({ record }: SeenSession, nowMs: number): number | null {
  const { percentDone, sinceMs, progressMs } = declaredBy(record);
  if (percentDone === null || percentDone === 0 || sinceMs === null || sinceMs >= nowMs) {
    return null;
  }
  const isTold = progressMs !== null && progressMs > sinceMs && progressMs <= nowMs;
  const toldMs = isTold ? progressMs : nowMs;
  const totalS = (toldMs - sinceMs) / 1000 / (percentDone / 100);
  const leftS = Math.max(0, Math.round(totalS - (nowMs - sinceMs) / 1000));
  return leftS > LONGEST_S ? null : leftS;
}

/** A time in words: `40 seconds`, `1 minute`, `15 minutes`, `1.5 hours`, `3 days`. */
export function inWords(seconds: number): string {
  const units = [[86_400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]] as const;
  const [size, unit] = units.find(([size]) => seconds >= size * (size > 60 ? 1.5 : 1)) ?? units[3];
  const isLong = size === 3600 || size === 86_400;
  const count = isLong ? Math.round(seconds / size * 2) / 2 : Math.round(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function fromProgress({ holder, nowMs }: Known): Estimate | null {
  const leftS = holder && secondsToDone(holder, nowMs);
  if (holder === null || leftS === null) return null;
  const percent = `${Math.round(declaredBy(holder.record).percentDone!)} % done`;
  if (leftS < 30) return { minS: leftS, text: `any moment (${percent})` };
  return { minS: leftS, text: `about ${inWords(leftS)} (${percent})` };
}

function fromHistory({ record, history, nowMs }: Known): Estimate | null {
  const sinceMs = timeOf(record.acquired_at);
  if (history.length < MIN_HISTORY || sinceMs === null) return null;
  const heldS = Math.max(0, (nowMs - sinceMs) / 1000);
  const longer = history.map((one) => one.heldS).filter((one) => one > heldS).sort((a, b) => a - b);
  if (longer.length === 0) return null;
  const median = longer[Math.floor(longer.length / 2)];
  const leftS = Math.round(median - heldS);
  return {
    minS: leftS,
    text: `about ${inWords(leftS)} (such files are held for ${inWords(median)})`,
  };
}

function fromLease(leftS: number | null): Estimate {
  if (leftS === null) return { minS: null, text: "not known" };
  return {
    minS: leftS,
    text: `at most ${inWords(leftS <= 60 ? leftS : Math.ceil(leftS / 60) * 60)}`,
  };
}

/** That nothing was heard from the holder for a while belongs to every estimate. */
function quietNote(holder: SeenSession | null): string {
  if (holder === null || holder.tier === "active") return "";
  return `; it has been quiet for ${inWords(holder.quietS)}`;
}
