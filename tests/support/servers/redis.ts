import type { StorageAdapter } from "../../../src/storage/adapter.ts";
import { RedisStore } from "../../../src/storage/redis/redis.ts";
import type { NetworkOptions, TestServer } from "../network_store.ts";

const URL_VARIABLE = "CSC_TEST_REDIS_URL";
/** A port that was free a moment ago may be taken. */
const ATTEMPTS = 5;
const START_MS = 20_000;
const POLL_MS = 20;

/** Starts the server that the tests of all stores share. */
export async function start(folder: string): Promise<TestServer> {
  const server = await RedisServer.start(folder);
  return { env: { [URL_VARIABLE]: server.url }, stop: () => server.stop() };
}

/** Opens a client of that server. */
export function open(options: NetworkOptions): Promise<StorageAdapter> {
  const url = Deno.env.get(URL_VARIABLE);
  if (!url) throw new Error("no Redis runs: start the tests with `deno task test:stores redis`");
  const { namespace, offsetMs, limits } = options;
  return Promise.resolve(
    new RedisStore({
      settings: { url, prefix: `${namespace}:` },
      offsetMs,
      limits,
      timeoutMs: 60_000, // a test machine may be slow: only tests of the time-out itself set a short one
    }),
  );
}

/** How a server of its own is started. */
export interface RedisServerOptions {
  /** Further arguments of `redis-server`, such as `["--maxmemory", "5mb"]`. */
  readonly args?: readonly string[];
  /** The file of a sentinel's configuration, which it rewrites: then it is one. */
  readonly sentinel?: string;
}

/** A real `redis-server` on a private port: `await using server = await RedisServer.start(folder)`. */
export class RedisServer implements AsyncDisposable {
  /** Where its files are. */
  readonly folder: string;
  readonly port: number;
  readonly #options: RedisServerOptions;
  #password = "test-password";
  #child: Deno.ChildProcess;

  private constructor(folder: string, port: number, options: RedisServerOptions) {
    this.folder = folder;
    this.port = port;
    this.#options = options;
    this.#child = this.#spawn();
  }

  /** Starts a server with its files in a folder; it has an append-only file and a password. */
  static async start(folder: string, options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1;; attempt++) {
      const server = new RedisServer(folder, freePort(), options);
      if (await server.#answers()) return server;
      await server.stop();
      if (attempt === ATTEMPTS) throw new Error(`redis-server does not start: ${server.log()}`);
    }
  }

  get password(): string {
    return this.#password;
  }

  /** How it is reached, password included. */
  get url(): string {
    return this.urlAt(this.port);
  }

  /** The same by another port: that of a proxy. */
  urlAt(port: number): string {
    return `redis://:${this.#password}@127.0.0.1:${port}`;
  }

  /** Sends one command and gives the answer as `redis-cli` prints it. */
  async command(...words: string[]): Promise<string> {
    const { stdout, stderr } = await new Deno.Command("redis-cli", {
      args: ["-p", String(this.port), ...words],
      env: { REDISCLI_AUTH: this.#password },
    }).output();
    return new TextDecoder().decode(stdout).trim() + new TextDecoder().decode(stderr).trim();
  }

  /** Changes the password of the running server, and ends the connections that used the old one. */
  async changePassword(password: string): Promise<void> {
    await this.command("CONFIG", "SET", "requirepass", password);
    this.#password = password;
    await this.command("CLIENT", "KILL", "TYPE", "normal");
  }

  /** Ends it without warning, and waits until it has gone. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#child.status;
  }

  /** Starts it again on the same port with the same files, and waits until it answers. */
  async restart(): Promise<void> {
    await this.stop();
    this.#child = this.#spawn();
    if (!await this.#answers()) throw new Error(`redis-server does not start again: ${this.log()}`);
  }

  /** Stops the process where it stands. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.#signal("SIGCONT");
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.resume();
    this.#signal("SIGTERM");
    await this.#child.status;
  }

  /** The end of what it logged. */
  log(): string {
    try {
      return Deno.readTextFileSync(`${this.folder}/redis.log`).split("\n").slice(-5).join("\n");
    } catch {
      return "it logged nothing";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.kill();
  }

  #spawn(): Deno.ChildProcess {
    const { args: further = [], sentinel } = this.#options;
    const args = [
      ...sentinel ? [sentinel, "--sentinel"] : ["--save", "", "--appendonly", "yes"],
      ...["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder],
      ...["--logfile", `${this.folder}/redis.log`, "--requirepass", this.#password, ...further],
    ];
    const io = { stdin: "null", stdout: "null", stderr: "null" } as const;
    try {
      return new Deno.Command("redis-server", { args, ...io }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Error("redis-server is not installed: apt-get install redis-server redis-tools");
    }
  }

  async #answers(): Promise<boolean> {
    let hasEnded = false;
    void this.#child.status.then(() => hasEnded = true);
    const deadline = performance.now() + START_MS;
    while (!hasEnded && performance.now() < deadline) {
      if (await this.command("PING") === "PONG") return true;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return false;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
  }
}

/** A port that nobody listens on at the moment. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
