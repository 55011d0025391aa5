/**
 * What Claude Code tells a hook, and what the hook answers.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { resolve } from "../os/path.ts";

/** An event, as far as csc looks at it. */
export interface HookEvent {
  readonly hook_event_name: string;
  readonly session_id: string;
  readonly cwd: string;
  readonly agent_id?: string;
  readonly tool_name?: string;
  readonly tool_input?: { readonly [key: string]: Json };
  readonly tool_use_id?: string;
  readonly tool_calls?: readonly Json[];
  readonly source?: string;
  readonly reason?: string;
  readonly file_path?: string;
}

/** What a hook answers, beside its exit code. */
export interface HookAnswer {
  readonly code: number;
  readonly stdout?: { readonly [key: string]: Json };
  readonly stderr?: string;
}

/** Nothing to say. */
export const SILENT: HookAnswer = { code: 0 };

/**
 * Reads an event.
 *
 * @throws {CoordinatorError} `invalid_argument` where the text is no event of Claude Code.
 */
export function parseEvent(text: string): HookEvent {
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const what = text.trim() === "" ? "standard input is empty" : "standard input is not JSON";
    throw notAnEvent(what, error);
  }
  if (!isObject(value)) throw notAnEvent("standard input is no JSON object");
  for (const name of ["hook_event_name", "session_id"]) {
    const field = value[name];
    if (typeof field !== "string" || field === "" || field.length > MAX_ID) {
      throw notAnEvent(`'${name}' is missing or no text of 1 to ${MAX_ID} characters`);
    }
  }
  if (!(value.session_id as string).isWellFormed()) throw notAnEvent("'session_id' is no Unicode");
  return { ...checked(value), cwd: cwdIn(value.cwd) } as unknown as HookEvent;
}

const MAX_ID = 200;

/** Longer is no path on any system. */
export const MAX_PATH = Deno.build.os === "windows" ? 32_767 : 4096;

/** What an event may have: a field that means something else than we take it for is worse than none. */
const FIELDS: Readonly<Record<string, (value: Json) => boolean>> = {
  agent_id: (value) => isText(value) && value.length <= MAX_ID && value.isWellFormed(),
  tool_name: isText,
  tool_use_id: isText,
  tool_input: isObject,
  tool_calls: Array.isArray,
  source: isText,
  reason: isText,
  file_path: isText,
};

function isText(value: Json): value is string {
  return typeof value === "string";
}

/** Leaves out what is null. */
function checked(value: { readonly [key: string]: Json }): { [key: string]: Json } {
  const event = { ...value };
  for (const [name, isRight] of Object.entries(FIELDS)) {
    if (!Object.hasOwn(event, name)) continue;
    if (event[name] === null) delete event[name];
    else if (!isRight(event[name])) throw notAnEvent(`'${name}' is not what Claude Code sends`);
  }
  return event;
}

/** The current folder of the session; where none is told that could be one, the project's. */
function cwdIn(value: Json | undefined): string {
  const isPath = isText(value ?? null) && value !== "" && (value as string).length <= MAX_PATH &&
    !(value as string).includes("\0");
  return isPath ? resolve(folderOfProject(), value as string) : folderOfProject();
}

/** The project's folder, as the client names it. */
export function folderOfProject(): string {
  return Deno.env.get("CLAUDE_PROJECT_DIR") || cwdOrRoot();
}

/** The current folder; `/` where it has been removed. */
function cwdOrRoot(): string {
  try {
    return Deno.cwd();
  } catch {
    return "/";
  }
}

/** The client's process: its number is in the environment, or it is our parent. */
export function clientPid(): number {
  const named = Number(Deno.env.get("CLAUDE_PID"));
  return Number.isSafeInteger(named) && named > 1 ? named : Deno.ppid;
}

/** Says something to the model. */
export function withContext(event: HookEvent, additionalContext: string): HookAnswer {
  const { hook_event_name: hookEventName } = event;
  return { code: 0, stdout: { hookSpecificOutput: { hookEventName, additionalContext } } };
}

/** Stops a tool call, or lets the user decide. */
export function withDecision(
  event: HookEvent,
  permissionDecision: "deny" | "ask",
  permissionDecisionReason: string,
): HookAnswer {
  const { hook_event_name: hookEventName } = event;
  return {
    code: 0,
    stdout: { hookSpecificOutput: { hookEventName, permissionDecision, permissionDecisionReason } },
  };
}

/**
 * An error as one of ours, or null where it is none. Known by what it has, not by its class: in the
 * bundle, what a hook evaluates and what it loads later each have a class of that name.
 */
export function knownError(error: unknown): CoordinatorError | null {
  const isOurs = error instanceof Error && error.name === "CoordinatorError" && "hint" in error;
  return isOurs ? error as CoordinatorError : null;
}

function notAnEvent(fact: string, cause?: unknown): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `csc hook: ${fact}`,
    "This command is for Claude Code's hooks, which pass an event as JSON; `csc install` sets them up.",
    { cause },
  );
}
