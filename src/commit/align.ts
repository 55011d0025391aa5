/**
 * Finding HEAD among the lines of a file's history, where HEAD is a version that was never on the
 * disk: somebody committed a part of what was there.
 *
 * @module
 */

import { type Change, type Line, lineOf, NOBODY, type Weave } from "./weave.ts";

/** What it costs to leave a line of HEAD without a partner; more than all doubts about others. */
const UNKNOWN_COST = 1000;

/** More cells than these are not tried: 40 MB. */
const MAX_CELLS = 40_000_000;

/**
 * Notes which lines HEAD has. Lines of HEAD that never were in the file's history are added as taken
 * away by nobody.
 *
 * @returns False where the two differ too much to tell.
 */
export function alignHead(weave: Weave, head: readonly string[]): boolean {
  const partners = findPartners(head, weave.lines);
  if (partners === null) return false;
  const lost: Change = { owner: NOBODY, atMs: 0, inserts: false, over: [] };
  const lines: Line[] = [];
  let next = 0;
  for (let index = 0; index < head.length; index++) {
    const partner = partners[index];
    if (partner < 0) {
      lines.push({ ...lineOf(head[index], null), deletedBy: lost, inHead: true, wasInHead: true });
      continue;
    }
    for (; next < partner; next++) lines.push(weave.lines[next]);
    lines.push(weave.lines[next++]);
  }
  for (; next < weave.lines.length; next++) lines.push(weave.lines[next]);
  const found = new Set(partners);
  weave.lines.forEach((line, index) => line.inHead = found.has(index));
  weave.lines = lines;
  weave.confirmHead();
  return true;
}

/** For each line of HEAD the index of its partner, or -1; null where that would take too long. */
function findPartners(head: readonly string[], lines: readonly Line[]): Int32Array | null {
  const surplus = Math.abs(lines.length - head.length);
  for (let spare = 16;; spare *= 4) {
    if ((surplus + 2 * spare + 1) * (head.length + 1) > MAX_CELLS) return null;
    const partners = withinBand(head, lines, spare);
    const unknown = partners.reduce((count, partner) => count + (partner < 0 ? 1 : 0), 0);
    if (unknown <= spare || spare > head.length + lines.length) return partners;
  }
}

/** How the cheapest way came to a cell. */
const [BY_MATCH, BY_LINE, BY_HEAD] = [1, 2, 3];

/**
 * The cheapest alignment that leaves at most some lines of HEAD without a partner.
 *
 * @param spare How many; cells further off the diagonal are not looked at.
 */
function withinBand(head: readonly string[], lines: readonly Line[], spare: number): Int32Array {
  const lowest = Math.min(0, lines.length - head.length) - spare;
  const width = Math.abs(lines.length - head.length) + 2 * spare + 1;
  const ways = new Uint8Array((head.length + 1) * width);
  const costs = lines.map(costToLeave);
  let above = new Int32Array(width).fill(FAR);
  for (let i = 0; i <= head.length; i++) {
    const row = new Int32Array(width).fill(FAR);
    for (let cell = 0; cell < width; cell++) {
      const j = i + lowest + cell;
      if (j < 0 || j > lines.length) continue;
      let [cost, way] = i === 0 && j === 0 ? [0, 0] : [FAR, 0];
      if (i > 0 && j > 0 && head[i - 1] === lines[j - 1].text && above[cell] < cost) {
        [cost, way] = [above[cell], BY_MATCH];
      }
      if (cell > 0 && j > 0 && row[cell - 1] + costs[j - 1] < cost) {
        [cost, way] = [row[cell - 1] + costs[j - 1], BY_LINE];
      }
      if (i > 0 && cell + 1 < width && above[cell + 1] + UNKNOWN_COST < cost) {
        [cost, way] = [above[cell + 1] + UNKNOWN_COST, BY_HEAD];
      }
      row[cell] = cost;
      ways[i * width + cell] = way;
    }
    above = row;
  }
  return traceBack(ways, width, head.length, lines.length, lowest);
}

const FAR = 1 << 30;

function traceBack(
  ways: Uint8Array,
  width: number,
  headLength: number,
  lineCount: number,
  lowest: number,
): Int32Array {
  const partners = new Int32Array(headLength).fill(-1);
  for (let [i, j] = [headLength, lineCount]; i > 0 || j > 0;) {
    const way = ways[i * width + (j - i - lowest)];
    if (way === BY_MATCH) partners[--i] = --j;
    else if (way === BY_LINE) j--;
    else i--;
  }
  return partners;
}

/**
 * What it costs to say that HEAD does not have a line. Among equal lines the one that was always there
 * is HEAD's, rather than one that came lately.
 */
function costToLeave({ insertedBy, deletedBy }: Line): number {
  if (insertedBy === null) return deletedBy === null ? 30 : 10;
  return deletedBy === null ? 5 : 1;
}
