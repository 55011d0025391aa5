/**
 * The MCP sessions of a server: each with an identity of its own, known to nobody but the user that
 * opened it, and ended once nobody uses it any more.
 *
 * @module
 */

import type { HttpConfig } from "../config/types.ts";
import { messageOf } from "../domain/error.ts";
import type { Transport } from "../mcp/sdk.ts";
import type { WebStandardStreamableHTTPServerTransport } from "../mcp/sdk_http.ts";
import type { Log } from "../os/log.ts";
import type { SessionEvents } from "./event_store.ts";
import type { Metrics } from "./metrics.ts";
import type { Place } from "./place.ts";
import type { Principal } from "./principal.ts";
import { refusal, RPC_CODES } from "./refusal.ts";
import type { SseTransport } from "./sse_transport.ts";

/** Who came, and where from. */
export interface Client {
  /** The session's id. */
  readonly id: string;
  readonly user: string;
  readonly tenant: string;
  readonly place: Place;
  /** Aborted once the session has ended. */
  readonly ended: AbortSignal;
}

/** What serves a client. */
export interface Service {
  /** Begins to serve. */
  connect(transport: Transport): Promise<void>;
  /** Gives back what the client held. */
  end(reason: string): Promise<void>;
}

/** What sessions need. */
export interface SessionsOptions {
  readonly settings: Pick<
    HttpConfig,
    "max_sessions" | "max_sessions_per_user" | "idle_timeout_s"
  >;
  /** Makes what serves a client. */
  readonly serve: (client: Client) => Service;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** How a client is reached: by one of the two transports. */
export type Channel =
  | {
    readonly kind: "streamable";
    readonly transport: WebStandardStreamableHTTPServerTransport;
    readonly events: SessionEvents;
  }
  | { readonly kind: "sse"; readonly transport: SseTransport };

/** A session whose transport is known. */
export type SessionOf<Kind extends Channel["kind"]> = Session & {
  readonly channel: Extract<Channel, { readonly kind: Kind }>;
};

/** When those who are refused may try again, in seconds. */
const RETRY_AFTER_S = "10";
const SWEEP_MS = 1000;

/** One client's session. */
export class Session {
  readonly #stop = new AbortController();
  readonly client: Client;
  readonly channel: Channel;
  readonly service: Service;
  #users = 0;
  #sinceMs = performance.now();
  /** Resolves once everything is given back. */
  ending: Promise<void> | null = null;

  constructor(
    who: Omit<Client, "ended">,
    channel: Channel,
    serve: (client: Client) => Service,
  ) {
    this.client = { ...who, ended: this.#stop.signal };
    this.channel = channel;
    this.service = serve(this.client);
  }

  /** For how long nobody has used it, in milliseconds. */
  get idleMs(): number {
    return this.#users > 0 ? 0 : performance.now() - this.#sinceMs;
  }

  /** A request or a stream uses it until it is over. */
  use(isOver: Promise<unknown>): void {
    this.#users++;
    isOver.catch(() => {}).finally(() => {
      this.#users--;
      this.#sinceMs = performance.now();
    });
  }

  /** Nothing is announced to it any more. */
  stop(): void {
    this.#stop.abort();
  }
}

/** All sessions. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #ending = new Set<Promise<void>>();
  readonly #sweeper: ReturnType<typeof setInterval>;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Opens a session.
   *
   * @param make Makes its transport, from its id.
   * @throws {Refusal} 429 where its user has too many, 503 where there are too many.
   */
  async open<Kind extends Channel["kind"]>(
    { user, tenant }: Principal,
    place: Place,
    make: (id: string) => SessionOf<Kind>["channel"],
  ): Promise<SessionOf<Kind>> {
    this.#checkRoom(user, tenant);
    const id = crypto.randomUUID();
    const channel: Channel = make(id);
    const session = new Session({ id, user, tenant, place }, channel, this.#options.serve);
    this.#sessions.set(id, session);
    channel.transport.onclose = () => void this.end(session, "closed");
    this.#options.metrics.sessionsStarted.add({ kind: channel.kind });
    try {
      await session.service.connect(channel.transport as Transport);
    } catch (error) {
      await this.end(session, "failed");
      throw error;
    }
    return session as SessionOf<Kind>;
  }

  /**
   * A session by its id, for the user that opened it; to everybody else it is as if there were none.
   *
   * @throws {Refusal} 404.
   */
  find<Kind extends Channel["kind"]>(
    id: string,
    { user, tenant }: Principal,
    kind: Kind,
  ): SessionOf<Kind> {
    const session = this.#sessions.get(id);
    const isTheirs = session?.client.user === user && session.client.tenant === tenant &&
      session.channel.kind === kind;
    if (session && isTheirs) return session as SessionOf<Kind>;
    throw refusal(
      404,
      "not_found",
      "There is no such session",
      "It may have ended, or the server been started anew: begin with `initialize`.",
      { rpcCode: RPC_CODES.session },
    );
  }

  /** Ends a session; what it held is given back. */
  end(session: Session, reason: string): Promise<void> {
    return session.ending ??= this.#end(session, reason);
  }

  async #end(session: Session, reason: string): Promise<void> {
    const { metrics, log } = this.#options;
    this.#sessions.delete(session.client.id);
    metrics.sessionsEnded.add({ reason });
    session.stop();
    const ended = session.service.end(reason)
      .catch((error) => log.warn(`a session did not end as it should: ${messageOf(error)}`));
    this.#ending.add(ended);
    await session.channel.transport.close().catch(() => {});
    await ended;
    this.#ending.delete(ended);
  }

  /** Ends all sessions, and those that are ending. */
  async close(reason: string): Promise<void> {
    clearInterval(this.#sweeper);
    const all = [...this.#sessions.values()].map((session) => this.end(session, reason));
    await Promise.all([...all, ...this.#ending]);
  }

  #checkRoom(user: string, tenant: string): void {
    const { max_sessions, max_sessions_per_user } = this.#options.settings;
    const { limited } = this.#options.metrics;
    const headers = { "retry-after": RETRY_AFTER_S };
    const theirs = [...this.#sessions.values()].filter(({ client }) =>
      client.user === user && client.tenant === tenant
    );
    if (theirs.length >= max_sessions_per_user) {
      limited.add({ limit: "sessions_per_user" });
      throw refusal(
        429,
        "store_busy",
        `${user} has ${theirs.length} sessions, which is the limit`,
        "End some, or raise 'http.max_sessions_per_user' of the server.",
        { headers },
      );
    }
    if (this.#sessions.size < max_sessions) return;
    limited.add({ limit: "sessions" });
    throw refusal(
      503,
      "store_busy",
      `The server has ${this.#sessions.size} sessions, which is its limit`,
      "Try again once some have ended, or raise 'http.max_sessions' of the server.",
      { headers },
    );
  }

  #sweep(): void {
    const timeoutMs = this.#options.settings.idle_timeout_s * 1000;
    for (const session of this.#sessions.values()) {
      if (session.idleMs > timeoutMs) void this.end(session, "idle");
    }
  }
}
