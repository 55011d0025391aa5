import { CSC, isolated } from "./command.ts";

/** A message as it came. */
// deno-lint-ignore no-explicit-any
type Message = any;

/** A server whose input is given byte by byte, and whose output is taken as it comes. */
export class RawServer implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** Every line of its output, parsed; a line that is no JSON fails the test. */
  readonly messages: Message[] = [];
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #waiting = new Set<() => void>();
  readonly #reading: Promise<void>;
  readonly #errors: Promise<string>;

  constructor(folder: string, env: Record<string, string> = {}) {
    const [command, ...args] = CSC;
    this.process = new Deno.Command(command, {
      args,
      cwd: folder,
      env: isolated(folder, env),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.process.stdin.getWriter();
    this.#output = this.process.stdout.getReader();
    this.#errors = new Response(this.process.stderr).text();
    this.#reading = this.#read();
  }

  /** Writes bytes, or text as it is; ends no line. */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#input.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /** Writes messages as lines, in one piece. */
  async send(...messages: object[]): Promise<void> {
    await this.write(messages.map((message) => JSON.stringify(message) + "\n").join(""));
  }

  /** The first message, also of those already there, that is as wanted. */
  async message(wanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(wanted);
      if (found) return found;
      if (!await this.#more()) throw new Error("the server ended without that message");
    }
  }

  /** The answer to a request. */
  reply(id: number | string | null): Promise<Message> {
    return this.message((message) => message.id === id && message.method === undefined);
  }

  /** Closes its input. */
  async closeInput(): Promise<void> {
    await this.#input.close();
  }

  /** Stops listening, as a client that dies does. */
  async closeOutput(): Promise<void> {
    await this.#output.cancel();
  }

  /** Waits for its end. */
  async ended(): Promise<{ code: number; stderr: string }> {
    await this.#reading;
    const { code } = await this.process.status;
    return { code, stderr: await this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.ended();
  }

  #isOver = false;

  #more(): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.add(() => resolve(true)));
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (let part; !(part = await this.#output.read()).done;) {
      const lines = (rest + decoder.decode(part.value, { stream: true })).split("\n");
      rest = lines.pop()!;
      this.messages.push(...lines.map((line) => JSON.parse(line)));
      this.#wake();
    }
    this.#isOver = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** The handshake's first message. */
export const INITIALIZE = {
  jsonrpc: "2.0",
  id: "init",
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  },
};

/** The handshake's second message. */
export const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };

/** A request to call a tool. */
export function toolCall(id: number | string, name: string, args: object = {}): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}
