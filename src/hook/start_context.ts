/**
 * What a session is told when it starts: who else works here and on what, what they hold, what has
 * happened since it last looked, and what is free.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { type Neighbour, neighboursOf } from "../coordination/neighbours.ts";
import { type HeldFile, Reservations } from "../coordination/reservations.ts";
import { printable, shorten } from "../domain/text.ts";
import { headOf } from "../detect/head.ts";
import { findRepository } from "../detect/repository.ts";
import { viewOf } from "../guard/view.ts";
import { duration } from "../guard/words.ts";
import { relative } from "../os/path.ts";
import type { Registered, SeenSession } from "../roster/roster.ts";
import type { SessionRecord } from "../roster/session_record.ts";
import { suggestWork } from "../work/suggest.ts";
import type { Opened } from "./open.ts";

/** A few hundred tokens. */
const MAX_CHARS = 2400;
const MAX_SESSIONS = 8;
const MAX_FILES = 8;
/** To look at more of them may take longer than a hook has, and so many are not read. */
const MAX_PROJECTS = 8;
/** Of each, where there are more sessions than this. */
const FEW_SESSIONS = 3;
const FEW_FILES = 3;

/** The text for the model. */
export async function startContext(opened: Opened, registered: Registered): Promise<string> {
  const { desk } = opened;
  const { record, before } = registered;
  const others = (await desk.roster.list()).filter(({ record: other, standing }) =>
    other.session !== record.session && standing !== "dead"
  );
  const held = await heldBy(desk, others.slice(0, MAX_SESSIONS));
  const view = await viewOf(
    desk,
    record.worktree,
    record.session,
    [...held.values()].flatMap((one) => one.held),
  );
  const since = before ? Date.parse(before.seen_until) : Date.now() - FIRST_LOOK_MS;
  const lines = [
    `csc: you are ${record.alias} in ${printable(desk.project)}.`,
    ...othersLines(others, held, record),
    ...neighboursLines(await neighboursOf(desk, MAX_PROJECTS)),
    ...changeLines(opened, record, before, others, since),
    ...suggestWork(view).map((text) => `- Suggestion: ${text}`),
  ];
  return clip(lines, others.length > 0 ? HOW_TO : ALONE);
}

/** A new session is told what happened in the last hour. */
const FIRST_LOOK_MS = 3600 * 1000;

const HOW_TO =
  'Say what you do: `csc intent "…" --area AREA`. Edits of a held file are denied, with a way out; ' +
  "`csc wait FILE` gets you in line. Commit with `csc commit-mine -m MESSAGE`, which takes only your hunks.";
const ALONE =
  'No other session is active. Say what you do for those who come: `csc intent "…" --area AREA`.';

/** What a session holds, as far as it is named, and how many files beside. */
interface Holdings {
  readonly held: readonly HeldFile[];
  readonly others: number;
}

/** What some sessions hold: those of this machine by their journals, which takes no time however much. */
async function heldBy(
  desk: Coordination,
  sessions: readonly SeenSession[],
): Promise<ReadonlyMap<string, Holdings>> {
  const reservations = new Reservations(desk);
  const isElsewhere = sessions.some(({ isHere }) => !isHere);
  const near = isElsewhere ? await reservations.near() : [];
  const found = new Map<string, Holdings>();
  for (const { record: { session }, isHere } of sessions) {
    const held = near.filter(({ record }) => record.holder?.session === session);
    found.set(
      session,
      isHere ? await reservations.latestOf(session, MAX_FILES) : { held, others: 0 },
    );
  }
  return found;
}

