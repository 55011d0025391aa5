import { dirname, join } from "@std/path";
import { McpClient, type Reply } from "../../src/mcp/client.ts";
import { isHeld } from "./claim.ts";
import { CSC, csc, isolated, type Outcome, run, type RunOptions } from "./command.ts";
import { TempFolder } from "./temp.ts";

/** Where a project keeps its configuration. */
export const CONFIG_NAME = ".claude/session-coordinator-config.json";

/** How a server of a project is started. */
export interface ServerOptions {
  /** The folder it works in; without it, the project's. */
  readonly folder?: string;
  readonly env?: Record<string, string>;
  readonly args?: readonly string[];
  /** The whole environment, instead of one that keeps the server off this machine's home. */
  readonly bareEnv?: Record<string, string>;
  /** The program, instead of the one under test. */
  readonly command?: readonly string[];
}

/** A temporary project; its servers end with its scope: `await using project = new TestProject()`. */
export class TestProject implements AsyncDisposable {
  /** The project's folder. */
  readonly folder: string;
  readonly #temp = new TempFolder();
  readonly #clients: McpClient[] = [];

  /** @param config What its configuration file says; without it there is none. */
  constructor(config?: object) {
    this.folder = this.#temp.join("project");
    Deno.mkdirSync(this.folder);
    if (config) this.write(CONFIG_NAME, JSON.stringify(config, null, 2));
  }

  /** A path beside the project, in the same temporary folder. */
  beside(...names: string[]): string {
    return this.#temp.join(...names);
  }

  /** Writes a file of the project, with the folders it needs; answers its path. */
  write(name: string, text: string | Uint8Array): string {
    const path = join(this.folder, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeFileSync(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
    return path;
  }

  /** Starts a server without saying anything to it. */
  start(options: ServerOptions = {}): McpClient {
    const { folder = this.folder, env = {}, args = [], bareEnv, command = CSC } = options;
    const client = McpClient.start([...command, ...args], {
      cwd: folder,
      env: bareEnv ?? isolated(this.folder, { CLAUDE_PROJECT_DIR: folder, ...env }),
      clearEnv: bareEnv !== undefined,
    });
    this.#clients.push(client);
    return client;
  }

  /** Starts a server and shakes hands. */
  async connect(options?: ServerOptions): Promise<McpClient> {
    const client = this.start(options);
    await client.initialize();
    return client;
  }

  /** Starts a server that signs on at once. */
  async signedOn(session_id?: string, options?: ServerOptions): Promise<McpClient> {
    const client = await this.connect(options);
    await client.tool("sign_on", session_id === undefined ? {} : { session_id });
    return client;
  }

  /** Runs the program in the project. */
  csc(...args: string[]): Promise<Outcome> {
    return csc(this.folder, args);
  }

  /** Runs the program in the project, with options. */
  cscWith(options: RunOptions, ...args: string[]): Promise<Outcome> {
    return csc(this.folder, args, options);
  }

  /** What is on the disk, by scope without the prefix of machine and project. */
  stored(): Record<string, Record<string, unknown>> {
    return readScopes(join(this.folder, ".claude", "session-state"));
  }

  /** The instances that are claimed on the disk, whether their holders live or not. */
  claims(): string[] {
    const stored = Object.entries(this.stored()["csc:claims"] ?? {});
    return stored.filter(([, claim]) => isHeld(claim)).map(([instance]) => instance).sort();
  }

  /**
   * Stops a process in a moment in which it holds no lock of the store: stopped within a write, it
   * would keep everybody out, as no test but those of that case wants.
   *
   * @param held A lock that somebody else holds.
   */
  async stopAtRest(pid: number, held?: string): Promise<void> {
    const folder = join(this.folder, ".claude", "session-state", ".csc", "locks");
    await eventually("it has been stopped at rest", () => {
      Deno.kill(pid, "SIGSTOP");
      const locks = [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
      const isAtRest = locks.every((path) => path === held || isFree(path));
      if (!isAtRest) Deno.kill(pid, "SIGCONT");
      return isAtRest;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map(endServer));
    this.#temp[Symbol.dispose]();
    const foreign = this.#clients.flatMap((client) => client.foreignLines);
    if (foreign.length > 0) throw new Error(`not JSON on standard output: ${foreign.join("\n")}`);
  }
}

/** The scopes in a folder of the `local` store, as seed 002 lays them out. */
function readScopes(folder: string): Record<string, Record<string, unknown>> {
  const scopes: Record<string, Record<string, unknown>> = {};
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (!name.endsWith(".json")) continue;
      const { scope, data } = JSON.parse(Deno.readTextFileSync(join(folder, name)));
      scopes[scope.split(":").slice(2).join(":")] = data;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return scopes;
}

/** Whether nobody holds the OS lock on a file. */
function isFree(path: string): boolean {
  const file = Deno.openSync(path, { read: true, write: true });
  try {
    return file.tryLockSync(true);
  } finally {
    file.close();
  }
}

/** Ends a server in an orderly way, or by force where that takes too long. */
async function endServer(client: McpClient): Promise<void> {
  const timer = setTimeout(() => sendSignal(client.process.pid, "SIGKILL"), 4000);
  await client.close();
  clearTimeout(timer);
}

/** Sends a signal to a process that may be gone. */
export function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Reads a resource; answers its JSON. */
// deno-lint-ignore no-explicit-any
export async function readResource(client: McpClient, uri: string): Promise<any> {
  const { result, error } = await client.request("resources/read", { uri });
  if (error) throw new Error(`${uri}: ${error.message}`);
  return JSON.parse(result.contents[0].text);
}

/** The text of a prompt. */
export async function readPrompt(client: McpClient, name: string): Promise<string> {
  const reply: Reply = await client.request("prompts/get", { name });
  if (reply.error) throw new Error(`${name}: ${reply.error.message}`);
  return reply.result.messages[0].content.text;
}

/** Asks again until the answer is neither false, null nor undefined; fails after the time-out. */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== null && answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await pause(20);
  }
}

/** Waits. For polling, and for the passing of a configured time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs git, without this machine's settings, as a test's author. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(["git", ...args], {
    cwd: folder,
    env: {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "t",
      GIT_AUTHOR_EMAIL: "t@example.org",
      GIT_COMMITTER_NAME: "t",
      GIT_COMMITTER_EMAIL: "t@example.org",
    },
  });
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Makes a repository with one commit. */
export async function makeRepository(folder: string, origin?: string): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  await git(folder, "init", "--quiet", "--initial-branch=main");
  await git(folder, "commit", "--quiet", "--allow-empty", "--message=first");
  if (origin !== undefined) await git(folder, "remote", "add", "origin", origin);
}
