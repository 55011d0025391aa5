/**
 * Who waits for which leases, kept beside them, so that those who would wait for each other in a
 * circle are found.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import { type Holder, holderKey, isSame, type LeaseRecord, type Waiter } from "./record.ts";

/** Which lease is meant. */
export interface LeaseRef {
  readonly scope: string;
  readonly key: string;
}

/** A note outlives its wait by this, so that it ends after the wait on every clock. */
const SPARE_MS = 60_000;
/** Somebody who waits for more than this has left the first of them long ago. */
const MAX_NOTED = 16;
/** How many leases are looked at in search of a circle. */
const MAX_LOOKED_AT = 32;

/** The notes on who waits for what. */
export class Waits {
  readonly #store: StorageAdapter;
  readonly #scope: string;

  constructor(store: StorageAdapter, scope: string) {
    this.#store = store;
    this.#scope = scope;
  }

  /** Notes that a holder waits for a lease, for so many seconds. */
  async add(holder: Holder, ref: LeaseRef, forS: number): Promise<void> {
    const wantedMs = forS * 1000;
    for (;;) {
      const entry = await this.#store.retrieve(this.#scope, keyOf(holder));
      const noted = refsIn(entry?.value ?? null);
      const leftMs = entry ? (entry.expiresAtMs ?? Infinity) - await this.#store.now() : 0;
      if (noted.some((one) => isSameLease(one, ref)) && leftMs >= wantedMs) return;
      const others = noted.filter((one) => !isSameLease(one, ref)).slice(1 - MAX_NOTED);
      const value = [...others, ref].map(({ scope, key }) => ({ scope, key }));
      const ttlMs = Math.ceil(Math.max(wantedMs + SPARE_MS, Math.min(leftMs, MAX_LEFT_MS)));
      const expected = entry?.version ?? "absent";
      if ((await this.#store.store(this.#scope, keyOf(holder), value, { expected, ttlMs })).ok) {
        return;
      }
    }
  }

  /** Notes that a holder waits for a lease no more. */
  async remove(holder: Holder, ref: LeaseRef): Promise<void> {
    for (;;) {
      const entry = await this.#store.retrieve(this.#scope, keyOf(holder));
      const noted = refsIn(entry?.value ?? null);
      const others = noted.filter((one) => !isSameLease(one, ref));
      if (!entry || others.length === noted.length) return;
      const expected = entry.version;
      const value = others.map(({ scope, key }) => ({ scope, key }));
      const ttlMs = Math.max(1, (entry.expiresAtMs ?? 0) - entry.storedAtMs);
      const { ok } = others.length === 0
        ? await this.#store.delete(this.#scope, keyOf(holder), { expected })
        : await this.#store.store(this.#scope, keyOf(holder), value, { expected, ttlMs });
      if (ok) return;
    }
  }

  /** All leases that somebody waits for, each once. */
  async all(): Promise<LeaseRef[]> {
    const found = new Map<string, LeaseRef>();
    for (const [key, { value }] of await this.#store.retrieveAll(this.#scope)) {
      if (!key.startsWith(PREFIX)) continue;
      for (const ref of refsIn(value)) found.set(JSON.stringify([ref.scope, ref.key]), ref);
    }
    return [...found.values()];
  }

  /**
   * Those who wait for each other in a circle, the one who asks among them; none where there is no
   * such circle.
   *
   * @param held What the one who asks waits for.
   * @param inspect Reads a lease as it stands, or null.
   */
  async circle(
    held: LeaseRecord,
    asking: Holder,
    inspect: (ref: LeaseRef) => Promise<LeaseRecord | null>,
  ): Promise<readonly Waiter[]> {
    const looked = new Set<string>();
    const follow = async (
      record: LeaseRecord,
      way: readonly Waiter[],
    ): Promise<readonly Waiter[]> => {
      const { holder } = record;
      if (holder === null) return [];
      if (isSame(holder, asking)) return way;
      for (const ref of await this.#of(holder)) {
        const id = JSON.stringify([ref.scope, ref.key]);
        if (looked.has(id) || looked.size === MAX_LOOKED_AT) continue;
        looked.add(id);
        const next = await inspect(ref);
        // The note may be older than the end of the wait: what counts is the queue.
        const waiter = next?.waiters.find((one) => isSame(one.holder, holder));
        const found = waiter ? await follow(next!, [...way, waiter]) : [];
        if (found.length > 0) return found;
      }
      return [];
    };
    return await follow(held, held.waiters.filter((one) => isSame(one.holder, asking)));
  }

  async #of(holder: Holder): Promise<LeaseRef[]> {
    const entry = await this.#store.retrieve(this.#scope, keyOf(holder));
    return refsIn(entry?.value ?? null);
  }
}

/** A clock that jumped may have left a note with an end far away. */
const MAX_LEFT_MS = 7 * 24 * 3600 * 1000;

/** With its length, since a session's name may hold the slash that parts it from an agent's. */
const PREFIX = "waits ";

function keyOf(holder: Holder): string {
  return `${PREFIX}${holder.session.length} ${holderKey(holder)}`;
}

function isSameLease(one: LeaseRef, other: LeaseRef): boolean {
  return one.scope === other.scope && one.key === other.key;
}

function refsIn(value: Json): LeaseRef[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one) =>
    isObject(one) && typeof one.scope === "string" && typeof one.key === "string"
  );
}
