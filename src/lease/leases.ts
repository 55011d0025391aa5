/**
 * Leases in a store: each is one key, changed by conditional writes only. Under every lock, file
 * reservation and claim.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { sleep } from "../os/sleep.ts";
import { uniqueName } from "../os/unique.ts";
import type { Entry, StorageAdapter, Version } from "../storage/adapter.ts";
import { type AcquireRequest, apply, type Outcome, type Request } from "./apply.ts";
import type { LeaseClock } from "./clock.ts";
import {
  hasExpired,
  type Holder,
  holderKey,
  isSame,
  leaseJson,
  type LeaseRecord,
  type Moment,
  readLease,
  type Waiter,
} from "./record.ts";
import { type OwnEntry, OwnWrites } from "./own_writes.ts";
import { TokenFloor } from "./token_floor.ts";
import { type LeaseRef, Waits } from "./waits.ts";

export type { LeaseRef } from "./waits.ts";

/** A lease as found. */
export interface Found {
  readonly ref: LeaseRef;
  readonly record: LeaseRecord;
  readonly version: Version;
}

/** Which sessions have ended or are proven dead. */
export type Witness = (sessions: readonly string[]) => Promise<ReadonlySet<string>>;

/** What leases need. */
export interface LeasesOptions {
  readonly store: StorageAdapter;
  readonly clock: LeaseClock;
  readonly witness: Witness;
  /** Where tokens that were collected and who waits for what are kept. */
  readonly bookScope: string;
  /** What is stored beside a record, for readers that know nothing of leases. */
  readonly beside?: (record: LeaseRecord) => Record<string, Json>;
  /** Told when a lease passes to somebody who waited. */
  readonly onHandOver?: (ref: LeaseRef, record: LeaseRecord, waiter: Waiter) => Promise<void>;
}

/** The answer to a wait. */
export type WaitOutcome = Outcome | {
  readonly ok: false;
  readonly why: "deadlock" | "timed out";
  readonly record: LeaseRecord;
  readonly place: null;
};

/** What came of a write; where it was refused, with what the lease's key held instead. */
type Written =
  | { readonly isWritten: true }
  | { readonly isWritten: false; readonly current: Entry | null };

const WRITTEN: Written = { isWritten: true };

/** How long an operation goes on racing with others. */
const RACE_MS = 1500;
/** A free lease is kept this long, so that those who lost it learn why. */
const KEEP_FREE_MS = 300_000;
/** How often, and after which pause, somebody in a circle looks whether another has given way. */
const MAX_LOOKS = 5;
const LOOK_MS = 150;

