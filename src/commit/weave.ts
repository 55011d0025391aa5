/**
 * All lines that a file ever had, in one order, each with the change that brought it and the change
 * that took it away. From it follows what any choice of changes makes of the file, also when it was
 * never on the disk: what one session wrote, without what others did before, after and in between.
 *
 * @module
 */

import { diffLines } from "./diff.ts";

/** Who changed a file where no session recorded it: a person, a tool, a checkout. */
export const NOBODY = "";

/** One hunk of one change. */
export interface Change {
  /** The session, or {@linkcode NOBODY}. */
  readonly owner: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** Whether it brought lines, beside taking some away. */
  readonly inserts: boolean;
  /**
   * Lines that were gone already where it stepped in, so that its place among them is a guess: between
   * the lines that it replaced, or where it inserted.
   */
  readonly over: readonly Line[];
}

/** One line, through all versions. */
export interface Line {
  readonly text: string;
  /** What brought it; null for the first version. */
  readonly insertedBy: Change | null;
  /** What took it away; null while it is there. */
  deletedBy: Change | null;
  /** What had taken it away before nobody put it back, as a stash does that is to return. */
  formerly: Change | null;
  /** Sessions that wrote it too: they put it back after something unrecorded had taken it away. */
  readonly alsoBy: Set<string>;
  /** Whether HEAD has it. */
  inHead: boolean;
  /** Whether HEAD is known to have had it at some time. */
  wasInHead: boolean;
}

/** A file through its versions. */
export class Weave {
  /** The lines in order, those that are gone among them. */
  lines: Line[];

  /** @param tokens The first version. */
  constructor(tokens: readonly string[]) {
    this.lines = tokens.map((text) => lineOf(text, null));
  }

  /** The lines of the last version. */
  present(): Line[] {
    return this.lines.filter((line) => line.deletedBy === null);
  }

  /** Adds a version. */
  add(tokens: readonly string[], owner: string, atMs: number): void {
    const present: number[] = [];
    this.lines.forEach((line, index) => line.deletedBy === null && present.push(index));
    const hunks = diffLines(present.map((index) => this.lines[index].text), tokens);
    if (hunks.length === 0) return;
    const next: Line[] = [];
    let done = 0;
    for (const { aStart, aEnd, bStart, bEnd } of hunks) {
      const start = aStart === 0 ? 0 : present[aStart - 1] + 1;
      const end = aEnd < present.length ? present[aEnd] : this.lines.length;
      for (; done < start; done++) next.push(this.lines[done]);
      const place: Place = {
        preceding: this.lines[start - 1],
        lines: this.lines.slice(start, end),
        following: this.lines[end],
      };
      for (const line of change(place, tokens.slice(bStart, bEnd), owner, atMs)) next.push(line);
      done = end;
    }
    for (; done < this.lines.length; done++) next.push(this.lines[done]);
    this.lines = next;
  }

  /** Notes which lines HEAD has; that it had them is noted by {@linkcode confirmHead} only. */
  markHead(head: ReadonlySet<Line>): void {
    for (const line of this.lines) line.inHead = head.has(line);
  }

  /** Notes that the marks are right. */
  confirmHead(): void {
    for (const line of this.lines) line.wasInHead ||= line.inHead;
  }
}

/** A new line. */
export function lineOf(text: string, insertedBy: Change | null): Line {
  return {
    text,
    insertedBy,
    deletedBy: null,
    formerly: null,
    alsoBy: new Set(),
    inHead: false,
    wasInHead: false,
  };
}

/** Where a hunk steps in: all lines between its neighbours, those that it takes away among them. */
interface Place {
  /** The neighbour above. */
  readonly preceding: Line | undefined;
  readonly lines: readonly Line[];
  /** The neighbour below. */
  readonly following: Line | undefined;
}

function change(
  place: Place,
  texts: readonly string[],
  owner: string,
  atMs: number,
): readonly Line[] {
  const { lines } = place;
  const goneBefore = lines.filter((line) => line.deletedBy !== null);
  const first = lines.findIndex((line) => line.deletedBy === null);
  const last = lines.findLastIndex((line) => line.deletedBy === null);
  const restored = findRun(goneBefore, texts, owner);
  const over = first < 0 ? doubts(place, goneBefore) : inherited(lines.slice(first, last + 1));
  const inserts = texts.length > 0 && restored === null;
  const step: Change = { owner, atMs, inserts, over };
  for (const line of lines) line.deletedBy ??= owner === NOBODY ? line.formerly ?? step : step;
  if (restored) { for (const line of restored) restore(line, owner); }
  if (!inserts) return lines;
  const fresh = texts.map((text) => lineOf(text, step));
  const at = last + 1; // 0 where nothing was replaced
  return [...lines.slice(0, at), ...fresh, ...lines.slice(at)];
}

/** Lines that are gone, of which nothing tells whether an insertion belongs before or after them. */
function doubts({ preceding, following }: Place, gone: readonly Line[]): Line[] {
  // Lines that were replaced stand before what replaced them: no doubt about the place then.
  const here = gone.filter((line) => line.deletedBy !== (following?.insertedBy ?? null));
  return [...here, ...inherited([preceding, following])];
}

/** Lines that were gone among some lines, or where these were inserted, unless HEAD has them there. */
function inherited(lines: readonly (Line | undefined)[]): Line[] {
  const found: Line[] = [];
  const brought = new Set<Change>();
  for (const line of lines) {
    if (line === undefined) continue;
    if (line.deletedBy !== null) found.push(line);
    else if (!line.inHead && line.insertedBy !== null) brought.add(line.insertedBy);
  }
  for (const { over } of brought) found.push(...over);
  return found;
}

function restore(line: Line, owner: string): void {
  line.formerly = owner === NOBODY ? line.deletedBy : null;
  line.deletedBy = null;
  if (owner !== NOBODY && line.insertedBy?.owner !== owner) line.alsoBy.add(owner);
}

/** Lines that are gone and stand together with these texts, so that they come back: an undo. */
function findRun(
  gone: readonly Line[],
  texts: readonly string[],
  owner: string,
): readonly Line[] | null {
  if (texts.length === 0) return null;
  for (let start = gone.length - texts.length; start >= 0; start--) {
    const run = gone.slice(start, start + texts.length);
    if (run.every((line, index) => line.text === texts[index] && mayRestore(line, owner))) {
      return run;
    }
  }
  return null;
}

/**
 * Whether a line that is written again is the one that was there. Where a session writes what another
 * one had taken away, it is that session's own; where something unrecorded had taken it (a stash, or
 * two edits that overlapped), it stays the first one's too.
 */
function mayRestore({ insertedBy, deletedBy, inHead }: Line, owner: string): boolean {
  if (owner === NOBODY || inHead || insertedBy?.owner === owner) return true;
  return insertedBy !== null && insertedBy.owner !== NOBODY && deletedBy?.owner === NOBODY;
}
