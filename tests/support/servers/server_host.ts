/**
 * A process that serves stores over HTTP for a test: says its port on standard output.
 *
 * Without tokens, `/NAME/store` is a tenant of its own whose clock `/NAME/clock` sets; with them,
 * `/store` is one store in the folder, for whoever has a token.
 */

import { DEFAULT_LIMITS } from "../../../src/domain/json.ts";
import type { Principal } from "../../../src/http/principal.ts";
import { storeRoute } from "../../../src/http/store_route.ts";
import { Tokens } from "../../../src/http/tokens.ts";
import type { StorageAdapter } from "../../../src/storage/adapter.ts";
import { LocalStore } from "../../../src/storage/local/local.ts";
import { MemoryData, MemoryStore } from "../../../src/storage/memory.ts";

const [folder, port, needsToken] = Deno.args;
const LIMITS = { maxValueBytes: 16 * 1024 * 1024 };
const HEARTBEAT_MS = 500;
const ending = new AbortController();

interface Namespace {
  readonly store: StorageAdapter;
  readonly clock: { offsetMs: number };
}

const namespaces = new Map<string, Namespace>();

function namespaceOf(name: string): Namespace {
  const known = namespaces.get(name);
  if (known) return known;
  const clock = { offsetMs: 0 };
  const store = new MemoryStore(new MemoryData(), LIMITS, () => Date.now() + clock.offsetMs);
  namespaces.set(name, { store, clock });
  return { store, clock };
}

async function anybody(request: Request): Promise<Response> {
  const [, name, what] = new URL(request.url).pathname.split("/");
  const { store, clock } = namespaceOf(name);
  if (what === "clock") {
    const [, back, offset] = /^(back to )?(.+)$/.exec(await request.text())!;
    clock.offsetMs = Math.max(back ? -Infinity : clock.offsetMs, Number(offset));
    return new Response();
  }
  const principal: Principal = {
    user: "anybody",
    tenant: name,
    scopes: new Set(["read", "write", "force"]),
    projects: null,
    machines: null,
  };
  const options = { limits: LIMITS, heartbeatMs: HEARTBEAT_MS };
  return await storeRoute(request, principal, store, ending.signal, options);
}

const tokens = new Tokens(`${folder}/tokens.json`);
const kept = new LocalStore({ folder: `${folder}/state`, durable: false, limits: DEFAULT_LIMITS });

async function known(request: Request): Promise<Response> {
  const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  const principal = await tokens.verify(token);
  if (!principal) return new Response("Who are you?\n", { status: 401 });
  return await storeRoute(request, principal, kept, ending.signal, {
    heartbeatMs: HEARTBEAT_MS,
    isStillValid: async () => await tokens.verify(token) !== null,
  });
}

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: (address) => console.log(address.port),
}, needsToken === "true" ? known : anybody);
