/**
 * The HTTP server: every request comes through the gate and the door, is counted, and goes to its
 * route.
 *
 * @module
 */

import type { HttpConfig } from "../config/types.ts";
import { CoordinatorError, messageOf } from "../domain/error.ts";
import { shorten } from "../domain/text.ts";
import type { Log } from "../os/log.ts";
import { sleep } from "../os/sleep.ts";
import { within } from "../os/within.ts";
import {
  authenticate,
  checkHost,
  checkOrigin,
  corsHeaders,
  type DoorOptions,
  isLoopback,
  preflight,
  type TokenVerifier,
} from "./door.ts";
import { Gate } from "./gate.ts";
import { type Call, MCP_PATH, McpRoutes, MESSAGES_PATH, SSE_PATH } from "./mcp_routes.ts";
import type { Metrics } from "./metrics.ts";
import type { Passage } from "./passage.ts";
import type { Place } from "./place.ts";
import type { Principal } from "./principal.ts";
import { RateLimit } from "./rate.ts";
import { Refusal, refusal, type RefusalStatus, responseTo, wrongMethod } from "./refusal.ts";
import { type Client, type Service, Sessions } from "./sessions.ts";

/** What a host serves, and how. */
export interface HostOptions {
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** PEM texts; null for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly settings: HttpConfig;
  readonly tokens: TokenVerifier;
  /** The server's own project and machine. */
  readonly own: Place;
  /** Makes what serves an MCP client. */
  readonly serve: (client: Client) => Service;
  /** Routes beside those of MCP, by what their paths begin with. */
  readonly routes?: Readonly<Record<string, (call: Call, stop: AbortSignal) => Promise<Response>>>;
  /** Whether the server could serve now. */
  readonly isUp: () => Promise<boolean>;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** How long asking whether all is well may take. */
const HEALTH_MS = 2000;
/** How long the last bytes may take to leave. */
const FAREWELL_MS = 1000;
/** For who has no valid token, a hundredth of the rate, but at least this. */
const LEAST_UNKNOWN_RATE = 60;
/** How often a stream's token is looked at again. */
const STREAM_CHECK_MS = 5000;
/** Responses that go on until somebody ends them. */
const STREAMS = new Set([`GET ${MCP_PATH}`, `GET ${SSE_PATH}`, "POST /store/watch"]);
const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

/** A server that runs. */
export class Host {
  readonly #options: HostOptions;
  readonly #gate: Gate;
  readonly #door: DoorOptions;
  readonly #inner: Deno.HttpServer<Deno.NetAddr>;
  readonly #mcp: McpRoutes;
  readonly #users: RateLimit;
  readonly #unknown: RateLimit;
  readonly #stop = new AbortController();
  #underWay = 0;
  #looking: Promise<boolean> | null = null;

  /** The MCP sessions. */
  readonly sessions: Sessions;

  private constructor(options: HostOptions, gate: Gate) {
    const { settings, hostname, tls, tokens, serve, metrics, log, own } = options;
    this.#options = options;
    this.#gate = gate;
    this.#door = { settings, hostname, isTls: tls !== null, tokens };
    this.sessions = new Sessions({ settings, serve, metrics, log });
    this.#mcp = new McpRoutes({ sessions: this.sessions, settings, own });
    const rate = settings.rate_per_minute;
    this.#users = new RateLimit(rate);
    this.#unknown = new RateLimit(Math.max(LEAST_UNKNOWN_RATE, Math.floor(rate / 100)));
    this.#inner = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) => this.#handle(request, info),
    );
    metrics.gauge("csc_sessions", "MCP sessions now.", () => this.sessions.size);
    metrics.gauge("csc_http_connections", "Connections now.", () => gate.size);
  }

