/**
 * The difference of two lists of lines: Myers' algorithm in linear space, with the lines that only
 * one side has set aside first.
 *
 * @module
 */

/** Lines `aStart` to `aEnd` of the old list became lines `bStart` to `bEnd` of the new one. */
export interface Hunk {
  readonly aStart: number;
  readonly aEnd: number;
  readonly bStart: number;
  readonly bEnd: number;
}

/**
 * How many steps are spent on finding the shortest difference between two points; beyond it, what
 * lies between them counts as changed as a whole, which is as true and only coarser.
 */
const MAX_COST = 2000;

/** What was changed, in order; hunks do not touch each other. Empty where the lists are the same. */
export function diffLines(a: readonly string[], b: readonly string[]): Hunk[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let [aEnd, bEnd] = [a.length, b.length];
  while (aEnd > start && bEnd > start && a[aEnd - 1] === b[bEnd - 1]) {
    aEnd--;
    bEnd--;
  }
  if (start === aEnd && start === bEnd) return [];
  const changed = compare(a.slice(start, aEnd), b.slice(start, bEnd));
  const hunks = hunksOf(changed.a, changed.b).map((hunk) => shift(hunk, start));
  return settle(hunks, a, b);
}

function shift({ aStart, aEnd, bStart, bEnd }: Hunk, by: number): Hunk {
  return { aStart: aStart + by, aEnd: aEnd + by, bStart: bStart + by, bEnd: bEnd + by };
}

/** Which lines of either side have no partner on the other. */
interface Changed {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

function compare(a: readonly string[], b: readonly string[]): Changed {
  const changed: Changed = {
    a: new Uint8Array(a.length).fill(1),
    b: new Uint8Array(b.length).fill(1),
  };
  const [inA, inB] = [new Set(a), new Set(b)];
  const aKept = indicesOf(a, inB);
  const bKept = indicesOf(b, inA);
  const numbers = new Map<string, number>();
  const number = (line: string) => {
    const known = numbers.get(line);
    if (known !== undefined) return known;
    numbers.set(line, numbers.size);
    return numbers.size - 1;
  };
  const myers = new Myers(
    Int32Array.from(aKept, (index) => number(a[index])),
    Int32Array.from(bKept, (index) => number(b[index])),
  );
  for (const [i, j] of myers.matches()) {
    changed.a[aKept[i]] = 0;
    changed.b[bKept[j]] = 0;
  }
  return changed;
}

function indicesOf(lines: readonly string[], known: ReadonlySet<string>): number[] {
  return lines.flatMap((line, index) => known.has(line) ? [index] : []);
}

/** A part of the grid of two lists: rows of the one, columns of the other. */
type Box = readonly [aStart: number, aEnd: number, bStart: number, bEnd: number];

class Myers {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  /** Furthest rows reached on each diagonal, forward and backward; `#middle` is diagonal 0. */
  readonly #forward: Int32Array;
  readonly #backward: Int32Array;
  readonly #middle: number;