/** The leases of one store. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #waits: Waits;
  readonly #floor: TokenFloor;
  readonly #own = new OwnWrites();

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#waits = new Waits(options.store, options.bookScope);
    this.#floor = new TokenFloor(options.store, options.bookScope);
  }

  /** The moment by the leases' clock. */
  now(): Promise<Moment> {
    return this.#options.clock();
  }

  /**
   * Carries out a request.
   *
   * @param found The lease's entry as it was just read, to spare reading it again.
   * @throws {CoordinatorError} `store_busy` where it could not win a race in time; `store_corrupt`,
   * `store_newer`, and what the store throws.
   */
  async act(ref: LeaseRef, request: Request, found?: Entry | null): Promise<Outcome> {
    const id = uniqueName();
    const deadline = performance.now() + RACE_MS;
    // What one wrote last is as good as read where the outcome is a write: the store takes it only if
    // that is still there. A refusal is never told from memory.
    const own = found === undefined ? this.#own.recall(ref) : undefined;
    let isMemory = own !== undefined;
    let known: OwnEntry | null | undefined = own ?? found;
    for (let tries = 0;; tries++) {
      const entry = known === undefined ? await this.#read(ref) : known;
      const before = entry && readLease(entry.value, `'${ref.key}'`);
      const [moment, floor] = before
        ? [await this.now(), 0]
        : await Promise.all([this.now(), this.#floor.read()]);
      const isAlone = before === null || goesOn(before, request, moment);
      const { outcome, next, handedTo } = apply(before, request, {
        moment,
        isDead: isAlone ? isNobody : await this.#judge([before], request),
        floor,
        request: id,
      });
      if (!next && !isMemory) return outcome;
      known = undefined;
      if (next) {
        const result = await this.#write(ref, entry, next);
        if (result.isWritten) {
          if (handedTo) await this.#options.onHandOver?.(ref, next, handedTo);
          return { ...outcome, record: next };
        }
        known = result.current;
        if (performance.now() > deadline) throw busy(ref);
        // Somebody wrote since we did, which is no race yet.
        if (!isMemory) await sleep(Math.random() * Math.min(50, 2 ** tries));
      }
      isMemory = false;
    }
  }

  /** Acquires, renews or extends. */
  acquire(ref: LeaseRef, request: Omit<AcquireRequest, "op">): Promise<Outcome> {
    return this.act(ref, { op: "acquire", ...request });
  }

  /** Gives a grant back. */
  release(ref: LeaseRef, holder: Holder, token?: number): Promise<Outcome> {
    return this.act(ref, { op: "release", holder, token });
  }

  /**
   * Acquires, joining the queue where it is held, unless those who wait would then wait for each
   * other in a circle: of these, whoever came last gives way.
   */
  async queue(
    ref: LeaseRef,
    request: Omit<AcquireRequest, "op"> & { readonly wait: { forS: number; turnS: number } },
  ): Promise<WaitOutcome> {
    const { holder, wait } = request;
    for (let looks = 1;; looks++) {
      const outcome = await this.acquire(ref, request);
      if (outcome.ok || outcome.place === null) return outcome;
      // Written before looking: of two that close a circle at once, one at least sees it.
      await this.#waits.add(holder, ref, wait.forS);
      const circle = await this.#waits.circle(outcome.record, holder, (one) => this.inspect(one));
      if (circle.length === 0) return outcome;
      // Who came before the last gives way only if that one does not: it may have looked too early.
      if (looks === MAX_LOOKS || cameLast(holder, circle)) {
        return await this.#withdraw(ref, request, "deadlock");
      }
      await sleep(LOOK_MS);
    }
  }

  /** Leaves the queue of a lease. */
  async leaveQueue(ref: LeaseRef, holder: Holder): Promise<Outcome> {
    await this.#waits.remove(holder, ref);
    return await this.act(ref, { op: "leave queue", holder });
  }

  /** Waits for a lease in its queue, up to a time; leaves the queue if it does not come. */
  async wait(
    ref: LeaseRef,
    request: Omit<AcquireRequest, "op" | "wait">,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<WaitOutcome> {
    const deadline = performance.now() + waitMs;
    for (let tries = 0;; tries++) {
      const leftMs = deadline - performance.now();
      const wait = { forS: Math.max(5, Math.ceil(leftMs / 1000)), turnS: POLLED_TURN_S };
      const outcome = await this.queue(ref, { ...request, wait });
      if (outcome.ok) {
        if (tries > 0) await this.#waits.remove(request.holder, ref);
        return outcome;
      }
      if (outcome.place === null) return outcome;
      if (leftMs <= 0 || signal?.aborted) return await this.#giveUp(ref, request, signal);
      const pauseMs = Math.min(LONGEST_PAUSE_MS, 100 * 1.3 ** tries) * (0.75 + Math.random() / 2);
      await sleep(Math.max(1, Math.min(pauseMs, leftMs)), signal);
    }
  }

  /**
   * Ends what time or death has ended of the leases that somebody waits for: whoever is next then
   * learns of it without asking.
   */
  async settleWaited(): Promise<void> {
    for (const ref of await this.#waits.all()) await this.act(ref, { op: "settle" });
  }

  /** A lease as it stands now, with what time and death have ended taken into account; null if unknown. */
  async inspect(ref: LeaseRef): Promise<LeaseRecord | null> {
    const entry = await this.#options.store.retrieve(ref.scope, ref.key);
    if (!entry) return null;
    return await this.settled(readLease(entry.value, `'${ref.key}'`));
  }

  /** All leases of a scope that somebody holds or waits for, in the order of their names. */
  async list(scope: string): Promise<Found[]> {
    const entries = [...await this.#options.store.retrieveAll(scope)];
    const records = entries.map(([key, { value }]) => readLease(value, `'${key}'`));
    const settled = await this.settledAll(records);
    return entries
      .map(([key, { version }], i) => ({ ref: { scope, key }, record: settled[i], version }))
      .filter(({ record }) => record.holder !== null || record.waiters.length > 0);
  }

  /** What a record means now; nothing is written. */
  async settled(record: LeaseRecord): Promise<LeaseRecord> {
    return (await this.settledAll([record]))[0];
  }

  /** The same for several: the witness is asked once for all, and the clock after they were read. */
  async settledAll(records: readonly LeaseRecord[]): Promise<LeaseRecord[]> {
    const request: Request = { op: "settle" };
    const isDead = await this.#judge(records, request);
    const moment = await this.now();
    return records.map((record) =>
      apply(record, request, { moment, isDead, floor: 0, request: record.request }).outcome.record
    );
  }

  /**
   * Ends what time or death has ended, which hands it to those who wait, and removes what has been
   * free for five minutes; tokens go on rising. Records that cannot be read are left alone.
   *
   * @param options `onlyFree`: leaves ending to others, who judge by more than the lease's time.
   * @returns How many were removed.
   */
  async collect(scope: string, options: { onlyFree?: boolean } = {}): Promise<number> {
    const { store } = this.#options;
    const found = [...await store.retrieveAll(scope)].flatMap(([key, entry]) => {
      const record = readLeaseOrNull(entry.value);
      return record ? [{ key, entry, record }] : [];
    });
    const settled = await this.settledAll(found.map(({ record }) => record));
    const { wallMs } = await this.now();
    let collected = 0;
    for (const [i, { key, entry, record }] of found.entries()) {
      if (settled[i] !== record) {
        // Only a stored end has a time from which it can be kept.
        if (!options.onlyFree) await this.act({ scope, key }, { op: "settle" });
        continue;
      }
      const isFree = record.holder === null && record.waiters.length === 0;
      const endedMs = Math.max(Date.parse(record.ended?.at ?? "") || 0, entry.storedAtMs);
      if (!isFree || wallMs - endedMs < KEEP_FREE_MS) continue;
      await this.#floor.raise(record.token);
      const { ok } = await store.delete(scope, key, { expected: entry.version });
      if (ok) collected++;
    }
    return collected;
  }

  /** Leaves the queue, unless the turn has come in this very moment. */
  async #withdraw(
    ref: LeaseRef,
    request: Omit<AcquireRequest, "op">,
    why: "deadlock" | "timed out",
  ): Promise<WaitOutcome> {
    const { holder } = request;
    const { record } = await this.leaveQueue(ref, holder);
    if (isSame(record.holder, holder)) {
      const outcome = await this.acquire(ref, { ...request, wait: undefined });
      if (outcome.ok) return outcome;
    }
    return { ok: false, why, record, place: null };
  }

  /** Ends a wait. Who was called off does not want the turn any more, should it come just then. */
  async #giveUp(
    ref: LeaseRef,
    request: Omit<AcquireRequest, "op" | "wait">,
    signal?: AbortSignal,
  ): Promise<WaitOutcome> {
    const last = await this.#withdraw(ref, request, "timed out");
    if (!last.ok || last.extended || !signal?.aborted) return last;
    const { record } = await this.release(ref, request.holder, last.record.token);
    return { ok: false, why: "timed out", record, place: null };
  }

  #read({ scope, key }: LeaseRef): Promise<Entry | null> {
    return this.#options.store.retrieve(scope, key);
  }

  async #write(ref: LeaseRef, entry: OwnEntry | null, record: LeaseRecord): Promise<Written> {
    const { store, beside } = this.#options;
    const next: LeaseRecord = { ...record, ...beside?.(record) };
    const expected = entry?.version ?? "absent";
    const author = next.holder ? holderKey(next.holder) : undefined;
    const value = leaseJson(next);
    this.#own.forget(ref);
    // An answer may be lost and the write done: then the record names this very request. Where the
    // store itself has tried again, the second try was refused because of the first.
    try {
      const result = await store.store(ref.scope, ref.key, value, { expected, author });
      if (result.ok) this.#own.remember(ref, value, result.version);
      if (result.ok || isWrittenBy(next, result.current)) return WRITTEN;
      return { isWritten: false, current: result.current };
    } catch (error) {
      const now = await this.#read(ref).catch(() => null);
      if (isWrittenBy(next, now)) return WRITTEN;
      throw error;
    }
  }

  /** Asks the witness about those whose death would change the outcome. */
  async #judge(
    records: readonly LeaseRecord[],
    request: Request,
  ): Promise<(one: Holder) => boolean> {
    const asking = "holder" in request ? request.holder.session : null;
    const concerned = records.flatMap(({ holder, waiters }) => [
      ...(holder ? [holder] : []),
      ...waiters.map((one) => one.holder),
    ]);
    const others = new Set(
      concerned.map(({ session }) => session).filter((session) => session !== asking),
    );
    if (others.size === 0) return isNobody;
    const dead = await this.#options.witness([...others]);
    return ({ session }) => dead.has(session);
  }
}

