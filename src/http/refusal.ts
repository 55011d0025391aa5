/**
 * Refusals over HTTP: the status for machines, and a JSON body that says what happened and what to do
 * next, in the form that the client of the route reads.
 *
 * @module
 */

import { CoordinatorError, type ErrorCode } from "../domain/error.ts";

/** The status of a refusal. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 406 | 408 | 413 | 415 | 429 | 500 | 503;

/** What goes with a refusal. */
export interface RefusalOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The JSON-RPC code, where it is another than that of servers' own errors. */
  readonly rpcCode?: number;
}

/** The JSON-RPC codes of refusals. */
export const RPC_CODES = {
  /** The protocol has no code for it. */
  server: -32000,
  /** The SDK's code for a session that there is not. */
  session: -32001,
  parse: -32700,
  request: -32600,
} as const;

/** A request that is not served. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  /**
   * @param status For machines.
   * @param error What happened and what to do next.
   */
  constructor(
    readonly status: RefusalStatus,
    readonly error: CoordinatorError,
    readonly options: RefusalOptions = {},
  ) {
    super(error.message);
  }
}

/** Makes a refusal of its parts. */
export function refusal(
  status: RefusalStatus,
  code: ErrorCode,
  message: string,
  hint: string,
  options?: RefusalOptions,
): Refusal {
  return new Refusal(status, new CoordinatorError(code, message, hint), options);
}

/** The refusal of a method. */
export function wrongMethod(path: string, allowed: string): Refusal {
  return refusal(
    405,
    "invalid_argument",
    `${path} does not know this method`,
    `Use ${allowed}.`,
    { headers: { allow: allowed } },
  );
}

/**
 * A refusal as a response: a JSON-RPC error, which MCP clients show to people, or an answer of the
 * store's route.
 */
export function responseTo({ status, error, options }: Refusal, form: "rpc" | "store"): Response {
  const { code, message, hint } = error;
  const { rpcCode = RPC_CODES.server, headers = {} } = options;
  const body = form === "store" ? { v: 1, ok: false, error: { code, message, hint } } : {
    jsonrpc: "2.0",
    id: null,
    error: { code: rpcCode, message: `${message}. ${hint}`, data: { code, message, hint } },
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}
