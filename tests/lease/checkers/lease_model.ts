import { type Interval, type Model, unexplained } from "./linearizable.ts";
import {
  byLease,
  type Death,
  type History,
  inWords,
  type Operation,
  type Seen,
} from "./history.ts";

/** A lease as the checker knows it; nothing of the program's own. */
interface State {
  readonly holder: string | null;
  readonly token: number;
  /** The first second in which it is over, or null where nobody saw it. */
  readonly endS: number | null;
  readonly dead: readonly string[];
}

/** What happened to one lease: operations, and deaths of those who may hold it. */
type Event = Interval & ({ readonly operation: Operation } | { readonly death: Death });

/** What a grant that nobody acknowledged may have been. */
interface Guess {
  readonly token: number;
  readonly endS: number | null;
}

/** All that anybody saw of a lease, for those operations that never returned. */
class Sightings {
  readonly #acknowledged = new Set<number>();
  readonly #seen = new Map<string, Map<number, Set<number>>>();

  constructor(operations: readonly Operation[]) {
    for (const { answer, asked } of operations) {
      const record = answer?.record;
      if (!record) continue;
      const isGrant = asked.op === "acquire" || asked.op === "take over";
      if (answer.ok && isGrant && !answer.extended) this.#acknowledged.add(record.token);
      this.#note(record);
    }
  }

  /** Grants of a holder that were never acknowledged to it. */
  grants(holder: string): Guess[] {
    const tokens = [...this.#seen.get(holder) ?? []];
    return tokens.filter(([token]) => !this.#acknowledged.has(token)).flatMap(([token, ends]) => {
      const known: (number | null)[] = ends.size === 0 ? [null] : [...ends];
      return known.map((endS) => ({ token, endS }));
    });
  }

  /** The ends that a grant was seen to have. */
  ends(holder: string, token: number): number[] {
    return [...this.#seen.get(holder)?.get(token) ?? []];
  }

  #note({ holder, token, renewedS, ttlS, ended }: Seen): void {
    if (holder !== null) this.#endsOf(holder, token).add(renewedS + ttlS + 1);
    if (ended) this.#endsOf(ended.holder, ended.token);
  }

  #endsOf(holder: string, token: number): Set<number> {
    const grants = this.#seen.get(holder) ?? new Map<number, Set<number>>();
    this.#seen.set(holder, grants);
    const ends = grants.get(token) ?? new Set<number>();
    grants.set(token, ends);
    return ends;
  }
}

const NOBODY: State = { holder: null, token: 0, endS: null, dead: [] };

/** Whether somebody may hold the lease at a second, and whether nobody may. */
function standing({ holder, endS, dead }: State, s: number) {
  if (holder === null || dead.includes(holder)) return { mayBeHeld: false, mayBeFree: true };
  if (endS === null) return { mayBeHeld: true, mayBeFree: true };
  return { mayBeHeld: s < endS, mayBeFree: s >= endS };
}

