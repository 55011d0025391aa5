/**
 * A command that runs in our place: it has our input, output and signals, and its exit code is ours.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { shorten } from "../../domain/text.ts";
import { INTERRUPTED } from "../interrupt.ts";
import { printError, printWarning } from "../output.ts";
import { offspringEnded, signalOffspring } from "./offspring.ts";

/** How long a command, and what it started, may take to end once they were told to. */
const GRACE_MS = 10_000;
/** How long it may take until that is gone which was ended by force. */
const FORCED_MS = 3_000;
/** What shells answer where a command cannot be started. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** The exit code of whoever was ended by SIGHUP. */
export const HANGUP = 129;

const IS_WINDOWS = Deno.build.os === "windows";
const SIGNALS: readonly Deno.Signal[] = IS_WINDOWS
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a command to its end; where we are on no terminal, to the end of all that it started, once it
 * was told to end. What it leaves behind when it ends by itself is its own affair.
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
  // On a terminal it stays beside us: it could not ask for a password there from a session of its own.
  const isOnTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((one) => one.isTerminal());
  const isApart = !isOnTerminal && !IS_WINDOWS;
  let told: Deno.Signal | null = null;
  let child: Deno.ChildProcess | null = null;
  const send = (signal: Deno.Signal) => {
    if (child === null) return;
    if (isApart) signalOffspring(child.pid, signal);
    else signalChild(child, signal);
  };
  const pass = (signal: Deno.Signal) => {
    told ??= signal;
    // A terminal sends Ctrl-C to the command as well; twice, it would mean something else to many.
    if (signal !== "SIGINT" || !isOnTerminal) send(signal);
  };
  const unlisten = listen([
    ...SIGNALS.map((signal) => [signal, () => pass(signal)] as const),
    ...(isApart ? [["SIGTSTP", () => pauseWith(send)] as const] : []),
  ]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const forceLater = () => timer ??= setTimeout(() => send("SIGKILL"), GRACE_MS);
  const end = () => {
    send("SIGTERM");
    forceLater();
  };
  try {
    child = spawn(program, args, env, isApart);
    if (stop.aborted) end();
    stop.addEventListener("abort", end, { once: true });
    const { code } = await child.status;
    if (isApart && (told !== null || stop.aborted)) {
      forceLater();
      const hasEnded = await offspringEnded(child.pid, GRACE_MS + FORCED_MS);
      if (!hasEnded) printWarning("what the command has started still runs, and cannot be ended");
    }
    if (told === null) return code;
    return told === "SIGHUP" ? HANGUP : INTERRUPTED;
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    printError(error.reason);
    return error.code;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", end);
    unlisten();
  }
}

/** Listens to signals; answers what ends that. */
function listen(listeners: readonly (readonly [Deno.Signal, () => void])[]): () => void {
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}

/** Stops the command together with us, as it must not go on while nobody extends its locks. */
function pauseWith(send: (signal: Deno.Signal) => void): void {
  send("SIGSTOP");
  Deno.kill(Deno.pid, "SIGSTOP"); // and here we are again once somebody lets us go on
  send("SIGCONT");
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
  detached: boolean,
): Deno.ChildProcess {
  try {
    const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
    return new Deno.Command(program, { args: [...args], env, detached, ...streams }).spawn();
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
function signalChild(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It tells by its exit code.
  }
}
