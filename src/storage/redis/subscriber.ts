/**
 * Changes as Redis' channel tells them, on a connection of its own. What a channel says while nobody
 * listens is lost; so after a connection has broken, versions are compared with those known before.
 *
 * @module
 */

import type { Matcher } from "../../domain/glob.ts";
import { sleep } from "../../os/sleep.ts";
import type { Change, Version } from "../adapter.ts";
import type { Connection } from "./connection.ts";
import type { Link } from "./link.ts";
import { inTime } from "./timeouts.ts";

/** What a store lets a subscriber look at. */
export interface Sight {
  scopes(matches: Matcher): Promise<readonly string[]>;
  versions(scope: string): Promise<ReadonlyMap<string, Version>>;
}

/** The pause before a connection is tried again. */
const PAUSE_MS = 500;

/** Listens to a channel as long as somebody watches. */
export class Subscriber {
  readonly #connection: Connection;
  readonly #channel: string;
  readonly #sight: Sight;
  readonly #closing = new AbortController();
  readonly #watches = new Set<Watch>();
  #link: Link | null = null;
  /** Resolves once the link is subscribed. */
  #subscribed: Promise<void> = Promise.resolve();

  constructor(connection: Connection, channel: string, sight: Sight) {
    this.#connection = connection;
    this.#channel = channel;
    this.#sight = sight;
  }

  /**
   * Watches the scopes that match.
   *
   * @throws {CoordinatorError} `store_unreachable`, `store_io`.
   */
  async watch(matches: Matcher, signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const watch = new Watch(matches, this.#sight, stop, (ended) => this.#leave(ended));
    if (stop.aborted) return watch.changes;
    this.#watches.add(watch);
    try {
      await this.#listen();
      await watch.begin();
    } catch (error) {
      watch.end();
      if (!stop.aborted) throw error;
    }
    return watch.changes;
  }

  /** Ends all watches and the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#link?.end();
  }

  #leave(watch: Watch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    void this.#link?.end();
    this.#link = null;
  }

  /** Subscribes, unless it is subscribed. */
  async #listen(): Promise<void> {
    for (let left = this.#connection.listeners - 1;; left--) {
      if (!this.#link?.isUsable) {
        const link = this.#connection.openListener();
        this.#link = link;
        this.#subscribed = this.#subscribe(link);
      }
      try {
        return await this.#subscribed;
      } catch (error) {
        if (left <= 0) throw error;
      }
    }
  }

  async #subscribe(link: Link): Promise<void> {
    const until = this.#connection.until();
    try {
      await inTime(until, link.ready);
      link.client.on("message", (_channel: string, text: string) => this.#take(text));
      await inTime(until, link.client.subscribe(this.#channel));
    } catch (error) {
      void link.end();
      throw this.#connection.explain(link.error ?? error);
    }
    void link.ended.then(() => this.#link === link ? this.#listenAgain() : undefined);
  }

  /** After the connection broke: until it is back, or nobody watches any more. */
  async #listenAgain(): Promise<void> {
    while (this.#watches.size > 0 && !this.#closing.signal.aborted) {
      try {
        await this.#listen();
        await Promise.all([...this.#watches].map((watch) => watch.catchUp()));
        return;
      } catch {
        await sleep(PAUSE_MS, this.#closing.signal);
      }
    }
  }

  #take(text: string): void {
    const change = parseChange(text);
    if (!change) return;
    for (const watch of this.#watches) watch.take(change);
  }
}

/** A message of the channel; null for what no csc has sent. */
function parseChange(text: string): Change | null {
  try {
    const parts: unknown = JSON.parse(text);
    if (!Array.isArray(parts)) return null;
    const [scope, key, version = null] = parts;
    return typeof scope === "string" && typeof key === "string" ? { scope, key, version } : null;
  } catch {
    return null;
  }
}

/** One caller's watch. */
class Watch {
  readonly changes: ReadableStream<Change>;
  readonly #matches: Matcher;
  readonly #sight: Sight;
  /** The versions known, by scope and key. */
  readonly #known = new Map<string, Change>();
  #controller: ReadableStreamDefaultController<Change> | null = null;
  readonly #onEnd: (watch: Watch) => void;
  readonly #stop: AbortSignal;

  constructor(matches: Matcher, sight: Sight, stop: AbortSignal, onEnd: (watch: Watch) => void) {
    this.#matches = matches;
    this.#sight = sight;
    this.#stop = stop;
    this.#onEnd = onEnd;
    this.changes = new ReadableStream<Change>({
      start: (controller) => {
        this.#controller = controller;
        if (stop.aborted) return this.end();
        stop.addEventListener("abort", this.end);
      },
      cancel: () => this.#forget(),
    });
  }

  /** Learns the versions there are. */
  async begin(): Promise<void> {
    for (const [id, change] of await this.#look()) {
      if (!this.#known.has(id)) this.#known.set(id, change); // else a message has come meanwhile
    }
  }

  /** Reports a change, unless it is known. */
  take(change: Change): void {
    if (!this.#matches(change.scope)) return;
    const id = idOf(change);
    if (this.#known.get(id)?.version === change.version) return;
    if (change.version === null) this.#known.delete(id);
    else this.#known.set(id, change);
    this.#controller?.enqueue(change);
  }

  /** Reports what has changed while nobody listened. */
  async catchUp(): Promise<void> {
    const before = [...this.#known.values()];
    const after = await this.#look();
    for (const change of after.values()) this.take(change);
    for (const { scope, key } of before) {
      if (!after.has(idOf({ scope, key }))) this.take({ scope, key, version: null });
    }
  }

  /** Ends it as the loop over it sees it. */
  readonly end = () => {
    if (!this.#controller) return;
    this.#controller.close();
    this.#forget();
  };

  #forget(): void {
    this.#controller = null;
    this.#stop.removeEventListener("abort", this.end);
    this.#onEnd(this);
  }

  async #look(): Promise<Map<string, Change>> {
    const scopes = await this.#sight.scopes(this.#matches);
    const seen = new Map<string, Change>();
    for (const scope of scopes) {
      for (const [key, version] of await this.#sight.versions(scope)) {
        seen.set(idOf({ scope, key }), { scope, key, version });
      }
    }
    return seen;
  }
}

function idOf({ scope, key }: Pick<Change, "scope" | "key">): string {
  return JSON.stringify([scope, key]);
}
