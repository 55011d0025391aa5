/**
 * Redis' channel of changes, each time on a connection of its own.
 *
 * @module
 */

import type { Matcher } from "../../domain/glob.ts";
import type { Change } from "../adapter.ts";
import type { Channel, Listener } from "../channel_watches.ts";
import type { Versions } from "../known_versions.ts";
import type { Connection } from "./connection.ts";
import { isRefusal } from "./errors.ts";
import type { Link } from "./link.ts";
import { inTime } from "./timeouts.ts";

/** The channel of one prefix. */
export class RedisChannel implements Channel {
  readonly isLossy = false;
  readonly look: (matches: Matcher) => Promise<Versions>;
  readonly #connection: Connection;
  readonly #name: string;

  /** @param look See {@linkcode Channel.look}. */
  constructor(
    connection: Connection,
    name: string,
    look: (matches: Matcher) => Promise<Versions>,
  ) {
    this.#connection = connection;
    this.#name = name;
    this.look = look;
  }

  /** Listens to any server that lets itself be listened to. */
  async listen(tell: (change: Change) => void): Promise<Listener> {
    for (let left = this.#connection.listeners - 1;; left--) {
      try {
        return new LinkListener(await this.#subscribe(tell));
      } catch (error) {
        if (left <= 0) throw error;
      }
    }
  }

  doubt(): void {
    this.#connection.dropIdle();
  }

  async #subscribe(tell: (change: Change) => void): Promise<Link> {
    const until = this.#connection.until();
    const link = this.#connection.openListener();
    try {
      await inTime(until, link.ready);
      link.client.on("message", (_channel: string, text: string) => {
        const change = parseChange(text);
        if (change) tell(change);
      });
      await inTime(until, link.client.subscribe(this.#name));
      return link;
    } catch (error) {
      void link.end();
      throw this.#connection.explain(link.error ?? error);
    }
  }
}

/** A link that is subscribed. */
class LinkListener implements Listener {
  readonly ended: Promise<void>;
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
    this.ended = link.ended;
  }

  get isOpen(): boolean {
    return this.#link.isReady;
  }

  async ping(until: number): Promise<void> {
    try {
      await inTime(until, this.#link.client.ping());
    } catch (error) {
      if (!isRefusal(error)) throw error; // a user who may not ask has been answered, too
    }
  }

  end(): Promise<void> {
    return this.#link.end();
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
