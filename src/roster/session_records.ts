/**
 * The records of a project's sessions in its store, and which client's process has which session.
 *
 * @module
 */

import type { Entry, StorageAdapter, Version } from "../storage/adapter.ts";
import type { Scopes } from "./scopes.ts";
import { readSession, sessionJson, type SessionRecord } from "./session_record.ts";
import type { Dated } from "./standing.ts";

/** A record as it was read. */
export interface Known extends Dated {
  readonly version: Version;
}

/** A client's process. */
export type Client = Pick<SessionRecord, "host_id" | "pid_namespace" | "client_pid">;

/** What was read so lately tells who has ended as well as what is read again. */
const RECENT_MS = 20;
/** Asking for more sessions than this one by one takes longer than reading all. */
const FEW = 64;

/** The records of one project. */
export class SessionRecords {
  readonly #store: StorageAdapter;
  readonly #scopes: Scopes;
  #recent: { at: number; records: ReadonlyMap<string, Known> } | null = null;

  constructor(store: StorageAdapter, scopes: Scopes) {
    this.#store = store;
    this.#scopes = scopes;
  }

  /** A session's record, or null. */
  async read(session: string): Promise<Known | null> {
    const entry = await this.#store.retrieve(this.#scopes.sessions, session);
    return entry && knownIn(entry);
  }

  /** All records, by session. */
  async all(): Promise<Map<string, Known>> {
    const found = new Map<string, Known>();
    for (const [session, entry] of await this.#store.retrieveAll(this.#scopes.sessions)) {
      const known = knownIn(entry);
      if (known) found.set(session, known);
    }
    return found;
  }

  /**
   * The records of some sessions at least, as they were a moment ago: whoever looks at many leases in
   * one go asks for each of them.
   */
  async some(sessions: readonly string[]): Promise<ReadonlyMap<string, Known>> {
    const now = performance.now();
    if (this.#recent !== null && now - this.#recent.at <= RECENT_MS) return this.#recent.records;
    // A store on one machine keeps them together: there one costs as much as all.
    if (this.#store.place.reach === "network" && sessions.length <= FEW) {
      const few = await Promise.all(sessions.map((session) => this.read(session)));
      return new Map(few.flatMap((known) => known ? [[known.record.session, known] as const] : []));
    }
    this.#recent = { at: now, records: await this.all() };
    return this.#recent.records;
  }

  /** Writes a record upon the version that it was made of; answers whether that still held. */
  async write(record: SessionRecord, expected: Version | "absent"): Promise<boolean> {
    this.#recent = null;
    const options = { expected, author: record.alias };
    const { sessions } = this.#scopes;
    return (await this.#store.store(sessions, record.session, sessionJson(record), options)).ok;
  }

  /** Removes a record, unless it has changed; answers whether it did. */
  async remove({ session }: SessionRecord, expected: Version): Promise<boolean> {
    return (await this.#store.delete(this.#scopes.sessions, session, { expected })).ok;
  }

  /** The session of a client's process, or null. */
  async sessionOf(client: Client): Promise<string | null> {
    const entry = await this.#store.retrieve(this.#scopes.clients, clientKey(client));
    return typeof entry?.value === "string" ? entry.value : null;
  }

  /** Whether a session is noted for a process of that number, wherever that counts. */
  async isNoted(session: string, clientPid: number): Promise<boolean> {
    // An older csc noted the number alone, which is not looked up any more.
    for (const [key, { value }] of await this.#store.retrieveAll(this.#scopes.clients)) {
      if (value === session && key.endsWith(` ${clientPid}`)) return true;
    }
    return false;
  }

  /** Notes which session a client's process has. */
  async remember(record: SessionRecord): Promise<void> {
    await this.#store.store(this.#scopes.clients, clientKey(record), record.session);
  }

  /** Takes that note back, unless the client has gone on with another session. */
  async forget(record: SessionRecord): Promise<void> {
    const { clients } = this.#scopes;
    const key = clientKey(record);
    const entry = await this.#store.retrieve(clients, key);
    if (entry?.value !== record.session) return;
    await this.#store.delete(clients, key, { expected: entry.version });
  }
}

/** A number alone is no process: other hosts of this name, and other namespaces, have it as well. */
function clientKey({ host_id, pid_namespace, client_pid }: Client): string {
  return [host_id, pid_namespace, client_pid].filter((part) => part !== undefined).join(" ");
}

function knownIn({ value, version, storedAtMs }: Entry): Known | null {
  const record = readSession(value);
  return record && { record, version, storedAtMs };
}
