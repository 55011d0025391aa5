/**
 * `csc hook`: one event of Claude Code, decided within two seconds whatever the store does.
 *
 * Nothing here may evaluate zod, YAML, `node:*` or the MCP SDK, or start git without need: it runs
 * before every edit.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import { printable, shorten } from "../domain/text.ts";
import {
  clientPid,
  folderOfProject,
  type HookAnswer,
  type HookEvent,
  knownError,
  parseEvent,
  SILENT,
  withContext,
  withDecision,
} from "./event.ts";
import { sleep } from "../os/sleep.ts";
import { isRunning } from "../roster/standing.ts";
import { noteFailure } from "./failures.ts";
import { onStoreError } from "./on_store_error.ts";
import { isOfOtherProcess } from "./identity.ts";
import { openFolder, withinTime } from "./open.ts";
import { afterBatch, afterTool, beforeTool } from "./tool.ts";

/** More than this on standard input is no event. */
const MAX_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** Runs a hook; answers the exit code. */
export async function hook(): Promise<number> {
  let event: HookEvent | null = null;
  try {
    const parsed = parseEvent(readInput());
    event = parsed;
    return print(await withinTime(parsed.hook_event_name, () => handle(parsed)));
  } catch (error) {
    // Killed before it told us the event: then there is nothing to coordinate, and nobody to tell.
    if (event === null && await isClientGone()) return 1;
    return print(await failed(event, error));
  }
}

async function handle(event: HookEvent): Promise<HookAnswer> {
  switch (event.hook_event_name) {
    case "PreToolUse":
      return await beforeTool(event);
    case "PostToolUse":
    case "PostToolUseFailure":
    case "PermissionDenied":
      return await afterTool(event);
    case "PostToolBatch":
      return await afterBatch(event);
    default:
      return await handleSession(event);
  }
}

async function handleSession(event: HookEvent): Promise<HookAnswer> {
  const session = await import("./session.ts");
  const steps: Record<string, typeof session.onStop> = {
    SessionStart: session.onSessionStart,
    SessionEnd: session.onSessionEnd,
    UserPromptSubmit: session.onPrompt,
    FileChanged: session.onFileChanged,
    Stop: session.onStop,
    SubagentStop: session.onSubagentStop,
  };
  if (!Object.hasOwn(steps, event.hook_event_name)) return SILENT;
  const step = steps[event.hook_event_name];
  const opened = await openFolder(folderOfProject());
  const registers = step === session.onSessionStart || step === session.onPrompt;
  if (!registers && await isOfOtherProcess(opened, event)) return SILENT;
  return await step(opened, event);
}

/**
 * A failing hook lets the edit pass unless the configuration says otherwise. Exit code 1 is what
 * `"onFailure": "block"` looks at, for those who want it strict.
 */
async function failed(event: HookEvent | null, error: unknown): Promise<HookAnswer> {
  const message = shorten(printable(messageOf(error).split("\n")[0]), 500);
  noteFailure(event?.hook_event_name ?? "?", message);
  const known = knownError(error);
  const hint = known ? ` ${known.hint}` : "";
  const stderr =
    `csc: ${message}.${hint} This step was not coordinated; \`csc doctor\` looks for the cause.`;
  if (event?.hook_event_name === "SessionStart" && known?.code === "not_trusted") {
    const text = `csc: nothing is coordinated here. ${message}`;
    const { code, stdout } = withContext(event, `${text}. ${ASK_USER}`);
    return { code, stdout: { systemMessage: `${text}. To look at it: csc trust`, ...stdout } };
  }
  if (event?.hook_event_name !== "PreToolUse") return { code: 1, stderr };
  const action = await onStoreError();
  if (action === "allow") return { code: 1, stderr };
  return withDecision(event, action, `csc cannot tell whether this is safe: ${message}.${hint}`);
}

/** A model that reads a hostile repository must not be the one who trusts it. */
const ASK_USER =
  "Tell the user, who can look at it and allow it with `csc trust` in a terminal; do not run that yourself.";

/** A client that is ending closes our input some time before its process is gone. */
async function isClientGone(): Promise<boolean> {
  if (!Deno.env.get("CLAUDE_PID")) return false;
  await sleep(ENDING_MS);
  return !isRunning(clientPid());
}

const ENDING_MS = 50;

function print({ code, stdout, stderr }: HookAnswer): number {
  try {
    if (stdout) write(Deno.stdout, JSON.stringify(stdout));
    if (stderr !== undefined) write(Deno.stderr, stderr + "\n");
  } catch {
    // Nobody listens any more.
  }
  return code;
}

function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/** Read at one go: a stream or a timer would add 3 to 6 ms to the start of every hook. */
function readInput(): string {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const length = Deno.stdin.readSync(chunk);
    if (length === null) break;
    size += length;
    // Read on, though in vain: a client whose pipe breaks may not expect it.
    if (size <= MAX_BYTES) chunks.push(chunk.subarray(0, length));
  }
  if (size > MAX_BYTES) throw new Error(`standard input holds more than ${MAX_BYTES} bytes`);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder().decode(bytes);
}
