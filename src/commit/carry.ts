/**
 * Which of a file's pending lines are one session's, whether they can stand without those of others,
 * and what HEAD becomes with them.
 *
 * @module
 */

import { type Change, type Line, NOBODY, type Weave } from "./weave.ts";

/** Edits of the session that cannot be told from those of another. */
export interface Entangled {
  /** The other session, or {@linkcode NOBODY}. */
  readonly with: string;
  /** Where it is in the working tree's file, counted from 1; null where nothing of it is left there. */
  readonly atLine: number | null;
}

/** Lines of the session that are not in the file any more. */
export interface Lost {
  readonly lines: number;
  /** Who took them away, or {@linkcode NOBODY}. */
  readonly by: string;
  /** When the session wrote them, in milliseconds since 1970. */
  readonly writtenMs: number;
}

/** What carrying over the edits of one session comes to. */
export interface Carried {
  /** HEAD with the session's hunks; the same as HEAD where there are none. */
  readonly lines: readonly Line[];
  readonly entangled: readonly Entangled[];
  readonly lost: readonly Lost[];
}

/** Carries the hunks of one session over to HEAD. */
export function carry(weave: Weave, session: string): Carried {
  const units = unitsOf(weave, session);
  const entangled: Entangled[] = [];
  const lost: Line[] = [];
  const carried = new Set<Change>();
  const numbers = lineNumbers(weave);
  for (const unit of units) {
    const partners = partnersOf(unit);
    const first = unit.present[0];
    const atLine = first === undefined ? null : numbers.get(first) ?? null;
    for (const partner of partners) entangled.push({ with: partner, atLine });
    if (partners.size > 0) continue;
    lost.push(...unit.lost);
    const isGone = unit.lost.length > 0 && unit.present.length === 0;
    if (!isGone) { for (const change of unit.changes) carried.add(change); }
  }
  for (const line of weave.present()) {
    const writer = line.insertedBy?.owner ?? NOBODY;
    if (line.inHead || writer === session || !line.alsoBy.has(session)) continue;
    entangled.push({ with: writer, atLine: numbers.get(line) ?? null });
  }
  return { lines: select(weave, carried), entangled, lost: lostBy(lost) };
}

function select({ lines }: Weave, carried: ReadonlySet<Change>): Line[] {
  const has = (change: Change | null) => change !== null && carried.has(change);
  return lines.filter(({ inHead, insertedBy, deletedBy }) =>
    inHead ? !has(deletedBy) : deletedBy === null && has(insertedBy)
  );
}

/** Line numbers in the working tree's file; the first "line" says that the file exists. */
function lineNumbers(weave: Weave): Map<Line, number> {
  return new Map(weave.present().map((line, index) => [line, Math.max(1, index)]));
}

/** Changes of the session that build on each other, and stand or fall together. */
interface Unit {
  readonly changes: Set<Change>;
  /** Its lines that are in the file and not in HEAD. */
  readonly present: Line[];
  /** Its lines that are in neither, as somebody else took them away. */
  readonly lost: Line[];
  /** Lines of HEAD that it took away. */
  readonly taken: Line[];
  /** Changes of others that it stands on. */
  readonly base: Set<Change>;
  /** Others that wrote the same lines, or on whose lines it stands, where no change tells it. */
  readonly rivals: Set<string>;
}

/** With whom a unit is entangled. */
function partnersOf(unit: Unit): Set<string> {
  const partners = new Set(unit.rivals);
  const isPending = unit.present.length > 0 || unit.taken.length > 0;
  if (isPending) {
    for (const { owner } of unit.base) partners.add(owner);
  }
  if (unit.present.length > 0) {
    for (const { deletedBy } of unit.lost) {
      if (deletedBy!.inserts) partners.add(deletedBy!.owner);
    }
  }
  return partners;
}

function lostBy(lines: readonly Line[]): Lost[] {
  const counts = new Map<string, Lost>();
  for (const { insertedBy, deletedBy } of lines) {
    const by = deletedBy!.owner;
    const { lines = 0, writtenMs = 0 } = counts.get(by) ?? {};
    counts.set(by, {
      by,
      lines: lines + 1,
      writtenMs: Math.max(writtenMs, insertedBy!.atMs),
    });
  }
  return [...counts.values()];
}

