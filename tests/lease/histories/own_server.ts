import { type NetworkKind, serverModule } from "../../support/network_store.ts";
import type { SharedKind } from "../../support/open_store.ts";

/** What all servers of the tests can do, whatever their store. */
interface Controls {
  readonly url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  end(): Promise<void>;
}

/** Starts the server of a kind, which keeps what it has acknowledged also when it is killed. */
const STARTERS: Readonly<Record<string, (folder: string) => Promise<Controls>>> = {
  async redis(folder) {
    const { RedisServer } = await import("../../support/servers/redis.ts");
    const server = await RedisServer.start(folder, { args: ["--appendfsync", "always"] });
    return {
      url: server.url,
      kill: () => server.kill(),
      restart: () => server.restart(),
      pause: () => server.pause(),
      resume: () => server.resume(),
      end: () => server[Symbol.asyncDispose](),
    };
  },
  async postgres() {
    const { PostgresServer } = await import("../../support/servers/postgres.ts");
    const server = await PostgresServer.create();
    return {
      url: server.url,
      kill: () => server.stop("SIGKILL"),
      restart: () => server.start(),
      pause: () => server.signal("SIGSTOP"),
      resume: () => server.signal("SIGCONT"),
      end: () => server.remove(),
    };
  },
};

/** A server that a test may kill: for the time that it is there, its kind's stores are on it. */
export class OwnServer implements AsyncDisposable {
  /** How processes find it: variables of theirs. */
  readonly env: Record<string, string>;
  readonly #controls: Controls;
  readonly #before: Record<string, string | undefined>;

  private constructor(env: Record<string, string>, controls: Controls) {
    this.env = env;
    this.#controls = controls;
    this.#before = Object.fromEntries(Object.keys(env).map((name) => [name, Deno.env.get(name)]));
    for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  }

  /** Starts one with its files in a folder. */
  static async start(kind: SharedKind, folder: string): Promise<OwnServer> {
    const start = STARTERS[kind];
    if (!start) throw new Error(`no server of the store '${kind}' can be killed here`);
    await serverModule(kind as NetworkKind); // its kind is known
    await Deno.mkdir(folder);
    const controls = await start(folder);
    return new OwnServer({ [`CSC_TEST_${kind.toUpperCase()}_URL`]: controls.url }, controls);
  }

  /** Ends it without warning. */
  kill(): Promise<void> {
    return this.#controls.kill();
  }

  /** Starts it again with what it had. */
  restart(): Promise<void> {
    return this.#controls.restart();
  }

  /** Stops it where it stands. */
  stop(): void {
    this.#controls.pause();
  }

  /** Lets it go on. */
  resume(): void {
    this.#controls.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, value] of Object.entries(this.#before)) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await this.#controls.end();
  }
}
