/**
 * Putting a project's state in order: what `csc refresh` and `csc cleanup` have in common.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { endSession, heal } from "../../coordination/ending.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { isObject, type Json } from "../../domain/json.ts";
import { readLease } from "../../lease/record.ts";
import { readSession } from "../../roster/session_record.ts";

/** What was done. */
export interface Tidied {
  /** Aliases of the sessions whose process is gone, and that were ended. */
  readonly ended: readonly string[];
  /** Sessions that ended before and were forgotten. */
  readonly forgotten: number;
  /** Leases that had long been free. */
  readonly collected: number;
  /** Journals and snapshots that nobody needs any more. */
  readonly pruned: number;
}

/**
 * Ends the sessions whose processes are gone, collects leases that have long been free, and removes
 * journals and snapshots that are older than the configured time.
 */
export async function tidy(desk: Coordination): Promise<Tidied> {
  const before = await endedSessions(desk);
  const healed = await heal(desk);
  const after = await endedSessions(desk);
  const forgotten = before.filter((session) => !after.includes(session)).length;
  const { retention_days } = desk.config.coordination;
  return {
    ended: healed.map(({ alias }) => alias),
    forgotten,
    collected: await collectFree(desk),
    pruned: desk.journal.prune(retention_days),
  };
}

/** Ends the sessions that nothing proves to live and that gave no sign for a day; answers their names. */
export async function removeAbandoned(desk: Coordination): Promise<string[]> {
  const abandoned = (await desk.roster.list()).filter(({ standing, tier }) =>
    standing === "unproven" && tier === "abandoned"
  );
  for (const { record } of abandoned) {
    await endSession(desk, record.session, "no sign of life for a day");
  }
  return abandoned.map(({ record }) => record.alias);
}

async function endedSessions({ roster }: Coordination): Promise<string[]> {
  return (await roster.list()).filter(({ record }) => record.status === "completed")
    .map(({ record }) => record.session);
}

async function collectFree(desk: Coordination): Promise<number> {
  let collected = 0;
  for (const scope of await leaseScopes(desk)) collected += await desk.leases.collect(scope);
  return collected;
}

async function leaseScopes({ store, scopes }: Coordination): Promise<string[]> {
  return [scopes.locks, ...await store.listScopes(scopes.filePattern)];
}

/**
 * Removes records that nobody can read; those of a newer csc stay.
 *
 * @returns What they were called.
 */
export async function removeDamaged(desk: Coordination): Promise<string[]> {
  const { store, scopes } = desk;
  const removed: string[] = [];
  const sweep = async (scope: string, isDamaged: (value: Json) => boolean) => {
    for (const [key, { value, version }] of await store.retrieveAll(scope)) {
      if (!isDamaged(value)) continue;
      if ((await store.delete(scope, key, { expected: version })).ok) removed.push(key);
    }
  };
  await sweep(scopes.sessions, isDamagedSession);
  for (const scope of await leaseScopes(desk)) await sweep(scope, isDamagedLease);
  return removed;
}

function isDamagedSession(value: Json): boolean {
  const isNewer = isObject(value) && typeof value.v === "number" && value.v > 1;
  return readSession(value) === null && !isNewer;
}

function isDamagedLease(value: Json): boolean {
  try {
    readLease(value, "");
    return false;
  } catch (error) {
    return error instanceof CoordinatorError && error.code === "store_corrupt";
  }
}

/** What was done, in sentences; none where there was nothing to do. */
export function sentencesOf({ ended, forgotten, collected, pruned }: Tidied): string[] {
  return [
    ...(ended.length > 0
      ? [
        `Ended ${ended.join(", ")}: ${
          ended.length === 1 ? "its process is" : "their processes are"
        } gone`,
      ]
      : []),
    ...(forgotten > 0 ? [`Forgot ${count(forgotten, "session")} that had ended`] : []),
    ...(collected > 0 ? [`Removed ${count(collected, "record")} of what has long been free`] : []),
    ...(pruned > 0 ? [`Removed ${count(pruned, "file")} of old journals`] : []),
  ];
}

/** "1 lock", "2 locks". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