function unitsOf(weave: Weave, session: string): Unit[] {
  const isMine: IsMine = (change) => change?.owner === session;
  const groups = new Groups();
  for (const { insertedBy, deletedBy, wasInHead } of weave.lines) {
    for (const change of [insertedBy, deletedBy]) if (isMine(change)) groups.add(change!);
    if (isMine(insertedBy) && isMine(deletedBy) && !wasInHead) groups.join(insertedBy!, deletedBy!);
  }
  for (const change of groups.all()) {
    for (const { deletedBy, inHead } of change.over) {
      if (inHead && isMine(deletedBy)) groups.join(change, deletedBy!);
    }
  }
  const units = new Map<Change, Unit>();
  const unitOf = (change: Change) => units.get(groups.find(change))!;
  for (const change of groups.all()) {
    const root = groups.find(change);
    if (!units.has(root)) units.set(root, emptyUnit());
    units.get(root)!.changes.add(change);
  }
  for (const line of weave.lines) sort(line, isMine, unitOf);
  for (const change of groups.all()) addPlace(change, isMine, unitOf(change));
  addSurroundings(weave, isMine, unitOf);
  addUndone(weave, isMine, unitOf);
  return [...units.values()];
}

function emptyUnit(): Unit {
  return {
    changes: new Set(),
    present: [],
    lost: [],
    taken: [],
    base: new Set(),
    rivals: new Set(),
  };
}

type IsMine = (change: Change | null) => boolean;
type UnitOf = (change: Change) => Unit;

const UNRECORDED: Change = { owner: NOBODY, atMs: 0, inserts: true, over: [] };

function sort(line: Line, isMine: IsMine, unitOf: UnitOf): void {
  const { insertedBy, deletedBy, inHead, wasInHead } = line;
  if (inHead) {
    if (isMine(deletedBy)) unitOf(deletedBy!).taken.push(line);
  } else if (isMine(insertedBy)) {
    const unit = unitOf(insertedBy!);
    if (deletedBy === null) unit.present.push(line);
    else if (!isMine(deletedBy) && !wasInHead) unit.lost.push(line);
    if (deletedBy === null) { for (const rival of line.alsoBy) unit.rivals.add(rival); }
  } else if (isMine(deletedBy) && !wasInHead) unitOf(deletedBy!).base.add(insertedBy ?? UNRECORDED);
}

/** A change among lines of HEAD that somebody else took away: where it belongs in HEAD is a guess. */
function addPlace(change: Change, isMine: IsMine, unit: Unit): void {
  if (!unit.present.some(({ insertedBy }) => insertedBy === change)) return;
  for (const { deletedBy, inHead } of change.over) {
    if (inHead && deletedBy !== null && !isMine(deletedBy)) unit.base.add(deletedBy);
  }
}

/** Lines within a block that somebody else wrote and that is not in HEAD have nowhere else to be. */
function addSurroundings(weave: Weave, isMine: IsMine, unitOf: UnitOf): void {
  const present = weave.present();
  const blocks = new Map<Change, { first: number; last: number; count: number }>();
  let unrecorded = UNRECORDED;
  present.forEach(({ insertedBy, inHead }, index) => {
    if (inHead) unrecorded = { ...UNRECORDED }; // what was there before the journal has no hunks
    if (inHead || isMine(insertedBy)) return;
    const block = insertedBy ?? unrecorded;
    const { first = index, count = 0 } = blocks.get(block) ?? {};
    blocks.set(block, { first, last: index, count: count + 1 });
  });
  for (const [block, { first, last, count }] of blocks) {
    if (last - first + 1 === count) continue;
    for (const { insertedBy, inHead } of present.slice(first, last)) {
      if (!inHead && isMine(insertedBy)) unitOf(insertedBy!).base.add(block);
    }
  }
}

/**
 * Where the session took away what another had put in place of lines of HEAD, neither of the two
 * removed these lines alone.
 */
function addUndone(weave: Weave, isMine: IsMine, unitOf: UnitOf): void {
  const replaced = new Set<Change>();
  const standing = new Set<Change>();
  for (const { insertedBy, deletedBy, inHead } of weave.lines) {
    if (inHead && deletedBy !== null) replaced.add(deletedBy);
    if (!inHead && deletedBy === null && insertedBy !== null) standing.add(insertedBy);
  }
  for (const { insertedBy, deletedBy, inHead } of weave.lines) {
    if (inHead || insertedBy === null || !isMine(deletedBy) || isMine(insertedBy)) continue;
    if (replaced.has(insertedBy) && !standing.has(insertedBy)) {
      unitOf(deletedBy!).rivals.add(insertedBy.owner);
    }
  }
}

/** Changes in groups that can be joined. */
class Groups {
  readonly #parents = new Map<Change, Change>();

  add(change: Change): void {
    if (!this.#parents.has(change)) this.#parents.set(change, change);
  }

  all(): Change[] {
    return [...this.#parents.keys()];
  }

  find(change: Change): Change {
    let at = change;
    for (let up; (up = this.#parents.get(at)!) !== at;) at = up;
    this.#parents.set(change, at);
    return at;
  }

  join(one: Change, other: Change): void {
    this.#parents.set(this.find(one), this.find(other));
  }
}
