/**
 * The hooks that Claude Code is to call: one table for the plugin, for a project's settings and for
 * the doctor.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";

/** The words that start this program, the program itself first. */
export type Program = readonly [string, ...string[]];

/** A handler in exec form: started directly, without a shell. */
export interface HookHandler {
  readonly type: "command";
  readonly command: string;
  readonly args: readonly string[];
  /** In seconds. */
  readonly timeout: number;
  /** Runs in the background; exit code 2 wakes the session with what it wrote to standard error. */
  readonly asyncRewake?: true;
  /** What a handler that fails does to the tool call; without it, nothing. */
  readonly onFailure?: "block";
}

/** Handlers and the tools that they are called for; without a matcher, for all. */
export interface HookGroup {
  readonly matcher?: string;
  readonly hooks: readonly HookHandler[];
}

/** The groups by event, as settings and plugins have them under `hooks`. */
export type HookSettings = Readonly<Record<string, readonly HookGroup[]>>;

/** The tools that write files or run commands. */
export const WRITING_TOOLS = "Write|Edit|NotebookEdit|Bash|PowerShell|Monitor";

/** Our own tools that act for a session, whose id the hook adds: in plugins and in `.mcp.json`. */
export const SESSION_TOOLS =
  "^mcp__(?:.+_)?csc__(?:acquire_lock|release_lock|check_lock|list_locks|heartbeat|register_session)$";

/** Claude Code's own limit is 600 s; a hook of ours decides within 2 s whatever happens. */
const TIMEOUT_S = 5;

/** Which events are handled, and for which tools. */
const WANTED: readonly (readonly [event: string, matcher?: string])[] = [
  ["SessionStart"],
  ["UserPromptSubmit"],
  ["PreToolUse", WRITING_TOOLS],
  ["PreToolUse", SESSION_TOOLS],
  ["PostToolUse", WRITING_TOOLS],
  ["PostToolUseFailure", WRITING_TOOLS],
  ["PostToolBatch"],
  ["PermissionDenied"],
  ["SubagentStop"],
  ["Stop"],
  ["FileChanged"],
  ["SessionEnd"],
];

/** The hooks that call a program. In strict mode an edit that cannot be checked is blocked. */
export function hookSettings(program: Program, strict: boolean): HookSettings {
  const settings: Record<string, HookGroup[]> = {};
  for (const [event, matcher] of WANTED) {
    const handler: HookHandler = {
      type: "command",
      command: program[0],
      args: hookArgs(program),
      timeout: TIMEOUT_S,
      ...(event === "FileChanged" ? { asyncRewake: true } : {}),
      ...(strict && event === "PreToolUse" ? { onFailure: "block" } : {}),
    };
    const group = matcher === undefined ? { hooks: [handler] } : { matcher, hooks: [handler] };
    (settings[event] ??= []).push(group);
  }
  return settings;
}

function hookArgs(program: Program): string[] {
  return [...program.slice(1), "hook"];
}

/** Whether a handler found in a file is one that starts the program's `hook` in exec form. */
export function isHandlerOf(program: Program, handler: unknown): boolean {
  if (!isObject(handler) || handler.command !== program[0]) return false;
  const { args } = handler;
  const wanted = hookArgs(program);
  return Array.isArray(args) && args.length === wanted.length &&
    args.every((word, i) => word === wanted[i]);
}

/** A handler in shell form that seems to be meant for us: `csc hook`, with or without a path. */
export function isShellForm(handler: unknown): boolean {
  return isObject(handler) && handler.args === undefined && typeof handler.command === "string" &&
    /(?:^|[\s/\\"'])(?:csc(?:\.exe)?|main\.ts)["']?\s+hook\b/.test(handler.command);
}

/** What is wrong with the hooks in a file. */
export interface HookReport {
  /** Events, with their matcher, that have no handler. */
  readonly missing: readonly string[];
  /** Events whose handler goes through a shell. */
  readonly inShellForm: readonly string[];
  /** Whether edits are blocked where the hook fails. */
  readonly isStrict: boolean;
  /** How many of the wanted handlers are there. */
  readonly found: number;
}

/** Compares what a file has under `hooks` with what there should be. */
export function examineHooks(hooks: Json | undefined, program: Program): HookReport {
  const missing: string[] = [];
  let isStrict = false;
  for (const [event, matcher] of WANTED) {
    const handlers = groupsOf(hooks, event)
      .filter((group) => (group.matcher ?? "") === (matcher ?? ""))
      .flatMap(handlersOf)
      .filter((handler) => isHandlerOf(program, handler));
    if (handlers.length === 0) missing.push(matcher ? `${event} (${matcher})` : event);
    isStrict ||= handlers.some((handler) => isObject(handler) && handler.onFailure === "block");
  }
  const events = isObject(hooks) ? Object.keys(hooks) : [];
  const inShellForm = events.filter((event) =>
    groupsOf(hooks, event).flatMap(handlersOf).some(isShellForm)
  );
  return { missing, inShellForm, isStrict, found: WANTED.length - missing.length };
}

/** The groups of an event in what was read from a file; none where it has another shape. */
export function groupsOf(
  hooks: Json | undefined,
  event: string,
): readonly { readonly [key: string]: Json }[] {
  const groups = isObject(hooks) ? hooks[event] : undefined;
  return Array.isArray(groups) ? groups.filter(isObject) : [];
}

/** The handlers of a group. */
export function handlersOf(group: { readonly [key: string]: Json }): readonly Json[] {
  return Array.isArray(group.hooks) ? group.hooks : [];
}
