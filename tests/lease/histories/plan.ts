import type { SharedKind } from "../../support/open_store.ts";

/** How a history is made. */
export interface Plan {
  /** What it is called in a report. */
  readonly name: string;
  readonly kind: SharedKind;
  /** `work`: acquire, renew, release, take over, write; `queue`: wait in line. */
  readonly profile: "work" | "queue";
  readonly seconds: number;
  /** It goes on until there were that many. */
  readonly minOperations: number;
  readonly workers: number;
  readonly keys: readonly string[];
  /** How long leases last, in seconds. */
  readonly ttlsS: readonly number[];
  /** How long each worker rests after an operation, in milliseconds; none without it. */
  readonly restMs?: number;
  /** Workers are killed and replaced. */
  readonly kills: boolean;
  /** Workers are stopped for up to three times the longest TTL. */
  readonly pauses: boolean;
  /** The wall clock of each worker jumps by up to twelve hours, either way. */
  readonly jumps: boolean;
  readonly seed: number;
  /** A folder with another lease than that of `src`; see `planted/patched.ts`. */
  readonly lease?: string;
  /** Whether the store ignores fences, as a planted bug. */
  readonly ignoresFences?: boolean;
  /** What befalls the store's server: it is killed and started again, or stopped for a while. */
  readonly server?: { readonly is: "killed" | "stopped"; readonly minTimes: number };
  /** A library to preload that fakes the time of each worker's process. */
  readonly faketime?: string;
}

/** What a worker is told. */
export interface LeaseTask extends Plan {
  readonly folder: string;
  readonly history: string;
  readonly lives: string;
}

/** Random numbers from 0 up to 1 that a seed repeats. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** The scope of what leases guard. */
export const DATA = "data";
