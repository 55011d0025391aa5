/**
 * File reservations: a lease for each path in each working tree. All reservations of one path, in
 * whatever tree, share a scope, so that one read shows them all.
 *
 * @module
 */

import { type Coordination, type FilePlace, placeIn } from "./coordination.ts";
import type { Json } from "../domain/json.ts";
import type { JournalEvent } from "../journal/journal.ts";
import type { AcquireRequest, Outcome } from "../lease/apply.ts";
import type { LeaseRef, WaitOutcome } from "../lease/leases.ts";
import { type Holder, isSame, type LeaseRecord, readLease } from "../lease/record.ts";
import type { Entry } from "../storage/adapter.ts";

/** A reservation with its file. */
export interface HeldFile extends FilePlace {
  readonly machine: string;
  readonly record: LeaseRecord;
}

/** What is asked when a file is reserved. */
export interface ReserveOptions {
  readonly ttlS: number;
  readonly purpose: string;
  /** Snapshot of the file as it is before the edit. */
  readonly before: string | null;
  readonly tool: string;
  /** Takes it from whoever has it; see `AcquireRequest`. */
  readonly mayOverride?: boolean;
  /** Joins the queue: for how long, and how long its turn is kept. */
  readonly wait?: AcquireRequest["wait"];
  /** The entry as {@linkcode Reservations.look} found it just now. */
  readonly found?: Entry | null;
}

/** The file reservations of a project. */
export class Reservations {
  readonly #desk: Coordination;

  constructor(coordination: Coordination) {
    this.#desk = coordination;
  }

