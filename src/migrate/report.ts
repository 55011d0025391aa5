/**
 * What a migration has done, or would do.
 *
 * @module
 */

import type { KeyOutcome } from "./copy.ts";

/** A key that the target holds with other content, and that was left as it is. */
export interface Conflict {
  readonly scope: string;
  readonly key: string;
  /** In what it differs. */
  readonly why: string;
}

/** What could not be read or written. */
export interface Failure {
  /** The scope, or null where even that could not be read. */
  readonly scope: string | null;
  readonly key: string | null;
  readonly message: string;
}

/** How many keys there were of each outcome. */
export type Counts = Readonly<Record<KeyOutcome["kind"] | "failed", number>>;

/** One scope of shared data. */
export interface ScopeReport {
  readonly scope: string;
  readonly counts: Counts;
}

/** The comparison at the end: over all keys that were to be in the target. */
export interface Verification {
  readonly ok: boolean;
  readonly keys: { readonly source: number; readonly target: number };
  readonly checksum: { readonly source: string; readonly target: string };
  /** Keys that are not the same in both, in a word why; their number is not limited. */
  readonly wrong: readonly Conflict[];
}

/** A whole migration. */
export interface Report {
  /** Scopes of shared data, sorted by name. */
  readonly scopes: readonly ScopeReport[];
  readonly conflicts: readonly Conflict[];
  readonly failures: readonly Failure[];
  /** Scopes with the coordinator's own records, which stay behind. */
  readonly left: readonly string[];
  /** Null for a dry run, and where it was interrupted. */
  readonly verification: Verification | null;
  readonly isInterrupted: boolean;
}

/** Counts of nothing. */
export const NO_COUNTS: Counts = {
  moved: 0,
  same: 0,
  overwritten: 0,
  expired: 0,
  conflict: 0,
  failed: 0,
};

/** The sum of several counts. */
export function sumOf(all: readonly Counts[]): Counts {
  const sum = { ...NO_COUNTS };
  for (const counts of all) {
    for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
  }
  return sum;
}

/** Whether the target holds everything now. */
export function isDone(report: Report): boolean {
  const { conflicts, failures, verification, isInterrupted } = report;
  return conflicts.length === 0 && failures.length === 0 && !isInterrupted &&
    verification?.ok !== false;
}
