/**
 * Holds named locks for as long as something goes on: extends each in time, and tells when one is
 * lost.
 *
 * @module
 */

import type { EndReason, Holder, LeaseRecord } from "../lease/record.ts";
import type { Refused } from "../lease/request.ts";
import { sleep } from "../os/sleep.ts";
import type { Coordination } from "./coordination.ts";
import { Locks } from "./locks.ts";

/** A lock that is held. */
export interface KeptLock {
  readonly name: string;
  readonly holder: Holder;
  readonly token: number;
  readonly ttlS: number;
  /** Whether it is given back in the end; not where it was held before. */
  readonly isOwn: boolean;
}

/** How a lock was lost. */
export interface Loss {
  readonly lock: KeptLock;
  /** `unreachable`: its time passed while the store could not be asked. */
  readonly why: Refused | EndReason | "unreachable";
  /** The lock as it was then; null where it could not be read. */
  readonly record: LeaseRecord | null;
}

/** A lock is extended this often within its time, and not more seldom than this. */
const TIMES = 4;
const MOST_SELDOM_MS = { machine: 20_000, network: 5_000 } as const;
const LEAST_PAUSE_MS = 200;

/** Keeps locks. */
export class Keeper {
  readonly #desk: Coordination;
  readonly #onLost: (loss: Loss) => void;
  readonly #stop = new AbortController();
  readonly #kept = new Map<string, { readonly lock: KeptLock; renewedAt: number }>();
  readonly #keeping: Promise<void>[] = [];

  /** @param onLost Told once of each lock that is lost. */
  constructor(desk: Coordination, onLost: (loss: Loss) => void) {
    this.#desk = desk;
    this.#onLost = onLost;
  }

  /** Keeps one more lock, which was granted at `grantedAt`, as `performance.now()` tells time. */
  keep(lock: KeptLock, grantedAt: number): void {
    this.#kept.set(lock.name, { lock, renewedAt: grantedAt });
    this.#keeping.push(this.#keep(lock.name));
  }

  /** Ends it: gives back what was taken for it, last taken first; what fails then ends by its time. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#keeping);
    const locks = new Locks(this.#desk);
    const kept = [...this.#kept.values()].map(({ lock }) => lock);
    for (const { name, holder, token, isOwn } of kept.toReversed()) {
      if (isOwn) await locks.release(name, holder, token);
    }
  }

  async #keep(name: string): Promise<void> {
    const { signal } = this.#stop;
    const kept = this.#kept.get(name)!;
    while (!signal.aborted) {
      await sleep(this.#pauseMs(kept.lock), signal);
      if (signal.aborted) return;
      const loss = await this.#renew(kept);
      if (loss === null) continue;
      this.#kept.delete(name);
      this.#onLost(loss);
      return;
    }
  }

  /** Extends a lock; answers how it was lost, or null. */
  async #renew(kept: { readonly lock: KeptLock; renewedAt: number }): Promise<Loss | null> {
    const { lock } = kept;
    const askedAt = performance.now();
    try {
      const { name, holder, token, ttlS } = lock;
      const outcome = await new Locks(this.#desk).renew(name, holder, token, ttlS);
      if (!outcome.ok) return { lock, why: outcome.why, record: outcome.record };
      kept.renewedAt = askedAt;
      return null;
    } catch {
      // Tried again in a moment, until it must have ended whatever the store says.
      const isOver = performance.now() - kept.renewedAt > lock.ttlS * 1000;
      return isOver ? { lock, why: "unreachable", record: null } : null;
    }
  }

  #pauseMs({ ttlS }: KeptLock): number {
    const { reach } = this.#desk.store.place;
    const most = MOST_SELDOM_MS[reach === "network" ? "network" : "machine"];
    return Math.max(LEAST_PAUSE_MS, Math.min(most, ttlS * 1000 / TIMES));
  }
}
