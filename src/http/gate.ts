/**
 * The door in front of the HTTP server. `Deno.serve` never closes a connection whose client stops in
 * the middle of a request's head; so the connections are accepted here, handed on once a whole head
 * has come, and closed when none of their requests has been under way for too long. What is said on
 * them is left to `Deno.serve`, which listens for the gate alone.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import type { Log } from "../os/log.ts";
import { sleep } from "../os/sleep.ts";
import { Passage } from "./passage.ts";

/** How a gate works. */
export interface GateOptions {
  readonly hostname: string;
  readonly port: number;
  /** PEM texts; null for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly headerTimeoutMs: number;
  /** How long a client may read nothing of what it is sent. */
  readonly unreadTimeoutMs: number;
  readonly maxConnections: number;
  readonly log: Log;
}

/** How long a connection may stay open that nobody uses. */
const IDLE_MS = 75_000;
/** How long a client may go on sending once it was told that it sent too much. */
const LINGER_MS = 2000;
/** Where the system has no place for another connection, trying at once is no use. */
const RETRY_MS = 100;

/** Accepts connections. */
export class Gate {
  readonly #options: GateOptions;
  readonly #listener: Deno.Listener;
  readonly #passages = new Set<Passage>();
  /** By the port that the gate uses towards the server behind it. */
  readonly #byPort = new Map<number, Passage>();
  #innerPort = 0;
  #sweptMs = 0;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #isOpen = true;

  private constructor(options: GateOptions, listener: Deno.Listener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Begins to listen; connections wait until {@linkcode Gate.open}. */
  static listen(options: GateOptions): Gate {
    const { hostname, port, tls } = options;
    const listener = tls
      ? Deno.listenTls({ hostname, port, ...tls, alpnProtocols: ["http/1.1"] })
      : Deno.listen({ hostname, port });
    return new Gate(options, listener);
  }

  /** Where it listens. */
  get addr(): Deno.NetAddr {
    return this.#listener.addr as Deno.NetAddr;
  }

  /** How many connections there are. */
  get size(): number {
    return this.#passages.size;
  }

  /** Lets connections through to the server on a port of loopback. */
  open(innerPort: number): void {
    this.#innerPort = innerPort;
    const { headerTimeoutMs, unreadTimeoutMs } = this.#options;
    const everyMs = Math.max(100, Math.min(1000, headerTimeoutMs / 4, unreadTimeoutMs / 4));
    this.#sweptMs = performance.now();
    this.#sweeper = setInterval(() => this.#sweep(everyMs), everyMs);
    this.#acceptAll();
  }

  /** The connection that a request came on, or null where it did not come through the gate. */
  passageOf(innerAddr: Deno.NetAddr): Passage | null {
    return this.#byPort.get(innerAddr.port) ?? null;
  }

  /** Accepts no more connections. */
  stopAccepting(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#listener.close();
  }

  /** Resolves once no connection is left. */
  async isEmpty(): Promise<void> {
    while (this.#passages.size > 0) await sleep(10);
  }

  /** Closes everything. */
  close(): void {
    this.stopAccepting();
    clearInterval(this.#sweeper);
    for (const passage of this.#passages) passage.close();
  }

  async #acceptAll(): Promise<void> {
    while (this.#isOpen) {
      try {
        this.#admit(await this.#listener.accept());
      } catch (error) {
        if (!this.#isOpen) return;
        this.#options.log.warn(`a connection could not be accepted: ${messageOf(error)}`);
        await sleep(RETRY_MS);
      }
    }
  }

  #admit(conn: Deno.Conn): void {
    if (this.#passages.size >= this.#options.maxConnections) this.#makeRoom();
    if (this.#passages.size >= this.#options.maxConnections) return conn.close();
    const passage = new Passage(conn as Deno.Conn<Deno.NetAddr>);
    this.#passages.add(passage);
    this.#serve(passage);
  }

  async #serve(passage: Passage): Promise<void> {
    try {
      if (!await passage.enter(this.#innerPort)) return;
      this.#byPort.set(passage.port, passage);
      await passage.carry();
    } catch {
      // Either side has gone: nothing is left to be said.
    } finally {
      passage.close();
      this.#forget(passage);
    }
  }

  /**
   * Closes the oldest connection that has not sent a whole head yet, as whoever means well is faster;
   * else one whose client has shown no token yet; else one that nobody uses.
   */
  #makeRoom(): void {
    const all = [...this.#passages];
    const passage = all.find(({ state }) => state === "waiting") ??
      all.find(({ isTrusted }) => !isTrusted) ??
      all.find(({ state }) => state === "idle" || state === "leaving");
    if (!passage) return;
    passage.close();
    this.#forget(passage);
  }

  #forget(passage: Passage): void {
    this.#passages.delete(passage);
    // The system may have given its port to another one already.
    if (this.#byPort.get(passage.port) === passage) this.#byPort.delete(passage.port);
  }

  #sweep(everyMs: number): void {
    const limits = { waiting: this.#options.headerTimeoutMs, idle: IDLE_MS, leaving: LINGER_MS };
    const now = performance.now();
    // While we did not get round to anything, no client was late.
    const passedMs = Math.min(now - this.#sweptMs, 2 * everyMs);
    this.#sweptMs = now;
    for (const passage of this.#passages) {
      const ageMs = passage.grow(passedMs);
      const { state } = passage;
      const isLate = state !== "busy" && ageMs > limits[state];
      if (isLate || passage.unreadMs > this.#options.unreadTimeoutMs) passage.close();
    }
  }
}
