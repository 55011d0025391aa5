/**
 * The parts of a project that one session can work on alone: who is where, and what is free.
 *
 * @module
 */

import type { SeenSession } from "../roster/roster.ts";
import { declaredBy } from "./declared.ts";
import { priorityOf } from "./priority.ts";
import { areasWith, knownAreas } from "./survey.ts";
import {
  aliasOf,
  colleagues,
  filesHeldBy,
  fold,
  heldFiles,
  ownSession,
  type WorkConfig,
  type WorkView,
} from "./view.ts";
import { isAbout } from "./words.ts";

/** An area that nobody works on. */
export interface FreeArea {
  readonly area: string;
  readonly why: string;
}

/** An area that somebody works on. */
export interface BusyArea {
  readonly area: string;
  /** Their aliases. */
  readonly sessions: readonly string[];
}

/** More is not worth reading. */
const MAX_FREE = 5;

/**
 * The area of a file: the first of the configured ones whose globs name it, else the folder that
 * means something (`src/auth` for `src/auth/login.ts`), else what kind of file it is (`backend` for
 * `server.py` beside the readme). Null where it is nobody's work.
 */
export function areaOf(view: WorkView, path: string): string | null {
  return areasWith(view, path)[0] ?? null;
}

/** The areas of a project: the configured ones, else those that its folders and files show. */
export function areasOf(
  tree: string,
  config: Pick<WorkConfig, "work_areas"> & Partial<WorkConfig>,
): string[] {
  const { work_areas, docs_files, priority_rules, ignore_files } = config;
  return knownAreas({
    tree,
    me: null,
    sessions: [],
    reservations: [],
    areas: work_areas,
    priorities: priority_rules ?? {},
    docs: docs_files ?? [],
    ignored: ignore_files,
    nowMs: 0,
  });
}

