import type { McpClient } from "../../src/mcp/client.ts";
import { CSC, isolated, run } from "./command.ts";
import type { HookReply } from "./hook.ts";
import { eventually, type TestProject } from "./project.ts";

/** Makes a PID namespace with a `/proc` of its own; as nobody in particular, a user's as well. */
const WAYS: readonly (readonly string[])[] = [["--pid"], ["--user", "--map-root-user", "--pid"]];

/** The options of `unshare` that this machine allows, or null: most containers allow none. */
const ALLOWED: readonly string[] | null = await firstAllowed();

async function firstAllowed(): Promise<readonly string[] | null> {
  for (const options of WAYS) {
    try {
      const { code } = await run(["unshare", ...options, "--fork", "--mount-proc", "true"]);
      if (code === 0) return options;
    } catch {
      // There is no `unshare` here.
    }
  }
  return null;
}

/**
 * How a test that needs real namespaces is declared: where there are none its name says so, and what
 * it shows is shown by the tests of `namespaces_test.ts` alone, which are told their namespaces.
 */
export function inNamespaces(name: string): { name: string; ignore: boolean } {
  return ALLOWED === null
    ? { name: `${name} (NOT RUN: this machine allows no unshare)`, ignore: true }
    : { name, ignore: false };
}

/** A client in a PID namespace of its own, as in a container, and its MCP server. */
export class Container implements AsyncDisposable {
  /** Its client's process, as it is known in there: in each container the same. */
  static readonly CLIENT_PID = 2;
  readonly server: McpClient;
  readonly #project: TestProject;
  readonly #session: string;
  readonly #init: string;

  private constructor(project: TestProject, session: string, server: McpClient, init: string) {
    this.#project = project;
    this.#session = session;
    this.server = server;
    this.#init = init;
  }

  /** Starts the client with its server; its session is registered by the first hook. */
  static async start(project: TestProject, session: string): Promise<Container> {
    // Process 1 starts the client, process 2, which starts the server.
    const client = ["bash", "-c", '"$@"; exit', "client", ...CSC];
    const server = project.start({
      command: ["unshare", ...ALLOWED!, "--fork", "--mount-proc", "bash", "-c", '"$@"; exit', "1"],
      args: client,
    });
    await server.initialize();
    const { pid } = server.process;
    const init = await eventually(
      "the namespace is there",
      () => Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim() || null,
    );
    return new Container(project, session, server, init);
  }

  /** Calls the hook for an event of its session. */
  async tell(hook_event_name: string, fields: Record<string, unknown> = {}): Promise<HookReply> {
    const { folder } = this.#project;
    const user = ALLOWED!.includes("--user") ? ["--user", "--preserve-credentials"] : [];
    const enter = ["nsenter", `--target=${this.#init}`, ...user, "--pid", "--mount"];
    const event = { session_id: this.#session, hook_event_name, cwd: folder, ...fields };
    const outcome = await run([...enter, ...CSC, "hook"], {
      cwd: folder,
      env: isolated(folder, { CLAUDE_PID: String(Container.CLIENT_PID) }),
      stdin: JSON.stringify(event),
    });
    const said = outcome.stdout === "" ? {} : JSON.parse(outcome.stdout).hookSpecificOutput;
    return { ...outcome, said };
  }

  /** Ends all that runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}
