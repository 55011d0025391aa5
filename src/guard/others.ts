/**
 * What others have in a working tree: reservations, and edits that are not committed yet.
 *
 * @module
 */

import type { FilePlace } from "../coordination/coordination.ts";
import { openPlaces } from "../coordination/reservations.ts";
import { gitFolderOf } from "../detect/repository.ts";
import type { JournalEvent } from "../journal/journal.ts";
import { type Holder, isSame } from "../lease/record.ts";
import { dirtyPaths } from "./git_state.ts";
import type { Step } from "./step.ts";

/** One file that somebody else has in a tree. */
export interface ForeignFile {
  readonly holder: Holder;
  readonly path: string;
  readonly kind: "reserved" | "edited";
}

/** Whether a path in a tree is among those that a step is about. */
export type Concern = (path: string) => boolean;

/** What a session did in one tree. */
interface Trail {
  readonly session: string;
  readonly events: readonly JournalEvent[];
}

/**
 * To look up more reservations of a session than this takes longer than a hook has. What is left out
 * are the oldest ones, and of them git still finds what was edited.
 */
const MAX_LOOKED_UP = 200;
/** To look at more files than this before and after each command takes too long as well. */
const MAX_WATCHED = 2000;

/** So many are named at the most. */
const FEW = 12;

const ANY: Concern = () => true;

/**
 * The files of a tree that other live sessions, or sub-agents beside this one, are at.
 *
 * @param few Whether it is enough to know of some, as where there is one of them to be respected.
 */
export async function foreignFiles(
  step: Step,
  tree: string,
  isConcerned: Concern = ANY,
  few = false,
): Promise<ForeignFile[]> {
  const { desk: { deadline }, holder } = step;
  const found: ForeignFile[] = [];
  const edited = new Map<string, Holder>();
  for (const trail of await trailsIn(step, tree)) {
    found.push(...await reservedIn(step, trail, isConcerned, few ? FEW : MAX_LOOKED_UP));
    for (const [path, editor] of editedPaths(trail.events)) {
      if (!isOwn(editor, holder) && isConcerned(path)) edited.set(path, editor);
    }
  }
  if (few && found.length >= FEW) return found;
  if (gitFolderOf(tree) === null) return found; // nothing is ever committed there
  for (const { path } of found) edited.delete(path);
  for (const path of await ownPaths(step, tree, [...edited.keys()])) edited.delete(path);
  // Where git cannot tell, they count as uncommitted: that a person can lift, a lost edit nobody.
  const dirty = await dirtyPaths(tree, [...edited.keys()], { ignored: false, deadline });
  for (const [path, editor] of edited) {
    if (dirty?.has(path) !== false) found.push({ holder: editor, path, kind: "edited" });
  }
  return found;
}

/** The files that others may have reserved in any tree: those of other sessions are not looked up. */
export async function maybeReserved(step: Step): Promise<FilePlace[]> {
  const found: FilePlace[] = [];
  for (const { session, events } of await trailsIn(step, null)) {
    const own = session === step.holder.session;
    // What its other sub-agents have, and the session itself, is told only by the reservations.
    found.push(...own ? await othersWithin(step, events) : openPlaces(events));
  }
  return found.slice(-MAX_WATCHED);
}

async function othersWithin(
  { reservations, holder }: Step,
  events: readonly JournalEvent[],
): Promise<FilePlace[]> {
  const found: FilePlace[] = [];
  for (const place of openPlaces(events).slice(-MAX_LOOKED_UP)) {
    const owner = (await reservations.inspect(place))?.holder;
    if (owner?.session === holder.session && !isOwn(owner, holder)) found.push(place);
  }
  return found;
}

/** The trails of all live sessions, in one tree or in all. */
async function trailsIn({ desk }: Step, tree: string | null): Promise<Trail[]> {
  const { journal, roster, config } = desk;
  const all = await roster.list();
  const sessions = all.filter(({ standing }) => standing !== "dead").map(({ record }) =>
    record.session
  );
  if (!config.coordination.auto_register) { // then only what they have left tells of some
    const known = new Set(all.map(({ record }) => record.session));
    sessions.push(...journal.sessions().filter((session) => !known.has(session)));
  }
  const isHere = (event: JournalEvent) => tree === null || event.tree === tree;
  return sessions
    .map((session) => ({ session, events: journal.read(session).filter(isHere) }))
    .filter(({ events }) => events.length > 0);
}

async function reservedIn(
  { reservations, holder }: Step,
  { session, events }: Trail,
  isConcerned: Concern,
  most: number,
): Promise<ForeignFile[]> {
  const found: ForeignFile[] = [];
  const places = openPlaces(events).filter(({ path }) => isConcerned(path));
  for (const place of places.slice(-MAX_LOOKED_UP)) {
    if (found.length === most) break;
    const owner = (await reservations.inspect(place))?.holder;
    if (owner?.session !== session || isOwn(owner, holder)) continue;
    found.push({ holder: owner, path: place.path, kind: "reserved" });
  }
  return found;
}

/** One's own, or that of the parent whose work one does. */
function isOwn(other: Holder, me: Holder): boolean {
  return isSame(other, me) || (other.session === me.session && other.agent === undefined);
}

/** The files that a session changed and has not been relieved of since, by who in it did so. */
export function editedPaths(events: readonly JournalEvent[]): Map<string, Holder> {
  const edited = new Map<string, Holder>();
  for (const { event, path, session, agent } of events) {
    if (event === "force" && path === undefined) edited.clear();
    if (path === undefined) continue;
    if (event === "edit") edited.set(path, { session, agent });
    if (event === "force") edited.delete(path);
  }
  return edited;
}

/** Which of some files of a tree this session holds now. */
async function ownPaths(
  { reservations, holder, desk }: Step,
  tree: string,
  paths: readonly string[],
): Promise<string[]> {
  const events = desk.journal.read(holder.session).filter((event) => event.tree === tree);
  const open = new Set(openPlaces(events).map(({ path }) => path));
  const own: string[] = [];
  for (const path of paths) {
    if (!open.has(path)) continue;
    if ((await reservations.inspect({ tree, path }))?.holder?.session === holder.session) {
      own.push(path);
    }
  }
  return own;
}

/** The files of a tree that this session has changed and not committed, as they are on the disk. */
export async function ownEdits({ desk, holder }: Step, tree: string): Promise<string[]> {
  const { journal, deadline } = desk;
  const events = journal.read(holder.session).filter((event) => event.tree === tree);
  const edited = [...editedPaths(events).keys()];
  const dirty = await dirtyPaths(tree, edited, { ignored: false, deadline });
  return dirty === null ? edited.sort() : [...dirty.values()].map(({ name }) => name).sort();
}
