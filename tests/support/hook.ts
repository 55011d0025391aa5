import { join } from "@std/path";
import { assert, assertEquals } from "./assert.ts";
import { CSC, isolated, type Outcome, run, type RunOptions } from "./command.ts";
import { eventually, git, makeRepository, sendSignal, type TestProject } from "./project.ts";

/** An event for `csc hook`; what a client always tells is filled in. */
export interface HookInput {
  readonly hook_event_name: string;
  readonly [field: string]: unknown;
}

/** What a hook answered. */
export interface HookReply extends Outcome {
  /** `hookSpecificOutput` of its JSON, or an empty object where it said nothing. */
  // deno-lint-ignore no-explicit-any
  readonly said: any;
}

/** Runs `csc hook` in a project, as a client with this process number does. */
export async function hook(
  project: TestProject,
  event: HookInput,
  clientPid: number,
  env: Record<string, string> = {},
): Promise<HookReply> {
  const input = {
    cwd: project.folder,
    transcript_path: join(project.folder, "transcript.jsonl"),
    permission_mode: "acceptEdits",
    ...event,
  };
  return await hookWith(project, {
    stdin: JSON.stringify(input),
    env: { CLAUDE_PID: String(clientPid), ...env },
  });
}

/** Runs `csc hook` with any text on its standard input. */
export async function hookWith(project: TestProject, options: RunOptions): Promise<HookReply> {
  const outcome = await project.cscWith(options, "hook");
  const said = outcome.stdout === "" ? {} : JSON.parse(outcome.stdout).hookSpecificOutput;
  return { ...outcome, said };
}

/** Checks that a hook lets a step pass; answers what it says to the model beside, or "". */
export function passed({ code, stderr, said }: HookReply): string {
  assertEquals([code, stderr, said.permissionDecision], [0, "", undefined], JSON.stringify(said));
  return said.additionalContext ?? "";
}

/** Checks that a hook denies a step; answers why. */
export function denied({ code, stderr, stdout, said }: HookReply): string {
  assertEquals([code, stderr, said.permissionDecision], [0, "", "deny"], stdout);
  return said.permissionDecisionReason;
}

/** Checks that a hook has failed as it is to fail: it says why in a line, and decides nothing. */
export function failed({ code, stderr, stdout }: HookReply): string {
  assertEquals([code, stdout], [1, ""], stderr);
  assert(stderr.startsWith("csc: ") && stderr.trim().split("\n").length === 1, stderr);
  assert(!/\bat .*:\d+:\d+|TypeError|undefined|is not a function/.test(stderr), stderr);
  return stderr;
}

/** Runs a line of shell as a person does who has `csc` on the `PATH`. */
export function inShell(project: TestProject, line: string): Promise<Outcome> {
  const program = CSC.map((word) => `'${word}'`).join(" ");
  return run(["bash", "-c", `csc() { ${program} "$@"; }\n${line}`], {
    cwd: project.folder,
    env: isolated(project.folder),
  });
}

/** Does what a denial says a person can do about it, word by word. */
export async function lift(project: TestProject, reason: string): Promise<void> {
  const line = /csc unlock .+ --force/.exec(reason)?.[0];
  assert(line, `no way out is named: ${reason}`);
  const { code, stderr } = await inShell(project, line);
  assertEquals([code, stderr], [0, ""], line);
}

/** Who has what, as it is on the disk: `session` or `session/agent` by path. */
export function holders(project: TestProject): Record<string, string> {
  const held = Object.entries(project.stored()).flatMap(([scope, keys]) =>
    !scope.startsWith("file:") ? [] : Object.values(keys).flatMap((record) => {
      const { holder } = record as { holder: { session: string; agent?: string } | null };
      if (holder === null) return [];
      return [[scope.slice(5), [holder.session, holder.agent].filter(Boolean).join("/")]];
    })
  );
  return Object.fromEntries(held);
}

/** Waits until the time of a file's reservation is over, by the record's own clock. */
export async function timeOver(project: TestProject, path: string): Promise<void> {
  const [record] = Object.values(project.stored()[`file:${path}`]) as {
    renewed_s: number;
    ttl_s: number;
  }[];
  const endS = record.renewed_s + record.ttl_s + 1;
  await eventually(`the reservation of ${path} has ended`, () => Deno.osUptime() >= endS);
}

/** Where a session is started, if not in the project's own folder. */
export interface SessionOptions {
  /** Its project folder, and the current one. */
  readonly folder?: string;
  /** Variables that all its hooks get. */
  readonly env?: Record<string, string>;
}

/**
 * A Claude Code session without Claude Code: a process that does nothing stands for the client, and
 * its hooks are called as the client would call them. Ends with its scope.
 */
