/**
 * Claims of issues: each is the named lock `issue:NUM`, so that a claim and a lock keep each other out,
 * and a mark for those that are done, so that nobody is given them again.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import { type Holder, holderKey } from "../lease/record.ts";
import type { Coordination } from "./coordination.ts";
import { type LockOutcome, Locks, type LockView } from "./locks.ts";

/** A claim lasts so long where nothing is said: a day, as an issue does; or until its session ends. */
export const CLAIM_TTL_S = 86_400;
/** How long it is known that an issue is done. */
const KEEP_DONE_MS = 90 * 24 * 3600 * 1000;

const PREFIX = "issue:";

/** What is claimed, and how others read it. */
export interface Wanted {
  readonly issue: string;
  readonly label: string;
}

/** A claim. */
export interface Claim {
  readonly issue: string;
  readonly lock: LockView;
}

/** What has been given out of a list. */
export interface Given {
  readonly wanted: Wanted;
  readonly answer: LockOutcome;
}

/** The claims of a project. */
export class Claims {
  readonly #desk: Coordination;
  readonly #locks: Locks;

  constructor(desk: Coordination) {
    this.#desk = desk;
    this.#locks = new Locks(desk);
  }

  /** Claims an issue, or extends the claim; one that was done is open again. */
  async claim({ issue, label }: Wanted, holder: Holder, ttlS: number): Promise<LockOutcome> {
    const answer = await this.#locks.acquire(lockOf(issue), holder, ttlS, { purpose: label });
    const { store, scopes } = this.#desk;
    if (answer.outcome.ok && !answer.outcome.extended) {
      await store.delete(scopes.done, lockOf(issue));
    }
    return answer;
  }

  /**
   * Claims the first of some issues that is neither claimed nor done; null where none is left. Whoever
   * asks at the same time gets another one, also in the name of the same holder.
   */
  async next(wanted: readonly Wanted[], holder: Holder, ttlS: number): Promise<Given | null> {
    const { store, scopes } = this.#desk;
    const done = new Set(await store.listKeys(scopes.done));
    const taken = new Set((await this.list()).map(({ issue }) => issue));
    for (const one of wanted) {
      const name = lockOf(one.issue);
      if (taken.has(one.issue) || done.has(name)) continue;
      const answer = await this.#locks.acquire(name, holder, ttlS, { purpose: one.label });
      // Extended: another process of the same holder has just got it.
      if (!answer.outcome.ok || answer.outcome.extended) continue;
      if (await store.retrieve(scopes.done, name) === null) return { wanted: one, answer };
      // It was claimed and done since we looked.
      await this.#locks.release(name, holder, answer.outcome.record.token);
    }
    return null;
  }

  /** Who has claimed an issue, or null. */
  check(issue: string): Promise<LockView | null> {
    return this.#locks.check(lockOf(issue));
  }

  /** Whether somebody has said that an issue is done. */
  async isDone(issue: string): Promise<boolean> {
    const { store, scopes } = this.#desk;
    return await store.retrieve(scopes.done, lockOf(issue)) !== null;
  }

  /** All claims, by their numbers. */
  async list(): Promise<Claim[]> {
    const locks = await this.#locks.list(`${PREFIX}*`);
    return locks.map((lock) => ({ issue: lock.name.slice(PREFIX.length), lock }))
      .toSorted((a, b) => a.issue.localeCompare(b.issue, "en", { numeric: true }));
  }

  /** Gives a claim back. */
  release(issue: string, holder: Holder): Promise<LockOutcome> {
    return this.#locks.release(lockOf(issue), holder);
  }

  /** Marks an issue as done; whoever asks for the next one is not given it any more. */
  async markDone(issue: string, by: Holder): Promise<void> {
    const { store, scopes } = this.#desk;
    const mark: Json = { at: new Date().toISOString(), by: holderKey(by) };
    await store.store(scopes.done, lockOf(issue), mark, { ttlMs: KEEP_DONE_MS });
  }
}

/** The lock of an issue. */
export function lockOf(issue: string): string {
  return PREFIX + issue;
}
