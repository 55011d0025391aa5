/**
 * The routes of the adapter `server`, as the host offers them: with its deadlines, its audit log and
 * its measurements.
 *
 * @module
 */

import type { ValueLimits } from "../domain/json.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import { HOOK_HEADER } from "../storage/server/protocol.ts";
import type { Audit } from "./audit.ts";
import type { Call } from "./mcp_routes.ts";
import type { Metrics } from "./metrics.ts";
import type { Principal } from "./principal.ts";
import { readBody } from "./request_body.ts";
import { type StoreAct, storeRoute } from "./store_route.ts";

/** What the routes need. */
export interface StoreRoutesOptions {
  readonly store: StorageAdapter;
  readonly limits: ValueLimits;
  readonly bodyTimeoutMs: number;
  /** Whose token a request carries now; null where it is not valid any more. */
  readonly whoIs: (request: Request) => Promise<Principal | null>;
  readonly audit: Audit;
  readonly metrics: Metrics;
}

/** What is around a value in a request's body. */
const ENVELOPE_BYTES = 32 * 1024;

/** Answers requests to `/store` and `/store/watch`. */
export function storeRoutes(
  options: StoreRoutesOptions,
): (call: Call, stop: AbortSignal) => Promise<Response> {
  const { store, limits, bodyTimeoutMs, whoIs, audit, metrics } = options;
  return async ({ request, principal, isOver }, stop) => {
    const hookMs = Number(request.headers.get(HOOK_HEADER) ?? NaN);
    if (hookMs >= 0 && hookMs < 600_000) metrics.hookTime.observe(hookMs);
    const maxBytes = limits.maxValueBytes + ENVELOPE_BYTES;
    const body = request.method === "POST"
      ? await readBody(request, { maxBytes, timeoutMs: bodyTimeoutMs })
      : undefined;
    const { url, method, headers } = request;
    // A watch ends with the host, or with its client.
    const gone = new AbortController();
    isOver.catch(() => gone.abort());
    const signal = AbortSignal.any([stop, gone.signal]);
    return await storeRoute(new Request(url, { method, headers, body }), principal, store, signal, {
      audit: (act) => write(audit, principal, act),
      isStillValid: async () => await whoIs(request) !== null,
    });
  };
}

function write(audit: Audit, { user, tenant }: Principal, act: StoreAct): void {
  const { op, scope, key, outcome, forced } = act;
  // Asking for the time tells nothing of what is stored.
  if (op === "now") return;
  audit.write({ user, tenant, action: `store:${op}`, scope, key, result: outcome, forced });
}
