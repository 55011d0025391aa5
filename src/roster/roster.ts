/**
 * The sessions of a project, on all its machines.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import type { Json } from "../domain/json.ts";
import { hostname, uptimeSeconds } from "../os/host.ts";
import { probeLife } from "../os/life_file.ts";
import { pidNamespace } from "../os/pid_namespace.ts";
import type { StorageAdapter, Version } from "../storage/adapter.ts";
import { serverNow } from "../storage/server_clock.ts";
import { Aliases } from "./aliases.ts";
import type { Scopes } from "./scopes.ts";
import type { Life, SessionRecord } from "./session_record.ts";
import { type Client, type Known, SessionRecords } from "./session_records.ts";
import {
  isInSight,
  isOfHost,
  type Outlook,
  quietSeconds,
  type Standing,
  standingOf,
  type Tier,
  tierOf,
} from "./standing.ts";

/** A session as found. */
export interface SeenSession {
  readonly record: SessionRecord;
  readonly version: Version;
  /** Whether it is one of this host: it has the same files, and the same uptime. */
  readonly isHere: boolean;
  /** Whether its processes can be seen as well: not where it runs in another container of this host. */
  readonly isInSight: boolean;
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
  /** It was known before, and others may have taken it for dead meanwhile. */
  readonly lapsed?: boolean;
  /** What people are to call it; without it, it gets the lowest free `Session_` number. */
  readonly alias?: string;
}

/** How long sessions may be quiet, in seconds. */
export interface Patience {
  /** From then on a session is stale. */
  readonly timeoutS: number;
  /** How often one that is served gives a sign. */
  readonly beatS: number;
}

/** How a session was registered. */
export interface Registered {
  readonly record: SessionRecord;
  /** What the roster knew of it before, or null where it is new. */
  readonly before: SessionRecord | null;
  /** What else is registered as active for the same client, which has one session at a time. */
  readonly others: readonly SeenSession[];
}

/** Without a lease a sign of life from another host counts until the next one is overdue by this. */
const OVERDUE_S = 60;
/** How long a session that has ended is still shown (seed 003). */
const KEEP_ENDED_MS = 5 * 60_000;
/** A lease that has less left than this, in seconds, counts as lapsed for its own session. */
const SPARE_S = 5;

/** The roster of one project. */
export class Roster {
  readonly #store: StorageAdapter;
  readonly #records: SessionRecords;
  readonly #machine: string;
  readonly #patience: Patience;
  readonly #hostId: () => string | null;
  readonly #pidNamespace: () => string | null;
  readonly #aliases: Aliases;

  /**
   * @param hostId Tells hosts of one name apart; null where the store is of one host.
   * @param namespace Where process numbers count; by default what the system tells.
   */
  constructor(
    store: StorageAdapter,
    scopes: Scopes,
    machine: string,
    patience: Patience,
    hostId: () => string | null = () => null,
    namespace: () => string | null = pidNamespace,
  ) {
    this.#store = store;
    this.#records = new SessionRecords(store, scopes);
    this.#machine = machine;
    this.#patience = patience;
    this.#hostId = hostId;
    this.#pidNamespace = namespace;
    this.#aliases = new Aliases(store, scopes.book);
  }

