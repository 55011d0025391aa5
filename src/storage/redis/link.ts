/**
 * One connection of a client, from its beginning to its end.
 *
 * @module
 */

import type { Client } from "./client.ts";

/** Something was not there in time. */
export class TooLate extends Error {}

/** Waits for a promise until a time, as `performance.now()` tells it; then rejects with {@linkcode TooLate}. */
export async function inTime<T>(until: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TooLate()), Math.max(0, until - performance.now()));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long the end of a connection is waited for. */
const END_MS = 200;

/** A connection. */
export class Link {
  readonly client: Client;
  /** Resolves once it can be used. */
  readonly ready: Promise<void>;
  /** Resolves at its end. */
  readonly ended: Promise<void>;
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
