/**
 * Running a program for a limited time, whatever it does.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import { within } from "../os/within.ts";

/** What a program did, or why nobody knows. */
export type RunOutcome =
  | {
    readonly ok: true;
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
    /** From its start to its end. */
    readonly ms: number;
  }
  | { readonly ok: false; readonly why: string };

/** How a program is run. */
export interface RunOptions {
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** The whole environment. */
  readonly env?: Record<string, string>;
  /** What it reads on standard input; nothing without it. */
  readonly stdin?: string;
}

/** Runs a program without a shell; kills it when its time is over. Never throws. */
export async function runLimited(
  [command, ...args]: readonly [string, ...string[]],
  { timeoutMs, cwd, env = baseEnvironment(), stdin }: RunOptions,
): Promise<RunOutcome> {
  const startedAt = performance.now();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args,
      cwd,
      env,
      clearEnv: true,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "it was not found" : messageOf(error);
    return { ok: false, why };
  }
  // Raced: reading to the end would wait for grandchildren that hold the pipes.
  child.unref();
  const streams = [child.stdout.getReader(), child.stderr.getReader()] as const;
  const done = Promise.all([
    child.status,
    readAll(streams[0]),
    readAll(streams[1]),
    feed(child, stdin),
  ]);
  try {
    const outcome = await within(timeoutMs, done, () => null);
    if (outcome === null) {
      kill(child);
      return { ok: false, why: `it did not end within ${timeoutMs / 1000} s` };
    }
    const [{ code }, stdout, stderr] = outcome;
    return { ok: true, code, stdout, stderr, ms: performance.now() - startedAt };
  } catch (error) {
    kill(child);
    return { ok: false, why: messageOf(error) };
  } finally {
    for (const stream of streams) stream.cancel().catch(() => {});
  }
}

/** This process's environment, without what Deno hands on only with all permissions. */
export function baseEnvironment(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return Object.fromEntries(all.filter(([name]) => !/^(LD|DYLD)_/.test(name)));
}

async function feed(child: Deno.ChildProcess, text: string | undefined): Promise<void> {
  if (text === undefined) return;
  const input = child.stdin.getWriter();
  try {
    await input.write(new TextEncoder().encode(text));
    await input.close();
  } catch {
    // It ended without reading; its exit code tells.
  }
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let part; !(part = await reader.read()).done;) {
    text += decoder.decode(part.value, { stream: true });
  }
  return text;
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended in between.
  }
}