/** Which of the known areas a text means: by their name, by a path in them, or by their words. */
export function areasNamed(view: WorkView, text: string): string[] {
  const known = knownAreas(view);
  const name = fold(text).replace(/^\.\//, "").replace(/\/+$/, "");
  const exact = known.filter((area) => fold(area) === name);
  if (exact.length > 0) return exact;
  const isPath = !/\s/.test(text) && text.includes("/");
  const around = isPath ? areasWith(view, name).concat(areasWith(view, `${name}/_`)) : [];
  const meant = known.filter((area) => around.some((one) => fold(one) === fold(area)));
  return meant.length > 0 ? meant : known.filter((area) => isAbout(text, area));
}

/** The areas that a session says it works on; from its intent where it names none. */
export function declaredAreas(view: WorkView, { record }: SeenSession): string[] {
  const { workAreas, intent } = declaredBy(record);
  if (workAreas.length === 0) return areasNamed(view, intent);
  return unique(workAreas.flatMap((name) => {
    const known = areasNamed(view, name);
    return known.length > 0 ? known : [name];
  }));
}

/** The areas that a session works on: what it declared, and what it holds files of. */
export function areasOfSession(view: WorkView, seen: SeenSession): string[] {
  const touched = filesHeldBy(view, seen.record.session).flatMap(({ path }) =>
    areasWith(view, path)
  );
  return unique([...declaredAreas(view, seen), ...touched]);
}

/** An area with the ids of the other sessions that are at it. */
export interface Occupied {
  readonly area: string;
  readonly by: ReadonlySet<string>;
}

const occupied = new WeakMap<WorkView, readonly Occupied[]>();

/** The areas that others work on, by name. */
export function occupiedAreas(view: WorkView): readonly Occupied[] {
  let areas = occupied.get(view);
  if (!areas) occupied.set(view, areas = findOccupied(view));
  return areas;
}

function findOccupied(view: WorkView): Occupied[] {
  const found = new Map<string, { area: string; by: Set<string> }>();
  const note = (area: string, session: string) => {
    const known = found.get(fold(area)) ?? { area, by: new Set() };
    found.set(fold(area), known);
    known.by.add(session);
  };
  for (const seen of colleagues(view)) {
    for (const area of declaredAreas(view, seen)) note(area, seen.record.session);
  }
  for (const { session, held } of heldFiles(view)) {
    if (session === view.me) continue;
    for (const area of areasWith(view, held.path)) note(area, session);
  }
  return [...found.values()].sort((one, other) => one.area < other.area ? -1 : 1);
}

/** The areas that others work on, by name: as they declared, and where they hold files. */
export function busyAreas(view: WorkView): BusyArea[] {
  return occupiedAreas(view).map(({ area, by }) => ({
    area,
    sessions: [...by].map((session) => aliasOf(view, session)).sort(),
  }));
}

/** The areas that a configured one builds on and others are changing. */
export function blockersOf(view: WorkView, area: string): Occupied[] {
  const needed = dependenciesOf(view, area).map(fold);
  return occupiedAreas(view).filter((one) => needed.includes(fold(one.area)));
}

/**
 * The areas that nobody else works on and that build on nothing which is being changed: by their
 * priority, then those that one's own intent names, then those that most others need; five at the
 * most.
 */
export function freeAreas(view: WorkView): FreeArea[] {
  const busy = new Set(occupiedAreas(view).map(({ area }) => fold(area)));
  const me = ownSession(view);
  const intent = me ? declaredBy(me.record).intent : "";
  return knownAreas(view)
    .filter((area) => !busy.has(fold(area)) && blockersOf(view, area).length === 0)
    .map((area) => {
      const needs = needsOf(view, area);
      const priority = priorityOf(view.priorities, [area, ...needs.flatMap(({ said }) => said)]);
      return { area, needs, priority, meant: isAbout(intent, area) ? 1 : 0 };
    })
    .sort((one, other) =>
      other.priority.value - one.priority.value || other.meant - one.meant ||
      other.needs.length - one.needs.length
    )
    .slice(0, MAX_FREE)
    .map(({ area, needs, priority }) => ({ area, why: whyFree(view, area, needs, priority.word) }));
}

/** Who needs an area: other areas by the configuration, and sessions by what they declared. */
interface Need {
  readonly by: string;
  /** What tells how urgent it is. */
  readonly said: readonly string[];
}

function needsOf(view: WorkView, area: string): Need[] {
  const areas = Object.keys(view.areas)
    .filter((other) => dependenciesOf(view, other).some((one) => fold(one) === fold(area)))
    .map((by) => ({ by, said: [] }));
  const sessions = colleagues(view).flatMap(({ record }) => {
    const { dependsOn, intent, workAreas } = declaredBy(record);
    if (!dependsOn.some((name) => areasNamed(view, name).includes(area))) return [];
    const branch = typeof record.branch === "string" ? record.branch.replaceAll("/", " ") : "";
    return [{ by: aliasOf(view, record.session), said: [intent, ...workAreas, branch] }];
  });
  return [...areas, ...sessions];
}

function whyFree(
  view: WorkView,
  area: string,
  needs: readonly Need[],
  word: string | null,
): string {
  const reasons = ["nobody works there"];
  const built = dependenciesOf(view, area);
  if (built.length > 0) {
    const are = built.length === 1 ? "is" : "are";
    reasons.push(`${list(built)}, which it builds on, ${are} not being changed`);
  }
  if (needs.length > 0) reasons.push(`needed by ${list(needs.map(({ by }) => by))}`);
  if (word !== null) reasons.push(`priority ${view.priorities[word]} (${word})`);
  return reasons.join("; ");
}

/** Names as they are listed in a sentence. */
export function list(names: readonly string[], last = "and"): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;
}

function dependenciesOf(view: WorkView, area: string): readonly string[] {
  return Object.hasOwn(view.areas, area) ? view.areas[area].dependencies : [];
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
