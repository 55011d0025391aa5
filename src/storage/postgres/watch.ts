/**
 * `watch` by LISTEN: one connection for all watches of a client. What a notice may have missed, while the
 * connection was broken, is found by comparing versions.
 *
 * @module
 */

import type { Matcher } from "../../domain/glob.ts";
import { sleep } from "../../os/sleep.ts";
import type { Change, Version } from "../adapter.ts";
import { type Place, storeError } from "./fault.ts";
import type { Link } from "./link.ts";
import { splitTexts, unescapeText } from "./names.ts";
import type { Pool } from "./pool.ts";
import { channelOf } from "./schema_sql.ts";

/** How often we make sure that a connection still carries something. */
const PING_MS = 2000;
const ANSWER_MS = 1500;
/** How long until the next try where the server cannot be reached. */
const PAUSE_MS = 500;

/** What a key is called among those that are known: the parts cannot meet. */
type KeyId = string;

/** All versions that there are, also of entries whose time is up: expiry is not reported. */
type Snapshot = ReadonlyMap<KeyId, Change & { readonly version: Version }>;

/** The watches of one client. */
export class Watches {
  readonly #pool: Pool;
  readonly #place: Place;
  readonly #watches = new Set<Watch>();
  readonly #closing = new AbortController();
  #link: Link | null = null;
  /** The connection that is being made. */
  #connecting: Promise<Link> | null = null;
  #isKept = false;

  constructor(pool: Pool, place: Place) {
    this.#pool = pool;
    this.#place = place;
  }

  /**
   * Begins a watch.
   *
   * @param deadline By when it has to have begun, as `performance.now()` tells time.
   * @throws {CoordinatorError} Where the server cannot be reached.
   */
  async add(
    matches: Matcher,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Change>> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const watch = new Watch(matches, stop, () => this.#remove(watch));
    if (stop.aborted) return watch.changes;
    this.#watches.add(watch);
    try {
      if (!this.#link?.isOpen) await this.#connect(deadline);
      if (!watch.isReady) watch.meet(await this.#snapshot(deadline));
    } catch (error) {
      this.#remove(watch);
      throw storeError(this.#place, null, error);
    }
    return watch.changes;
  }

  /** Ends all watches. */
  close(): void {
    this.#closing.abort();
    this.#link?.destroy();
  }

  #remove(watch: Watch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    this.#link?.close();
    this.#link = null;
  }

  #connect(deadline: number): Promise<Link> {
    this.#connecting ??= this.#listen(deadline).finally(() => this.#connecting = null);
    return this.#connecting;
  }

  /** Listens, and tells the watches what has changed since they last heard. */
  async #listen(deadline: number): Promise<Link> {
    const link = await this.#pool.connect(deadline, (payload) => this.#tell(payload));
    try {
      await link.run(`LISTEN "${channelOf(this.#place.schema)}"`, [], deadline);
      const snapshot = await this.#snapshot(deadline);
      for (const watch of this.#watches) watch.meet(snapshot);
    } catch (error) {
      link.destroy();
      throw error;
    }
    this.#link = link;
    this.#keep();
    return link;
  }

  /** Sees to it that there is a connection, until nobody watches any more. */
  async #keep(): Promise<void> {
    if (this.#isKept) return;
    this.#isKept = true;
    while (this.#watches.size > 0 && !this.#closing.signal.aborted) {
      if (this.#link?.isOpen) {
        await this.#ping(this.#link);
        continue;
      }
      try {
        await this.#connect(performance.now() + ANSWER_MS);
      } catch {
        // Whoever uses the store learns of it there.
        await sleep(PAUSE_MS, this.#closing.signal);
      }
    }
    this.#isKept = false;
    if (this.#watches.size === 0) this.#link?.close();
  }

  /**
   * Waits a while, or until the connection ends; then makes sure that it carries something. A pooler that
   * hands out connections by transaction carries no notices: there, versions are compared each time.
   */
  async #ping(link: Link): Promise<void> {
    await Promise.race([link.ended, sleep(PING_MS, this.#closing.signal)]);
    if (!link.isOpen || this.#closing.signal.aborted) return;
    const deadline = performance.now() + ANSWER_MS;
    try {
      if (this.#place.address.prepare) await link.run("SELECT 1", [], deadline);
      else {
        const snapshot = await this.#snapshot(deadline);
        for (const watch of this.#watches) watch.meet(snapshot);
      }
    } catch {
      link.destroy();
    }
  }

  #tell(payload: string): void {
    const [version, scope = "", key = ""] = splitTexts(payload);
    const change = { scope, key, version: (version || null) as Version | null };
    for (const watch of this.#watches) watch.tell(change);
  }

  /** Every key and its version. */
  async #snapshot(deadline: number): Promise<Snapshot> {
    const text =
      `SELECT coalesce(long_scope, scope) AS scope, coalesce(long_key, key) AS key, version
      FROM "${this.#place.schema}".entry WHERE version IS NOT NULL`;
    const rows = await this.#pool.use(deadline, (link) => link.run(text, [], deadline));
    return new Map(rows.map((row) => {
      const scope = unescapeText(row.scope as string);
      const key = unescapeText(row.key as string);
      return [idOf(scope, key), { scope, key, version: row.version as Version }];
    }));
  }
}

/** One watch: what it knows, and whom it tells. */
class Watch {
  readonly changes: AsyncIterable<Change>;
  readonly #matches: Matcher;
  readonly #known = new Map<KeyId, Change>();
  #early: Change[] | null = [];
  #controller!: ReadableStreamDefaultController<Change>;

  constructor(matches: Matcher, stop: AbortSignal, onEnd: () => void) {
    this.#matches = matches;
    const end = () => {
      leave();
      this.#controller.close();
    };
    const leave = () => {
      stop.removeEventListener("abort", end);
      onEnd();
    };
    this.changes = new ReadableStream<Change>({
      start: (controller) => {
        this.#controller = controller;
        if (stop.aborted) controller.close();
        else stop.addEventListener("abort", end);
      },
      cancel: leave,
    });
  }

  /** Whether it knows from where it compares. */
  get isReady(): boolean {
    return this.#early === null;
  }

  /** Takes what there is for known the first time, and then reports what differs from what is known. */
  meet(snapshot: Snapshot): void {
    if (this.#early === null) return this.#compare(snapshot);
    for (const [id, change] of snapshot) {
      if (this.#matches(change.scope)) this.#known.set(id, change);
    }
    const early = this.#early;
    this.#early = null;
    for (const change of early) this.tell(change);
  }

  /** Reports a change, unless it is known. */
  tell(change: Change): void {
    if (!this.#matches(change.scope)) return;
    if (this.#early) return void this.#early.push(change);
    const id = idOf(change.scope, change.key);
    if ((this.#known.get(id)?.version ?? null) === change.version) return;
    if (change.version === null) this.#known.delete(id);
    else this.#known.set(id, change);
    this.#controller.enqueue(change);
  }

  #compare(snapshot: Snapshot): void {
    for (const [id, change] of [...this.#known]) {
      if (!snapshot.has(id)) this.tell({ ...change, version: null });
    }
    for (const change of snapshot.values()) this.tell(change);
  }
}

function idOf(scope: string, key: string): KeyId {
  return `${scope.length}:${scope}${key}`;
}
