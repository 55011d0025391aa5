/**
 * The whole state as a knowledge graph (seed 003): who works on what, who holds what, and who waits
 * for whom.
 *
 * Entities are sessions (`active_session`, called by their full name), files that somebody holds
 * (`file_lock`) and other locks (`named_lock`). A lock is called after the last name of its file,
 * `lock_auth_py`; where several files share that, all of them are called after their whole path,
 * `lock_src_auth_py`, and what still is the same gets a number: `lock_src_auth_py_2`. A named lock is
 * called after its name, `lock_issue_42`.
 *
 * Relations are `holds_lock` (session to lock), `working_on` (session to area; areas are no entities)
 * and `depends_on` (session to the session that it waits for in a queue, or to what it declared: a
 * session, the sessions that work on an area or hold a file, else the name itself).
 *
 * @module
 */

import type { LeaseRecord } from "../lease/record.ts";
import type { SeenSession } from "../roster/roster.ts";
import { areasOfSession } from "../work/areas.ts";
import { declaredBy, oneLine, timeOf } from "../work/declared.ts";
import { estimateFrom } from "../work/estimate.ts";
import { queuedBehind, sessionsBehind } from "../work/suggest.ts";
import {
  absolutePath,
  aliasOf,
  filesHeldBy,
  heldFiles,
  type Reservation,
  type WorkView,
} from "../work/view.ts";

/** A lock with a name, such as `issue:42`. */
export interface NamedLock {
  readonly name: string;
  readonly record: LeaseRecord;
  /** 0 where its time is over. */
  readonly secondsLeft: number;
}

/** What a graph is made from. */
export interface GraphView extends WorkView {
  readonly locks: readonly NamedLock[];
  /** `kg_context` of the configuration. */
  readonly context: string;
  /** `kg_location` of the configuration. */
  readonly location: string;
}

/** A session or a lock. */
export interface Entity {
  readonly name: string;
  readonly entityType: "active_session" | "file_lock" | "named_lock";
  /** Facts as `Word: text`, each on one line. */
  readonly observations: readonly string[];
  /** What people call a session: `Session_1`. */
  readonly alias?: string;
}

/** How two are related. */
export interface Relation {
  readonly from: string;
  readonly to: string;
  readonly relationType: "depends_on" | "working_on" | "holds_lock";
}

/** A knowledge graph. */
export interface Graph {
  readonly context: string;
  readonly location: string;
  readonly entities: readonly Entity[];
  readonly relations: readonly Relation[];
}

const MAX_NAME = 120;
const MAX_TEXT = 200;
const MAX_PATH = 1024;
const MAX_FILES = 20;

/** A session or lock under the name that it has in the graph. */
interface Named<T> {
  readonly name: string;
  readonly of: T;
}

/** The graph of a moment: the same whoever looks. */
export function graphOf(seen: GraphView): Graph {
  const view = { ...seen, me: null };
  const held = heldFiles(view).map(({ held }) => held).sort(byPlace);
  const locks = view.locks.filter(({ record, secondsLeft }) => record.holder && secondsLeft > 0);
  const names = new Names();
  const sessions = view.sessions.map((of) => ({ of, name: names.take(sessionName(of)) }));
  const files = nameFiles(held, names);
  const others = locks.map((of) => ({ of, name: names.take(lockName(of.name)) }));
  return {
    context: oneLine(view.context, MAX_NAME),
    location: oneLine(view.location, MAX_NAME),
    entities: [
      ...sessions.map((session) => sessionEntity(view, session)),
      ...files.map(({ name, of }): Entity => ({
        name,
        entityType: "file_lock",
        observations: [`File: ${oneLine(absolutePath(of), MAX_PATH)}`, ...lockFacts(view, of)],
      })),
      ...others.map(({ name, of }): Entity => ({
        name,
        entityType: "named_lock",
        observations: [`Name: ${oneLine(of.name, MAX_TEXT)}`, ...lockFacts(view, of)],
      })),
    ],
    relations: relationsOf(view, sessions, [...files, ...others]),
  };
}

function relationsOf(
  view: GraphView,
  sessions: readonly Named<SeenSession>[],
  locks: readonly Named<Reservation | NamedLock>[],
): Relation[] {
  const nameOf = new Map(sessions.map(({ name, of }) => [of.record.session, name]));
  const relations = sessions.flatMap(({ name, of }): Relation[] => {
    const { session } = of.record;
    const mine = locks.filter((lock) => lock.of.record.holder?.session === session);
    const isAtWork = of.record.status === "active" && of.standing !== "dead";
    const awaited = isAtWork ? awaitedBy(view, of, nameOf) : [];
    const areas = isAtWork ? areasOfSession(view, of) : [];
    return [
      ...awaited.map((to): Relation => ({ from: name, to, relationType: "depends_on" })),
      ...areas.map((area): Relation => (
        { from: name, to: oneLine(area, MAX_NAME), relationType: "working_on" }
      )),
      ...mine.map((lock): Relation => ({ from: name, to: lock.name, relationType: "holds_lock" })),
    ];
  });
  const isOnce = new Map(relations.map((one) => [JSON.stringify(one), one]));
  return [...isOnce.values()].filter(({ from, to }) => from !== to && to !== "");
}

