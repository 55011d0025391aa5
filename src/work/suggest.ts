/**
 * What somebody could do who has to wait for a file, or who only starts: computed from what others do
 * and from what there is in the working tree.
 *
 * @module
 */

import { printable } from "../domain/text.ts";
import type { SeenSession } from "../roster/roster.ts";
import {
  areasNamed,
  areasOfSession,
  blockersOf,
  busyAreas,
  declaredAreas,
  freeAreas,
  list,
  occupiedAreas,
} from "./areas.ts";
import { counterpartsOf } from "./counterparts.ts";
import { declaredBy } from "./declared.ts";
import { estimateFrom, inWords, secondsToDone } from "./estimate.ts";
import { filesBelow, folderOf, isNamedBy, isRoot, kindOf, nameOf, type Reach } from "./folders.ts";
import { endingOf, isSource, isTest, stemOf } from "./languages.ts";
import { areasWith, groundOf, knownAreas } from "./survey.ts";
import {
  aliasOf,
  colleagues,
  filesHeldBy,
  fold,
  heldFiles,
  isTaken,
  ownSession,
  type WorkView,
} from "./view.ts";
import { haveSubjectInCommon, isAbout } from "./words.ts";

/** More is not read by anybody. */
const MAX_INSTEAD = 3;
const MAX_TOLD = 4;
const MAX_WAITS = 2;
const MAX_WITH_FILE = 3;

const NEAR: Reach = { maxEntries: 150, maxDepth: 0 };
const AREA: Reach = { maxEntries: 100, maxDepth: 4 };

/**
 * What somebody who cannot have a file could take instead: its tests or, of a test, its sources; a
 * file of the same area; an area that is free. Files that are suggested are there (a test could be
 * made) and nobody has them or works on their area.
 *
 * @param path The file, in the view's tree.
 * @returns Three at the most: paths, and names of areas as `the free area …`.
 */
export function suggestInstead(view: WorkView, path: string): string[] {
  const own = areasWith(view, path);
  const counterparts = counterpartsOf(groundOf(view), path)
    .filter((file) => isAvailable(view, file, own))
    .slice(0, 2);
  const neighbours = neighboursOf(view, path).filter((file) => !counterparts.includes(file));
  const areas = freeAreas(view).map(({ area }) => `the free area ${printable(area)}`);
  const first = [...counterparts, ...neighbours.slice(0, 1), ...areas];
  return [...first, ...neighbours.slice(1)].slice(0, MAX_INSTEAD);
}

/** Files like one, of its area, that nobody is at; those beside it first, and of its kind. */
function neighboursOf(view: WorkView, path: string): string[] {
  const [area] = areasWith(view, path);
  if (area !== undefined && spokenFor(view).has(fold(area))) return [];
  const isLike = (file: string) =>
    file !== path && (isSource(file) || endingOf(file) === endingOf(path)) &&
    isTest(file) === isTest(path) && isAvailable(view, file);
  const beside = filesBelow(groundOf(view), folderOf(path), NEAR)
    .filter((file) => area === undefined || areasWith(view, file).includes(area))
    .filter(isLike);
  const further = area === undefined || beside.length >= MAX_INSTEAD
    ? []
    : filesOf(view, area).filter(isLike);
  const rank = (file: string) => endingOf(file) === endingOf(path) ? 0 : 1;
  return [...new Set([...beside, ...further])]
    .sort((one, other) => rank(one) - rank(other));
}

/**
 * Whether a file can be suggested: nobody has it, nobody said that they work on its area, and its name
 * can be shown as it is.
 *
 * @param shared Areas that may be worked on: of a file's tests, the file's own.
 */
function isAvailable(view: WorkView, path: string, shared: readonly string[] = []): boolean {
  if (isTaken(view, path) || printable(path) !== path) return false;
  const spoken = spokenFor(view);
  return areasWith(view, path).every((area) => shared.includes(area) || !spoken.has(fold(area)));
}

const spokenAreas = new WeakMap<WorkView, ReadonlySet<string>>();

/** The areas that others say they work on. */
function spokenFor(view: WorkView): ReadonlySet<string> {
  let areas = spokenAreas.get(view);
  if (!areas) {
    const named = colleagues(view)
      .filter(({ record }) => declaredBy(record).workAreas.length > 0)
      .flatMap((seen) => declaredAreas(view, seen));
    spokenAreas.set(view, areas = new Set(named.map(fold)));
  }
  return areas;
}

