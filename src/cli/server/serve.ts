/**
 * `csc serve`: the MCP server on standard input and output, from start to an orderly end; with `--http`
 * the one of {@linkcode ./serve_http.ts}.
 *
 * @module
 */

import type { Workspace } from "../../coordinator/workspace.ts";
import { messageOf } from "../../domain/error.ts";
import { shorten } from "../../domain/text.ts";
import { createServer } from "../../mcp/server.ts";
import { StdioTransport } from "../../mcp/stdio_transport.ts";
import type { CommandLine } from "../command.ts";
import { printError } from "../output.ts";
import { dropPermissions } from "../permissions.ts";

/** How long signing off may take when the process is to end. */
const SIGN_OFF_MS = 1000;
/** How often the parent is looked at. */
const PARENT_CHECK_MS = 500;

/** Serves until the client is gone; with `--http` until it is told to end. */
export async function serve(line: CommandLine): Promise<number> {
  if (line.has("http")) return await (await import("./serve_http.ts")).serveHttp(line);
  if (line.words.length > 0) throw line.mistake(`'${line.words[0]}' makes sense with --http only`);
  if (line.text("tls-cert") ?? line.text("tls-key")) throw line.mistake("TLS needs --http");
  if (line.all("allow-host").length > 0) throw line.mistake("--allow-host needs --http");
  keepStdoutClean();
  const workspaces = new LazyWorkspace(line.text("config"));
  const clientGone = new AbortController();
  const server = createServer(() => workspaces.get(), clientGone.signal);
  // Asked for in the background, once the client has its first answer.
  server.oninitialized = () => void workspaces.get().catch(() => {});
  const ended = whenToEnd();
  server.onclose = () => {
    clientGone.abort();
    ended.resolve("the client has closed the connection");
  };
  server.onerror = (error) => {
    // The SDK's messages may quote what the client sent: only their start is ours to keep.
    const fault = messageOf(error).split(/[:{]/)[0];
    workspaces.current?.log.warn(`protocol: ${shorten(fault, 100)}`);
  };
  await server.connect(new StdioTransport());
  const reason = await ended.promise;
  clientGone.abort();
  await withTimeout(SIGN_OFF_MS, async () => {
    const workspace = workspaces.current;
    await Promise.allSettled([workspace?.session.signOff(), workspace?.member.end()]);
    workspace?.log.info(`server ended as ${reason}`);
    await workspace?.close();
  });
  return 0;
}

/** Opens the workspace when it is first needed, and again after it failed. */
class LazyWorkspace {
  /** The open workspace, or null. */
  current: Workspace | null = null;
  readonly #configPath: string | undefined;
  #opening: Promise<Workspace> | null = null;

  constructor(configPath: string | undefined) {
    this.#configPath = configPath;
  }

  get(): Promise<Workspace> {
    return this.#opening ??= this.#open();
  }

  async #open(): Promise<Workspace> {
    try {
      // Not needed for the first answer, so not evaluated before it.
      const { findSetting, openWorkspace, projectFolder } = await import(
        "../../coordinator/workspace.ts"
      );
      const workspace = await openWorkspace(await findSetting(projectFolder(), this.#configPath));
      dropPermissions(workspace);
      const { log, store, project } = workspace;
      workspace.member.watch();
      log.info(`server started; store ${store.place.location}; project by ${project.foundBy}`);
      return this.current = workspace;
    } catch (error) {
      this.#opening = null;
      printError(error); // clients show standard error to people
      throw error;
    }
  }
}

/** Resolves with the reason once the server has to end. */
function whenToEnd(): PromiseWithResolvers<string> {
  const ended = Promise.withResolvers<string>();
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => ended.resolve(`it got ${signal}`));
  }
  const parent = Deno.ppid;
  setInterval(() => {
    if (Deno.ppid !== parent) ended.resolve("its parent process has ended");
  }, PARENT_CHECK_MS);
  return ended;
}

async function withTimeout(ms: number, task: () => Promise<unknown>): Promise<void> {
  const timeOut = new Promise((resolve) => setTimeout(resolve, ms));
  await Promise.race([task().catch(() => {}), timeOut]); // whatever fails now, the next reader heals
}

/** Nothing but protocol may go to standard output. */
function keepStdoutClean(): void {
  console.log = console.info = console.debug = console.error;
}
