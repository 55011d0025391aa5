/**
 * Asking git a question without letting it hang, ask for a password or fail us.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import { within } from "../os/within.ts";

/** What git answered, or why it did not. */
export type GitAnswer =
  | { readonly ok: true; readonly text: string }
  | {
    readonly ok: false;
    readonly why: string;
    /** Its exit code, where it ended by itself. */
    readonly code?: number;
  };

/** How long git may take; the reference's limit. */
export const GIT_TIMEOUT_MS = 5000;

/** Where git is looked for where the `PATH` does not lead to it; clients may pass none on. */
const USUAL_PLACES = ["/usr/bin/git", "/usr/local/bin/git", "/opt/homebrew/bin/git"];

/** Variables that git needs to find itself, its user's settings and its helpers. */
const KEPT = ["PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "XDG_CONFIG_HOME", "TMPDIR", "TEMP"];

/** Runs git in a folder, without a shell. */
export async function git(
  args: string[],
  folder: string,
  timeoutMs: number = GIT_TIMEOUT_MS,
): Promise<GitAnswer> {
  for (const program of ["git", ...USUAL_PLACES]) {
    const child = start(program, args, folder);
    if (child instanceof Error) continue;
    return await answerOf(child, timeoutMs);
  }
  return { ok: false, why: "git could not be started" };
}

function start(program: string, args: string[], folder: string): Deno.ChildProcess | Error {
  try {
    return new Deno.Command(program, {
      args,
      cwd: folder,
      env: environment(),
      clearEnv: true, // a set LD_LIBRARY_PATH would need more rights than we ask for
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function environment(): Record<string, string> {
  const kept = KEPT.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(kept),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
  };
}

async function answerOf(child: Deno.ChildProcess, timeoutMs: number): Promise<GitAnswer> {
  // Raced, and not left to `signal`: `output()` would wait for grandchildren that hold the pipe.
  child.unref();
  const reader = child.stdout.getReader();
  try {
    const outcome = await within(timeoutMs, readAll(reader, child), () => null);
    if (outcome !== null) return outcome;
    kill(child);
    return { ok: false, why: `git did not answer within ${timeoutMs / 1000} s` };
  } catch (error) {
    return { ok: false, why: `git could not be read: ${messageOf(error)}` };
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** How a call of {@linkcode runGit} is made. */
export interface GitCall {
  /** Variables beside, or instead of, those of the user. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads on standard input; nothing by default. */
  readonly input?: Uint8Array | string;
  /** How long it may take; {@linkcode GIT_TIMEOUT_MS} by default. */
  readonly timeoutMs?: number;
  /** Ends it where it aborts. */
  readonly signal?: AbortSignal;
  /**
   * Whether its output may be cut short where processes that it started (hooks do) go on and hold its
   * pipes; otherwise it is late then.
   */
  readonly mayLinger?: boolean;
}

/** How a call ended, and what it said. */
export interface GitOutcome {
  /** Its exit code; null where it could not be started or did not end in time. */
  readonly code: number | null;
  readonly stdout: Uint8Array;
  /** What it complained about; where there is no code, why. */
  readonly stderr: string;
}

/**
 * Runs git in a folder, without a shell, with input and output in bytes; never throws. It gets all
 * that the user has set, for hooks, signing and author, apart from what would point it at another
 * repository or index, as when csc itself is started by a hook of git.
 */
export async function runGit(
  args: readonly string[],
  folder: string,
  call: GitCall = {},
): Promise<GitOutcome> {
  const env = { ...userEnvironment(), ...call.env };
  for (const program of ["git", ...USUAL_PLACES]) {
    const child = startPiped(program, { args: [...args], cwd: folder, env }, call.input);
    if (child !== null) return await outcomeOf(child, call);
  }
  return { code: null, stdout: new Uint8Array(), stderr: "git could not be started" };
}

function startPiped(
  program: string,
  options: Deno.CommandOptions,
  input: GitCall["input"],
): Deno.ChildProcess | null {
  try {
    return new Deno.Command(program, {
      ...options,
      clearEnv: true,
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch {
    return null; // not at this place
  }
}

/** What is waited for once git has ended while others hold its pipes. */
const LAST_WORDS_MS = 500;

async function outcomeOf(child: Deno.ChildProcess, call: GitCall): Promise<GitOutcome> {
  const timeoutMs = call.timeoutMs ?? GIT_TIMEOUT_MS;
  const stop = () => kill(child, "SIGTERM"); // it removes its lock files
  const timers: ReturnType<typeof setTimeout>[] = [];
  const after = (ms: number) =>
    new Promise<void>((resolve) => timers.push(setTimeout(resolve, ms)));
  const late = after(timeoutMs).then(() => {
    stop();
    void after(1000).then(() => kill(child));
    return "late";
  });
  call.signal?.addEventListener("abort", stop, { once: true });
  const [stdout, stderr] = [new Pipe(child.stdout), new Pipe(child.stderr)];
  if (call.input !== undefined) void feed(child, call.input);
  const whole = Promise.all([child.status, stdout.done, stderr.done]);
  const enough = call.mayLinger ? child.status.then(() => after(LAST_WORDS_MS)) : whole;
  const isLate = await Promise.race([whole, enough, late]) === "late";
  const { code } = await child.status;
  timers.forEach(clearTimeout);
  call.signal?.removeEventListener("abort", stop);
  await Promise.all([stdout.close(), stderr.close()]);
  return {
    code: isLate ? null : code,
    stdout: stdout.bytes(),
    stderr: isLate
      ? `git did not answer within ${timeoutMs / 1000} s`
      : new TextDecoder().decode(stderr.bytes()),
  };
}

async function feed(child: Deno.ChildProcess, input: Uint8Array | string): Promise<void> {
  try {
    const writer = child.stdin.getWriter();
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch {
    // It ended without reading everything; its exit code tells.
  }
}

/** Collects what comes out of a pipe. */
class Pipe {
  readonly #chunks: Uint8Array[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Its end. */
  readonly done: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.done = this.#read().catch(() => {});
  }

  async #read(): Promise<void> {
    for (let chunk; !(chunk = await this.#reader.read()).done;) this.#chunks.push(chunk.value);
  }

  /** Takes nothing more. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }
}

/** What points git at another repository or index than that of the folder, as in a hook of git. */
const POINTERS =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX|NAMESPACE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|GRAFT_FILE|SHALLOW_FILE|REPLACE_REF_BASE|NO_REPLACE_OBJECTS|IMPLICIT_WORK_TREE|QUARANTINE_PATH|LITERAL_PATHSPECS)$/;

function userEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !POINTERS.test(name)),
  );
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  child: Deno.ChildProcess,
): Promise<GitAnswer> {
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk; !(chunk = await reader.read()).done;) {
    text += decoder.decode(chunk.value, { stream: true });
  }
  const { success, code } = await child.status;
  return success
    ? { ok: true, text: text.trim() }
    : { ok: false, why: `git ended with code ${code}`, code };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal = "SIGKILL"): void {
  try {
    child.kill(signal);
  } catch {
    // It ended in between.
  }
}
