/**
 * The connection that a store's requests take turns on: made when it is first needed, given up as soon as
 * anything about it is doubtful, and made anew for the next request.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { uniqueName } from "../../os/unique.ts";
import { type Endpoint, outcomeUnknown, unreachable } from "../network_error.ts";
import { checkSchema } from "../schema.ts";
import type { Client, Target } from "./client.ts";
import { Link } from "./link.ts";
import { connectHint, isRefusal, reasonOf, refusal, withoutArguments } from "./errors.ts";
import type { ScriptName, Scripts } from "./scripts.ts";
import { inTime, TooLate } from "./timeouts.ts";

/** A script to run. */
export interface Call {
  readonly script: ScriptName;
  /** After the name of the format. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** What it writes, for errors; null where it only reads, and so may be asked again. */
  readonly writes: string | null;
}

/** What a script has answered. */
export interface Answer {
  /** The request's, which is the version of what it wrote. */
  readonly id: string;
  /** What became of it. */
  readonly outcome: string;
  readonly rest: readonly unknown[];
}

/** What a connection needs. */
export interface ConnectionOptions {
  readonly target: Target;
  readonly scripts: Scripts;
  /** The name of the key that holds the format. */
  readonly format: string;
  readonly offsetMs: () => number;
  /** How long a request may take, connecting included. */
  readonly timeoutMs: number;
  /** When all requests end, as `performance.now()` tells time. */
  readonly deadline: number;
  /** Called with each client once it is connected. */
  readonly onConnected?: (client: Client) => void;
}

/** What follows a script in a command: how many keys there are, the keys, and the arguments. */
type Words = [keys: number, ...string[]];

/** The server has answered something else than what it was asked. */
class OutOfStep extends Error {
  override readonly message = "its answers are out of step";
}

/** How the client says that it has not sent a request. */
const UNSENT = /isn't (writeable|ready)/;

/** A connection to Redis. */
export class Connection {
  readonly endpoint: Endpoint;
  readonly #options: ConnectionOptions;
  readonly #digests = new Map<ScriptName, string>();
  #link: Link | null = null;
  readonly #listening = new Set<Link>();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.endpoint = { what: "Redis", location: options.target.location };
  }

  /**
   * Runs a script.
   *
   * @throws {CoordinatorError} `store_unreachable`, `outcome_unknown`, `store_io`, `store_corrupt`,
   * `store_newer`.
   */
  async run(call: Call): Promise<Answer> {
    const until = this.until();
    for (let attempt = 1;; attempt++) {
      const link = await this.connect(until);
      try {
        return await this.#ask(link, call, until);
      } catch (error) {
        if (error instanceof CoordinatorError) throw error;
        if (!isRefusal(error) || /READONLY|MOVED/.test(error.message)) this.#give(link);
        if (isRefusal(error)) throw refusal(this.endpoint, error);
        const reason = error instanceof TooLate ? "no answer in time" : reasonOf(error);
        const isUnsent = UNSENT.test(reason);
        if (call.writes !== null && !isUnsent) {
          throw outcomeUnknown(this.endpoint, call.writes, reason, withoutArguments(error));
        }
        const isOver = error instanceof TooLate || attempt > 1 || this.#isClosed;
        if (isOver) throw unreachable(this.endpoint, reason, undefined, withoutArguments(error));
      }
    }
  }

  /** When a request that begins now has to end, as `performance.now()` tells time. */
  until(): number {
    return Math.min(performance.now() + this.#options.timeoutMs, this.#options.deadline);
  }

  /**
   * A link that is connected.
   *
   * @param until See {@linkcode until}.
   * @throws {CoordinatorError} `store_unreachable`, `store_io`.
   */
  async connect(until: number): Promise<Link> {
    if (this.#isClosed) throw this.#closedError();
    if (performance.now() >= until) throw unreachable(this.endpoint, "no time is left");
    if (!this.#link?.isUsable) {
      const { target, onConnected } = this.#options;
      this.#link = new Link(target.make(), onConnected);
    }
    const link = this.#link;
    if (link.isReady) return link;
    try {
      await inTime(until, link.ready);
      return link;
    } catch (error) {
      this.#give(link);
      throw this.explain(error instanceof TooLate ? error : link.error ?? error);
    }
  }

  /**
   * A link to listen on, beside the one that requests take.
   *
   * @throws {CoordinatorError} `store_unreachable`.
   */
  openListener(): Link {
    if (this.#isClosed) throw this.#closedError();
    const link = new Link(this.#options.target.makeListener());
    this.#listening.add(link);
    void link.ended.then(() => this.#listening.delete(link));
    return link;
  }

  /** How many servers there are to listen to. */
  get listeners(): number {
    return this.#options.target.listeners;
  }

  /** The error for a link that could not be made. */
  explain(error: unknown): CoordinatorError {
    if (isRefusal(error)) return refusal(this.endpoint, error);
    const reason = error instanceof TooLate ? "it does not answer in time" : reasonOf(error);
    return unreachable(this.endpoint, reason, connectHint(reason), withoutArguments(error));
  }

  /** Gives up a link on which nothing is asked: it may be dead, though nothing has closed it. */
  dropIdle(): void {
    if (this.#link?.isIdle) this.#give(this.#link);
  }

  /** Ends it; what waits for an answer learns that there will be none. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const links = [...this.#listening, ...(this.#link ? [this.#link] : [])];
    this.#link = null;
    await Promise.all(links.map((link) => link.end()));
  }

  #closedError(): CoordinatorError {
    return unreachable(this.endpoint, "the store was closed");
  }

  #give(link: Link): void {
    if (this.#link === link) this.#link = null;
    void link.end();
  }

  async #ask(link: Link, { script, keys, args }: Call, until: number): Promise<Answer> {
    const id = uniqueName();
    const { format, offsetMs } = this.#options;
    const words: Words = [
      keys.length + 1,
      format,
      ...keys,
      id,
      String(Math.round(offsetMs())),
      ...args,
    ];
    const answer = await link.timeouts.inTime(until, this.#evaluate(link, script, words));
    if (!Array.isArray(answer) || answer[0] !== id) throw new OutOfStep();
    const [, outcome, ...rest] = answer;
    if (outcome === "newer") {
      const [number, writtenBy] = String(rest[0]).split(" ");
      checkSchema(
        Number(number),
        writtenBy,
        `what is stored in Redis at ${this.endpoint.location}`,
      );
    }
    return { id, outcome, rest };
  }

  /** By its digest where the server has had its text before; it may have forgotten it. */
  #evaluate({ client }: Link, script: ScriptName, words: Words): Promise<unknown> {
    const digest = this.#digests.get(script);
    if (digest === undefined) return this.#introduce(client, script, words);
    return client.evalsha(digest, ...words).catch((error: unknown) => {
      if (!isRefusal(error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.#introduce(client, script, words);
    });
  }

  /** By its text. */
  async #introduce(client: Client, script: ScriptName, words: Words): Promise<unknown> {
    const text = this.#options.scripts[script];
    const [answer] = await Promise.all([
      client.eval(text, ...words),
      this.#learnDigest(script, text),
    ]);
    return answer;
  }

  async #learnDigest(script: ScriptName, text: string): Promise<void> {
    const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
    this.#digests.set(script, new Uint8Array(digest).toHex());
  }
}
