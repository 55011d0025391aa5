/**
 * The guard's part of `csc demo`: two sessions, one file, through hooks as Claude Code runs them.
 *
 * @module
 */

import type { McpClient } from "../../mcp/client.ts";
import { join } from "../../os/path.ts";
import { selfCommand } from "../../os/self.ts";
import { print } from "../output.ts";

/** Where the demonstration happens. */
export interface Stage {
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly check: (holds: boolean, fact: string) => void;
}

/** Shows a denied edit, and that it is free once its holder is killed. */
export async function guard(
  { folder, env, check }: Stage,
  first: McpClient,
  second: McpClient,
): Promise<void> {
  const file = join(folder, "auth.py");
  await Deno.writeTextFile(file, "def login(): ...\n");
  // A live process stands for each session's client: here that of a server which is there anyway.
  const ask = (session: string, client: McpClient, event: string, extra: object = {}) =>
    runHook(folder, { ...env, CLAUDE_PID: String(client.process.pid) }, {
      session_id: session,
      cwd: folder,
      hook_event_name: event,
      ...extra,
    });
  const edit = { tool_name: "Edit", tool_use_id: "edit", tool_input: { file_path: file } };
  for (const [session, client] of [["ada", first], ["bob", second]] as const) {
    await ask(session, client, "SessionStart", { source: "startup" });
  }
  const granted = await ask("ada", first, "PreToolUse", edit);
  check(granted === "", "the first session may edit auth.py; nothing is said");
  await Deno.writeTextFile(file, "def login(): return True\n");
  await ask("ada", first, "PostToolUse", edit);
  const denied = await ask("bob", second, "PreToolUse", edit);
  const { permissionDecision, permissionDecisionReason } = decisionOf(denied);
  check(permissionDecision === "deny", "the second is stopped before its edit, and told:");
  for (const line of permissionDecisionReason.split("\n")) print(`       ${line}`);
  await first.kill();
  const killedAt = performance.now();
  const retried = await ask("bob", second, "PreToolUse", edit);
  const ms = Math.round(performance.now() - killedAt);
  check(retried === "", `the first is killed (kill -9); ${ms} ms later the second may edit`);
}

async function runHook(
  cwd: string,
  env: Record<string, string>,
  event: object,
): Promise<string> {
  const [program, ...args] = selfCommand();
  const child = new Deno.Command(program, {
    args: [...args, "hook"],
    cwd,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(event)));
  await input.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

function decisionOf(
  stdout: string,
): { permissionDecision: string; permissionDecisionReason: string } {
  const nothing = { permissionDecision: "none", permissionDecisionReason: "" };
  if (stdout === "") return nothing;
  return { ...nothing, ...JSON.parse(stdout).hookSpecificOutput };
}