  /** The lease of a file; on this machine where no other is named. */
  refOf({ tree, path, machine = this.#desk.machine }: FilePlace & { machine?: string }): LeaseRef {
    const { scopes } = this.#desk;
    return { scope: scopes.file(path), key: `${machine}:${tree}`.slice(-MAX_KEY).toWellFormed() };
  }

  /** Reserves a file for an edit that is about to happen. */
  async reserve(place: FilePlace, holder: Holder, options: ReserveOptions): Promise<WaitOutcome> {
    const { leases, journal } = this.#desk;
    const { ttlS, purpose, mayOverride, wait, before, tool, found } = options;
    const detail: Json = { tree: place.tree, path: place.path, before, tool };
    const request = { holder, ttlS, purpose, detail, busy: true, mayOverride };
    const ref = this.refOf(place);
    const outcome = wait
      ? await leases.queue(ref, { ...request, wait })
      : await leases.act(ref, { op: "acquire", ...request }, found);
    if (outcome.ok) {
      const { token } = outcome.record;
      journal.append({ event: "reserve", ...holder, ...placeOnly(place), tool, token, before });
    }
    return outcome;
  }

  /** Waits in a file's queue until it is the holder's turn, up to a time; then leaves the queue. */
  async wait(
    place: FilePlace,
    holder: Holder,
    options: Pick<ReserveOptions, "ttlS" | "purpose" | "tool">,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<WaitOutcome> {
    const { leases, journal } = this.#desk;
    const { ttlS, purpose, tool } = options;
    const detail: Json = { tree: place.tree, path: place.path, before: null, tool };
    const request = { holder, ttlS, purpose, detail };
    const outcome = await leases.wait(this.refOf(place), request, waitMs, signal);
    if (outcome.ok) {
      const { token } = outcome.record;
      journal.append({ event: "reserve", ...holder, ...placeOnly(place), tool, token });
    }
    return outcome;
  }

  /** The reservation of a file as it stands, or null. */
  inspect(place: FilePlace): Promise<LeaseRecord | null> {
    return this.#desk.leases.inspect(this.refOf(place));
  }

  /** Notes that an edit was made; refused where the reservation was lost meanwhile. */
  used(place: FilePlace, holder: Holder): Promise<Outcome> {
    return this.#desk.leases.act(this.refOf(place), { op: "mark", holder, mark: "used" });
  }

  /** Notes that an edit did not happen: a reservation that was never used ends. */
  async unused(place: FilePlace, holder: Holder): Promise<void> {
    const { leases } = this.#desk;
    const outcome = await leases.act(this.refOf(place), { op: "mark", holder, mark: "unused" });
    if (outcome.ok && outcome.record.uses === 0) await this.release(place, holder, "never used");
  }

  /** Gives a file back, or to another holder of the same session; `token`: that grant only. */
  async release(
    place: FilePlace,
    holder: Holder,
    why: string,
    { to, token }: { readonly to?: Holder; readonly token?: number } = {},
  ): Promise<Outcome> {
    const { leases, journal } = this.#desk;
    const outcome = await leases.act(this.refOf(place), { op: "release", holder, to, token });
    if (outcome.ok) {
      journal.append({ event: "release", ...holder, ...placeOnly(place), detail: why });
      // What went back to the parent is the session's own again, and must be found as such.
      const { holder: now, token } = outcome.record;
      if (now?.session === holder.session && !isSame(now, holder)) {
        journal.append({ event: "reserve", ...now, ...placeOnly(place), token });
      }
    }
    return outcome;
  }

  /**
   * One look at a path: its entry in this tree, to reserve it with, and where another session has it
   * in another tree.
   */
  async look(
    place: FilePlace,
    session: string,
  ): Promise<{ own: Entry | null; elsewhere: HeldFile[] }> {
    const { scope, key: ownKey } = this.refOf(place);
    const entries = await this.#desk.store.retrieveAll(scope);
    const elsewhere = await this.#heldIn(
      entries,
      (key, { holder }) => key !== ownKey && holder?.session !== session,
    );
    return { own: entries.get(ownKey) ?? null, elsewhere };
  }

  /**
   * What a session and its sub-agents hold on this machine, as its journal says and the leases
   * confirm.
   *
   * @param agent Only what this sub-agent of it holds.
   */
  async ofSession(session: string, agent?: string): Promise<HeldFile[]> {
    const { journal, machine } = this.#desk;
    const found: HeldFile[] = [];
    const events = journal.read(session);
    const theirs = agent === undefined ? events : events.filter((one) => one.agent === agent);
    for (const place of openPlaces(theirs)) {
      const record = await this.inspect(place);
      if (record?.holder?.session === session) found.push({ ...place, machine, record });
    }
    return found;
  }

  /** Those of a session that its journal does not show as used since they were last asked for. */
  async unusedOf(session: string): Promise<HeldFile[]> {
    const { journal, machine } = this.#desk;
    const found: HeldFile[] = [];
    for (const place of openPlaces(journal.read(session), "edit")) {
      const record = await this.inspect(place);
      if (record?.holder?.session === session) found.push({ ...place, machine, record });
    }
    return found;
  }

  /** What a session's journal shows as reserved and not given back, whether it goes on or has ended. */
  keptBy(session: string): FilePlace[] {
    return openPlaces(this.#desk.journal.read(session));
  }

  /**
   * Gives back what a session and its sub-agents have of a file, also where the session has ended:
   * then the file counts as free already, but whoever waits for it has not been told.
   *
   * @param isOver Whether it still is to be given back; asked after a grant was read.
   * @returns Whether there was anything to give back.
   */
  async releaseKept(
    place: FilePlace,
    session: string,
    why: string,
    isOver: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<boolean> {
    const { store } = this.#desk;
    const { scope, key } = this.refOf(place);
    // What a sub-agent has borrowed goes back to its parent first.
    for (let released = false;; released = true) {
      const entry = await store.retrieve(scope, key);
      const lease = entry && readLease(entry.value, `'${key}'`);
      if (lease?.holder?.session !== session || !await isOver()) return released;
      const { holder, token } = lease;
      if (!(await this.release(place, holder, why, { token })).ok) return released;
    }
  }

  /** Frees what some sessions, and their sub-agents, have in a scope of files, on any machine. */
  async releaseIn(
    scope: string,
    sessions: ReadonlySet<string>,
    isOver: (session: string) => Promise<boolean>,
  ): Promise<void> {
    const { leases, store } = this.#desk;
    // Again where something went back to a parent that is to lose it as well.
    for (let isChanged = true; isChanged;) {
      isChanged = false;
      for (const [key, { value }] of await store.retrieveAll(scope)) {
        const { holder, token } = readLease(value, `'${key}'`);
        if (holder === null || !sessions.has(holder.session)) continue;
        if (!await isOver(holder.session)) continue;
        const { ok } = await leases.release({ scope, key }, holder, token);
        isChanged ||= ok;
      }
    }
  }

  /** All reservations of the project, on all its machines. */
  async all(): Promise<HeldFile[]> {
    const { store, scopes } = this.#desk;
    return await this.#inScopes(await store.listScopes(scopes.filePattern));
  }

  /**
   * Those that somebody who looks for other work has to know: all, or where there are many the nearest
   * to a file, if one is named.
   */
  async near(place?: FilePlace): Promise<HeldFile[]> {
    const { store, scopes } = this.#desk;
    const found = await store.listScopes(scopes.filePattern);
    if (found.length <= MAX_NEAR) return await this.#inScopes(found);
    const top = (one: string | null) => one?.split("/")[0];
    const near = place
      ? found.filter((scope) => top(scopes.pathOf(scope)) === top(place.path))
      : found;
    return await this.#inScopes(near.slice(0, MAX_NEAR));
  }

  /**
   * What a session holds on this machine, the latest first, up to a number; and how many there may be
   * beside, as its journal says.
   */
  async latestOf(session: string, most: number): Promise<{ held: HeldFile[]; others: number }> {
    const { journal, machine } = this.#desk;
    const places = openPlaces(journal.read(session)).reverse();
    const held: HeldFile[] = [];
    let looked = 0;
    // What has run out is in the journal still.
    for (; looked < places.length && held.length < most && looked < MAX_NEAR; looked++) {
      const record = await this.inspect(places[looked]);
      if (record?.holder?.session === session) held.push({ ...places[looked], machine, record });
    }
    return { held, others: places.length - looked };
  }

  async #inScopes(scopes: readonly string[]): Promise<HeldFile[]> {
    const found: HeldFile[] = [];
    for (const scope of scopes) {
      found.push(...await this.#inScope(scope));
    }
    return found.sort((one, other) => one.path < other.path ? -1 : 1);
  }

  async #inScope(scope: string): Promise<HeldFile[]> {
    return await this.#heldIn(await this.#desk.store.retrieveAll(scope), () => true);
  }

  async #heldIn(
    entries: ReadonlyMap<string, Entry>,
    isWanted: (key: string, record: LeaseRecord) => boolean,
  ): Promise<HeldFile[]> {
    const wanted = [...entries]
      .map(([key, { value }]) => ({ key, stored: readLease(value, `'${key}'`) }))
      .filter(({ key, stored }) => isWanted(key, stored));
    if (wanted.length === 0) return [];
    const settled = await this.#desk.leases.settledAll(wanted.map(({ stored }) => stored));
    return settled.flatMap((record, i): HeldFile[] => {
      const { key } = wanted[i];
      const { tree, path } = placeIn(record);
      if (record.holder === null || tree === undefined || path === undefined) return [];
      const machine = key.slice(0, Math.max(0, key.length - tree.length - 1));
      return [{ tree, path, machine, record }];
    });
  }
}

const MAX_KEY = 1000;
/** Reading more than this for a suggestion would take longer than the suggestion is worth. */
const MAX_NEAR = 200;

function placeOnly({ tree, path }: FilePlace): FilePlace {
  return { tree, path };
}

/**
 * The files that a session's journal shows as reserved and not given back.
 *
 * @param closing Another event after which a file is not among them.
 */
export function openPlaces(events: readonly JournalEvent[], closing?: string): FilePlace[] {
  const open = new Map<string, FilePlace>();
  for (const { event, tree, path } of events) {
    if (tree === undefined || path === undefined) continue;
    const id = `${tree}\0${path}`;
    if (event === "reserve" || event === "hand-over") open.set(id, { tree, path });
    if (event === "release" || event === "force" || event === closing) open.delete(id);
  }
  return [...open.values()];
}
