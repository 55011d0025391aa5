/**
 * MCP over HTTP: the streamable transport at `/mcp`, and the older pair `/sse` and `/messages`.
 *
 * @module
 */

import type { HttpConfig } from "../config/types.ts";
import { type Json, parseJson } from "../domain/json.ts";
import type { JSONRPCMessage } from "../mcp/sdk.ts";
import {
  type AuthInfo,
  isInitializeRequest,
  JSONRPCMessageSchema,
  WebStandardStreamableHTTPServerTransport,
} from "../mcp/sdk_http.ts";
import { SessionEvents } from "./event_store.ts";
import { type Place, placeOf, usualPlace } from "./place.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refusal, RPC_CODES, wrongMethod } from "./refusal.ts";
import { readBody } from "./request_body.ts";
import type { Session, SessionOf, Sessions } from "./sessions.ts";
import { SseTransport } from "./sse_transport.ts";

/** Where the routes are. */
export const MCP_PATH = "/mcp";
export const SSE_PATH = "/sse";
export const MESSAGES_PATH = "/messages";

/** What a request to a route comes with. */
export interface Call {
  readonly request: Request;
  readonly principal: Principal;
  /** Resolves, or fails, once the response is over. */
  readonly isOver: Promise<unknown>;
}

/** What the routes need. */
export interface RoutesOptions {
  readonly sessions: Sessions;
  readonly settings: Pick<HttpConfig, "max_body_bytes" | "body_timeout_s">;
  /** The server's own project and machine. */
  readonly own: Place;
}

const SESSION_HEADER = "mcp-session-id";

/** The routes of MCP. */
export class McpRoutes {
  readonly #options: RoutesOptions;

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  /**
   * Answers a request to `/mcp`.
   *
   * @throws {Refusal}
   * @throws {CoordinatorError} See {@linkcode placeOf}.
   */
  async streamable(call: Call): Promise<Response> {
    const { method } = call.request;
    if (method === "POST") return await this.#post(call);
    if (method !== "GET" && method !== "DELETE") throw wrongMethod(MCP_PATH, "GET, POST, DELETE");
    if (method === "GET") checkAccepts(call.request, ["text/event-stream"]);
    const session = this.#sessionOf(call);
    const lastEvent = call.request.headers.get("last-event-id");
    if (method === "GET" && lastEvent !== null && !session.channel.events.knows(lastEvent)) {
      throw refusal(
        400,
        "invalid_argument",
        "The last event is none of this session",
        "Open the stream without Last-Event-ID.",
      );
    }
    session.use(call.isOver);
    const response = await session.channel.transport.handleRequest(call.request);
    await session.ending; // after a DELETE: once it is answered, what was held is free
    return response;
  }

  /** Answers a request to `/sse`; see {@linkcode McpRoutes.streamable}. */
  async sse({ request, principal, isOver }: Call): Promise<Response> {
    if (request.method !== "GET") throw wrongMethod(SSE_PATH, "GET");
    checkAccepts(request, ["text/event-stream"]);
    const { sessions, own } = this.#options;
    const place = placeOf(request.headers, principal, usualPlace(principal, own));
    const session = await sessions.open<"sse">(principal, place, (id) => {
      return { kind: "sse", transport: new SseTransport(id, MESSAGES_PATH) };
    });
    const { transport } = session.channel;
    session.use(isOver);
    // A client that left before it got its answer cancels no stream.
    isOver.catch(() => transport.close());
    return transport.response();
  }

