/**
 * The store of a server, for the adapter `server`: `POST /store` for one operation, `POST
 * /store/watch` for a stream of changes.
 *
 * @module
 */

import { CoordinatorError, type ErrorCode, messageOf } from "../domain/error.ts";
import type { Json } from "../domain/json.ts";
import { couldEndByForce, endsByForce } from "../lease/forced.ts";
import type { DeleteResult, StorageAdapter, StoreResult } from "../storage/adapter.ts";
import {
  type Answer,
  PROTOCOL,
  type StoreOp,
  WATCH_PATH,
  WRITES,
} from "../storage/server/protocol.ts";
import { TenantStore } from "../storage/tenant.ts";
import { checkAllowed, mayName, notNamed } from "./permission.ts";
import type { Principal } from "./principal.ts";
import { Replies } from "./replies.ts";
import {
  readStoreRequest,
  readText,
  readWatchRequest,
  type StoreRequest,
} from "./store_request.ts";
import { watchStream } from "./store_watch.ts";

/** What somebody did or tried to do, for the audit log; without values. */
export interface StoreAct {
  readonly op: StoreOp | "watch";
  /** The scope, or the glob where several are meant; null for the clock. */
  readonly scope: string | null;
  readonly key: string | null;
  /** Whether it ended by force what somebody else held. */
  readonly forced: boolean;
  /** `ok`, `refused` where a condition failed, or the error's code. */
  readonly outcome: "ok" | "refused" | ErrorCode;
}

/** What a host may say beside the request. */
export interface StoreRouteOptions {
  /** Told of each operation once it is done. */
  readonly audit?: (act: StoreAct) => void;
  /** Whether the token still holds; asked now and then while a watch goes on. */
  readonly isStillValid?: () => Promise<boolean>;
  /** How often a watch shows that the server is there, in milliseconds. */
  readonly heartbeatMs?: number;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  invalid_argument: 400,
  value_refused: 413,
  store_newer: 400,
  store_busy: 503,
};

/** The answers that a server remembers, by its store. */
const remembered = new WeakMap<StorageAdapter, Replies>();

/**
 * Answers a request for a store. Whoever asks is known; of the store they see their tenant's part.
 *
 * @param request Its body is whole, or comes in time and is not too large: the host sees to that.
 * @param signal Ends a watch.
 */
export async function storeRoute(
  request: Request,
  principal: Principal,
  store: StorageAdapter,
  signal: AbortSignal,
  options: StoreRouteOptions = {},
): Promise<Response> {
  try {
    if (request.method !== "POST") return refusal("Use POST", 405, { allow: "POST" });
    if (!isJson(request)) return refusal("Send application/json", 415);
    const text = await readText(request);
    const seen = new TenantStore(store, principal.tenant);
    if (new URL(request.url).pathname.endsWith(WATCH_PATH)) {
      return await watch(readWatchRequest(text), principal, seen, signal, options);
    }
    const replies = remembered.get(store) ?? new Replies();
    remembered.set(store, replies);
    const { answer, code } = await new Call(principal, seen, replies, options)
      .answer(readStoreRequest(text));
    return respond(answer, code === null ? 200 : STATUS[code] ?? 500);
  } catch (error) {
    const { code, ...said } = errorOf(error);
    return respond(JSON.stringify(failure({ code, ...said })), STATUS[code] ?? 500);
  }
}

/** One operation for one principal. */
class Call {
  readonly #principal: Principal;
  readonly #store: StorageAdapter;
  readonly #replies: Replies;
  readonly #audit: (act: StoreAct) => void;
  readonly #mayName: (scope: string) => boolean;

  constructor(
    principal: Principal,
    store: StorageAdapter,
    replies: Replies,
    { audit = () => {} }: StoreRouteOptions,
  ) {
    this.#principal = principal;
    this.#store = store;
    this.#replies = replies;
    this.#audit = audit;
    this.#mayName = mayName(principal);
  }

