import { Tokens, type TokenWish } from "../../src/http/tokens.ts";
import { CSC, isolated } from "./command.ts";
import { eventually, TestProject } from "./project.ts";

/** How a server is started. */
export interface HttpOptions {
  /** The section `http` of its configuration. */
  readonly http?: object;
  /** Other sections. */
  readonly config?: object;
  /** Tokens to make before it starts. */
  readonly tokens?: readonly TokenWish[];
  readonly address?: string;
  readonly args?: readonly string[];
}

/** How a server ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `csc serve --http` that runs: `await using server = await HttpServer.start()`. */
export class HttpServer implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly project: TestProject;
  /** The secrets of the tokens that were asked for. */
  readonly tokens: readonly string[];
  /** Such as `http://127.0.0.1:40123`. */
  url = "";
  readonly #stderr: Promise<string>;
  readonly #reading: Promise<void>;
  #stdout = "";
  #isEnding = false;

  private constructor(project: TestProject, process: Deno.ChildProcess, tokens: string[]) {
    this.project = project;
    this.process = process;
    this.tokens = tokens;
    this.#stderr = new Response(process.stderr).text();
    this.#reading = this.#read();
  }

  /** Starts one on a port of its own, and waits until it serves. */
  static async start(options: HttpOptions = {}): Promise<HttpServer> {
    const server = await HttpServer.spawn(options);
    const isThere = () => /(https?:\/\/\S+)\/mcp/.exec(server.#stdout)?.[1] ?? null;
    try {
      server.url = await eventually("it serves", isThere, 20_000);
    } catch (error) {
      server.process.kill("SIGKILL");
      throw new Error(`${error}: ${(await server.ended()).stderr}`);
    }
    return server;
  }

  /** Starts one, which may fail. */
  static async spawn(options: HttpOptions = {}): Promise<HttpServer> {
    const { http, config, tokens = [], address = "127.0.0.1:0", args = [] } = options;
    const project = new TestProject();
    const secrets: string[] = [];
    const made = new Tokens(`${project.folder}/state/claude-session-coordinator/tokens.json`);
    for (const wish of tokens) secrets.push((await made.create(wish)).token);
    const file = project.beside("config.json");
    Deno.writeTextFileSync(file, JSON.stringify({ ...config, ...(http && { http }) }));
    const [command, ...rest] = CSC;
    const process = new Deno.Command(command, {
      args: [...rest, "serve", "--http", address, "--config", file, ...args],
      cwd: project.folder,
      env: isolated(project.folder),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new HttpServer(project, process, secrets);
  }

  /** The port it listens on. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** What it printed so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** The tokens' file, as `csc token` uses it. */
  get tokenFile(): Tokens {
    return new Tokens(`${this.project.folder}/state/claude-session-coordinator/tokens.json`);
  }

  /** The lines of its audit log. */
  audit(name = "audit.jsonl"): Record<string, unknown>[] {
    const path = `${this.project.folder}/state/claude-session-coordinator/${name}`;
    const text = Deno.readTextFileSync(path);
    return text.trimEnd().split("\n").map((line) => JSON.parse(line));
  }

  /** Sends a request; its answer. */
  fetch(path: string, init?: RequestInit & { client?: Deno.HttpClient }): Promise<Response> {
    return fetch(this.url + path, init);
  }

  /** A figure of its metrics; 0 where there is none of that name. */
  async metric(name: string, headers: Record<string, string> = {}): Promise<number> {
    const text = await (await this.fetch("/metrics", { headers })).text();
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length) ?? 0);
  }

  /** Waits for its end. */
  async ended(): Promise<Ended> {
    await this.#reading;
    const { code } = await this.process.status;
    this.#isEnding = true;
    return { code, stdout: this.#stdout, stderr: await this.#stderr };
  }

  /** Tells it to end, and waits. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Ended> {
    this.process.kill(signal);
    return await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isEnding) {
      try {
        this.process.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await this.ended();
    }
    await this.project[Symbol.asyncDispose]();
  }

  async #read(): Promise<void> {
    for await (const part of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#stdout += part;
    }
  }
}