  /** Answers a request to `/messages`; see {@linkcode McpRoutes.streamable}. */
  async messages({ request, principal, isOver }: Call): Promise<Response> {
    if (request.method !== "POST") throw wrongMethod(MESSAGES_PATH, "POST");
    checkJson(request);
    const id = new URL(request.url).searchParams.get("sessionId");
    if (id === null) throw missingSession("the parameter sessionId");
    const session = this.#options.sessions.find(id, principal, "sse");
    this.#checkPlace(request, principal, session);
    const message = messageIn(await this.#body(request));
    session.use(isOver);
    session.channel.transport.receive(message, { authInfo: authInfo(principal) });
    return new Response(null, { status: 202 });
  }

  async #post(call: Call): Promise<Response> {
    const { request, principal } = call;
    checkAccepts(request, ["application/json", "text/event-stream"]);
    checkJson(request);
    // Before the body: nobody can let us read who has no session.
    const known = request.headers.has(SESSION_HEADER) ? this.#sessionOf(call) : null;
    const message = messageIn(await this.#body(request));
    if (known === null && !isInitializeRequest(message)) throw missingSession(SESSION_HEADER);
    const session = known ?? await this.#open(call);
    session.use(call.isOver);
    const response = await session.channel.transport.handleRequest(request, {
      parsedBody: message,
      authInfo: authInfo(principal),
    });
    if (known === null && !response.ok) await this.#options.sessions.end(session, "failed");
    return response;
  }

  #open({ request, principal }: Call): Promise<SessionOf<"streamable">> {
    const { sessions, own } = this.#options;
    const place = placeOf(request.headers, principal, usualPlace(principal, own));
    return sessions.open<"streamable">(principal, place, (id) => {
      const events = new SessionEvents();
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        eventStore: events,
      });
      return { kind: "streamable", transport, events };
    });
  }

  #sessionOf({ request, principal }: Call): SessionOf<"streamable"> {
    const id = request.headers.get(SESSION_HEADER);
    if (id === null) throw missingSession(SESSION_HEADER);
    const session = this.#options.sessions.find(id, principal, "streamable");
    this.#checkPlace(request, principal, session);
    return session;
  }

  /** A session stays where it was opened, and its user's token must still allow that. */
  #checkPlace(request: Request, principal: Principal, { client }: Session): void {
    const named = placeOf(request.headers, principal, client.place);
    if (named.project === client.place.project && named.machine === client.place.machine) return;
    throw refusal(
      400,
      "invalid_argument",
      "The session was opened for another project or machine than the request names",
      "Open a session for each.",
    );
  }

  async #body(request: Request): Promise<Json> {
    const { max_body_bytes, body_timeout_s } = this.#options.settings;
    const limits = { maxBytes: max_body_bytes, timeoutMs: body_timeout_s * 1000 };
    const bytes = await readBody(request, limits);
    try {
      return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      throw refusal(
        400,
        "invalid_argument",
        "The request's body is not JSON",
        "Send one JSON-RPC message in UTF-8.",
        { rpcCode: RPC_CODES.parse },
      );
    }
  }
}

function authInfo({ user, scopes, machines }: Principal): AuthInfo {
  return { token: "", clientId: user, scopes: [...scopes], extra: { machines } };
}

/** @throws {Refusal} 406. */
function checkAccepts(request: Request, types: readonly string[]): void {
  const accepted = (request.headers.get("accept") ?? "").toLowerCase().split(",")
    .map((one) => one.split(";")[0].trim());
  if (types.every((type) => accepted.includes(type))) return;
  throw refusal(
    406,
    "invalid_argument",
    "The request does not accept what this route answers",
    `Send \`Accept: ${types.join(", ")}\`.`,
  );
}

/** @throws {Refusal} 415. */
function checkJson(request: Request): void {
  const type = (request.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
  if (type === "application/json") return;
  throw refusal(
    415,
    "invalid_argument",
    "The request's body is of another type than JSON",
    "Send `Content-Type: application/json`.",
  );
}

/** @throws {Refusal} 400. */
function messageIn(body: Json): JSONRPCMessage {
  const parsed = JSONRPCMessageSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw refusal(
    400,
    "invalid_argument",
    Array.isArray(body) ? "Batches of messages are not served" : "This is no JSON-RPC message",
    "Send one JSON-RPC 2.0 message a request.",
    { rpcCode: RPC_CODES.request },
  );
}

function missingSession(where: string): Refusal {
  return refusal(
    400,
    "invalid_argument",
    `The request names no session in ${where}`,
    "Begin with `initialize`; its answer names the session.",
  );
}
