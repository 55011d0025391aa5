/**
 * Named locks (seed 004): `issue:42`, `wave:5c.1`, `resource:deploy`.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { compileGlob } from "../domain/glob.ts";
import type { Outcome } from "../lease/request.ts";
import { expiresAt, type Holder, holderKey, isSame, type LeaseRecord } from "../lease/record.ts";
import type { LeaseRef, WaitOutcome } from "../lease/leases.ts";
import type { SeenSession } from "../roster/roster.ts";
import { isLongSilent } from "../roster/standing.ts";
import type { Coordination } from "./coordination.ts";
import { noteLock } from "./returning.ts";

/** A lock as it stands. */
export interface LockView {
  readonly name: string;
  readonly record: LeaseRecord;
  readonly holder: Holder;
  /** The holder's session, or null where it never registered. */
  readonly session: SeenSession | null;
  readonly expiresAt: string;
}

/** The answer to a request for a lock. */
export interface LockOutcome {
  readonly outcome: WaitOutcome;
  readonly lock: LockView | null;
  /** Whom it was taken from, and why that was allowed. */
  readonly warning: string | null;
}

/** A lock lasts at least a second, and at most a day (seed 004). */
export const LOCK_TTL_S = { least: 1, most: 86_400 } as const;
/** The longest wait for a lock (seed 004). */
export const MAX_WAIT_S = 3600;

/** The named locks of a project. */
export class Locks {
  readonly #desk: Coordination;

  constructor(coordination: Coordination) {
    this.#desk = coordination;
  }

  /**
   * Acquires a lock, or extends it. A holder that has long been silent and cannot be shown to live is
   * overridden; one that is abandoned is simply released (seed 004's tiers).
   */
  async acquire(
    name: string,
    holder: Holder,
    ttlS: number,
    options: {
      readonly purpose?: string;
      readonly waitMs?: number;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<LockOutcome> {
    const { leases, journal } = this.#desk;
    const { purpose = "", waitMs = 0, signal } = options;
    const request = { holder, ttlS: checkTtl(ttlS), purpose, detail: null };
    const ref = this.#ref(name);
    let outcome: WaitOutcome = await leases.acquire(ref, request);
    const overridden = outcome.ok ? null : await this.#silentHolder(outcome.record, holder);
    if (overridden) outcome = await leases.acquire(ref, { ...request, mayOverride: true });
    else if (!outcome.ok && waitMs > 0) outcome = await leases.wait(ref, request, waitMs, signal);
    let warning: string | null = null;
    if (outcome.ok && overridden && !outcome.extended) {
      const { alias } = overridden.record;
      warning = `taken over from ${alias}, which has been ${overridden.tier} for ${
        Math.round(overridden.quietS / 60)
      } minutes; look whether its work is unfinished`;
      journal.append({ event: "take-over", ...holder, detail: { lock: name, from: alias } });
    }
    const lock = await this.#view(name, outcome.record);
    // Whoever is no session cannot come back, and has no journal.
    if (outcome.ok && lock?.session) noteLock(this.#desk, holder, name, outcome.record.ttl_s);
    return { outcome, lock, warning };
  }

  /** Extends the very grant that a token names, or says how it was lost. */
  renew(name: string, holder: Holder, token: number, ttlS: number): Promise<Outcome> {
    const request = { op: "renew", holder, token, ttlS: checkTtl(ttlS) } as const;
    return this.#desk.leases.act(this.#ref(name), request);
  }

  /** Gives a lock back; with a token only that grant. */
  async release(name: string, holder: Holder, token?: number): Promise<LockOutcome> {
    const outcome = await this.#desk.leases.release(this.#ref(name), holder, token);
    if (outcome.ok && await this.#desk.roster.get(holder.session)) {
      noteLock(this.#desk, holder, name, null);
    }
    return { outcome, lock: await this.#view(name, outcome.record), warning: null };
  }

  /** Ends a lock whoever holds it; journaled, and its holder is told. */
  async force(name: string, by: Holder, reason: string): Promise<LockView | null> {
    const { leases, journal, notices } = this.#desk;
    const lock = await this.check(name);
    if (!lock) return null;
    await leases.act(this.#ref(name), {
      op: "take over",
      holder: by,
      token: lock.record.token,
      reason,
      ttlS: 1,
      purpose: "",
      detail: null,
      onlyEnd: true,
      forced: true,
    });
    const detail = { lock: name, by: holderKey(by), reason };
    journal.append({ event: "force", ...lock.holder, detail });
    await notices.send(lock.holder.session, {
      kind: "forced",
      from: by.session,
      text: `your lock ${name} was released by force: ${reason}`,
    });
    return lock;
  }

  /** A lock that somebody holds, or null. */
  async check(name: string): Promise<LockView | null> {
    const record = await this.#desk.leases.inspect(this.#ref(name));
    return record && this.#view(name, record);
  }

  /** All locks that are held and match a glob, by name. */
  async list(pattern = "*"): Promise<LockView[]> {
    const matches = compileGlob(pattern);
    const { leases, roster, scopes } = this.#desk;
    const found = (await leases.list(scopes.locks)).filter(({ ref }) => matches(ref.key));
    if (found.length === 0) return [];
    // All sessions in one go: there may be as many as locks.
    const sessions = new Map((await roster.list()).map((one) => [one.record.session, one]));
    const now = await leases.now();
    return found.flatMap(({ ref, record }) => {
      const { holder } = record;
      if (holder === null) return [];
      const session = sessions.get(holder.session) ?? null;
      return [{ name: ref.key, record, holder, session, expiresAt: expiresAt(record, now) }];
    });
  }

  async #silentHolder(record: LeaseRecord, holder: Holder): Promise<SeenSession | null> {
    if (!record.holder || isSame(record.holder, holder)) return null;
    const known = await this.#desk.roster.get(record.holder.session);
    return known && isLongSilent(known) ? known : null;
  }

  async #view(name: string, record: LeaseRecord): Promise<LockView | null> {
    const { holder } = record;
    if (holder === null) return null;
    const { leases, roster } = this.#desk;
    return {
      name,
      record,
      holder,
      session: await roster.get(holder.session),
      expiresAt: expiresAt(record, await leases.now()),
    };
  }

  #ref(name: string): LeaseRef {
    return { scope: this.#desk.scopes.locks, key: name };
  }
}

function checkTtl(ttlS: number): number {
  const { least, most } = LOCK_TTL_S;
  if (Number.isSafeInteger(ttlS) && ttlS >= least && ttlS <= most) return ttlS;
  throw new CoordinatorError(
    "invalid_argument",
    `A lock cannot last ${ttlS} s`,
    `Use a whole number of seconds from ${least} to ${most}.`,
  );
}
