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
 * How a refusal is written: `rpc`, a JSON-RPC error, which MCP clients show to people; `store`, an
 * answer of the store's route; or `text`, for its clients too, which is none of the store itself.
 */
export type RefusalForm = "rpc" | "store" | "text";

/** A refusal as a response. */
export function responseTo({ status, error, options }: Refusal, form: RefusalForm): Response {
  return new Response(bodyOf(error, form, options.rpcCode), {
    status,
    headers: {
      "content-type": form === "text" ? "text/plain; charset=utf-8" : "application/json",
      "cache-control": "no-store",
      ...options.headers,
    },
  });
}

function bodyOf(
  { code, message, hint }: CoordinatorError,
  form: RefusalForm,
  rpcCode: number = RPC_CODES.server,
): string {
  if (form === "text") return `${message}. ${hint}\n`;
  if (form === "store") return JSON.stringify({ v: 1, ok: false, error: { code, message, hint } });
  const error = { code: rpcCode, message: `${message}. ${hint}`, data: { code, message, hint } };
  return JSON.stringify({ jsonrpc: "2.0", id: null, error });
}
