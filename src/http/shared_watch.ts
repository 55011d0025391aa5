/**
 * One watch of a store for all who watch: systems offer few, and each costs.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import type { Matcher } from "../domain/glob.ts";
import type { Log } from "../os/log.ts";
import type { Change } from "../storage/adapter.ts";

/** Somebody who watches. */
interface Watcher {
  readonly matches: Matcher;
  readonly controller: ReadableStreamDefaultController<Change>;
  readonly leave: () => void;
}

/** A client that does not read its changes must not fill the memory: it loses its watch. */
const MAX_UNREAD = 10_000;

/** A watch that many share. It begins with the first of them. */
export class SharedWatch {
  readonly #begin: () => Promise<AsyncIterable<Change>>;
  readonly #log: Log;
  readonly #watchers = new Set<Watcher>();
  #watching: Promise<void> | null = null;

  /** @param begin Begins to watch the store. */
  constructor(begin: () => Promise<AsyncIterable<Change>>, log: Log) {
    this.#begin = begin;
    this.#log = log;
  }

  /** The changes that match, from now on until the signal aborts or the loop is left. */
  async join(matches: Matcher, signal: AbortSignal): Promise<AsyncIterable<Change>> {
    let watcher: Watcher | null = null;
    const changes = new ReadableStream<Change>({
      start: (controller) => {
        watcher = this.#add(matches, controller, signal);
      },
      cancel: () => watcher?.leave(),
    }, { highWaterMark: MAX_UNREAD });
    try {
      await (this.#watching ??= this.#watch());
    } catch (error) {
      watcher!.leave();
      throw error;
    }
    return changes;
  }

  #add(
    matches: Matcher,
    controller: ReadableStreamDefaultController<Change>,
    signal: AbortSignal,
  ): Watcher {
    const leave = () => {
      if (!this.#watchers.delete(watcher)) return;
      signal.removeEventListener("abort", leave);
      try {
        controller.close();
      } catch {
        // The reader has cancelled.
      }
    };
    const watcher = { matches, controller, leave };
    this.#watchers.add(watcher);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    return watcher;
  }

  /** Begins the one watch; resolves once it runs. */
  async #watch(): Promise<void> {
    try {
      const changes = await this.#begin();
      this.#passOn(changes);
    } catch (error) {
      this.#watching = null; // the next one tries again
      throw error;
    }
  }

  async #passOn(changes: AsyncIterable<Change>): Promise<void> {
    try {
      for await (const change of changes) {
        for (const watcher of this.#watchers) this.#tell(watcher, change);
      }
    } catch (error) {
      this.#log.warn(`changes of the store are not seen any more: ${messageOf(error)}`);
    } finally {
      this.#watching = null;
      for (const { leave } of this.#watchers) leave();
    }
  }

  #tell({ matches, controller, leave }: Watcher, change: Change): void {
    if (!matches(change.scope)) return;
    if ((controller.desiredSize ?? 0) <= 0) return leave();
    controller.enqueue(change);
  }
}
