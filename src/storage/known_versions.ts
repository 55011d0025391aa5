/**
 * What a watch knows of a store: no change is reported twice, and what it could not be told while its
 * connection was broken is found by comparing versions.
 *
 * @module
 */

import type { Change, Version } from "./adapter.ts";

/** The versions that there are, by scope and key. */
export type Versions = ReadonlyMap<string, ReadonlyMap<string, Version>>;

/** The versions that a watch has found or reported. */
export class KnownVersions {
  #known: Map<string, Map<string, Version>> | null = null;
  /** What was told while a look was under way, which may be older or newer than what the look finds. */
  #held: Change[] | null = [];

  /** Whether there has been a look: from then on changes are reported. */
  get isReady(): boolean {
    return this.#known !== null;
  }

  /** A look begins: what is told from now on waits until that has been met. */
  hold(): void {
    this.#held = []; // what has waited for a look that failed, this one finds
  }

  /**
   * Takes what a look has found for known.
   *
   * @returns The changes to report: what differs from what was known, unless nothing was, and then what
   * has waited.
   */
  meet(found: Versions): Change[] {
    const changes = this.#known ? differences(this.#known, found) : [];
    this.#known = new Map([...found].map(([scope, versions]) => [scope, new Map(versions)]));
    const held = this.#held ?? [];
    this.#held = null;
    return [...changes, ...held.flatMap((change) => this.take(change))];
  }

  /** Takes what was told for known; answers it where it is to be reported now. */
  take(change: Change): Change[] {
    if (this.#held) {
      this.#held.push(change);
      return [];
    }
    return this.#note(change) ? [change] : [];
  }

  /** Answers whether it is news. */
  #note({ scope, key, version }: Change): boolean {
    const versions = this.#known!.get(scope) ?? new Map<string, Version>();
    if ((versions.get(key) ?? null) === version) return false;
    if (version === null) versions.delete(key);
    else versions.set(key, version);
    if (versions.size === 0) this.#known!.delete(scope);
    else this.#known!.set(scope, versions);
    return true;
  }
}

/** What must have changed between two looks. */
function differences(before: Versions, after: Versions): Change[] {
  const changes: Change[] = [];
  for (const [scope, versions] of after) {
    for (const [key, version] of versions) {
      if (before.get(scope)?.get(key) !== version) changes.push({ scope, key, version });
    }
  }
  for (const [scope, versions] of before) {
    for (const key of versions.keys()) {
      if (!after.get(scope)?.has(key)) changes.push({ scope, key, version: null });
    }
  }
  return changes;
}
