/**
 * Whether a history could have come about one operation at a time: the search of Wing and Gong with
 * Lowe's memory of configurations that led nowhere. A model says what each operation may do.
 *
 * @module
 */

/** An operation's place in a history. */
export interface Interval {
  readonly invoked: number;
  /** Infinity for one that never returned, which may have happened or not. */
  readonly returned: number;
}

/** What operations may do: the states that can follow, none where it cannot have happened there. */
export interface Model<S, O> {
  readonly initial: S;
  step(state: S, operation: O): readonly S[];
  /** One text for equal states. */
  key(state: S): string;
}

/** An entry of the list that is searched: a beginning or an end, in the order of time. */
interface Entry {
  readonly at: number;
  readonly operation: number;
  readonly isEnd: boolean;
  before: Entry | null;
  after: Entry | null;
}

/** One step that was tried. */
interface Tried<S> {
  readonly entry: Entry;
  readonly from: S;
  /** States that remain to be tried. */
  readonly others: S[];
}

/** The operation that no order explains, or null where there is an order for all. */
export function unexplained<S, O extends Interval>(
  operations: readonly O[],
  model: Model<S, O>,
): O | null {
  const [head, ends] = listOf(operations);
  const marks = operations.map(() => crypto.getRandomValues(new Uint32Array(2)));
  const seen = new Set<string>();
  const way: Tried<S>[] = [];
  const mark = new Uint32Array(2); // tells which operations are done, as one number
  let state = model.initial;
  let entry = head.after;
  let furthest: Entry | null = null;
  const flip = (operation: number) => marks[operation].forEach((bits, i) => mark[i] ^= bits);
  /** Puts an operation next, in the first state that leads somewhere new. */
  const advance = (entry: Entry, from: S, states: readonly S[]): boolean => {
    flip(entry.operation);
    for (const [i, next] of states.entries()) {
      const id = `${mark[0]} ${mark[1]} ${model.key(next)}`;
      if (seen.has(id)) continue;
      seen.add(id);
      way.push({ entry, from, others: states.slice(i + 1) });
      state = next;
      return true;
    }
    flip(entry.operation);
    return false;
  };
  while (entry) {
    if (!entry.isEnd) {
      if (advance(entry, state, model.step(state, operations[entry.operation]))) {
        lift(entry, ends[entry.operation]);
        entry = head.after;
      } else {
        entry = entry.after;
      }
      continue;
    }
    // Somebody has returned before anything explains it: what was put last has to go elsewhere.
    if (!furthest || entry.at > furthest.at) furthest = entry;
    const last = way.pop();
    if (!last) return operations[furthest.operation];
    state = last.from;
    flip(last.entry.operation);
    if (advance(last.entry, last.from, last.others)) {
      entry = head.after;
    } else {
      unlift(last.entry, ends[last.entry.operation]);
      entry = last.entry.after;
    }
  }
  return null;
}

function listOf(operations: readonly Interval[]): [Entry, (Entry | null)[]] {
  const entries = operations.flatMap(({ invoked, returned }, operation): Entry[] => {
    const begin = { at: invoked, operation, isEnd: false, before: null, after: null };
    const end = { at: returned, operation, isEnd: true, before: null, after: null };
    return returned === Infinity ? [begin] : [begin, end];
  }).sort((one, other) => one.at - other.at);
  const head: Entry = { at: -1, operation: -1, isEnd: false, before: null, after: null };
  entries.reduce((before, entry) => (before.after = entry, entry.before = before, entry), head);
  const ends = operations.map((): Entry | null => null);
  for (const entry of entries) if (entry.isEnd) ends[entry.operation] = entry;
  return [head, ends];
}

function lift(begin: Entry, end: Entry | null): void {
  for (const entry of [begin, end]) {
    if (!entry) continue;
    entry.before!.after = entry.after;
    if (entry.after) entry.after.before = entry.before;
  }
}

function unlift(begin: Entry, end: Entry | null): void {
  for (const entry of [end, begin]) {
    if (!entry) continue;
    entry.before!.after = entry;
    if (entry.after) entry.after.before = entry;
  }
}
