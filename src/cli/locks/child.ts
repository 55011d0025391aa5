/**
 * A command that runs in our place: it has our input, output and signals, and its exit code is ours.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { shorten } from "../../domain/text.ts";
import { INTERRUPTED } from "../interrupt.ts";
import { printError } from "../output.ts";

/** How long a command may take to end once it was told to. */
const GRACE_MS = 10_000;
/** What shells answer where a command cannot be started. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** The exit code of whoever was ended by SIGHUP. */
export const HANGUP = 129;

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a command to its end.
 *
 * @param env Variables that it gets beside our own.
 * @param stop Ends it: by SIGTERM, and after ten seconds by SIGKILL.
 * @returns Its exit code, 128 and the number of the signal that ended it, 127 or 126 where it could
 * not be started; 130 where we were told to end by SIGINT or SIGTERM, 129 by SIGHUP.
 */
export async function runChild(
  [program, ...args]: readonly [string, ...string[]],
  env: Record<string, string>,
  stop: AbortSignal,
): Promise<number> {
  let told: Deno.Signal | null = null;
  let child: Deno.ChildProcess | null = null;
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      told ??= signal;
      if (child !== null && !comesFromTerminal(signal)) send(child, signal);
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    if (child === null) return;
    const running = child;
    send(running, "SIGTERM");
    timer = setTimeout(() => send(running, "SIGKILL"), GRACE_MS);
  };
  try {
    child = spawn(program, args, env);
    if (stop.aborted) end();
    stop.addEventListener("abort", end, { once: true });
    const { code } = await child.status;
    if (told === null) return code;
    return told === "SIGHUP" ? HANGUP : INTERRUPTED;
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    printError(error.reason);
    return error.code;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", end);
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** A terminal sends Ctrl-C to the command as well; twice, it would mean something else to many. */
function comesFromTerminal(signal: Deno.Signal): boolean {
  return signal === "SIGINT" && Deno.stdin.isTerminal();
}

class NotStarted extends Error {
  readonly code: number;
  readonly reason: CoordinatorError;

  constructor(code: number, reason: CoordinatorError) {
    super(reason.message);
    this.code = code;
    this.reason = reason;
  }
}

function spawn(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Deno.ChildProcess {
  try {
    const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
    return new Deno.Command(program, { args: [...args], env, ...streams }).spawn();
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound;
    const fact = isAbsent ? "there is no such program" : messageOf(error).split("\n")[0];
    const reason = new CoordinatorError(
      "not_found",
      `Cannot run '${shorten(program, 200)}': ${fact}`,
      "Name a program of the PATH, or its path; for a line of shell: -- sh -c '…'.",
    );
    throw new NotStarted(isAbsent ? NOT_FOUND : NOT_EXECUTABLE, reason);
  }
}

/** It may have ended in this very moment. */
function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It tells by its exit code.
  }
}
