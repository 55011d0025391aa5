/**
 * Starts the MCP server as Claude Code does, and shakes hands with it.
 *
 * @module
 */

import { messageOf } from "../../domain/error.ts";
import { type Deadline, fail, type Finding, firstLine, ok, warn } from "../../install/finding.ts";
import type { Program } from "../../install/hooks.ts";
import type { Sandbox } from "../../install/sandbox.ts";
import { McpClient } from "../../mcp/client.ts";

/** Claude Code waits 30 s, and a session's start with it: a server that needs this long is broken. */
const HANDSHAKE_LIMIT_MS = 5000;
const END_LIMIT_MS = 2000;
/** From this on a session's start is felt to wait for it. */
const SLOW_MS = 3000;

/** Starts a program's server in the sandbox, and asks it for its tools. */
export async function examineServer(
  program: Program,
  sandbox: Sandbox,
  deadline: Deadline,
): Promise<Finding> {
  const startedAt = performance.now();
  let client: McpClient;
  try {
    const env = sandbox.environment();
    client = McpClient.start([...program, "serve"], { cwd: sandbox.project, env, clearEnv: true });
  } catch (error) {
    return fail("handshake", firstLine(messageOf(error)), "csc install");
  }
  const isOver = client.process.status.then(({ code }) => `the server ended with code ${code}.`);
  const talk = await deadline.within(
    HANDSHAKE_LIMIT_MS,
    Promise.race([shakeHands(client), isOver]),
  );
  const stderr = await end(client, deadline);
  if (talk === null) {
    return fail(
      "handshake",
      `the server does not answer. ${firstLine(stderr)}`.trim(),
      "csc install",
    );
  }
  if (typeof talk === "string") {
    return fail("handshake", `${talk} ${firstLine(stderr)}`.trim(), "csc install");
  }
  const ms = Math.round(talk.readyAt - startedAt);
  const detail = `${talk.name} ${talk.version}, ${talk.tools} tools, ready in ${ms} ms`;
  return ms < SLOW_MS
    ? ok("handshake", detail)
    : warn("handshake", detail, "Install from the csc executable, on a local disk.");
}

interface Talk {
  readonly name: string;
  readonly version: string;
  readonly tools: number;
  readonly readyAt: number;
}

/** The messages that Claude Code sends first; a text says what was wrong. */
async function shakeHands(client: McpClient): Promise<Talk | string> {
  try {
    await client.request("server/discover"); // its refusal is the answer that leads to initialize
    const { result, error } = await client.initialize();
    if (error) return `initialize: ${firstLine(error.message)}.`;
    const readyAt = performance.now();
    const list = await client.request("tools/list");
    const tools = list.result?.tools?.length ?? 0;
    if (tools === 0) return `it offers no tools: ${firstLine(list.error?.message ?? "")}.`;
    const { name = "?", version = "?" } = result?.serverInfo ?? {};
    return { name: firstLine(String(name)), version: firstLine(String(version)), tools, readyAt };
  } catch (error) {
    return `the server is gone: ${firstLine(messageOf(error))}.`;
  }
}

/** Ends the server; answers what it said to people. */
async function end(client: McpClient, deadline: Deadline): Promise<string> {
  const ended = await deadline.within(END_LIMIT_MS, client.close());
  if (ended) return ended.stderr;
  try {
    const killed = await deadline.within(END_LIMIT_MS, client.kill());
    return killed?.stderr ?? "";
  } catch {
    return ""; // it ended in between
  }
}
