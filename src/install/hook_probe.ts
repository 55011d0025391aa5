/**
 * Proves each hook with a sample event: two sessions in a temporary project, of which the first takes
 * a file and the second is denied it.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import { join } from "../os/path.ts";
import { type Deadline, fail, type Finding, firstLine, ok, warn } from "./finding.ts";
import type { Program } from "./hooks.ts";
import { runLimited, type RunOutcome } from "./process.ts";
import type { Sandbox } from "./sandbox.ts";

/** As long as Claude Code waits for a hook of ours. */
const HOOK_LIMIT_MS = 5000;

/** A check before an edit that takes longer than this is felt. */
const SLOW_MS = 1000;

const RUNS = 5;

const BROKEN = "csc install";

/** A session that exists for the probe only. */
interface SampleSession {
  readonly id: string;
  /** The process that stands in for the client: one that lives as long as the doctor. */
  readonly pid: number;
}

/** What an answer must be; null where it is, else what is wrong with it. */
type Expectation = (answer: Json | null) => string | null;

/** Sends each kind of event once, in the order in which a session would. */
export async function probeHooks(
  program: Program,
  sandbox: Sandbox,
  deadline: Deadline,
): Promise<Finding[]> {
  const probe = new Probe(program, sandbox, deadline);
  // Two clients are two processes: this one, and the one that started it.
  const first = { id: crypto.randomUUID(), pid: Deno.pid };
  const second = { id: crypto.randomUUID(), pid: Math.max(1, Deno.ppid) };
  const file = join(sandbox.project, "sample.txt");
  const write = { tool_name: "Write", tool_input: { file_path: file, content: "sample\n" } };
  const call = { ...write, tool_use_id: "toolu_sample_1" };
  const agent = { agent_id: "sample-agent", agent_type: "general-purpose" };
  const start = { source: "startup" };
  const error = { error: "sample", is_interrupt: false, duration_ms: 1 };

  await probe.send("SessionStart", first, start, hasContext);
  await probe.send("SessionStart", second, start, hasContext, "SessionStart, 2nd session");
  await probe.send("UserPromptSubmit", first, { prompt: "sample" });
  await probe.send("PreToolUse", first, call, isSilent, "PreToolUse, free file");
  await probe.send("PreToolUse", second, call, isDenied, "PreToolUse, held file");
  await Deno.writeTextFile(file, "sample\n");
  await probe.send("PostToolUse", first, { ...call, tool_response: {}, duration_ms: 1 });
  await probe.send("PostToolUseFailure", first, { ...call, ...error });
  await probe.send("PermissionDenied", first, { ...call, reason: "sample" });
  await probe.send("PostToolBatch", first, { tool_calls: [{ ...call, tool_response: {} }] });
  await probe.send("SubagentStop", first, { ...agent, stop_hook_active: false });
  await probe.send("FileChanged", first, { file_path: file, event: "change" });
  await probe.send("Stop", first, { stop_hook_active: false });
  await probe.measure(first);
  await probe.send("SessionEnd", first, { reason: "other" });
  await probe.send(
    "SessionEnd",
    second,
    { reason: "other" },
    undefined,
    "SessionEnd, 2nd session",
  );
  return probe.findings;
}

class Probe {
  readonly findings: Finding[] = [];
  readonly #program: Program;
  readonly #sandbox: Sandbox;
  readonly #deadline: Deadline;
  /** After an event that did not end there is no time to lose with more of them. */
  #isHanging = false;

  constructor(program: Program, sandbox: Sandbox, deadline: Deadline) {
    this.#program = program;
    this.#sandbox = sandbox;
    this.#deadline = deadline;
  }

  async send(
    event: string,
    session: SampleSession,
    fields: Record<string, Json>,
    expectation: Expectation = () => null,
    name = event,
  ): Promise<void> {
    if (this.#isHanging) return;
    const check = `hook ${name}`;
    const outcome = await this.#run(event, session, fields);
    if (!outcome.ok) {
      this.#isHanging = true;
      const detail = `${outcome.why}; the events after it were not tried`;
      return void this.findings.push(fail(check, detail, BROKEN));
    }
    const fault = faultOf(outcome, expectation);
    this.findings.push(
      fault === null ? ok(check, `${Math.round(outcome.ms)} ms`) : fail(check, fault, BROKEN),
    );
  }

  /** How long the check before an edit takes, beside a run of the program that does nothing. */
  async measure(session: SampleSession): Promise<void> {
    const [hook, empty]: number[][] = [[], []];
    for (let i = 0; i < RUNS && !this.#isHanging; i++) {
      const path = join(this.#sandbox.project, `sample-${i}.txt`);
      const input = { tool_name: "Write", tool_input: { file_path: path, content: "" } };
      const outcome = await this.#run("PreToolUse", session, {
        ...input,
        tool_use_id: `toolu_${i}`,
      });
      const idle = await runLimited([...this.#program, "version"], {
        timeoutMs: this.#deadline.left(HOOK_LIMIT_MS),
      });
      if (!outcome.ok || !idle.ok) return;
      hook.push(outcome.ms);
      empty.push(idle.ms);
    }
    if (this.#isHanging) return;
    const [checkMs, idleMs] = [median(hook), median(empty)];
    const detail = `${checkMs.toFixed(1)} ms before an edit (median of ${RUNS}); ` +
      `${idleMs.toFixed(1)} ms of that start the program`;
    this.findings.push(
      checkMs < SLOW_MS
        ? ok("hook latency", detail)
        : warn("hook latency", detail, "Install from the csc executable, on a local disk."),
    );
  }

  #run(event: string, session: SampleSession, fields: Record<string, Json>): Promise<RunOutcome> {
    const { project } = this.#sandbox;
    const input = {
      session_id: session.id,
      transcript_path: join(project, "..", "home", `${session.id}.jsonl`),
      cwd: project,
      permission_mode: "default",
      hook_event_name: event,
      ...fields,
    };
    return runLimited([...this.#program, "hook"] as [string, ...string[]], {
      timeoutMs: this.#deadline.left(HOOK_LIMIT_MS),
      cwd: project,
      env: this.#sandbox.environment({
        CLAUDE_CODE_SESSION_ID: session.id,
        CLAUDE_PID: String(session.pid),
      }),
      stdin: JSON.stringify(input),
    });
  }
}

function faultOf(outcome: RunOutcome & { ok: true }, expectation: Expectation): string | null {
  const { code, stdout, stderr } = outcome;
  if (code !== 0) return `it ended with code ${code}: ${firstLine(stderr) || "it says nothing"}`;
  if (stdout.trim() === "") return expectation(null);
  try {
    return expectation(JSON.parse(stdout));
  } catch {
    return `its answer is not JSON: ${firstLine(stdout)}`;
  }
}

const isSilent: Expectation = (answer) =>
  answer === null ? null : `it should say nothing, and says ${firstLine(JSON.stringify(answer))}`;

const hasContext: Expectation = (answer) =>
  typeof specific(answer).additionalContext === "string"
    ? null
    : "it tells the session nothing (no additionalContext)";

const isDenied: Expectation = (answer) =>
  specific(answer).permissionDecision === "deny"
    ? null
    : "a file that another session holds is not denied";

function specific(answer: Json | null): { readonly [key: string]: Json } {
  const output = isObject(answer) ? answer.hookSpecificOutput : null;
  return isObject(output) ? output : {};
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