  constructor(a: Int32Array, b: Int32Array) {
    [this.#a, this.#b] = [a, b];
    this.#middle = a.length + b.length + 2;
    this.#forward = new Int32Array(2 * this.#middle + 1);
    this.#backward = new Int32Array(2 * this.#middle + 1);
  }

  /** Pairs of lines that stay. */
  matches(): [number, number][] {
    const matches: [number, number][] = [];
    const boxes: Box[] = [[0, this.#a.length, 0, this.#b.length]];
    while (boxes.length > 0) {
      let [a0, a1, b0, b1] = boxes.pop()!;
      while (a0 < a1 && b0 < b1 && this.#a[a0] === this.#b[b0]) matches.push([a0++, b0++]);
      while (a0 < a1 && b0 < b1 && this.#a[a1 - 1] === this.#b[b1 - 1]) matches.push([--a1, --b1]);
      if (a0 === a1 || b0 === b1) continue;
      const point = this.#split([a0, a1, b0, b1]);
      if (point === null) continue;
      const [a, b] = point;
      boxes.push([a0, a, b0, b], [a, a1, b, b1]);
    }
    return matches;
  }

  /** A point on a shortest way through the box, or null where none is found in time. */
  #split([a0, a1, b0, b1]: Box): [number, number] | null {
    const [width, height] = [a1 - a0, b1 - b0];
    const delta = width - height;
    const isOdd = (delta & 1) !== 0;
    const [forward, backward, middle] = [this.#forward, this.#backward, this.#middle];
    forward[middle + 1] = 0;
    backward[middle + 1] = 0;
    const most = Math.min(MAX_COST, Math.ceil((width + height) / 2));
    for (let cost = 0; cost <= most; cost++) {
      for (let k = -cost; k <= cost; k += 2) {
        const down = k === -cost ||
          (k !== cost && forward[middle + k - 1] < forward[middle + k + 1]);
        let x = down ? forward[middle + k + 1] : forward[middle + k - 1] + 1;
        let y = x - k;
        while (x < width && y < height && this.#a[a0 + x] === this.#b[b0 + y]) x++, y++;
        forward[middle + k] = x;
        const opposite = delta - k;
        if (isOdd && opposite > -cost && opposite < cost) {
          if (x <= width && y <= height && x + backward[middle + opposite] >= width) {
            return this.#pointOf([a0, a1, b0, b1], x, y);
          }
        }
      }
      for (let k = -cost; k <= cost; k += 2) {
        const down = k === -cost ||
          (k !== cost && backward[middle + k - 1] < backward[middle + k + 1]);
        let x = down ? backward[middle + k + 1] : backward[middle + k - 1] + 1;
        let y = x - k;
        while (x < width && y < height && this.#a[a1 - 1 - x] === this.#b[b1 - 1 - y]) x++, y++;
        backward[middle + k] = x;
        const opposite = delta - k;
        if (!isOdd && opposite >= -cost && opposite <= cost) {
          if (x <= width && y <= height && x + forward[middle + opposite] >= width) {
            return this.#pointOf([a0, a1, b0, b1], width - x, height - y);
          }
        }
      }
    }
    return null;
  }

  /** A corner of the box would not make it smaller. */
  #pointOf([a0, a1, b0, b1]: Box, x: number, y: number): [number, number] | null {
    const isCorner = (x === 0 && y === 0) || (a0 + x === a1 && b0 + y === b1);
    return isCorner ? null : [a0 + x, b0 + y];
  }
}

function hunksOf(aChanged: Uint8Array, bChanged: Uint8Array): Hunk[] {
  const hunks: Hunk[] = [];
  for (let [i, j] = [0, 0]; i < aChanged.length || j < bChanged.length;) {
    const [aStart, bStart] = [i, j];
    while (i < aChanged.length && aChanged[i]) i++;
    while (j < bChanged.length && bChanged[j]) j++;
    if (i > aStart || j > bStart) hunks.push({ aStart, aEnd: i, bStart, bEnd: j });
    else [i, j] = [i + 1, j + 1];
  }
  return hunks;
}

/**
 * Moves insertions and deletions that could stand at several places to the last one, as git does:
 * what comes after a block's end then belongs to the block that was there before.
 */
function settle(hunks: readonly Hunk[], a: readonly string[], b: readonly string[]): Hunk[] {
  const settled: Hunk[] = [];
  for (const hunk of hunks.toReversed()) {
    let moved = hunk;
    for (;;) {
      const next = settled.at(-1);
      moved = moveDown(moved, next?.aStart ?? a.length, a, b);
      if (next === undefined || moved.aEnd < next.aStart) break;
      moved = { ...moved, aEnd: next.aEnd, bEnd: next.bEnd };
      settled.pop();
    }
    settled.push(moved);
  }
  return settled.reverse();
}

function moveDown(hunk: Hunk, limit: number, a: readonly string[], b: readonly string[]): Hunk {
  let { aStart, aEnd, bStart, bEnd } = hunk;
  const isInsertion = aStart === aEnd;
  if (!isInsertion && bStart !== bEnd) return hunk;
  while (aEnd < limit) {
    const [first, following] = isInsertion ? [b[bStart], b[bEnd]] : [a[aStart], a[aEnd]];
    if (first !== following) break;
    [aStart, aEnd, bStart, bEnd] = [aStart + 1, aEnd + 1, bStart + 1, bEnd + 1];
  }
  return { aStart, aEnd, bStart, bEnd };
}