  /**
   * Begins to serve.
   *
   * @throws {CoordinatorError} `invalid_argument` where the address cannot be listened on, or the
   * certificate not be used.
   */
  static start(options: HostOptions): Host {
    const { hostname, port, tls, settings, log } = options;
    const gate = listen(hostname, port, () =>
      Gate.listen({
        hostname,
        port,
        tls,
        headerTimeoutMs: settings.header_timeout_s * 1000,
        unreadTimeoutMs: settings.body_timeout_s * 1000,
        maxConnections: settings.max_connections,
        log,
      }));
    const host = new Host(options, gate);
    gate.open(host.#inner.addr.port);
    return host;
  }

  /** Where it listens. */
  get addr(): Deno.NetAddr {
    return this.#gate.addr;
  }

  /** Its address as people and clients write it, without a path. */
  get url(): string {
    const { hostname, port } = this.addr;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    return `${this.#options.tls ? "https" : "http"}://${name}:${port}`;
  }

  /** Whose token a request carries now; null where it is not valid any more. */
  async whoIs(request: Request): Promise<Principal | null> {
    return await authenticate(request, this.#door).catch(() => null);
  }

  /** Takes nothing new, lets finish what is under way, ends all sessions, and closes. */
  async shutdown(): Promise<void> {
    this.#stop.abort();
    this.#gate.stopAccepting();
    const deadline = performance.now() + this.#options.settings.shutdown_timeout_s * 1000;
    while (this.#underWay > 0 && performance.now() < deadline) await sleep(20);
    await this.sessions.close("shutdown");
    // What was said last is to reach its client.
    const isSaid = this.#inner.shutdown().then(() => this.#gate.isEmpty());
    await Promise.race([isSaid, sleep(FAREWELL_MS)]);
    this.#gate.close();
  }

  async #handle(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> {
    const passage = this.#gate.passageOf(info.remoteAddr);
    if (!passage) return new Response(null, { status: 403, headers: { connection: "close" } });
    const startedAt = performance.now();
    // Of a `Host` that no address can have there is no path; it is refused further on.
    const pathname = URL.parse(request.url)?.pathname ?? "";
    const route = this.#routeOf(pathname);
    const isStream = STREAMS.has(`${request.method} ${pathname}`);
    const isOver = info.completed;
    const done = passage.begin();
    if (!isStream) this.#underWay++;
    let isLast = false;
    isOver.catch(() => {}).finally(() => {
      done();
      if (isLast) passage.leave();
      if (!isStream) this.#underWay--;
    });
    const response = await this.#answer(request, passage, { route, pathname, isOver });
    isLast = response.headers.get("connection") === "close";
    if (isStream && response.ok) this.#endWithToken(request, passage, isOver);
    const { metrics } = this.#options;
    metrics.requests.add({ route, status: String(response.status) });
    metrics.requestTime.observe(performance.now() - startedAt, { route });
    return response;
  }

  /** Ends a stream once its token holds no more: what is told on it is for its user. */
  #endWithToken(request: Request, passage: Passage, isOver: Promise<unknown>): void {
    const check = async () => {
      if (await this.whoIs(request) === null) passage.close();
    };
    const timer = setInterval(() => void check(), STREAM_CHECK_MS);
    isOver.catch(() => {}).finally(() => clearInterval(timer));
  }

  async #answer(
    request: Request,
    passage: Passage,
    at: { route: string; pathname: string; isOver: Promise<unknown> },
  ): Promise<Response> {
    const response = await this.#pass(request, passage, at).catch((error) => {
      const refused = this.#asRefusal(error, at.route);
      if (!at.route.startsWith("/store")) return responseTo(refused, "rpc");
      // What is said in the store's own form is about this very write: it was never looked at.
      return responseTo(refused, refused.status === 413 ? "store" : "text");
    });
    const extra = { ...SECURITY_HEADERS, ...corsHeaders(request, this.#door) };
    for (const [name, value] of Object.entries(extra)) response.headers.set(name, value);
    // The rest of a body that nobody reads would be taken for the next request.
    const isUnread = request.body !== null && !request.bodyUsed;
    if (isUnread || this.#stop.signal.aborted) response.headers.set("connection", "close");
    return response;
  }

  async #pass(
    request: Request,
    passage: Passage,
    { route, pathname, isOver }: { route: string; pathname: string; isOver: Promise<unknown> },
  ): Promise<Response> {
    if (route === "/health") return await this.#health(request);
    checkHost(request, passage, this.#door);
    checkOrigin(request, this.#door);
    const answered = preflight(request, this.#door);
    if (answered) return answered;
    const principal = await this.#whoAsks(request, passage);
    if (this.#stop.signal.aborted) throw ending();
    const call: Call = { request, principal, isOver };
    if (pathname === MCP_PATH) return await this.#mcp.streamable(call);
    if (pathname === SSE_PATH) return await this.#mcp.sse(call);
    if (pathname === MESSAGES_PATH) return await this.#mcp.messages(call);
    if (pathname === "/metrics") return this.#metrics(call);
    const own = this.#options.routes?.[route];
    if (own) return await own(call, this.#stop.signal);
    throw refusal(
      404,
      "not_found",
      "There is nothing at this path",
      `MCP is at ${MCP_PATH}, and of the older form at ${SSE_PATH}.`,
    );
  }

  async #whoAsks(request: Request, passage: Passage): Promise<Principal> {
    let principal: Principal;
    try {
      principal = await authenticate(request, this.#door);
    } catch (error) {
      this.#count(this.#unknown, passage.clientHost, "unknown");
      if (error instanceof Refusal) throw error;
      // Where the tokens are is nothing for strangers.
      this.#options.log.error(messageOf(error));
      throw refusal(
        500,
        "store_io",
        "The server cannot read its tokens, and lets nobody in",
        "Its log tells whoever runs it what to do.",
      );
    }
    passage.isTrusted = true;
    this.#count(this.#users, `${principal.tenant} ${principal.user}`, "rate");
    return principal;
  }

  /** @throws {Refusal} 429. */
  #count(limit: RateLimit, who: string, kind: string): void {
    const waitS = limit.take(who);
    if (waitS === 0) return;
    this.#options.metrics.limited.add({ limit: kind });
    throw refusal(
      429,
      "store_busy",
      "There were too many requests",
      `Try again in ${waitS} s; 'http.rate_per_minute' of the server is the limit.`,
      { headers: { "retry-after": String(waitS) } },
    );
  }

  async #health({ method }: Request): Promise<Response> {
    if (method !== "GET" && method !== "HEAD") throw wrongMethod("/health", "GET");
    const isUp = !this.#stop.signal.aborted && await (this.#looking ??= this.#look());
    const status = isUp ? 200 : 503;
    return Response.json({ status: isUp ? "up" : "down" }, {
      status,
      headers: { "cache-control": "no-store" },
    });
  }

  /** Anybody may ask how the server is: the store is asked for all of them at once. */
  async #look(): Promise<boolean> {
    const isUp = await within(HEALTH_MS, this.#options.isUp().catch(() => false), () => false);
    this.#looking = null;
    return isUp;
  }

  #metrics({ request, principal }: Call): Response {
    if (request.method !== "GET") throw wrongMethod("/metrics", "GET");
    if (!principal.scopes.has("admin")) throw lacksAdmin(principal);
    return new Response(this.#options.metrics.text(), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  }

  /** The path as it is counted: only what there is, since anybody can think of others. */
  #routeOf(pathname: string): string {
    const known = [MCP_PATH, SSE_PATH, MESSAGES_PATH, "/health", "/metrics"];
    if (known.includes(pathname)) return pathname;
    const own = Object.keys(this.#options.routes ?? {});
    return own.find((path) => pathname === path) ?? "other";
  }

  #asRefusal(error: unknown, route: string): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof CoordinatorError) return new Refusal(statusOf(error), error);
    const text = shorten(messageOf(error).split("\n")[0], 200);
    this.#options.log.error(`${route}: ${text}`);
    return refusal(
      500,
      "store_io",
      "Something unexpected happened",
      "The server's log tells more.",
    );
  }
}

/** Turns what the system says of an address into what to do about it. */
function listen(hostname: string, port: number, task: () => Gate): Gate {
  try {
    return task();
  } catch (error) {
    const where = `${hostname}:${port}`;
    const isTaken = error instanceof Deno.errors.AddrInUse;
    throw new CoordinatorError(
      "invalid_argument",
      `Cannot listen on ${where}: ${
        isTaken ? "another program does" : messageOf(error).split("\n")[0]
      }`,
      isTaken
        ? "End that program, or name another port: `csc serve --http HOST:PORT`."
        : "Name an address of this machine and a free port, and check certificate and key where there are any.",
      { cause: error },
    );
  }
}

/**
 * Refuses to serve everybody who can reach this machine.
 *
 * @throws {CoordinatorError} `unauthorized`.
 */
export function checkExposure(hostname: string, hasToken: boolean): void {
  if (hasToken || isLoopback(hostname)) return;
  throw new CoordinatorError(
    "unauthorized",
    `Cannot listen on ${hostname} without a token: everybody who reaches this machine could use the server`,
    "Make one first: `csc token create --user NAME`; or listen on 127.0.0.1.",
  );
}

function ending(): Refusal {
  return refusal(503, "store_busy", "The server is ending", "Try again in a moment.", {
    headers: { "retry-after": "5", connection: "close" },
  });
}

function lacksAdmin({ user }: Principal): Refusal {
  return refusal(
    403,
    "forbidden",
    `${user} may not read the server's metrics: the token has no scope 'admin'`,
    "Ask who runs the server for a token with it.",
  );
}

function statusOf({ code }: CoordinatorError): RefusalStatus {
  if (code === "invalid_argument" || code === "value_refused") return 400;
  if (code === "forbidden") return 403;
  if (code === "unauthorized") return 401;
  if (code === "store_busy" || code === "store_unreachable") return 503;
  return 500;
}
