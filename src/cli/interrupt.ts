/**
 * Ctrl-C while a command waits: it gives up its place in the queue before it ends.
 *
 * @module
 */

/** What the shell expects of a command that was interrupted. */
export const INTERRUPTED = 130;

/** Runs a task that is told when the user, or the system, wants it to end. */
export async function interruptible<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  try {
    return await task(controller.signal);
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  }
}