  /**
   * Registers a session, or takes it up again after a pause, a resume or a compaction.
   *
   * @throws {CoordinatorError} `session_taken` where its id is live in another process.
   */
  async register(wanted: Registration): Promise<Registered> {
    for (;;) {
      const outlook = await this.#outlook();
      const all = await this.#records.all();
      const known = all.get(wanted.session);
      if (known) this.#refuseOther(known, wanted, outlook);
      const goesOn = known?.record.status === "active";
      const alias = goesOn ? known.record.alias : wanted.alias ?? await this.#aliases.claim(
        wanted.session,
        [...all.values()].map(({ record }) => record),
        Math.floor(outlook.storeMs ?? outlook.wallMs),
      );
      const record = this.#recordFor(wanted, known?.record ?? null, alias, outlook);
      if (!await this.#records.write(record, known?.version ?? "absent")) continue;
      if (wanted.clientPid > 0) await this.#records.remember(record);
      const others = [...all.values()].filter((other) =>
        other !== known && other.record.status === "active" && wanted.clientPid > 0 &&
        isOfClient(other.record, wanted.clientPid, outlook)
      );
      return {
        record,
        before: known?.record ?? null,
        others: others.map((other) => this.#seen(other, outlook)),
      };
    }
  }

  /** The session of a client's process that can be seen from here, or null. */
  sessionOf(clientPid: number): Promise<string | null> {
    return this.#records.sessionOf(clientOf(clientPid, this.#here()));
  }

  /**
   * Whether a session is surely the one of a client's process, told by the process's number alone: hooks
   * ask before each edit, and to find out where numbers count can take a process of its own. No two
   * sessions have one id.
   */
  isNoted(session: string, clientPid: number): Promise<boolean> {
    return this.#records.isNoted(session, clientPid);
  }

  /** A session's record, or null. */
  async get(session: string): Promise<SeenSession | null> {
    const outlook = await this.#outlook();
    const known = await this.#records.read(session);
    return known && this.#seen(known, outlook);
  }

  /** All sessions, those that ended lately included, by their start. */
  async list(): Promise<SeenSession[]> {
    const outlook = await this.#outlook();
    const all = [...(await this.#records.all()).values()];
    return all
      .map((known) => this.#seen(known, outlook))
      .sort((one, other) => one.record.started_at < other.record.started_at ? -1 : 1);
  }

  /** Which of some sessions have ended or are proven dead. */
  async deadAmong(sessions: readonly string[]): Promise<ReadonlySet<string>> {
    const outlook = await this.#outlook();
    const all = await this.#records.some(sessions);
    const dead = sessions.filter((session) => {
      const known = all.get(session);
      return known && standingOf(known, outlook) === "dead";
    });
    return new Set(dead);
  }

  /**
   * Changes a session's record; null where there is none, or it has ended.
   *
   * @param change Answers what is different now, or null for nothing.
   * @param version The version that it is about; another one is left alone, and null is answered.
   */
  async update(
    session: string,
    change: (record: SessionRecord) => Partial<SessionRecord> | null,
    version?: Version,
  ): Promise<SessionRecord | null> {
    for (;;) {
      const known = await this.#records.read(session);
      if (!known || known.record.status === "completed") return null;
      if (version !== undefined && known.version !== version) return null;
      const changes = change(known.record);
      if (changes === null) return known.record;
      const next = { ...known.record, ...this.#lapse(known.record), ...changes };
      if (await this.#records.write(next, known.version)) return next;
    }
  }

  /**
   * Gives a sign of life. Where its server has ended alone, nobody renews its lease any more: then
   * it has none.
   */
  beat(session: string, changes: Partial<SessionRecord> = {}): Promise<SessionRecord | null> {
    return this.update(session, (record) => {
      const { life } = record;
      const isProofOver = life?.lease_s !== undefined && this.#isHere(record) &&
        probeLife(life.folder, life.id) === "dead";
      return { ...(isProofOver && { life: null }), ...changes, heartbeat: this.#now() };
    });
  }

  /** Lets a server stand for a session's life. */
  bind(session: string, life: Life): Promise<SessionRecord | null> {
    return this.beat(session, { life });
  }

  /** Takes note that it is being looked into what a session lost; whether that is this caller's to do. */
  async lookInto(session: string): Promise<boolean> {
    let isOurs = false;
    const record = await this.update(session, (record) => {
      isOurs = record.lapsed === true;
      return isOurs ? { lapsed: undefined, heartbeat: this.#now() } : null;
    });
    return record !== null && isOurs;
  }

  /**
   * Marks a session as completed; answers its record, or null where it had ended before.
   *
   * @param seen What it is ended for: where it has changed since, it is left alone.
   */
  async end(session: string, seen?: SeenSession): Promise<SessionRecord | null> {
    const ended_at = new Date().toISOString();
    const isGivenUp = seen?.isInSight === false && seen.standing === "dead";
    const record = await this.update(session, () => ({
      status: "completed",
      ended_at,
      life: null,
      lapsed: undefined,
      ...(isGivenUp && { given_up: true }),
    }), seen?.version);
    if (record && !isGivenUp) await this.#records.forget(record);
    return record;
  }

  /** Takes note that all is freed that some sessions held which were given up. */
  async swept(sessions: readonly SeenSession[]): Promise<void> {
    for (const { record, version } of sessions) {
      await this.#records.write({ ...record, swept: true }, version);
    }
  }

  /**
   * Removes sessions that ended some time ago; answers their records.
   *
   * @param nowMs The time that counts as now; by default the store's.
   */
  async removeEnded(nowMs?: number): Promise<SessionRecord[]> {
    const removed: SessionRecord[] = [];
    const { storeMs, wallMs } = await this.#outlook();
    for (const { record, version, storedAtMs } of (await this.#records.all()).values()) {
      if (record.status !== "completed" || (record.given_up && !record.swept)) continue;
      const endedMs = storeMs === null
        ? Date.parse(record.ended_at ?? record.heartbeat.at)
        : storedAtMs;
      if ((nowMs ?? storeMs ?? wallMs) - endedMs < KEEP_ENDED_MS) continue;
      if (await this.#records.remove(record, version)) removed.push(record);
    }
    return removed;
  }

  /** Asked before what is judged by it is read: whatever delays that, nobody seems older than they are. */
  async #outlook(): Promise<Outlook> {
    const isShared = this.#store.place.reach === "network";
    const storeMs = isShared ? await serverNow(this.#store) : null;
    return { ...this.#here(), uptimeS: uptimeSeconds(), wallMs: Date.now(), storeMs };
  }

  #here() {
    return { host: hostname(), hostId: this.#hostId(), pidNamespace: this.#pidNamespace() };
  }

  #isHere(record: SessionRecord): boolean {
    return isOfHost(record, this.#here());
  }

  /** Marks a session of this host that has not renewed its lease in time. */
  #lapse(record: SessionRecord): Partial<SessionRecord> {
    const leaseS = record.life?.lease_s;
    if (leaseS === undefined || !this.#isHere(record)) return {};
    const quietS = uptimeSeconds() - record.heartbeat.uptime_s;
    return quietS > leaseS - SPARE_S || quietS < 0 ? { lapsed: true } : {};
  }

  /** Two processes with one id would not keep each other out. */
  #refuseOther(known: Known, wanted: Registration, outlook: Outlook): void {
    const { record } = known;
    const standing = standingOf(known, outlook);
    // Without a proof of life: where it can be seen its process runs, or it would be dead; elsewhere
    // only a fresh sign tells.
    const freshS = this.#patience.beatS + OVERDUE_S;
    const mayLive = isInSight(record, outlook)
      ? record.client_pid > 0
      : quietSeconds(known, outlook) < freshS;
    const isOpenElsewhere = standing === "live" || (standing === "unproven" && mayLive);
    if (isOfClient(record, wanted.clientPid, outlook)) return;
    if (record.status !== "active" || !isOpenElsewhere) return;
    throw new CoordinatorError(
      "session_taken",
      `The session ${wanted.session} is already open as ${record.alias}, in process ${record.client_pid} on ${record.host}`,
      "Close one of the two, or start this one anew with `claude --fork-session`: two processes with one id cannot keep out of each other's files.",
    );
  }

  #recordFor(
    wanted: Registration,
    known: SessionRecord | null,
    alias: string,
    outlook: Outlook,
  ): SessionRecord {
    const heartbeat = this.#now();
    const goesOn = known?.status === "active";
    const isSameClient = known !== null && isOfClient(known, wanted.clientPid, outlook);
    const mayHaveLost = wanted.lapsed || known?.lapsed || known?.given_up ||
      (known !== null && this.#lapse(known).lapsed);
    return {
      v: 1,
      session: wanted.session,
      name: known?.name ?? nameOf(wanted.clientPid, heartbeat.at),
      alias,
      host: outlook.host,
      machine: this.#machine,
      ...clientOf(wanted.clientPid, outlook),
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
      ...(mayHaveLost && { lapsed: true }),
    };
  }

  #now() {
    return { at: new Date().toISOString(), uptime_s: uptimeSeconds() };
  }

  #seen(known: Known, outlook: Outlook): SeenSession {
    const { record, version } = known;
    const quietS = quietSeconds(known, outlook);
    return {
      record,
      version,
      isHere: isOfHost(record, outlook),
      isInSight: isInSight(record, outlook),
      standing: standingOf(known, outlook),
      tier: tierOf(quietS, this.#patience.timeoutS),
      quietS,
    };
  }
}

type Here = Pick<Outlook, "host" | "hostId" | "pidNamespace">;

/** A process that can be seen from here, as records and notes tell it. */
function clientOf(client_pid: number, { hostId, pidNamespace }: Here): Client {
  return {
    ...(hostId !== null && { host_id: hostId }),
    client_pid,
    ...(pidNamespace !== null && { pid_namespace: pidNamespace }),
  };
}

/** Whether a session is the one of a process that can be seen from here. */
function isOfClient(record: SessionRecord, clientPid: number, here: Here): boolean {
  return record.client_pid === clientPid && isInSight(record, here);
}

/** Seed 003's name for a session. */
function nameOf(pid: number, at: string): string {
  return `Session_${hostname()}_${pid}_${at.slice(0, 19).replaceAll(/\D/g, "")}`;
}
