/**
 * Reads both stores anew and compares them.
 *
 * @module
 */

import type { StorageAdapter } from "../storage/adapter.ts";
import { checksumOf, differenceOf, readScope, sha256, timed, TOLERANCE_MS } from "./content.ts";
import { inParallel } from "./in_parallel.ts";
import type { Conflict, Failure, Verification } from "./report.ts";

/** What is to be compared. */
export interface VerifyOptions {
  readonly scopes: readonly string[];
  /** Keys that were left as they are, and are known to differ. */
  readonly conflicts: readonly Conflict[];
  readonly atOnce: number;
  readonly signal?: AbortSignal;
  /** Told how many keys were compared. */
  readonly onCompared: (keys: number) => void;
  readonly onFailure: (failure: Failure) => void;
}

/** Compares all keys of some scopes; null where it was interrupted. */
export async function verify(
  from: StorageAdapter,
  to: StorageAdapter,
  options: VerifyOptions,
): Promise<Verification | null> {
  const known = new Set(options.conflicts.map(({ scope, key }) => idOf(scope, key)));
  const wrong: Conflict[] = [];
  const sums = new Map<string, readonly [source: string, target: string]>();
  const count = { source: 0, target: 0 };
  const isWhole = await inParallel(options.scopes, options.atOnce, async (scope) => {
    try {
      const [source, target] = [await readScope(from, scope), await readScope(to, scope)];
      const keys = [...source.entries].flatMap(([key, entry]) => {
        const isEnding = (source.leftMs(entry) ?? Infinity) < TOLERANCE_MS;
        return isEnding || known.has(idOf(scope, key)) ? [] : [key];
      });
      for (const key of keys) {
        const there = target.entries.get(key);
        const why = there
          ? differenceOf(timed(source, source.entries.get(key)!), timed(target, there))
          : "nothing";
        if (why !== null) wrong.push({ scope, key, why });
        if (there) count.target++;
      }
      count.source += keys.length;
      sums.set(scope, [
        await checksumOf(scope, keys, source.entries),
        await checksumOf(scope, keys, target.entries),
      ]);
      options.onCompared(source.entries.size);
    } catch (error) {
      options.onFailure({ scope, key: null, message: (error as Error).message });
    }
  }, options.signal);
  if (!isWhole) return null;
  const inOrder = options.scopes.flatMap((scope) => sums.get(scope) ? [sums.get(scope)!] : []);
  const [source, target] = [0, 1].map((side) => inOrder.map((sum) => sum[side]).join("\n"));
  const checksum = { source: await sha256(source), target: await sha256(target) };
  const ok = wrong.length === 0 && checksum.source === checksum.target;
  return { ok, keys: count, checksum, wrong };
}

function idOf(scope: string, key: string): string {
  return JSON.stringify([scope, key]);
}
