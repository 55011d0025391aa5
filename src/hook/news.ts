/**
 * Which sessions have come and gone since one was last told: said with a prompt, so that it wakes
 * nobody.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { printable, shorten } from "../domain/text.ts";
import type { SessionRecord } from "../roster/session_record.ts";

/** More than this is counted, not named. */
const MAX_NAMED = 5;

/**
 * What is new since the last call for a session, or null; the first one only takes note of who is
 * there.
 */
export async function newsFor(desk: Coordination, session: string): Promise<string | null> {
  const { show_notifications, notification_types } = desk.config.coordination;
  const isTold = (type: "session_start" | "session_complete") =>
    show_notifications && notification_types.includes(type);
  if (!isTold("session_start") && !isTold("session_complete")) return null;
  const there = (await desk.roster.list())
    .filter(({ record, standing }) => standing !== "dead" && isNews(record, session))
    .map(({ record }) => record);
  const aliases = Object.fromEntries(there.map((one) => [one.session, one.alias]));
  const before = desk.notices.swapOthers(session, aliases);
  if (before === null) return null;
  const started = there.filter((one) => !Object.hasOwn(before, one.session)).map(nameWithIntent);
  const ended = Object.keys(before).filter((one) => !Object.hasOwn(aliases, one))
    .map((one) => before[one]);
  const parts = [
    ...(isTold("session_start") ? said("started", started) : []),
    ...(isTold("session_complete") ? said("ended", ended) : []),
  ];
  return parts.length === 0 ? null : `sessions that ${parts.join("; that ")}`;
}

/** Sessions of a single command, such as `csc run`, come and go all the time. */
function isNews(record: SessionRecord, session: string): boolean {
  return record.session !== session && record.metadata.kind === undefined;
}

function nameWithIntent({ alias, metadata: { intent } }: SessionRecord): string {
  const work = typeof intent === "string" && intent !== "" ? ` (${shorten(intent, 60)})` : "";
  return alias + work;
}

function said(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return [`${what}: ${printable(names.slice(0, MAX_NAMED).join(", "))}${more}`];
}