/** The states after an operation that has returned; none where it could not have been answered so. */
function acknowledged(
  state: State,
  { who, asked, answer, invoked }: Operation,
  deaths: readonly Death[],
): readonly State[] {
  const { ok, extended, s = 0, record } = answer!;
  const { mayBeHeld, mayBeFree } = standing(state, s);
  const isMine = state.holder === who && mayBeHeld;
  const endS = record!.renewedS + record!.ttlS + 1;
  const shown = { ...state, holder: record!.holder, token: record!.token, endS };
  const isShown = record!.token === state.token &&
    (record!.holder === null ? mayBeFree : record!.holder === state.holder && mayBeHeld) &&
    (record!.holder === null || state.endS === null || state.endS === endS);
  switch (asked.op) {
    case "acquire":
      if (ok && extended) {
        const isLonger = endS >= s + asked.ttlS + 1 && endS >= (state.endS ?? 0);
        return isMine && record!.token === state.token && isLonger ? [shown] : [];
      }
      if (ok) {
        const isNew = record!.token > state.token && record!.holder === who;
        return mayBeFree && isNew && endS === s + asked.ttlS + 1 ? [shown] : [];
      }
      return isShown && mayBeHeld && state.holder !== who ? [state] : [];
    case "renew": {
      const isThis = state.token === asked.token;
      const isLonger = endS >= s + asked.ttlS + 1 && endS >= (state.endS ?? 0);
      if (ok) return isMine && isThis && record!.token === state.token && isLonger ? [shown] : [];
      return isShown && !(isMine && isThis && !mayBeFree) ? [state] : [];
    }
    case "release": {
      const isThis = state.token === asked.token;
      const isFreed = record!.holder === null && record!.token === state.token;
      if (ok) return isMine && isThis && isFreed ? [{ ...state, holder: null, endS: null }] : [];
      return isShown && !(isMine && isThis && !mayBeFree) ? [state] : [];
    }
    case "take over": {
      const isThis = state.token === asked.token;
      const isNew = record!.token > state.token && record!.holder === who;
      // Who is dead is asked before the write: a holder that died in between was taken over from.
      const justDied = deaths.some((one) => one.who === state.holder && one.until > invoked) &&
        standing({ ...state, dead: [] }, s).mayBeHeld;
      const isHeld = mayBeHeld || justDied;
      if (ok) return isHeld && isThis && isNew && endS === s + asked.ttlS + 1 ? [shown] : [];
      return isShown && (mayBeFree || !isThis) ? [state] : [];
    }
    default:
      return isShown ? [state] : [];
  }
}

/** The states after an operation that never returned, as far as anybody saw what it did. */
function pending(state: State, { who, asked }: Operation, sightings: Sightings): readonly State[] {
  const grants = sightings.grants(who).filter(({ token }) => token > state.token).map((guess) => (
    { ...state, holder: who, ...guess }
  ));
  const isMine = state.holder === who;
  const longer = sightings.ends(who, state.token).map((endS) => ({ ...state, endS }));
  switch (asked.op) {
    case "acquire":
      return [...(isMine ? longer : []), ...grants];
    case "take over":
      return state.token === asked.token ? grants : [];
    case "renew":
      return isMine && state.token === asked.token ? longer : [];
    case "release":
      return isMine && state.token === asked.token ? [{ ...state, holder: null, endS: null }] : [];
    default:
      return [];
  }
}

function modelOf(
  operations: readonly Operation[],
  deaths: readonly Death[],
): Model<State, Event> {
  const sightings = new Sightings(operations);
  return {
    initial: NOBODY,
    key: ({ holder, token, endS, dead }) => `${holder} ${token} ${endS} ${dead}`,
    step(state, event) {
      if ("death" in event) return [{ ...state, dead: [...state.dead, event.death.who].sort() }];
      const { operation } = event;
      if (operation.answer) return acknowledged(state, operation, deaths);
      return pending(state, operation, sightings);
    },
  };
}

/**
 * Checks that for each lease there is one order of all operations, in which each was answered as it
 * was: what returned before another was invoked comes before it. Answers what no order explains.
 */
export function checkLinearizable({ operations, deaths }: History): string[] {
  const faults: string[] = [];
  for (const [key, all] of byLease(operations)) {
    const own = all.filter(({ asked }) => asked.op !== "write");
    // Turns are handed over by whoever comes by: the model knows what holders ask for themselves.
    if (own.some(({ asked }) => asked.op === "wait")) continue;
    const holders = new Set(own.map(({ who }) => who));
    const events: Event[] = [
      ...own.map((operation) => ({ ...timesOf(operation), operation })),
      ...deaths.filter(({ who }) => holders.has(who)).map((death) => (
        { invoked: death.from, returned: death.until, death }
      )),
    ];
    const wrong = unexplained(events, modelOf(own, deaths));
    if (wrong) faults.push(`${key}: no order explains ${told(wrong)}`);
  }
  return faults;
}

function timesOf({ invoked, returned }: Operation): Interval {
  return { invoked, returned };
}

function told(event: Event): string {
  return "death" in event ? `the death of ${event.death.who}` : inWords(event.operation);
}