export class TestSession implements AsyncDisposable {
  readonly project: TestProject;
  readonly id: string;
  /** Its project folder. */
  readonly folder: string;
  readonly #env: Record<string, string>;
  readonly #client: Deno.ChildProcess;
  #calls = 0;

  constructor(project: TestProject, id: string, options: SessionOptions = {}) {
    this.project = project;
    this.id = id;
    this.folder = options.folder ?? project.folder;
    this.#env = { CLAUDE_PROJECT_DIR: this.folder, ...options.env };
    this.#client = new Deno.Command("sleep", { args: ["600"], stdout: "null", stderr: "null" })
      .spawn();
  }

  /** Starts a session: registers it as the client's start does. */
  static async start(
    project: TestProject,
    id: string,
    options: SessionOptions = {},
  ): Promise<TestSession> {
    const session = new TestSession(project, id, options);
    const { code, stderr } = await session.tell("SessionStart", { source: "startup" });
    if (code !== 0) throw new Error(stderr);
    return session;
  }

  /** The number of the client's process. */
  get pid(): number {
    return this.#client.pid;
  }

  /** Calls the hook for an event of this session. */
  tell(
    hook_event_name: string,
    fields: Record<string, unknown> = {},
    env: Record<string, string> = {},
  ): Promise<HookReply> {
    const event = { session_id: this.id, hook_event_name, cwd: this.folder, ...fields };
    return hook(this.project, event, this.pid, { ...this.#env, ...env });
  }

  /** What the hook says to an edit before it is made. */
  before(path: string, fields: Record<string, unknown> = {}): Promise<HookReply> {
    return this.tell("PreToolUse", { ...this.#call("Edit", { file_path: path }), ...fields });
  }

  /** Edits a file as the client does: asks, writes, tells. Throws where it is denied. */
  async edit(path: string, text: string, fields: Record<string, unknown> = {}): Promise<void> {
    const { said } = await this.before(path, fields);
    if (said.permissionDecision) throw new Error(said.permissionDecisionReason);
    Deno.writeTextFileSync(path, text);
    await this.tell("PostToolUse", {
      ...this.#call("Edit", { file_path: path }),
      tool_response: {},
      ...fields,
    });
  }

  /** What the hook says once an edit was made. */
  after(path: string, fields: Record<string, unknown> = {}): Promise<HookReply> {
    const call = this.#call("Edit", { file_path: path });
    return this.tell("PostToolUse", { ...call, tool_response: {}, ...fields });
  }

  /**
   * Runs a shell command as the client does: asks, runs it, tells. Throws where it is denied; answers
   * what the hooks said to the model, and the command's exit code.
   */
  async run(
    command: string,
    fields: Record<string, unknown> = {},
  ): Promise<{ before: string; after: string; code: number }> {
    const call = this.#call("Bash", { command });
    const { said } = await this.tell("PreToolUse", { ...call, ...fields });
    if (said.permissionDecision) throw new Error(said.permissionDecisionReason);
    const cwd = (fields.cwd as string | undefined) ?? this.folder;
    const { code } = await run(["bash", "-c", command], { cwd });
    const after = await this.tell(code === 0 ? "PostToolUse" : "PostToolUseFailure", {
      ...call,
      tool_response: {},
      ...fields,
    });
    return {
      before: said.additionalContext ?? "",
      after: after.said.additionalContext ?? "",
      code,
    };
  }

  /** What the hook says to a shell command before it runs. */
  shell(command: string, fields: Record<string, unknown> = {}): Promise<HookReply> {
    return this.tell("PreToolUse", { ...this.#call("Bash", { command }), ...fields });
  }

  /** What the session is told when its user says something. */
  async notices(): Promise<string> {
    const { said } = await this.tell("UserPromptSubmit", { prompt: "go on" });
    return said.additionalContext ?? "";
  }

  /** Runs the program as a command of this session. */
  csc(...args: string[]): Promise<Outcome> {
    return this.project.cscWith({ env: { CLAUDE_SESSION_ID: this.id } }, ...args);
  }

  /** Kills the client, as `kill -9` does: no hook runs. */
  async kill(): Promise<void> {
    sendSignal(this.pid, "SIGKILL");
    await this.#client.status;
  }

  #call(tool_name: string, tool_input: Record<string, unknown>) {
    return { tool_name, tool_input, tool_use_id: `toolu_${this.id}_${this.#calls++}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A project that is a git repository with some committed files. */
export async function repositoryWith(
  project: TestProject,
  files: Record<string, string>,
): Promise<void> {
  await makeRepository(project.folder);
  await git(project.folder, "config", "user.name", "t");
  await git(project.folder, "config", "user.email", "t@example.org");
  project.write(".gitignore", "home/\nstate/\n.claude/\n");
  for (const [name, text] of Object.entries(files)) project.write(name, text);
  await git(project.folder, "add", "-A");
  await git(project.folder, "commit", "--quiet", "--message=files");
}
