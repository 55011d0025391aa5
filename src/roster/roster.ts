/**
 * The sessions of a project, on all its machines.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { hostname, uptimeSeconds } from "../os/host.ts";
import type { StorageAdapter, Version } from "../storage/adapter.ts";
import type { Scopes } from "./scopes.ts";
import { type Life, readSession, sessionJson, type SessionRecord } from "./session_record.ts";
import { quietSeconds, type Standing, standingOf, type Tier, tierOf } from "./standing.ts";

/** A session as found. */
export interface SeenSession {
  readonly record: SessionRecord;
  readonly version: Version;
  readonly standing: Standing;
  readonly tier: Tier;
  /** How long it has been quiet, in seconds. */
  readonly quietS: number;
}

/** What a session tells of itself when it registers. */
export interface Registration {
  readonly session: string;
  readonly clientPid: number;
  readonly worktree: string;
  readonly branch: string | null;
  readonly head: string | null;
  readonly metadata?: { readonly [key: string]: Json };
  /** What people are to call it; without it, it gets the lowest free `Session_` number. */
  readonly alias?: string;
}

/** How a session was registered. */
export interface Registered {
  readonly record: SessionRecord;
  /** What the roster knew of it before, or null where it is new. */
  readonly before: SessionRecord | null;
}

/** A sign of life from another host counts for this long. */
const FRESH_S = 60;
/** What was read so lately tells who has ended as well as what is read again. */
const RECENT_MS = 20;
/** How long a session that has ended is still shown (seed 003). */
const KEEP_ENDED_MS = 5 * 60_000;

/** The roster of one project. */
export class Roster {
  readonly #store: StorageAdapter;
  readonly #scopes: Scopes;
  readonly #machine: string;
  #recent: { at: number; records: ReadonlyMap<string, { record: SessionRecord }> } | null = null;

  constructor(store: StorageAdapter, scopes: Scopes, machine: string) {
    this.#store = store;
    this.#scopes = scopes;
    this.#machine = machine;
  }