/** Whoever waits sees the death of a holder within two seconds. */
const LONGEST_PAUSE_MS = 1400;
/** How long a turn is kept for a program that asks again every moment. */
const POLLED_TURN_S = 5;

const isNobody = () => false;

/** Whether a holder only goes on with what it has: then nobody else's death matters. */
function goesOn(record: LeaseRecord, request: Request, moment: Moment): boolean {
  const mayEnd = request.op === "release" || request.op === "take over";
  return "holder" in request && !mayEnd && isSame(record.holder, request.holder) &&
    !hasExpired(record, moment);
}

/** Whether somebody came last of those in a circle; where two came at once, names decide. */
function cameLast(holder: Holder, circle: readonly Waiter[]): boolean {
  const order = (one: Waiter) => `${one.since} ${holderKey(one.holder)}`;
  const own = circle.filter((one) => isSame(one.holder, holder)).map(order);
  return circle.every((one) => isSame(one.holder, holder) || own.some((mine) => mine > order(one)));
}

/** Whether an entry is a record that this very request has written. */
function isWrittenBy(next: LeaseRecord, entry: Entry | null): boolean {
  const value = entry?.value ?? null;
  return isObject(value) && value.request === next.request;
}

function readLeaseOrNull(value: Json): LeaseRecord | null {
  try {
    return readLease(value, "");
  } catch {
    return null;
  }
}

function busy(ref: LeaseRef): CoordinatorError {
  return new CoordinatorError(
    "store_busy",
    `Cannot change the lease '${ref.key}' within ${RACE_MS} ms as too many others are at it`,
    "Try again.",
  );
}
