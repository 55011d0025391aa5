/**
 * `watch` by looking: S3 tells nobody of changes. Each look is one listing per thousand objects of the
 * scopes in question, and reads what has changed.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import type { Matcher } from "../../domain/glob.ts";
import { sleep } from "../../os/sleep.ts";
import type { Change, Version } from "../adapter.ts";
import { nameOf } from "./layout.ts";
import type { ListedKey, Reader } from "./listing.ts";

/** What a watch needs. */
export interface PollOptions {
  readonly reader: Reader;
  /** The objects in question. */
  readonly list: () => Promise<ListedKey[]>;
  /** Which scopes are reported. */
  readonly matches: Matcher;
  /** When the time of a request that begins now ends. */
  readonly until: () => number;
  readonly everyMs: number;
  /** Told of objects that cannot be read. */
  readonly onUnreadable: (error: unknown) => void;
  /** Told of each listing, when there is nothing else to do. */
  readonly onListed: (listed: readonly ListedKey[]) => Promise<void>;
}

/** An object as it was last seen. */
interface Seen {
  readonly listed: ListedKey;
  /** The version of its entry, null for none, undefined where it was not read. */
  readonly version: Version | null | undefined;
}

/** One watch. */
export class Poll {
  readonly #options: PollOptions;
  #seen = new Map<string, Seen>();

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** Looks for the first time: what is there now is not reported. */
  async begin(): Promise<void> {
    for (const listed of await this.#options.list()) {
      this.#seen.set(listed.name, { listed, version: isGone(listed) ? null : undefined });
    }
  }

  /** Reports changes until the signal aborts. */
  async *changes(stop: AbortSignal): AsyncGenerator<Change> {
    for (;; await sleep(this.#options.everyMs, stop)) {
      if (stop.aborted) return;
      try {
        for (const change of await this.#look()) {
          if (stop.aborted) return;
          yield change;
        }
      } catch (error) {
        if (stop.aborted) return;
        if (!isPassing(error)) throw error; // the next look may reach it again
      }
    }
  }

  async #look(): Promise<Change[]> {
    const listed = await this.#options.list();
    const isChanged = (one: ListedKey) => this.#seen.get(one.name)?.listed.etag !== one.etag;
    const changed = listed.filter(isChanged);
    const found = await Promise.all(changed.map((one) => this.#changeOf(one)));
    const changes = found.filter((change) => change !== null && this.#isNews(change));
    const there = new Set(listed.map(({ name }) => name));
    const missing = [...this.#seen.values()].filter(({ listed }) => !there.has(listed.name));
    for (const { listed, version } of missing) {
      const [scope, key] = [nameOf(listed.parts.scope), nameOf(listed.parts.key)];
      if (version !== null && scope !== null && key !== null) {
        changes.push({ listed, scope, key, version: null });
      }
      this.#seen.delete(listed.name);
    }
    for (const change of found) {
      if (change) this.#seen.set(change.listed.name, change);
    }
    await this.#options.onListed(listed);
    return changes
      .filter((change) => change !== null && this.#options.matches(change.scope))
      .map((change) => ({ scope: change!.scope, key: change!.key, version: change!.version }));
  }

  #isNews({ listed, version }: ListedChange): boolean {
    const before = this.#seen.get(listed.name);
    return before ? before.version !== version : version !== null;
  }

  async #changeOf(listed: ListedKey): Promise<ListedChange | null> {
    const [scope, key] = [nameOf(listed.parts.scope), nameOf(listed.parts.key)];
    if (scope !== null && !this.#options.matches(scope)) return null;
    if (isGone(listed) && scope !== null && key !== null) {
      return { listed, scope, key, version: null };
    }
    try {
      const body = await this.#options.reader.read(listed, this.#options.until);
      if (!body) return null; // gone since: the next look finds it missing
      return {
        listed,
        scope: body.scope,
        key: body.key,
        version: body.record.entry?.version ?? null,
      };
    } catch (error) {
      if (isPassing(error)) throw error;
      this.#options.onUnreadable(error);
      return null;
    }
  }
}

interface ListedChange extends Change {
  readonly listed: ListedKey;
}

function isGone({ kind }: ListedKey): boolean {
  return kind === "gone" || kind === "fence";
}

function isPassing(error: unknown): boolean {
  return error instanceof CoordinatorError && error.code === "store_unreachable";
}
