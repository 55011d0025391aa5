/**
 * What a session says of its work. It can be any JSON that somebody made up: only what is of use is
 * taken, on one line and cut to a length.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import { printable, shorten } from "../domain/text.ts";
import type { SessionRecord } from "../roster/session_record.ts";

/** What a session declared; empty where it said nothing of use. */
export interface Declared {
  readonly intent: string;
  readonly workAreas: readonly string[];
  /** Sessions, areas, files or locks. */
  readonly dependsOn: readonly string[];
  /** From 0 to 100, or null. */
  readonly percentDone: number | null;
  /** When it began with this, in milliseconds since 1970, or null where its record tells no time. */
  readonly sinceMs: number | null;
  /** When it said how far it is, or null where it does not tell. */
  readonly progressMs: number | null;
}

const MAX_INTENT = 160;
const MAX_NAME = 80;
const MAX_NAMES = 8;

/**
 * Reads what a session declared: `intent`, `work_area` and `depends_on` (each a text, the latter two
 * also a list of texts), `percent_done` (a number, or a text such as `60 %`), and the ISO times
 * `intent_at` and `progress_at` of the latest change of the intent and of the progress.
 */
export function declaredBy(record: SessionRecord): Declared {
  const { metadata } = record;
  const startMs = timeOf(record.started_at);
  const intentMs = timeOf(metadata.intent_at);
  return {
    intent: oneLine(metadata.intent, MAX_INTENT),
    workAreas: namesIn(metadata.work_area),
    dependsOn: namesIn(metadata.depends_on),
    percentDone: percentOf(metadata.percent_done),
    sinceMs: startMs !== null && intentMs !== null ? Math.max(startMs, intentMs) : startMs,
    progressMs: timeOf(metadata.progress_at),
  };
}

/** A text on one line, cut to a length; empty where it is none. */
export function oneLine(value: unknown, maxChars: number): string {
  if (typeof value !== "string") return "";
  return shorten(printable(value.slice(0, maxChars * 4)).replace(/ +/g, " ").trim(), maxChars);
}

/** Milliseconds since 1970 of an ISO time, or null. */
export function timeOf(value: unknown): number | null {
  const ms = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

function namesIn(value: Json | undefined): string[] {
  const texts = Array.isArray(value) ? value.slice(0, MAX_NAMES * 2) : [value];
  const names = texts.map((text) => oneLine(text, MAX_NAME)).filter((name) => name !== "");
  return [...new Set(names)].slice(0, MAX_NAMES);
}

function percentOf(value: Json | undefined): number | null {
  const text = typeof value === "number" ? String(value) : oneLine(value, 20).replace(/ ?%$/, "");
  const percent = text === "" ? NaN : Number(text);
  return percent >= 0 && percent <= 100 ? percent : null;
}