  /**
   * Registers a session, or takes it up again after a pause, a resume or a compaction.
   *
   * @throws {CoordinatorError} `session_taken` where its id is live in another process.
   */
  async register(wanted: Registration): Promise<Registered> {
    for (;;) {
      const all = await this.#records();
      const known = all.get(wanted.session);
      if (known) this.#refuseOther(known.record, wanted);
      const goesOn = known?.record.status === "active";
      const alias = goesOn
        ? known.record.alias
        : wanted.alias ?? await this.#claimAlias(wanted.session, all);
      const record = this.#recordFor(wanted, known?.record ?? null, alias);
      if (!await this.#write(record, known?.version ?? "absent")) continue;
      if (wanted.clientPid > 0) await this.#remember(wanted.clientPid, wanted.session);
      return { record, before: known?.record ?? null };
    }
  }

  /** The session of a client's process on this machine, or null. */
  async sessionOf(clientPid: number): Promise<string | null> {
    const entry = await this.#store.retrieve(this.#scopes.clients, String(clientPid));
    return typeof entry?.value === "string" ? entry.value : null;
  }

  /** A session's record, or null. */
  async get(session: string): Promise<SeenSession | null> {
    const entry = await this.#store.retrieve(this.#scopes.sessions, session);
    const record = entry && readSession(entry.value);
    return record && this.#seen(record, entry.version);
  }

  /** All sessions, those that ended lately included, by their start. */
  async list(): Promise<SeenSession[]> {
    const all = [...(await this.#records()).values()];
    return all
      .map(({ record, version }) => this.#seen(record, version))
      .sort((one, other) => one.record.started_at < other.record.started_at ? -1 : 1);
  }

  /** Which of some sessions have ended or are proven dead. */
  async deadAmong(sessions: readonly string[]): Promise<ReadonlySet<string>> {
    const all = await this.#recentRecords();
    const dead = sessions.filter((session) => {
      const known = all.get(session);
      return known && this.#standing(known.record) === "dead";
    });
    return new Set(dead);
  }

  /**
   * Changes a session's record; null where there is none, or it has ended.
   *
   * @param change Answers what is different now, or null for nothing.
   */
  async update(
    session: string,
    change: (record: SessionRecord) => Partial<SessionRecord> | null,
  ): Promise<SessionRecord | null> {
    for (;;) {
      const entry = await this.#store.retrieve(this.#scopes.sessions, session);
      const record = entry && readSession(entry.value);
      if (!record || record.status === "completed") return null;
      const changes = change(record);
      if (changes === null) return record;
      const next = { ...record, ...changes };
      if (await this.#write(next, entry.version)) return next;
    }
  }

  /** Gives a sign of life. */
  beat(session: string, changes: Partial<SessionRecord> = {}): Promise<SessionRecord | null> {
    return this.update(session, () => ({ ...changes, heartbeat: this.#now() }));
  }

  /** Lets a server stand for a session's life. */
  bind(session: string, life: Life): Promise<SessionRecord | null> {
    return this.beat(session, { life });
  }

  /** Marks a session as completed; answers its record, or null where it had ended before. */
  async end(session: string): Promise<SessionRecord | null> {
    const ended_at = new Date().toISOString();
    const record = await this.update(
      session,
      () => ({ status: "completed", ended_at, life: null }),
    );
    if (record) await this.#forget(record);
    return record;
  }

  /** Removes sessions that ended some time ago; answers their records. */
  async removeEnded(nowMs: number = Date.now()): Promise<SessionRecord[]> {
    const removed: SessionRecord[] = [];
    for (const { record, version } of (await this.#records()).values()) {
      if (record.status !== "completed") continue;
      if (nowMs - Date.parse(record.ended_at ?? record.heartbeat.at) < KEEP_ENDED_MS) continue;
      const { sessions } = this.#scopes;
      const { ok } = await this.#store.delete(sessions, record.session, { expected: version });
      if (ok) removed.push(record);
    }
    return removed;
  }

  async #records(): Promise<Map<string, { record: SessionRecord; version: Version }>> {
    const found = new Map<string, { record: SessionRecord; version: Version }>();
    for (const [session, entry] of await this.#store.retrieveAll(this.#scopes.sessions)) {
      const record = readSession(entry.value);
      if (record) found.set(session, { record, version: entry.version });
    }
    return found;
  }

  /** Whoever looks at many leases in one go asks for each of them. */
  async #recentRecords(): Promise<ReadonlyMap<string, { record: SessionRecord }>> {
    const now = performance.now();
    if (this.#recent === null || now - this.#recent.at > RECENT_MS) {
      this.#recent = { at: now, records: await this.#records() };
    }
    return this.#recent.records;
  }

  async #write(record: SessionRecord, expected: Version | "absent"): Promise<boolean> {
    this.#recent = null;
    const { sessions } = this.#scopes;
    const options = { expected, author: record.alias };
    return (await this.#store.store(sessions, record.session, sessionJson(record), options)).ok;
  }

  async #remember(clientPid: number, session: string): Promise<void> {
    await this.#store.store(this.#scopes.clients, String(clientPid), session);
  }

  async #forget({ client_pid, session }: SessionRecord): Promise<void> {
    const { clients } = this.#scopes;
    const entry = await this.#store.retrieve(clients, String(client_pid));
    if (entry?.value !== session) return; // the client has gone on with another session
    await this.#store.delete(clients, String(client_pid), { expected: entry.version });
  }

  /** Two processes with one id would not keep each other out. */
  #refuseOther(known: SessionRecord, wanted: Registration): void {
    const isHere = known.host === hostname();
    const isSameClient = known.client_pid === wanted.clientPid && isHere;
    const standing = this.#standing(known);
    // Without a proof of life: on this host its process runs, or it would be dead; elsewhere only a
    // fresh sign tells.
    const mayLive = isHere
      ? known.client_pid > 0
      : quietSeconds(known, Date.now(), hostname(), uptimeSeconds()) < FRESH_S;
    const isOpenElsewhere = standing === "live" || (standing === "unproven" && mayLive);
    if (isSameClient || known.status !== "active" || !isOpenElsewhere) return;
    throw new CoordinatorError(
      "session_taken",
      `The session ${wanted.session} is already open as ${known.alias}, in process ${known.client_pid} on ${known.host}`,
      "Close one of the two, or start this one anew with `claude --fork-session`: two processes with one id cannot keep out of each other's files.",
    );
  }

  #recordFor(
    wanted: Registration,
    known: SessionRecord | null,
    alias: string,
  ): SessionRecord {
    const heartbeat = this.#now();
    const goesOn = known?.status === "active";
    const isSameClient = known?.client_pid === wanted.clientPid;
    return {
      v: 1,
      session: wanted.session,
      name: known?.name ?? nameOf(wanted.clientPid, heartbeat.at),
      alias,
      host: hostname(),
      machine: this.#machine,
      client_pid: wanted.clientPid,
      worktree: wanted.worktree,
      branch: wanted.branch,
      head: wanted.head,
      status: "active",
      started_at: known?.started_at ?? heartbeat.at,
      ended_at: null,
      life: goesOn && isSameClient ? known.life : null,
      heartbeat,
      last_activity: heartbeat.at,
      metadata: { ...known?.metadata, ...wanted.metadata },
      seen_until: known?.seen_until ?? heartbeat.at,
      ...(known?.idle !== undefined && { idle: known.idle }),
    };
  }

  /** Sessions that start at once read the same roster: so an alias is claimed by a write of its own. */
  async #claimAlias(
    session: string,
    all: ReadonlyMap<string, { readonly record: SessionRecord }>,
  ): Promise<string> {
    const { book } = this.#scopes;
    const taken = [...all.values()].flatMap(({ record }) =>
      record.session === session ? [] : [record.alias]
    );
    for (;;) {
      const entry = await this.#store.retrieve(book, ALIASES_KEY);
      const claims = freshClaims(entry?.value ?? null);
      const others = claims.filter((one) => one.session !== session);
      const alias = freeAlias([...taken, ...others.map((one) => one.alias)]);
      const next: Json[] = [...others, { alias, session, at_ms: Date.now() }];
      const expected = entry?.version ?? "absent";
      if ((await this.#store.store(book, ALIASES_KEY, next, { expected })).ok) return alias;
    }
  }

  #now() {
    return { at: new Date().toISOString(), uptime_s: uptimeSeconds() };
  }

  #seen(record: SessionRecord, version: Version): SeenSession {
    const quietS = quietSeconds(record, Date.now(), hostname(), uptimeSeconds());
    return { record, version, standing: this.#standing(record), tier: tierOf(quietS), quietS };
  }

  #standing(record: SessionRecord): Standing {
    return standingOf(record, hostname(), uptimeSeconds());
  }
}

/** Seed 003's name for a session. */
function nameOf(pid: number, at: string): string {
  return `Session_${hostname()}_${pid}_${at.slice(0, 19).replaceAll(/\D/g, "")}`;
}

/** Where the aliases are claimed of sessions that are about to be in the roster. */
const ALIASES_KEY = "aliases";
/** By then they are there. */
const CLAIM_MS = 60_000;

function freshClaims(value: Json): { alias: string; session: string; at_ms: number }[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one) => {
    if (!isObject(one)) return [];
    const { alias, session, at_ms } = one;
    const isClaim = typeof alias === "string" && typeof session === "string" &&
      typeof at_ms === "number" && Math.abs(Date.now() - at_ms) < CLAIM_MS;
    return isClaim ? [{ alias, session, at_ms }] : [];
  });
}

/** The lowest number that no session has, those that ended lately included. */
function freeAlias(taken: readonly string[]): string {
  const aliases = new Set(taken);
  for (let number = 1;; number++) {
    if (!aliases.has(`Session_${number}`)) return `Session_${number}`;
  }
}
