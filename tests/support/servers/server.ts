import type { Json } from "../../../src/domain/json.ts";
import type {
  StorageAdapter,
  StoreOptions,
  WriteConditions,
} from "../../../src/storage/adapter.ts";
import { ServerStore } from "../../../src/storage/server/server.ts";
import { ROOT } from "../command.ts";
import type { NetworkOptions, TestServer } from "../network_store.ts";
import { LineSplitter } from "../wire.ts";
import { WrappedStore } from "../wrapped_store.ts";

const PORT_VARIABLE = "CSC_TEST_SERVER_PORT";

/** Starts the server that the tests of all stores share. */
export async function start(folder: string): Promise<TestServer> {
  const server = await StoreServer.start(folder);
  return { env: { [PORT_VARIABLE]: `${server.port}` }, stop: () => server.stop() };
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

/** How a server of a test's own is started. */
export interface StoreServerOptions {
  /** Its port; a free one without it. */
  readonly port?: number;
  /** Whether requests need a token of the file `tokens.json` in its folder. */
  readonly needsToken?: boolean;
}

/**
 * A process that serves stores by the real route, each path below `/` one of its own: `await using
 * server = await StoreServer.start(folder)`. With tokens it keeps one store in its folder instead.
 */
export class StoreServer implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly #options: StoreServerOptions;
  #child: Deno.ChildProcess;

  private constructor(
    folder: string,
    port: number,
    options: StoreServerOptions,
    child: Deno.ChildProcess,
  ) {
    this.folder = folder;
    this.port = port;
    this.#options = options;
    this.#child = child;
  }

  /** Starts a server and waits until it listens. */
  static async start(folder: string, options: StoreServerOptions = {}): Promise<StoreServer> {
    const { child, port } = await spawn(folder, options);
    return new StoreServer(folder, port, options, child);
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
    const { child } = await spawn(this.folder, { ...this.#options, port: this.port });
    this.#child = child;
  }

  /** Stops the process where it stands. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.#signal("SIGCONT");
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.resume();
    await this.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
  }
}

async function spawn(folder: string, { port = 0, needsToken = false }: StoreServerOptions) {
  const script = `${ROOT}tests/support/servers/server_host.ts`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-lock", script, folder, `${port}`, `${needsToken}`],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const splitter = new LineSplitter();
  const output = child.stdout.getReader();
  for (;;) {
    const { value, done } = await output.read();
    if (done) throw new Error(`the server does not start: code ${(await child.status).code}`);
    const [line] = splitter.push(value);
    if (line === undefined) continue;
    await output.cancel();
    return { child, port: Number(line) };
  }
}
