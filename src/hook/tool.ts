/**
 * Before and after the tools that change files.
 *
 * @module
 */

import { callKey } from "../coordination/coordination.ts";
import { Reservations } from "../coordination/reservations.ts";
import { isObject, type Json } from "../domain/json.ts";
import type { Dialect } from "../guard/command.ts";
import { afterEdit, afterNoEdit, beforeEdit } from "../guard/edit.ts";
import { type Target, targetOf } from "../guard/place.ts";
import type { Step } from "../guard/step.ts";
import type { Verdict } from "../guard/verdict.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import {
  folderOfProject,
  type HookAnswer,
  type HookEvent,
  knownError,
  MAX_PATH,
  SILENT,
  withContext,
  withDecision,
} from "./event.ts";
import { type Opened, openFolder } from "./open.ts";
import { ensureRegistered, holderOf, isOfOtherProcess } from "./identity.ts";

/** A tool call that changes files: one file by its path, or whatever a command does. */
type Change =
  | { readonly kind: "edit"; readonly target: Target }
  | { readonly kind: "command"; readonly command: string; readonly dialect: Dialect };

/** Decides on a tool call before it happens. */
export async function beforeTool(event: HookEvent): Promise<HookAnswer> {
  if (event.tool_name?.startsWith("mcp__")) return await nameAgent(event);
  const change = changeOf(event.tool_name, event.tool_input, event.cwd);
  if (!change) return SILENT;
  const opened = await openFor(change, event);
  try {
    await ensureRegistered(opened, event);
    return answerOf(event, await decide(stepOf(opened, event), change));
  } catch (error) {
    const known = knownError(error);
    if (known?.code !== "session_taken") throw error;
    return withDecision(event, "deny", `${known.message}. ${known.hint}`);
  }
}

async function decide(step: Step, change: Change): Promise<Verdict> {
  if (change.kind === "edit") return await beforeEdit(step, change.target);
  const { beforeCommand } = await import("../guard/command.ts");
  return await beforeCommand(step, change.command, change.dialect);
}

/** Notes what a tool call has done. */
export async function afterTool(event: HookEvent): Promise<HookAnswer> {
  const change = changeOf(event.tool_name, event.tool_input, event.cwd);
  if (!change) return SILENT;
  const step = stepOf(await openFor(change, event), event);
  if (change.kind === "command") {
    const { afterCommand } = await import("../guard/command.ts");
    return answerOf(event, await afterCommand(step, change.command, change.dialect));
  }
  const hasFailed = event.hook_event_name !== "PostToolUse";
  const verdict = await (hasFailed ? afterNoEdit : afterEdit)(step, change.target);
  return answerOf(event, verdict);
}

/**
 * After a batch of calls: where a permission was refused, neither success nor failure was told, so
 * what was reserved for such a call is given back here.
 */
export async function afterBatch(event: HookEvent): Promise<HookAnswer> {
  const opened = await openFolder(folderOfProject());
  if (await isOfOtherProcess(opened, event)) return SILENT;
  for (const call of event.tool_calls ?? []) {
    if (!isObject(call)) continue;
    const input = isObject(call.tool_input ?? null) ? call.tool_input : undefined;
    const change = changeOf(
      call.tool_name as string,
      input as HookEvent["tool_input"],
      event.cwd,
    );
    if (!change) continue;
    const step = stepOf(await openFor(change, event), event);
    if (change.kind === "edit") await freeIfUnderWay(step, change.target);
    else await freeAllUnderWay(step);
  }
  return await (await import("./session.ts")).tellNotices(opened, event);
}

async function freeIfUnderWay(step: Step, target: Target): Promise<void> {
  const record = await step.reservations.inspect(target);
  if (record?.busy_s != null) await afterNoEdit(step, target);
}

/** A command's targets are not worked out anew: nothing of this holder is under way after a batch. */
async function freeAllUnderWay(step: Step): Promise<void> {
  const { reservations, holder } = step;
  for (const held of await reservations.unusedOf(holder.session)) {
    const isOwn = held.record.holder?.agent === holder.agent;
    if (isOwn && held.record.busy_s !== null) await reservations.unused(held, holder);
  }
}

/** Which sub-agent calls one of csc's own tools: the server sees only the session and the call. */
async function nameAgent(event: HookEvent): Promise<HookAnswer> {
  const { agent_id, tool_use_id } = event;
  if (agent_id === undefined || tool_use_id === undefined) return SILENT;
  const { desk } = await openFolder(folderOfProject());
  const { store, scopes } = desk;
  await store.store(scopes.clients, callKey(tool_use_id), agent_id, { ttlMs: CALL_MS });
  return SILENT;
}

/** How long the server has to look up a call's sub-agent. */
const CALL_MS = 120_000;

function changeOf(
  tool: string | undefined,
  input: HookEvent["tool_input"],
  cwd: string,
): Change | null {
  const text = (value: Json | undefined) =>
    typeof value === "string" && value !== "" && !value.includes("\0") ? value : null;
  const pathIn = (value: Json | undefined) =>
    (value as string)?.length > MAX_PATH ? null : text(value);
  switch (tool) {
    case "Write":
    case "Edit":
    case "NotebookEdit": {
      const path = pathIn(input?.file_path) ?? pathIn(input?.notebook_path);
      return path === null ? null : { kind: "edit", target: targetOf(path, cwd) };
    }
    case "Bash":
    case "Monitor":
    case "PowerShell": {
      const command = text(input?.command);
      const dialect = tool === "PowerShell" ? "powershell" : "bash";
      return command === null ? null : { kind: "command", command, dialect };
    }
    default:
      return null;
  }
}

/** The project that decides is the one the file is in, whatever folder the session is in. */
async function openFor(change: Change, event: HookEvent): Promise<Opened> {
  const repository = change.kind === "edit" ? change.target.repository : findRepository(event.cwd);
  return await openFolder(repository?.worktree ?? folderOfProject());
}

function stepOf(opened: Opened, event: HookEvent): Step {
  const { desk, repository } = opened;
  const others = new Map<string, Promise<Step>>();
  const elsewhere = async ({ mainFolder, worktree }: Repository): Promise<Step> => {
    if (mainFolder === repository?.mainFolder) return step;
    const known = others.get(mainFolder) ?? stepElsewhere(worktree, event);
    others.set(mainFolder, known);
    return await known;
  };
  const step: Step = {
    desk,
    holder: holderOf(event),
    reservations: new Reservations(desk),
    cwd: event.cwd,
    tool: event.tool_name ?? "",
    callId: event.tool_use_id ?? event.session_id,
    elsewhere,
  };
  return step;
}

/** A command may reach into other projects than the one it runs in. */
async function stepElsewhere(folder: string, event: HookEvent): Promise<Step> {
  const opened = await openFolder(folder);
  await ensureRegistered(opened, event);
  return stepOf(opened, event);
}

function answerOf(event: HookEvent, verdict: Verdict): HookAnswer {
  if (verdict.kind !== "pass") return withDecision(event, verdict.kind, verdict.reason);
  return verdict.note === undefined ? SILENT : withContext(event, verdict.note);
}
