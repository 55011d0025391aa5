/**
 * Asking git a question without letting it hang, ask for a password or fail us.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";

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
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeOut = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeoutMs);
  });
  const reader = child.stdout.getReader();
  try {
    const outcome = await Promise.race([readAll(reader, child), timeOut]);
    if (outcome !== "late") return outcome;
    kill(child);
    return { ok: false, why: `git did not answer within ${timeoutMs / 1000} s` };
  } catch (error) {
    return { ok: false, why: `git could not be read: ${messageOf(error)}` };
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
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

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended in between.
  }
}