/** What a session depends on: names of sessions in the graph, else what it called them. */
function awaitedBy(
  view: GraphView,
  { record }: SeenSession,
  nameOf: ReadonlyMap<string, string>,
): string[] {
  const declared = declaredBy(record).dependsOn.flatMap((said) => {
    const behind = sessionsBehind(view, said).map((session) => nameOf.get(session))
      .filter((name) => name !== undefined);
    return behind.length > 0 ? behind : [said];
  });
  const queued = [...queuedBehind(view, record.session), ...lockHolders(view, record.session)]
    .map((session) => nameOf.get(session))
    .filter((name) => name !== undefined);
  return [...queued, ...declared];
}

/** Who holds the named locks that a session waits for. */
function lockHolders(view: GraphView, session: string): string[] {
  return view.locks
    .filter(({ record }) => record.waiters.some((one) => one?.holder?.session === session))
    .flatMap(({ record, secondsLeft }) => record.holder && secondsLeft > 0 ? [record.holder] : [])
    .map((holder) => holder.session);
}

function sessionEntity(view: GraphView, { name, of }: Named<SeenSession>): Entity {
  const { record } = of;
  const files = filesHeldBy(view, record.session).map(({ path }) => oneLine(path, MAX_TEXT)).sort();
  const shown = files.length > MAX_FILES
    ? [...files.slice(0, MAX_FILES), `${files.length - MAX_FILES} more`]
    : files;
  return {
    name,
    entityType: "active_session",
    observations: [
      `Started: ${isoTime(timeOf(record.started_at))}`,
      `PID: ${Number(record.client_pid) || "unknown"}`,
      `Work: ${workOf(view, of) || "not declared"}`,
      `Files: ${shown.join(", ") || "none"}`,
      `Status: ${statusOf(of)}`,
      `Last heartbeat: ${isoTime(timeOf(record.heartbeat.at))}`,
    ],
    alias: aliasOf(view, record.session),
  };
}

const works = new WeakMap<GraphView, Map<SeenSession, string>>();

/** What a session works on, as a text: its intent, else areas; found out once for all its locks. */
function workOf(view: GraphView, seen: SeenSession): string {
  let known = works.get(view);
  if (!known) works.set(view, known = new Map());
  let work = known.get(seen);
  if (work === undefined) {
    const { intent, workAreas } = declaredBy(seen.record);
    const areas = workAreas.length > 0 ? workAreas : areasOfSession(view, seen);
    known.set(seen, work = intent || oneLine(areas.join(", "), MAX_TEXT));
  }
  return work;
}

function statusOf({ record, standing }: SeenSession): string {
  if (record.status === "completed") return "completed";
  return standing === "dead" ? "dead" : "in_progress";
}

/** What every kind of lock has to tell. */
function lockFacts(view: GraphView, lock: Reservation | NamedLock): string[] {
  const { record, secondsLeft: leftS } = lock;
  const { session, agent } = record.holder!;
  const holder = view.sessions.find((seen) => seen.record.session === session) ?? null;
  const by = holder ? sessionName(holder) : aliasOf(view, session);
  const inside = agent === undefined ? "" : ` (sub-agent ${oneLine(agent, 20)})`;
  const reason = oneLine(record.purpose, MAX_TEXT) || (holder && workOf(view, holder));
  const { minS } = estimateFrom({ record, holder, history: [], leftS, nowMs: view.nowMs });
  return [
    `Locked by: ${by}${inside}`,
    `Reason: ${reason || "not declared"}`,
    `Acquired: ${isoTime(timeOf(record.acquired_at))}`,
    `Estimated completion: ${isoTime(minS === null ? null : view.nowMs + minS * 1000)}`,
  ];
}

function sessionName({ record }: SeenSession): string {
  return oneLine(record.name, MAX_NAME) || oneLine(record.alias, MAX_NAME) || "Session";
}

/** Whole seconds, as seed 003 writes them. */
function isoTime(ms: number | null): string {
  if (ms === null || !(Math.abs(ms) < 8.64e15)) return "unknown";
  return `${new Date(ms).toISOString().replace(/\.\d+Z$/, "")}Z`;
}

/** Named after the file, or where that is not enough after its path. */
function nameFiles(held: readonly Reservation[], names: Names): Named<Reservation>[] {
  const short = held.map(({ path }) => lockName(path.slice(path.lastIndexOf("/") + 1)));
  const counts = Map.groupBy(short, (name) => name);
  return held.map((of, at) => {
    const isAlone = counts.get(short[at])!.length === 1;
    return { of, name: names.take(isAlone ? short[at] : lockName(of.path)) };
  });
}

function lockName(text: string): string {
  return oneLine(`lock_${text.normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "_")}`, MAX_NAME);
}

function byPlace(one: Reservation, other: Reservation): number {
  const [left, right] = [`${one.path}\0${one.tree}`, `${other.path}\0${other.tree}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Names that are given once. */
class Names {
  readonly #given = new Set<string>();
  readonly #latest = new Map<string, number>();

  /** The name, or with a number where it is taken. */
  take(name: string): string {
    let number = this.#latest.get(name) ?? 1;
    let free = number === 1 ? name : `${name}_${number}`;
    while (this.#given.has(free)) free = `${name}_${++number}`;
    this.#latest.set(name, number);
    this.#given.add(free);
    return free;
  }
}
