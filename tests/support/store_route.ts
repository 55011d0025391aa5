import type { Json } from "../../src/domain/json.ts";
import { parseJson } from "../../src/domain/json.ts";
import type { Principal } from "../../src/http/principal.ts";
import { storeRoute, type StoreRouteOptions } from "../../src/http/store_route.ts";
import { Tokens } from "../../src/http/tokens.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { TenantStore } from "../../src/storage/tenant.ts";

/** The parts of a server that rules are checked on; a planted bug replaces one. */
export interface Kit {
  readonly route: typeof storeRoute;
  readonly tenant: (store: StorageAdapter, name: string) => StorageAdapter;
  readonly tokens: (path: string) => Pick<Tokens, "create" | "verify">;
  /** How long to wait for what must happen, in milliseconds; 20 s without it. */
  readonly patienceMs?: number;
}

/** The parts as they are. */
export const SOUND: Kit = {
  route: storeRoute,
  tenant: (store, name) => new TenantStore(store, name),
  tokens: (path) => new Tokens(path),
};

/** Somebody who may do everything but force, unless it says otherwise. */
export function principal(parts: Partial<Principal> = {}): Principal {
  return {
    user: "ada",
    tenant: "default",
    scopes: new Set(["read", "write"]),
    projects: null,
    machines: null,
    ...parts,
  };
}

/** What the route answers. */
export interface Said {
  readonly status: number;
  readonly ok: boolean;
  readonly result: Json;
  readonly code: string | null;
  readonly message: string;
  readonly text: string;
}

/** Sends bodies to a store's route. */
export function client(
  { route }: Kit,
  store: StorageAdapter,
  who: Principal = principal(),
  options: StoreRouteOptions = {},
): (body: string | Record<string, unknown>) => Promise<Said> {
  return async (body) => {
    const text = typeof body === "string" ? body : JSON.stringify({ v: 1, ...body });
    const response = await route(post(text), who, store, new AbortController().signal, options);
    return await read(response);
  };
}

/** A request as the adapter sends it. */
export function post(body: string | ReadableStream, path = "/store"): Request {
  return new Request(`http://127.0.0.1:8082${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
}

async function read(response: Response): Promise<Said> {
  const text = await response.text();
  const said = text.startsWith("{")
    ? parseJson(text) as { ok: boolean; result?: Json; error?: { code: string; message: string } }
    : { ok: false };
  return {
    status: response.status,
    ok: said.ok,
    result: said.result ?? null,
    code: said.error?.code ?? null,
    message: said.error?.message ?? "",
    text,
  };
}
