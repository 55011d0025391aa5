/**
 * A process that serves stores over HTTP for tests that move a store's clock: says its port on
 * standard output. `/NAME/store` is a tenant of its own, whose clock `/NAME/clock` sets.
 */

import type { Principal } from "../../../src/http/principal.ts";
import { storeRoute } from "../../../src/http/store_route.ts";
import type { StorageAdapter } from "../../../src/storage/adapter.ts";
import { MemoryData, MemoryStore } from "../../../src/storage/memory.ts";

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
  const options = { heartbeatMs: HEARTBEAT_MS };
  return await storeRoute(request, principal, store, ending.signal, options);
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: (address) => console.log(address.port),
}, anybody);