function othersLines(
  others: readonly SeenSession[],
  held: ReadonlyMap<string, Holdings>,
  me: SessionRecord,
): string[] {
  const most = others.length > FEW_SESSIONS ? FEW_FILES : MAX_FILES;
  const shown = others.slice(0, MAX_SESSIONS).map(({ record, isHere, tier, standing, quietS }) => {
    const { intent, work_area, percent_done } = record.metadata;
    const work = [intent, work_area].filter((one) => typeof one === "string" && one !== "")
      .map((one) => shorten(printable(one as string), 80)).join("; ");
    const done = typeof percent_done === "number" ? `, ${Math.round(percent_done)} % done` : "";
    const { held: files, others } = held.get(record.session)!;
    const named = files.slice(0, most).map(({ path }) => shorten(printable(path), 60));
    const rest = files.length - named.length + others;
    const more = rest > 0 ? ` and ${rest} more` : "";
    const where = isHere && record.worktree === me.worktree
      ? "in this working tree"
      : `in ${
        shorten(printable(isHere ? relative(me.worktree, record.worktree) : farTree(record)), 60)
      }`;
    const state = standing === "live" || tier === "active"
      ? tier
      : `${tier}, silent for ${duration(quietS)}`;
    return `- ${record.alias} (${state}, ${where}, branch ${
      shorten(printable(record.branch ?? "none"), 40)
    })${work && `: ${work}`}${done}${named.length > 0 ? `; holds ${named.join(", ")}${more}` : ""}`;
  });
  const rest = others.length - shown.length;
  return rest > 0 ? [...shown, `- and ${rest} more sessions: csc status`] : shown;
}

function neighboursLines(neighbours: readonly Neighbour[]): string[] {
  if (neighbours.length === 0) return [];
  const named = neighbours.map(({ project, sessions: { length } }) =>
    `${shorten(printable(project), 40)} (${length} session${length === 1 ? "" : "s"})`
  );
  return [`- At work in other projects on this store: ${named.join(", ")}`];
}

function farTree({ machine, worktree }: SessionRecord): string {
  return `${machine}:${worktree}`;
}

function changeLines(
  { desk, repository }: Opened,
  record: SessionRecord,
  before: SessionRecord | null,
  others: readonly SeenSession[],
  sinceMs: number,
): string[] {
  const aliases = new Map(others.map(({ record }) => [record.session, record.alias]));
  const nameOf = (session: string) => aliases.get(session) ?? "a session that has ended";
  const edits = new Map<string, Set<string>>();
  const commits: string[] = [];
  for (const event of desk.journal.readSince(sinceMs)) {
    if (event.session === record.session) continue;
    if (event.event === "edit" && event.tree === record.worktree && event.path !== undefined) {
      edits.set(event.path, (edits.get(event.path) ?? new Set()).add(nameOf(event.session)));
    }
    if (event.event === "commit") commits.push(nameOf(event.session));
  }
  const lines: string[] = [];
  if (edits.size > 0) {
    const named = [...edits].slice(-MAX_FILES).map(([path, by]) =>
      `${shorten(printable(path), 60)} (${[...by].join(", ")})`
    );
    const more = edits.size > named.length ? ` and ${edits.size - named.length} more` : "";
    lines.push(`- Changed by others since you last looked: ${named.join(", ")}${more}`);
  }
  if (commits.length > 0) {
    lines.push(`- Committed meanwhile: ${commits.length} by ${[...new Set(commits)].join(", ")}`);
  }
  if (before && repository) {
    const moved = movement(before, headOf(repository));
    if (moved) lines.push(`- This working tree moved: ${moved}. Read files again before you edit.`);
  }
  for (const { record: other, isHere } of others) {
    if (other.worktree === record.worktree || !isHere) continue;
    const tree = findRepository(other.worktree);
    const moved = tree && movement(other, headOf(tree));
    if (moved) lines.push(`- ${other.alias}'s working tree moved: ${moved}`);
  }
  return lines;
}

function movement(
  before: { readonly branch: string | null; readonly head: string | null },
  now: { readonly branch: string | null; readonly head: string | null },
): string | null {
  if (before.head === now.head && before.branch === now.branch) return null;
  const text = ({ branch, head }: typeof now) =>
    `${shorten(printable(branch ?? "no branch"), 40)} at ${(head ?? "no commit").slice(0, 8)}`;
  return `from ${text(before)} to ${text(now)}`;
}

/** What to do about it stays, however much there is to tell. */
function clip(lines: readonly string[], last: string): string {
  const text = lines.join("\n");
  const most = MAX_CHARS - last.length - MORE.length - 2;
  if (text.length <= most) return `${text}\n${last}`;
  const end = text.lastIndexOf("\n", most);
  return [text.slice(0, end < 0 ? most : end).toWellFormed(), MORE, last].join("\n");
}

const MORE = "- and more: csc status";
