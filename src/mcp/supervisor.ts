/**
 * Who decides what a client may do, where not every client may do everything.
 *
 * @module
 */

import type { CoordinatorError } from "../domain/error.ts";
import type { CallToolResult } from "./sdk.ts";
import type { ToolDefinition } from "./tool.ts";

/** Something that a client does. */
export interface Act {
  readonly kind: "tool" | "resource" | "prompt" | "completion";
  /** The tool's, resource's or prompt's name; never a value. */
  readonly name: string;
  /** What the client must be allowed to. */
  readonly needs: "read" | "write";
  /** The scope, or the lock, that it names. */
  readonly scope?: string;
  readonly key?: string;
  /** The machine that it names instead of the client's own. */
  readonly machine?: string;
}

/** What the token of a request allows. */
export interface Allowance {
  readonly scopes: readonly string[];
  /** `machines`: globs of those that it may name, or null for any. */
  readonly extra?: { readonly machines?: readonly string[] | null };
}

/** How an act ended. */
export interface ActOutcome {
  /** `ok`, or the code of the error. */
  readonly code: string;
  readonly tookMs: number;
}

/** Decides on acts and is told of them. */
export interface Supervisor {
  /**
   * Why an act is refused, or null.
   *
   * @param allowed What the request's token allows, where it has one.
   */
  refuse(act: Act, allowed: Allowance | undefined): CoordinatorError | null;
  /** Told of every act, refused ones too. */
  done(act: Act, outcome: ActOutcome): void;
}

/** Allows everything. */
export const NO_SUPERVISOR: Supervisor = { refuse: () => null, done: () => {} };

/** A call of a tool as an act; of its arguments the names of things only. */
export function actOf(tool: ToolDefinition, args: Record<string, unknown> = {}): Act {
  const scope = [args.scope, args.name, args.lock_name, args.session_id].find(isText);
  return {
    kind: "tool",
    name: tool.name,
    needs: tool.annotations.readOnlyHint ? "read" : "write",
    ...(scope !== undefined && { scope }),
    ...(isText(args.key) && { key: args.key }),
    ...(isText(args.machine) && { machine: args.machine }),
  };
}

/** The code of a call's outcome. */
export function codeOf(result: CallToolResult): string {
  return result.isError ? String(result._meta?.["csc/code"]) : "ok";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
