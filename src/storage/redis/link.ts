/**
 * One connection of a client, from its beginning to its end.
 *
 * @module
 */

import type { Client } from "./client.ts";
import { inTime, Timeouts } from "./timeouts.ts";

/** How long the end of a connection is waited for. */
const END_MS = 200;

/** A connection. */
export class Link {
  readonly client: Client;
  /** Resolves once it can be used. */
  readonly ready: Promise<void>;
  /** Resolves at its end. */
  readonly ended: Promise<void>;
  /** What waits for its answers. */
  readonly timeouts = new Timeouts();
  /** What went wrong first, or null. */
  error: unknown = null;
  #isEnding = false;

  /**
   * Connects.
   *
   * @param onConnected Called once it can be used.
   */
  constructor(client: Client, onConnected?: (client: Client) => void) {
    this.client = client;
    this.ended = new Promise((resolve) => client.once("end", () => resolve()));
    void this.ended.then(() => this.timeouts.end());
    client.on("error", (error) => this.error ??= error);
    this.ready = client.connect().then(() => {
      if (this.error !== null) throw this.error; // a missing database: the client would use another
      onConnected?.(client);
    });
    this.ready.catch(() => {}); // whoever waits for it learns of it
  }

  /** Whether a request can be sent at once. */
  get isReady(): boolean {
    return !this.#isEnding && this.client.status === "ready";
  }

  /** Whether it can be used, and nothing is awaited on it. */
  get isIdle(): boolean {
    return this.isReady && this.timeouts.isIdle;
  }

  /** Whether it is worth waiting for. */
  get isUsable(): boolean {
    return !this.#isEnding && !["close", "reconnecting", "end"].includes(this.client.status);
  }

  /** Ends it; what was asked and not answered fails. */
  async end(): Promise<void> {
    if (!this.#isEnding) {
      this.#isEnding = true;
      this.client.disconnect();
    }
    await inTime(performance.now() + END_MS, this.ended).catch(() => {});
  }
}
