/**
 * PostgreSQL servers of the tests: Debian's binaries, as a user that is not root, on a private port of
 * loopback, with a password.
 */

import { PostgresStore } from "../../../src/storage/postgres/postgres.ts";
import { run } from "../command.ts";
import type { NetworkOptions, TestServer } from "../network_store.ts";

const URL_VARIABLE = "CSC_TEST_POSTGRES_URL";
const ROOT_FOLDER = "/usr/lib/postgresql";
const ROLE = "csc";
/** PostgreSQL refuses to run as root. */
const USER = "postgres";

/** Starts a server for the whole run. */
export async function start(_folder: string): Promise<TestServer> {
  const server = await PostgresServer.create();
  return { env: { [URL_VARIABLE]: server.url }, stop: () => server.remove() };
}

/** Opens a client of the server that the driver has started. */
export function open({ namespace, offsetMs, limits }: NetworkOptions): Promise<PostgresStore> {
  const url = serverUrl();
  return Promise.resolve(new PostgresStore({ url, schema: namespace, offsetMs, limits }));
}

/** The URL of the server that the driver has started. */
export function serverUrl(): string {
  const url = Deno.env.get(URL_VARIABLE);
  if (!url) throw new Error(`${URL_VARIABLE} is not set: run deno task test:stores postgres`);
  return url;
}

/** A server with a folder of its own, to be killed and started again. */
export class PostgresServer {
  readonly port: number;
  readonly #bin: string;
  readonly #folder: string;
  #password: string;
  #process: Deno.ChildProcess | null = null;

  private constructor(bin: string, folder: string, port: number, password: string) {
    this.#bin = bin;
    this.#folder = folder;
    this.port = port;
    this.#password = password;
  }

  /** Makes and starts one. */
  static async create(settings: readonly string[] = []): Promise<PostgresServer> {
    const bin = await findBinaries();
    const folder = Deno.realPathSync(await Deno.makeTempDir({ prefix: "csc-postgres-" }));
    const password = crypto.randomUUID();
    const server = new PostgresServer(bin, folder, freePort(), password);
    await Deno.writeTextFile(`${folder}/password`, password, { mode: 0o600 });
    if (isRoot()) await must(["chown", "-R", `${USER}:`, folder]);
    await must([
      ...asUser(),
      `${bin}/initdb`,
      ...["--auth=scram-sha-256", `--username=${ROLE}`, `--pwfile=${folder}/password`],
      ...["--encoding=UTF8", "--locale=C", "--no-sync", `--pgdata=${folder}/data`],
    ]);
    await server.start(settings);
    return server;
  }

  /** Where it is, with user and password. */
  get url(): string {
    return this.urlOf(this.port);
  }

  /** The same through another port, such as a proxy's. */
  urlOf(port: number): string {
    return `postgres://${ROLE}:${this.#password}@127.0.0.1:${port}/postgres`;
  }

  /** The process that all others of the server descend from. */
  get pid(): number {
    if (!this.#process) throw new Error("the server does not run");
    return this.#process.pid;
  }

  /** Starts it, where it does not run; resolves once it lets clients in. */
  async start(settings: readonly string[] = []): Promise<void> {
    const [command, ...args] = [
      ...asUser(),
      `${this.#bin}/postgres`,
      ...["-D", `${this.#folder}/data`, "-p", `${this.port}`],
      ...["listen_addresses=127.0.0.1", "unix_socket_directories=", ...settings]
        .flatMap((setting) => ["-c", setting]),
    ];
    const log = `${this.#folder}/log`;
    const process = new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).spawn();
    this.#process = process;
    const file = await Deno.open(log, { append: true, create: true });
    process.stderr.pipeTo(file.writable).catch(() => {});
    for (let tries = 0; tries < 600; tries++) {
      const probe = [`${this.#bin}/pg_isready`, "-q", "-h", "127.0.0.1", "-p", `${this.port}`];
      if ((await run(probe)).code === 0) return;
      const ended = await Promise.race([process.status, pause(50)]);
      if (ended) break;
    }
    await this.stop("SIGQUIT");
    throw new Error(`PostgreSQL does not start: ${(await Deno.readTextFile(log)).slice(-2000)}`);
  }

