/**
 * Who may come in: the host that a request is addressed to, the page that it comes from, and the token
 * that it carries.
 *
 * @module
 */

import type { HttpConfig } from "../config/types.ts";
import type { Passage } from "./passage.ts";
import type { Principal, TokenScope } from "./principal.ts";
import { refusal } from "./refusal.ts";

/** Knows the tokens. */
export interface TokenVerifier {
  /** Whose token it is; null for one that is not known, or was revoked. */
  verify(presented: string): Promise<Principal | null>;
  /** Whether there never was a token: one that was revoked counts. */
  isEmpty(): boolean;
}

/** What the door needs to know. */
export interface DoorOptions {
  readonly settings: Pick<HttpConfig, "allowed_hosts" | "allowed_origins">;
  /** The address that was asked for to listen on. */
  readonly hostname: string;
  readonly isTls: boolean;
  readonly tokens: TokenVerifier;
}

const ALL_SCOPES: ReadonlySet<TokenScope> = new Set(["read", "write", "force", "admin"]);

/** Everybody on this machine, as long as there is no token. */
export const LOCAL_USER: Principal = {
  user: "local",
  tenant: "default",
  scopes: ALL_SCOPES,
  projects: null,
  machines: null,
};

/** Names of this machine that no name server can give to another. */
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Whether an address can be reached from this machine only. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
}

/**
 * Lets a request in that names a host which the server answers to: against pages whose name leads to
 * this machine.
 *
 * @throws {Refusal} 403.
 */
export function checkHost(
  request: Request,
  passage: Passage,
  { settings, hostname }: DoorOptions,
): void {
  const given = request.headers.get("host")?.toLowerCase() ?? "";
  const name = given.replace(/:\d+$/, "");
  const own = [...LOOPBACK_NAMES, bracketed(hostname), bracketed(passage.ownHost)];
  const isKnown = own.includes(name) ||
    settings.allowed_hosts.some((one) => one === given || one === name);
  if (isKnown && name !== "") return;
  throw refusal(
    403,
    "forbidden",
    "This server does not answer to the host that the request names",
    "Call it by the address that it listens on, or add the name: --allow-host, or 'http.allowed_hosts'.",
  );
}

/**
 * Lets a request in that comes from no web page, or from one that may use the server.
 *
 * @throws {Refusal} 403.
 */
export function checkOrigin(request: Request, { settings, isTls }: DoorOptions): void {
  const origin = request.headers.get("origin");
  // With a GET of which its page sees no answer a browser tells no origin, but that it is another.
  const isElsewhere = /^(cross|same)-site$/.test(request.headers.get("sec-fetch-site") ?? "");
  if (origin === null && !isElsewhere) return; // no browser
  const own = `${isTls ? "https" : "http"}://${request.headers.get("host")?.toLowerCase()}`;
  if (origin !== null && (origin === own || settings.allowed_origins.includes(origin))) return;
  throw refusal(
    403,
    "forbidden",
    "Web pages of this origin may not use the server",
    "Add the origin, with its port, to 'http.allowed_origins' if it is yours.",
  );
}

/**
 * Who sends a request.
 *
 * @throws {Refusal} 401.
 */
export async function authenticate(
  request: Request,
  { tokens, hostname }: DoorOptions,
): Promise<Principal> {
  const header = request.headers.get("authorization") ?? "";
  const presented = /^Bearer +([^\s]+) *$/i.exec(header)?.[1];
  if (presented !== undefined) {
    const principal = await tokens.verify(presented);
    if (principal) return principal;
  }
  if (isLoopback(hostname) && tokens.isEmpty()) return LOCAL_USER;
  const isMissing = presented === undefined;
  throw refusal(
    401,
    "unauthorized",
    isMissing ? "The request carries no token" : "The token is not known, has ended or was revoked",
    "Send `Authorization: Bearer TOKEN`; `csc token create` on the server makes one.",
    {
      headers: {
        "www-authenticate": `Bearer realm="csc"${isMissing ? "" : ', error="invalid_token"'}`,
      },
    },
  );
}

/** What a page of an allowed origin is told, so that its browser lets it read the answer. */
export function corsHeaders(
  request: Request,
  { settings }: DoorOptions,
): Record<string, string> {
  const origin = request.headers.get("origin");
  if (origin === null || !settings.allowed_origins.includes(origin)) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "mcp-session-id, www-authenticate, retry-after",
    vary: "origin",
  };
}

/** The answer to a browser that asks before it sends; null where it is no such question. */
export function preflight(request: Request, options: DoorOptions): Response | null {
  if (request.method !== "OPTIONS") return null;
  if (!request.headers.has("access-control-request-method")) return null;
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(request, options),
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers":
        "authorization, content-type, last-event-id, mcp-protocol-version, mcp-session-id, x-csc-project, x-csc-machine",
      "access-control-max-age": "600",
    },
  });
}

/** An IPv6 address as it is written in front of a port. */
function bracketed(hostname: string): string {
  const name = hostname.toLowerCase();
  return name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
}