  /** The answer as text, and the code of the error that it tells, or null. */
  async answer(request: StoreRequest): Promise<{ answer: string; code: ErrorCode | null }> {
    const { op, id, again_ms } = request;
    let forced = false;
    const note = (outcome: StoreAct["outcome"]) =>
      this.#audit({
        op,
        scope: "scope" in request ? request.scope : "pattern" in request ? request.pattern : null,
        key: "key" in request ? request.key : null,
        forced,
        outcome,
      });
    const run = async () => {
      const result = await this.#perform(request);
      note(isRefusal(result) ? "refused" : "ok");
      return JSON.stringify({ v: PROTOCOL, id, ok: true, result } satisfies Answer);
    };
    try {
      this.#check(request);
      forced = await this.#isForced(request);
      if (forced) checkAllowed(this.#principal, "force", "end by force what others hold");
      if (!WRITES.has(op) || id === undefined) return { answer: await run(), code: null };
      const { tenant, user } = this.#principal;
      const name = JSON.stringify([tenant, user, id]);
      return { answer: await this.#replies.once(name, again_ms ?? null, run), code: null };
    } catch (error) {
      const said = errorOf(error);
      note(said.code);
      return { answer: JSON.stringify({ ...failure(said), id }), code: said.code };
    }
  }

  #check(request: StoreRequest): void {
    if (WRITES.has(request.op)) checkAllowed(this.#principal, "write", "change what is stored");
    else checkAllowed(this.#principal, "read", "read what is stored");
    if ("scope" in request && !this.#mayName(request.scope)) {
      throw notNamed(this.#principal, request.scope);
    }
  }

  /** Whether a write ends what somebody holds; looked at only where it matters. */
  async #isForced(request: StoreRequest): Promise<boolean> {
    if (!WRITES.has(request.op) || !("scope" in request)) return false;
    if (request.op === "deleteScope") {
      const entries = await this.#store.retrieveAll(request.scope);
      return [...entries.values()].some(({ value }) => endsByForce(value, null));
    }
    if (!("key" in request) || request.op === "increment") return false;
    const after = request.op === "store" ? request.value : null;
    if (!couldEndByForce(after)) return false;
    const before = (await this.#store.retrieve(request.scope, request.key))?.value ?? null;
    return endsByForce(before, after);
  }

  /** A refused write tells what there is: not to who may only write. */
  #shown(result: StoreResult | DeleteResult): Json {
    const mayRead = this.#principal.scopes.has("read");
    const shown = result.ok || mayRead ? result : { ...result, current: null };
    return shown as unknown as Json;
  }

  async #perform(request: StoreRequest): Promise<Json> {
    const store = this.#store;
    switch (request.op) {
      case "store": {
        const { scope, key, value, options } = request;
        return this.#shown(await store.store(scope, key, value, options));
      }
      case "retrieve":
        return await store.retrieve(request.scope, request.key) as unknown as Json;
      case "delete": {
        const { scope, key, conditions } = request;
        return this.#shown(await store.delete(scope, key, conditions));
      }
      case "increment":
        return await store.increment(request.scope, request.key, request.by, request.author);
      case "retrieveAll":
        return [...await store.retrieveAll(request.scope)] as unknown as Json;
      case "listKeys":
        return await store.listKeys(request.scope);
      case "listScopes":
        return (await store.listScopes(request.pattern)).filter(this.#mayName);
      case "deleteScope":
        return await store.deleteScope(request.scope);
      case "now":
        return await store.now();
    }
  }
}

async function watch(
  pattern: string,
  principal: Principal,
  store: StorageAdapter,
  signal: AbortSignal,
  options: StoreRouteOptions,
): Promise<Response> {
  const note = (outcome: StoreAct["outcome"]) =>
    options.audit?.({ op: "watch", scope: pattern, key: null, forced: false, outcome });
  try {
    checkAllowed(principal, "read", "read what is stored");
    const body = await watchStream(store, pattern, mayName(principal), signal, options);
    note("ok");
    return new Response(body, { headers: { ...HEADERS, "content-type": "application/x-ndjson" } });
  } catch (error) {
    note(errorOf(error).code);
    throw error;
  }
}

const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

function isJson(request: Request): boolean {
  return /^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "");
}

function respond(text: string, status: number): Response {
  return new Response(text, {
    status,
    headers: { ...HEADERS, "content-type": "application/json" },
  });
}

function refusal(message: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(message + "\n", { status, headers: { ...HEADERS, ...headers } });
}

function isRefusal(result: Json): boolean {
  return typeof result === "object" && result !== null && "ok" in result && result.ok === false;
}

function failure(error: { code: ErrorCode; message: string; hint: string }): Answer {
  return { v: PROTOCOL, ok: false, error };
}

function errorOf(error: unknown): { code: ErrorCode; message: string; hint: string } {
  if (error instanceof CoordinatorError) {
    const { code, message, hint } = error;
    return { code, message, hint };
  }
  return {
    code: "store_io",
    message: `The server failed: ${messageOf(error).split("\n")[0]}`,
    hint: "The server's log tells more.",
  };
}
