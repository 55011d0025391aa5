/**
 * `watch` of a store whose server tells changes on a channel: one connection listens for all watches of
 * a client. What is told while nobody listens is lost; so after the connection broke, versions are
 * compared with those known before.
 *
 * @module
 */

import type { Matcher } from "../domain/glob.ts";
import { sleep } from "../os/sleep.ts";
import type { Change } from "./adapter.ts";
import { KnownVersions, type Versions } from "./known_versions.ts";

/** How often we make sure that a connection still carries something. */
const PING_MS = 2000;
/** By when it has to answer: with the time to connect anew, changes are heard again within 5 s. */
const ANSWER_MS = 1500;
/** How long until the next try where the server cannot be reached. */
const PAUSE_MS = 500;

/** A connection that listens. */
export interface Listener {
  /** Whether it listens, as far as is known. */
  readonly isOpen: boolean;
  /** Resolves at its end. */
  readonly ended: Promise<void>;
  /** @throws Where no answer comes, at the latest when `performance.now()` says so. */
  ping(until: number): Promise<unknown>;
  end(): Promise<void>;
}

/** Where a store's server tells changes. */
export interface Channel {
  /** Whether changes may get lost on a sound connection too: then versions are compared at each ping. */
  readonly isLossy: boolean;
  /** Listens from when the promise resolves. */
  listen(tell: (change: Change) => void, until: number): Promise<Listener>;
  /** The versions that there are now, of the scopes that match. */
  look(matches: Matcher, until: number): Promise<Versions>;
  /** A listener was dead without having been closed: connections that lie idle may be too. */
  doubt(): void;
}

/** The watches of one client. */
export class ChannelWatches {
  readonly #channel: Channel;
  readonly #watches = new Set<Watch>();
  readonly #closing = new AbortController();
  #listener: Listener | null = null;
  /** The connection that is being made. */
  #connecting: Promise<void> | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isKept = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Begins a watch of the scopes that match.
   *
   * @param until By when it has to have begun, as `performance.now()` tells time.
   * @throws What the channel throws, where it cannot be listened to.
   */
  async add(matches: Matcher, until: number, signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const watch = new Watch(matches, stop, (ended) => this.#remove(ended));
    if (stop.aborted) return watch.changes;
    this.#watches.add(watch);
    try {
      if (!this.#listener?.isOpen) await this.#connect(until);
      if (!watch.isReady) await this.#look([watch], until);
    } catch (error) {
      watch.end();
      if (!stop.aborted) throw error;
    }
    return watch.changes;
  }

  /** Ends all watches, and the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#listener?.end();
  }

  #remove(watch: Watch): void {
    this.#watches.delete(watch);
    if (this.#watches.size === 0) void this.#listener?.end();
  }

  #connect(until: number): Promise<void> {
    this.#connecting ??= this.#listen(until).finally(() => this.#connecting = null);
    return this.#connecting;
  }

  /** Listens, and tells the watches what has changed since they last heard. */
  async #listen(until: number): Promise<void> {
    const listener = await this.#channel.listen((change) => {
      for (const watch of this.#watches) watch.tell(change);
    }, until);
    try {
      await this.#look([...this.#watches], until);
    } catch (error) {
      void listener.end();
      throw error;
    }
    this.#listener = listener;
    void this.#keep();
  }

  /** Sees to it that there is a connection, until nobody watches any more. */
  async #keep(): Promise<void> {
    if (this.#isKept) return;
    this.#isKept = true;
    while (this.#watches.size > 0 && !this.#closing.signal.aborted) {
      try {
        if (!this.#listener?.isOpen) await this.#connect(performance.now() + ANSWER_MS);
        await this.#attend(this.#listener!);
      } catch {
        // Whoever uses the store learns of it there.
        await sleep(PAUSE_MS, this.#closing.signal);
      }
    }
    this.#isKept = false;
    void this.#listener?.end(); // the last may have left while it was being made
  }

  /** Makes sure again and again that a connection still carries something, until its end. */
  async #attend(listener: Listener): Promise<void> {
    const over = new AbortController();
    void listener.ended.then(() => over.abort());
    for (;;) {
      await sleep(PING_MS, over.signal);
      if (!listener.isOpen) return;
      const until = performance.now() + ANSWER_MS;
      try {
        await listener.ping(until);
        if (this.#channel.isLossy) await this.#look([...this.#watches], until);
      } catch {
        this.#channel.doubt();
        return await listener.end();
      }
    }
  }

  /** One look after the other: what an older one has found must not be met after a newer one. */
  #look(watches: readonly Watch[], until: number): Promise<void> {
    const looked = this.#looking.then(async () => {
      for (const watch of watches) watch.hold();
      const matches = (scope: string) => watches.some((watch) => watch.matches(scope));
      const found = await this.#channel.look(matches, until);
      for (const watch of watches) watch.meet(found);
    });
    this.#looking = looked.catch(() => {});
    return looked;
  }
}

/** One watch: what it knows, and whom it tells. */
class Watch {
  readonly changes: AsyncIterable<Change>;
  readonly matches: Matcher;
  readonly #known = new KnownVersions();
  readonly #stop: AbortSignal;
  readonly #onEnd: (watch: Watch) => void;
  #controller: ReadableStreamDefaultController<Change> | null = null;

  constructor(matches: Matcher, stop: AbortSignal, onEnd: (watch: Watch) => void) {
    this.matches = matches;
    this.#stop = stop;
    this.#onEnd = onEnd;
    this.changes = new ReadableStream<Change>({
      start: (controller) => {
        this.#controller = controller;
        if (stop.aborted) return this.end();
        stop.addEventListener("abort", this.end);
      },
      cancel: () => this.#leave(),
    });
  }

  /** Whether it knows from where it compares. */
  get isReady(): boolean {
    return this.#known.isReady;
  }

  /** A look begins; see {@linkcode KnownVersions.hold}. */
  hold(): void {
    this.#known.hold();
  }

  /** Reports what a look shows to have changed. */
  meet(found: Versions): void {
    const mine = [...found].filter(([scope]) => this.matches(scope));
    this.#report(this.#known.meet(new Map(mine)));
  }

  /** Reports a change, unless it is known. */
  tell(change: Change): void {
    if (this.matches(change.scope)) this.#report(this.#known.take(change));
  }

  /** Ends it as the loop over it sees it. */
  readonly end = () => {
    if (!this.#controller) return;
    this.#controller.close();
    this.#leave();
  };

  #leave(): void {
    this.#controller = null;
    this.#stop.removeEventListener("abort", this.end);
    this.#onEnd(this);
  }

  #report(changes: readonly Change[]): void {
    for (const change of changes) this.#controller?.enqueue(change);
  }
}
