/**
 * Processes that do the same thing at the same time.
 *
 * @module
 */

/**
 * Starts a script that says when it is ready, lets all processes go at once, and measures how long all
 * of them take together, in milliseconds.
 *
 * @param script Beside this file.
 * @param args What each of them is told.
 */
export async function raceMs(
  script: string,
  args: readonly string[],
  processes: number,
): Promise<number> {
  const path = new URL(script, import.meta.url).pathname;
  const command = ["run", "-A", "--no-check", "--unstable-kv", path, ...args];
  const children = Array.from(
    { length: processes },
    () =>
      new Deno.Command(Deno.execPath(), { args: command, stdin: "piped", stdout: "piped" }).spawn(),
  );
  const readers = children.map((child) => child.stdout.getReader());
  for (const reader of readers) await reader.read(); // "ready"
  const startedAt = performance.now();
  for (const child of children) {
    const input = child.stdin.getWriter();
    await input.write(new Uint8Array([10]));
    input.releaseLock();
  }
  for (const child of children) await child.status;
  const ms = performance.now() - startedAt;
  for (const reader of readers) await reader.cancel();
  for (const child of children) await child.stdin.close().catch(() => {});
  return ms;
}
