import type { Json } from "../../src/domain/json.ts";
import { ROOT } from "./command.ts";
import type { SharedKind } from "./open_store.ts";
import { LineSplitter } from "./wire.ts";

/** What a worker process does. */
export type Task =
  | { do: "hold"; path: string }
  | (
    & { kind: SharedKind; folder: string }
    & (
      | { do: "increment"; times: number }
      | { do: "distinct"; times: number; name: string }
      | { do: "create"; times: number; name: string }
      | { do: "write-large"; name: string }
      | { do: "calls"; calls: [string, ...Json[]][] }
    )
  );

/** How a call of a worker ended. */
export interface CallOutcome {
  readonly result?: Json;
  readonly error?: { type: string; code: string | null; message: string; hint: string };
}

/** How a worker is started. */
export interface WorkerOptions {
  /** What it runs, of `tests/support`; `store_worker.ts` without it. */
  readonly script?: string;
  /** A command that starts it, such as `setpriv …`. */
  readonly prefix?: readonly string[];
  readonly env?: Record<string, string>;
}

/** A process of a race: `await using worker = new Worker(task)`. */
export class Worker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #splitter = new LineSplitter();
  readonly #lines: string[] = [];
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /** @param task What it does: a {@linkcode Task}, or what another script understands. */
  constructor(
    task: Task | Readonly<Record<string, unknown>>,
    { script = "store_worker.ts", prefix = [], env = {} }: WorkerOptions = {},
  ) {
    const flags = ["-A", "--no-check", "--no-lock", "--unstable-kv"];
    const path = `${ROOT}tests/support/${script}`;
    const command = [...prefix, Deno.execPath(), "run", ...flags, path];
    this.#child = new Deno.Command(command[0], {
      args: command.slice(1),
      env: { DENO_NO_UPDATE_CHECK: "1", ...env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#output = this.#child.stdout.getReader();
    this.#input = this.#child.stdin.getWriter();
    this.#say(JSON.stringify(task)).catch(() => {}); // `ready()` tells that it did not start
  }

  /** The next line it says, or undefined once it has ended. */
  async line(): Promise<Json | undefined> {
    while (this.#lines.length === 0) {
      const { value, done } = await this.#output.read();
      if (done) return undefined;
      this.#lines.push(...this.#splitter.push(value));
    }
    return JSON.parse(this.#lines.shift()!);
  }

  /** Waits until it stands at the start. */
  async ready(): Promise<void> {
    const line = await this.line();
    if (line !== "ready") throw new Error(`a worker has not started: ${JSON.stringify(line)}`);
  }

  /** Lets it go. */
  async go(): Promise<void> {
    await this.#say("go");
  }

  /** All further lines, up to its end. */
  async rest(): Promise<Json[]> {
    const lines: Json[] = [];
    for (let line; (line = await this.line()) !== undefined;) lines.push(line);
    return lines;
  }

  /** Ends it without warning. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** How it has ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  #say(line: string): Promise<void> {
    return this.#input.write(new TextEncoder().encode(line + "\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#child.status;
  }
}

/** Runs one worker to its end and gives what it said. */
export async function runWorker(task: Task, options?: WorkerOptions): Promise<Json[]> {
  await using worker = new Worker(task, options);
  await worker.ready();
  await worker.go();
  return await worker.rest();
}

/** Starts workers at the same moment and gives what each said. */
export async function race(tasks: Task[]): Promise<Json[][]> {
  await using stack = new AsyncDisposableStack();
  const workers = tasks.map((task) => stack.use(new Worker(task)));
  await Promise.all(workers.map((worker) => worker.ready()));
  await Promise.all(workers.map((worker) => worker.go()));
  return await Promise.all(workers.map((worker) => worker.rest()));
}