/** Some files of an area, those that are nearest to its top first. */
function filesOf(view: WorkView, area: string): string[] {
  const ground = groundOf(view);
  const starts = Object.hasOwn(view.areas, area)
    ? view.areas[area].files.filter((glob) => !glob.startsWith("!")).flatMap(foldersOfGlob)
    : [area, ""].filter((folder) => folder !== "" || kindOf(ground, area) !== "folder");
  if (isRoot(ground) && starts.includes("")) return [];
  const files = [...new Set(starts)].flatMap((start) => filesBelow(ground, start, AREA));
  return [...new Set(files)].filter((file) => areasWith(view, file).includes(area));
}

/** The folders that a glob looks into; a name alone may be that of a folder. */
function foldersOfGlob(glob: string): string[] {
  const certain = /^(?:\.?\/)*([^*?[]*)/.exec(glob)?.[1] ?? "";
  return certain === glob ? [certain.replace(/\/$/, ""), folderOf(certain)] : [folderOf(certain)];
}

/** A file to begin with in an area, or null. */
function firstFree(view: WorkView, area: string): string | null {
  const files = filesOf(view, area).filter((file) => isAvailable(view, file));
  return files.find(isSource) ?? files.find((file) => isNamedBy(view.docs, file)) ?? null;
}

/**
 * What a session is to know that starts, or that has said what it is about to do: what the others
 * work on, whom it had better wait for, and what is free. Nothing where nobody else is at work.
 *
 * @returns Sentences.
 */
export function suggestWork(view: WorkView): string[] {
  const others = colleagues(view);
  if (others.length === 0) return [];
  const obstacles = obstaclesOf(view).slice(0, MAX_WAITS);
  const rest = others.filter((seen) => !obstacles.includes(seen));
  const told = rest.slice(0, MAX_TOLD).map((seen) => doingSentence(view, seen));
  if (rest.length > MAX_TOLD) told.push(`${rest.length - MAX_TOLD} more are at work.`);
  const waits = obstacles.map((seen) => waitSentence(view, seen));
  return [...told, ...(waits.length > 0 ? waits : menuSentences(view))];
}

function doingSentence(view: WorkView, seen: SeenSession): string {
  const files = filesHeldBy(view, seen.record.session).map(({ path }) => printable(nameOf(path)));
  const shown = files.length > 4 ? [...files.slice(0, 3), `${files.length - 3} more`] : files;
  const held = files.length === 0 ? "" : ` (${shown.join(", ")})`;
  return `${aliasOf(view, seen.record.session)} ${activity(view, seen)}${held}.`;
}

/** What a session does, as the end of a sentence: "is refactoring API endpoints", "works on docs". */
function activity(view: WorkView, seen: SeenSession): string {
  const { intent } = declaredBy(seen.record);
  const areas = areasOfSession(view, seen).slice(0, MAX_TOLD);
  if (intent === "") return areas.length === 0 ? "is at work" : `works on ${shownList(areas)}`;
  const further = areas.filter((area) => !isAbout(intent, area));
  const where = further.length === 0 ? "" : ` in ${shownList(further)}`;
  return /^\p{L}+ing\b/u.test(intent)
    ? `is ${intent[0].toLowerCase()}${intent.slice(1)}${where}`
    : `works on ${intent}${where}`;
}

function menuSentences(view: WorkView): string[] {
  const me = ownSession(view);
  const mine = me ? declaredAreas(view, me) : [];
  const shared = busyAreas(view).filter(({ area }) => mine.some((one) => fold(one) === fold(area)));
  if (mine.length > 0 && shared.length === 0) return [`Nobody else works on ${shownList(mine)}.`];
  const sentences = shared.map(({ area, sessions }) =>
    `${list(sessions)} ${sessions.length === 1 ? "works" : "work"} on ${printable(area)} too.`
  );
  const tests = testsOfChanges(view);
  const free = freeAreas(view).map(({ area }, at) =>
    at < MAX_WITH_FILE ? withFile(view, area) : printable(area)
  );
  if (tests.length > 0) free.push(`tests of what is being changed (${tests.join(", ")})`);
  if (free.length > 0) return [...sentences, `Free to work on: ${list(free, "or")}.`];
  return knownAreas(view).length === 0 ? sentences : [...sentences, "No area is free."];
}

/** Tests of files that others hold in this tree: there already, or such as could be made. */
function testsOfChanges(view: WorkView): string[] {
  const sources = heldFiles(view)
    .filter(({ session, held }) => session !== view.me && held.tree === view.tree)
    .map(({ held }) => held.path)
    .filter((path) => isSource(path) && !isTest(path));
  const tests = sources.slice(0, MAX_TOLD).flatMap((path) =>
    counterpartsOf(groundOf(view), path).filter((file) =>
      isAvailable(view, file, areasWith(view, path))
    )
  );
  return [...new Set(tests)].slice(0, 2);
}

/** An area with a file to begin with, where there is one. */
function withFile(view: WorkView, area: string): string {
  const file = firstFree(view, area);
  return file === null ? printable(area) : `${printable(area)} (${file} available)`;
}

/** The sessions whose work one's own builds on, or has its subject in common with. */
function obstaclesOf(view: WorkView): SeenSession[] {
  const me = ownSession(view);
  if (!me) return [];
  const { dependsOn, intent, workAreas } = declaredBy(me.record);
  const awaited = new Set([
    ...dependsOn.flatMap((name) => sessionsBehind(view, name)),
    ...declaredAreas(view, me).flatMap((area) =>
      blockersOf(view, area).flatMap(({ by }) => [...by])
    ),
    ...queuedBehind(view, me.record.session),
  ]);
  const said = [intent, ...workAreas].join(" ");
  return colleagues(view).filter(({ record }) => {
    const theirs = declaredBy(record);
    return awaited.has(record.session) ||
      haveSubjectInCommon(said, [theirs.intent, ...theirs.workAreas].join(" "));
  });
}

/** The sessions that hold what a session waits for. */
export function queuedBehind(view: WorkView, session: string): string[] {
  return heldFiles(view)
    .filter((one) => one.session !== session)
    .filter(({ held }) => held.record.waiters.some((one) => one?.holder?.session === session))
    .map((one) => one.session);
}

/** The other sessions that a name which one depends on means: by alias, id, file or area. */
export function sessionsBehind(view: WorkView, name: string): string[] {
  const wanted = fold(name);
  const called = view.sessions.filter(({ record }) =>
    [record.alias, record.name, record.session].some((one) => fold(String(one)) === wanted)
  );
  if (called.length > 0) return called.map(({ record }) => record.session);
  const holders = heldFiles(view).filter(({ held }) => fold(held.path) === wanted);
  if (holders.length > 0) return holders.map(({ session }) => session);
  const areas = new Set([wanted, ...areasNamed(view, name).map(fold)]);
  return occupiedAreas(view).filter(({ area }) => areas.has(fold(area)))
    .flatMap(({ by }) => [...by]);
}

function waitSentence(view: WorkView, seen: SeenSession): string {
  const percent = declaredBy(seen.record).percentDone;
  const progress = percent === null ? "" : ` (${Math.round(percent)} % done)`;
  const other = alternativeTo(view, seen);
  const instead = other === null ? "" : `, or begin with ${other}`;
  const who = aliasOf(view, seen.record.session);
  return `${who} ${activity(view, seen)}${progress}: wait${waitTime(view, seen)}${instead}.`;
}

/** By what a session says of its progress, else as long as its longest reservation lasts. */
function waitTime(view: WorkView, seen: SeenSession): string {
  const { nowMs } = view;
  const doneS = secondsToDone(seen, nowMs);
  if (doneS !== null) return doneS < 30 ? " a moment" : ` about ${inWords(doneS)}`;
  const held = filesHeldBy(view, seen.record.session).toSorted((one, other) =>
    other.secondsLeft - one.secondsLeft
  );
  if (held.length === 0) return " for it";
  const { record, secondsLeft: leftS } = held[0];
  return ` ${estimateFrom({ record, holder: seen, history: [], leftS, nowMs }).text}`;
}

/** Something that does not touch what a session is changing. */
function alternativeTo(view: WorkView, seen: SeenSession): string | null {
  const { intent, workAreas } = declaredBy(seen.record);
  const theirs = [
    intent,
    ...workAreas,
    ...filesHeldBy(view, seen.record.session).map(({ path }) => stemOf(path)),
  ]
    .join(" ");
  const busy = new Set(occupiedAreas(view).map(({ area }) => fold(area)));
  const me = ownSession(view);
  const own = me ? declaredAreas(view, me).filter((area) => !busy.has(fold(area))) : [];
  for (const area of own) {
    const file = filesOf(view, area).find((one) =>
      isSource(one) && isAvailable(view, one) && !haveSubjectInCommon(one, theirs)
    );
    if (file !== undefined) return file;
  }
  const free = freeAreas(view).map(({ area }) => area)
    .find((area) => !own.includes(area) && !haveSubjectInCommon(area, theirs));
  return free === undefined ? null : withFile(view, free);
}

function shownList(names: readonly string[]): string {
  return list(names.map((name) => printable(name)));
}
