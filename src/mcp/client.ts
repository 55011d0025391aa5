/**
 * A small MCP client over a child process's pipes, as Claude Code is one: for the demo and the tests.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";

/** What a tool call brought. */
export interface ToolOutcome {
  readonly isError: boolean;
  /** The texts of the answer, the seed's JSON first. */
  readonly texts: readonly string[];
  readonly structured: Json | undefined;
  readonly code: string | undefined;
}

/** An answer of the server, or its refusal. */
export interface Reply {
  readonly id: number | string | null;
  // deno-lint-ignore no-explicit-any
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
}

/** How a server is started. */
export interface ClientOptions {
  readonly cwd: string;
  readonly env?: Record<string, string>;
  readonly clearEnv?: boolean;
}

/** A server process, driven through MCP. */
export class McpClient {
  /** The server's process. */
  readonly process: Deno.ChildProcess;
  /** Notifications that came, in their order. */
  readonly notifications: { method: string; params?: Json }[] = [];
  /** Lines on standard output that were no JSON: there must be none. */
  readonly foreignLines: string[] = [];
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number | string, (reply: Reply) => void>();
  readonly #reading: Promise<void>;
  readonly #errors: Promise<string>;
  #nextId = 1;

  private constructor(process: Deno.ChildProcess) {
    this.process = process;
    this.#input = process.stdin.getWriter();
    this.#reading = this.#read();
    this.#errors = new Response(process.stderr).text();
  }

  /** Starts a server; nothing is sent yet. */
  static start([command, ...args]: readonly string[], options: ClientOptions): McpClient {
    const process = new Deno.Command(command, {
      args,
      ...options,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new McpClient(process);
  }

  /** Starts a server and shakes hands. */
  static async connect(command: readonly string[], options: ClientOptions): Promise<McpClient> {
    const client = McpClient.start(command, options);
    await client.initialize();
    return client;
  }

  /** The handshake; answers what the server says of itself. */
  async initialize(): Promise<Reply> {
    const reply = await this.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "csc-client", version: "1" },
    });
    await this.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    return reply;
  }

  /** Sends a request and waits for its answer. */
  async request(method: string, params: object = {}): Promise<Reply> {
    const id = this.#nextId++;
    const reply = this.replyTo(id);
    await this.send({ jsonrpc: "2.0", id, method, params });
    return await reply;
  }

  /** Calls a tool. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<ToolOutcome> {
    const { result, error } = await this.request("tools/call", { name, arguments: args });
    if (error) throw new Error(`${name}: ${error.message}`);
    const content = result.content as { type: string; text: string }[];
    return {
      isError: result.isError === true,
      texts: content.map(({ text }) => text),
      structured: result.structuredContent,
      code: result._meta?.["csc/code"],
    };
  }

  /** Calls a tool that must succeed; answers the seed's return value. */
  // deno-lint-ignore no-explicit-any
  async tool(name: string, args: Record<string, unknown> = {}): Promise<any> {
    const { isError, texts } = await this.call(name, args);
    if (isError) throw new Error(`${name}: ${texts.join(" ")}`);
    return JSON.parse(texts[0]);
  }

  /** Sends any message, or any text as a line. */
  async send(message: object | string): Promise<void> {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    await this.#input.write(new TextEncoder().encode(text + "\n"));
  }

  /** The answer to a request that is or will be sent with this id. */
  replyTo(id: number | string): Promise<Reply> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Closes the server's input, as clients do at their end, and waits for the process to end. */
  async close(): Promise<{ code: number; stderr: string }> {
    await this.#input.close().catch(() => {});
    return await this.ended();
  }

  /** Sends a signal, and waits for the process to end. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<{ code: number; stderr: string }> {
    this.process.kill(signal);
    const ended = await this.ended();
    await this.#input.abort().catch(() => {});
    return ended;
  }

  /** Waits for the process to end. */
  async ended(): Promise<{ code: number; stderr: string }> {
    const { code } = await this.process.status;
    await this.#reading;
    return { code, stderr: await this.#errors };
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#receive(line);
    }
    for (const [id, resolve] of this.#waiting) {
      resolve({ id, error: { code: 0, message: "the server has ended" } });
    }
  }

  #receive(line: string): void {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      this.foreignLines.push(line);
      return;
    }
    if (message.method !== undefined) return void this.notifications.push(message);
    this.#waiting.get(message.id ?? "null")?.(message);
    this.#waiting.delete(message.id ?? "null");
  }
}
