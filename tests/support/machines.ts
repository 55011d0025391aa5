import { join } from "@std/path";
import type { McpClient } from "../../src/mcp/client.ts";
import type { Outcome } from "./command.ts";
import { hook, type HookReply, TestSession } from "./hook.ts";
import type { NetworkKind } from "./network_store.ts";
import { makeRepository, TestProject } from "./project.ts";

const MAX_TRIES = 5;
const ORIGIN = "https://example.org/ada/engine.git";

/** `storage` of a configuration that names a server of this run, in a namespace of its own. */
const STORAGE: Readonly<Partial<Record<NetworkKind, (namespace: string) => object>>> = {
  redis: (namespace) => ({
    adapter: "redis",
    config: { url: Deno.env.get("CSC_TEST_REDIS_URL"), prefix: `${namespace}:` },
  }),
  postgres: (namespace) => ({
    adapter: "postgres",
    config: { url: Deno.env.get("CSC_TEST_POSTGRES_URL"), schema: namespace },
  }),
  server: (namespace) => ({
    adapter: "server",
    config: { url: `http://127.0.0.1:${Deno.env.get("CSC_TEST_SERVER_PORT")}/${namespace}` },
  }),
};

/** The kinds that machines can share a project on. */
export const SHARED_KINDS = Object.keys(STORAGE) as NetworkKind[];

/** Two machines that share a project on a store: each with its own home, state and clone. */
export class Machines implements AsyncDisposable {
  readonly a: Machine;
  readonly b: Machine;
  readonly #project: TestProject;

  private constructor(project: TestProject, kind: NetworkKind) {
    const namespace = `t${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
    const storage = STORAGE[kind]!(namespace);
    this.#project = project;
    this.a = new Machine(project, "alpha", storage);
    this.b = new Machine(project, "beta", storage);
  }

  static async open(kind: NetworkKind): Promise<Machines> {
    const machines = new Machines(new TestProject(), kind);
    for (const { clone } of [machines.a, machines.b]) await makeRepository(clone, ORIGIN);
    return machines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#project[Symbol.asyncDispose]();
  }
}

/**
 * A machine, as far as csc can tell: what its sessions share is in a state folder of its own. Its
 * host's name is that of the other one, as containers have it.
 */
export class Machine {
  readonly name: string;
  /** Its clone of the repository. */
  readonly clone: string;
  readonly env: Record<string, string>;
  readonly #project: TestProject;

  constructor(project: TestProject, name: string, storage: object) {
    this.name = name;
    this.#project = project;
    const home = project.beside(name);
    this.clone = join(home, "engine");
    Deno.mkdirSync(home);
    const config = join(home, "config.json");
    Deno.writeTextFileSync(config, JSON.stringify({ storage, session: { machine_id: name } }));
    this.env = {
      HOME: home,
      XDG_STATE_HOME: join(home, "state"),
      CLAUDE_PROJECT_DIR: this.clone,
      CLAUDE_SESSION_COORDINATOR_CONFIG: config,
    };
  }

  /** Starts an MCP server, whose client's process is this one. */
  serve(): Promise<McpClient> {
    return this.#project.connect({ folder: this.clone, env: this.env });
  }

  /** Runs a command. */
  csc(...args: string[]): Promise<Outcome> {
    return this.#project.cscWith({ cwd: this.clone, env: this.env }, ...args);
  }

  /** Runs a command as a session does. */
  cscAs(session: string, ...args: string[]): Promise<Outcome> {
    const env = { ...this.env, CLAUDE_SESSION_ID: session };
    return this.#project.cscWith({ cwd: this.clone, env }, ...args);
  }

  /** Runs a command that answers JSON. */
  // deno-lint-ignore no-explicit-any
  async json(...args: string[]): Promise<any> {
    const { code, stdout, stderr } = await this.csc(...args, "--json");
    if (stdout === "") throw new Error(`csc ${args.join(" ")}: ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** Starts a session whose client nothing serves. */
  start(id: string): Promise<TestSession> {
    return TestSession.start(this.#project, id, { folder: this.clone, env: this.env });
  }

  /**
   * Calls the hook for an event of a session whose client is this process; again where it could not
   * decide in the time that a hook has, as may be on a busy machine.
   */
  async tell(
    session_id: string,
    hook_event_name: string,
    fields: Record<string, unknown> = {},
  ): Promise<HookReply> {
    const event = { session_id, hook_event_name, cwd: this.clone, ...fields };
    for (let tries = 1;; tries++) {
      const reply = await hook(this.#project, event, Deno.pid, this.env);
      if (reply.code === 0 || tries === MAX_TRIES) return reply;
    }
  }
}
