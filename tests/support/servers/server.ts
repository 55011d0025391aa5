import type { Json } from "../../../src/domain/json.ts";
import type {
  StorageAdapter,
  StoreOptions,
  WriteConditions,
} from "../../../src/storage/adapter.ts";
import { ServerStore } from "../../../src/storage/server/server.ts";
import { Tokens } from "../../../src/http/tokens.ts";
import { CSC, isolated, ROOT } from "../command.ts";
import type { NetworkOptions, TestServer } from "../network_store.ts";
import { WrappedStore } from "../wrapped_store.ts";

const PORT_VARIABLE = "CSC_TEST_SERVER_PORT";

/** Starts the server that the tests of all stores share: it has clocks to set, as no real one has. */
export async function start(_folder: string): Promise<TestServer> {
  const script = `${ROOT}tests/support/servers/server_host.ts`;
  const command = [Deno.execPath(), "run", "-A", "--no-check", "--no-lock", script];
  const { child, said } = await spawn(command, /^(\d+)\n/, { DENO_NO_UPDATE_CHECK: "1" });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
  };
  return { env: { [PORT_VARIABLE]: said }, stop };
}

/** Opens a client of that server. */
export function open({ namespace, offsetMs, limits }: NetworkOptions): Promise<StorageAdapter> {
  const port = Deno.env.get(PORT_VARIABLE);
  if (!port) throw new Error("no server runs: start the tests with `deno task test:stores server`");
  const url = `http://127.0.0.1:${port}/${namespace}`;
  // A test machine may be slow: only tests of the time-out itself set a short one.
  const store = ServerStore.open({ url, limits, timeoutMs: 60_000 });
  return Promise.resolve(new ClockedStore(store, `${url}/clock`, offsetMs));
}

/** Sets the clock of its namespace on the server before each operation. */
class ClockedStore extends WrappedStore {
  #sentMs = 0;

  constructor(
    inner: StorageAdapter,
    private readonly clock: string,
    private readonly offsetMs: () => number,
  ) {
    super(inner);
  }

  /** Begins at once where the clock is set: what the caller does to a value later must not matter. */
  async #timely<T>(task: () => Promise<T>): Promise<T> {
    const offsetMs = this.offsetMs();
    if (offsetMs !== this.#sentMs) {
      // Others may be ahead of this one, unless it is a test that sets the clock back.
      const body = offsetMs < this.#sentMs ? `back to ${offsetMs}` : `${offsetMs}`;
      const response = await fetch(this.clock, { method: "POST", body });
      await response.body?.cancel();
      this.#sentMs = offsetMs;
    }
    return await task();
  }

  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.#timely(() => super.store(scope, key, value, options));
  }
  override retrieve(scope: string, key: string) {
    return this.#timely(() => super.retrieve(scope, key));
  }
  override delete(scope: string, key: string, conditions?: WriteConditions) {
    return this.#timely(() => super.delete(scope, key, conditions));
  }
  override increment(scope: string, key: string, by?: number, author?: string) {
    return this.#timely(() => super.increment(scope, key, by, author));
  }
  override retrieveAll(scope: string) {
    return this.#timely(() => super.retrieveAll(scope));
  }
  override listKeys(scope: string) {
    return this.#timely(() => super.listKeys(scope));
  }
  override listScopes(pattern?: string) {
    return this.#timely(() => super.listScopes(pattern));
  }
  override deleteScope(scope: string) {
    return this.#timely(() => super.deleteScope(scope));
  }
  override now() {
    return this.#timely(() => super.now());
  }
}

/** A `csc serve --http` that a test may harm: `await using server = await StoreServer.start(folder)`. */
export class StoreServer implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  #child: Deno.ChildProcess;

  private constructor(folder: string, port: number, child: Deno.ChildProcess) {
    this.folder = folder;
    this.port = port;
    this.#child = child;
  }

  /** Starts a server with its files in a folder, and waits until it listens. */
  static async start(folder: string): Promise<StoreServer> {
    // One token at the least, or it would let in everybody.
    const tokens = new Tokens(`${folder}/tokens.json`);
    await tokens.create({ user: "nobody" });
    const { child, said } = await serve(folder, 0);
    return new StoreServer(folder, Number(said), child);
  }

  /** How it is reached. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where the hashes of its tokens are. */
  get tokensPath(): string {
    return `${this.folder}/tokens.json`;
  }

  /** Ends it without warning, and waits until it has gone. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#child.status;
  }

  /** Starts it again on the same port with the same folder. */
  async restart(): Promise<void> {
    await this.kill();
    ({ child: this.#child } = await serve(this.folder, this.port));
  }

  /** Stops the process where it stands. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.#signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.kill();
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
  }
}

function serve(folder: string, port: number) {
  const config = `${folder}/config.json`;
  Deno.writeTextFileSync(
    config,
    JSON.stringify({
      storage: { adapter: "local", config: { base_path: `${folder}/store` } },
      http: { tokens_path: `${folder}/tokens.json` },
    }),
  );
  const command = [...CSC, "serve", "--http", `127.0.0.1:${port}`, "--config", config];
  return spawn(command, /http:\/\/127\.0\.0\.1:(\d+)\/mcp/, isolated(folder), folder);
}

/** Starts a process, and waits until it has said something. */
async function spawn(
  [command, ...args]: readonly string[],
  words: RegExp,
  env: Record<string, string>,
  cwd?: string,
): Promise<{ child: Deno.ChildProcess; said: string }> {
  const options = { args, env, cwd, stdin: "null", stdout: "piped" } as const;
  const child = new Deno.Command(command, options).spawn();
  const decoder = new TextDecoder();
  const output = child.stdout.getReader();
  for (let text = "";;) {
    const { value, done } = await output.read();
    if (done) throw new Error(`the server does not start: code ${(await child.status).code}`);
    text += decoder.decode(value, { stream: true });
    const said = words.exec(text)?.[1];
    if (said === undefined) continue;
    await output.cancel();
    return { child, said };
  }
}