  /** Ends it: at once and in order by SIGINT, as in a crash by SIGQUIT, without a word by SIGKILL. */
  async stop(signal: Deno.Signal = "SIGINT"): Promise<void> {
    const process = this.#process;
    if (!process) return;
    this.#process = null;
    const children = childrenOf(process.pid);
    for (const pid of [process.pid, ...children]) send(pid, "SIGCONT");
    send(process.pid, signal);
    await process.status;
    // Its children notice its death, but a killed one's may take a moment to leave shared memory.
    while (children.some(isAlive)) await pause(20);
  }

  /** Sends a signal to all its processes. */
  signal(signal: Deno.Signal): void {
    const { pid } = this;
    for (const one of [pid, ...childrenOf(pid)]) send(one, signal);
  }

  /** Runs SQL as the owner; answers the lines of the result. */
  async sql(text: string): Promise<string[]> {
    const said = await must([`${this.#bin}/psql`, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text], {
      PGHOST: "127.0.0.1",
      PGPORT: `${this.port}`,
      PGUSER: ROLE,
      PGPASSWORD: this.#password,
      PGDATABASE: "postgres",
    });
    return said.split("\n").filter(Boolean);
  }

  /** Limits what its processes may use, those there are and those to come; null lifts it. */
  async limit(resource: "fsize" | "as", bytes: number | null): Promise<void> {
    const limit = `--${resource}=${bytes ?? "unlimited"}:unlimited`;
    for (const pid of [this.pid, ...childrenOf(this.pid)]) {
      await must([...asUser(), "prlimit", `--pid=${pid}`, limit]);
    }
  }

  /** The processes that serve clients of csc. */
  async backends(): Promise<number[]> {
    const text = "SELECT pid FROM pg_stat_activity WHERE application_name = 'csc'";
    return (await this.sql(text)).map(Number);
  }

  /** Lets it offer TLS from now on. */
  async useCertificate({ path, key }: { path: string; key: string }): Promise<void> {
    for (const [from, name] of [[path, "server.crt"], [key, "server.key"]]) {
      const to = `${this.#folder}/data/${name}`;
      await Deno.copyFile(from, to);
      await Deno.chmod(to, 0o600);
      if (isRoot()) await must(["chown", `${USER}:`, to]);
    }
    await this.stop();
    await this.start(["ssl=on"]);
  }

  /** Gives the role a new password; what is open stays open. */
  async changePassword(): Promise<void> {
    await this.usePassword(crypto.randomUUID());
  }

  /** Gives the role this password. */
  async usePassword(password: string): Promise<void> {
    await this.sql(
      `ALTER ROLE ${ROLE} PASSWORD '${password}'`,
    );
    this.#password = password;
  }

  /** Ends it and removes its files. */
  async remove(): Promise<void> {
    await this.stop("SIGQUIT");
    await Deno.remove(this.#folder, { recursive: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}

async function findBinaries(): Promise<string> {
  const found = () => {
    try {
      const versions = [...Deno.readDirSync(ROOT_FOLDER)].map(({ name }) => name);
      return versions.sort((a, b) => Number(b) - Number(a)).map((name) =>
        `${ROOT_FOLDER}/${name}/bin`
      )[0];
    } catch {
      return undefined;
    }
  };
  if (!found() && isRoot()) await must(["apt-get", "install", "-y", "-q", "postgresql"]);
  const bin = found();
  if (!bin) throw new Error("PostgreSQL is not installed; on Debian: apt-get install postgresql");
  return bin;
}

function isRoot(): boolean {
  return Deno.uid() === 0;
}

/** What starts a program as a user that PostgreSQL runs as. */
function asUser(): string[] {
  return isRoot() ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"] : [];
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Runs a command that has to succeed. */
async function must(command: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, { env, cwd: "/" });
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

function childrenOf(pid: number): number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
