/**
 * Moves one key, by conditional writes only: what is in the target is never lost unasked, whoever
 * else writes there, and whatever answers are lost.
 *
 * @module
 */

import type { Entry, StorageAdapter } from "../storage/adapter.ts";
import { differenceOf, LOWER_FENCE, type Timed } from "./content.ts";
import { pauseAfter } from "./patience.ts";

/** What became of a key; of a conflict, why. */
export type KeyOutcome =
  | { readonly kind: "moved" | "same" | "overwritten" | "expired" }
  | { readonly kind: "conflict"; readonly why: string };

/** A key to be moved. */
export interface KeyTask {
  readonly scope: string;
  readonly key: string;
  /** What the source holds, with the time left as it is at this moment. */
  readonly source: () => Timed;
  /** What the target held when it was read. */
  readonly target: Timed | null;
  /** Whether what differs there is replaced. */
  readonly overwrite: boolean;
}

/** So often another may have written the key in between. */
const MOST_RACES = 20;

/** What is to be done with a key, as far as can be told without writing. */
export function decide({ source, target, overwrite }: KeyTask): KeyOutcome {
  const from = source();
  if (from.leftMs !== null && from.leftMs < 1) return { kind: "expired" };
  if (target === null) return { kind: "moved" };
  const why = differenceOf(from, target);
  if (why === null) return { kind: "same" };
  if (why === LOWER_FENCE) return { kind: "moved" };
  return overwrite ? { kind: "overwritten" } : { kind: "conflict", why };
}

/**
 * Moves a key.
 *
 * @throws {CoordinatorError} What the target throws, once it has done so for some seconds.
 */
export async function copyKey(to: StorageAdapter, task: KeyTask): Promise<KeyOutcome> {
  const { scope, key, source } = task;
  let { target } = task;
  let fence = source().entry.fence ?? undefined;
  let hasTried = false;
  for (let races = 0, failures = 0;;) {
    const next = decide({ ...task, target });
    // The first try may have done it, though its answer was lost.
    if (next.kind === "same" && hasTried) return { kind: "moved" };
    if (next.kind !== "moved" && next.kind !== "overwritten") return next;
    const { entry, leftMs } = source();
    try {
      hasTried = true;
      const result = await to.store(scope, key, entry.value, {
        expected: target?.entry.version ?? "absent",
        ...(fence !== undefined && { fence }),
        ...(leftMs !== null && { ttlMs: Math.max(1, Math.round(leftMs)) }),
        ...(entry.author !== null && { author: entry.author }),
      });
      if (result.ok) return next;
      if (++races > MOST_RACES) return { kind: "conflict", why: "it is being written there" };
      if (result.reason === "fence") {
        if (!task.overwrite) return { kind: "conflict", why: "a higher fence" };
        fence = result.fence ?? fence;
      }
      target = await withTime(to, result.current);
    } catch (error) {
      await pauseAfter(error, ++failures);
      target = await lookAgain(to, scope, key, target);
    }
  }
}

/** What the target holds now; where it still cannot be asked, what it held before: the write will tell. */
async function lookAgain(
  to: StorageAdapter,
  scope: string,
  key: string,
  before: Timed | null,
): Promise<Timed | null> {
  try {
    return await withTime(to, await to.retrieve(scope, key));
  } catch {
    return before;
  }
}

async function withTime(store: StorageAdapter, entry: Entry | null): Promise<Timed | null> {
  if (!entry) return null;
  return {
    entry,
    leftMs: entry.expiresAtMs === null ? null : entry.expiresAtMs - await store.now(),
  };
}
