/**
 * Starting this very program again: from source, as a bundle or as an executable.
 *
 * @module
 */

/**
 * What the program needs of Deno's permissions; each is explained in the README. The executable has
 * them built in.
 */
export const PERMISSION_FLAGS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys=hostname,osUptime",
  "--allow-run",
  "--allow-net",
];

/** What `Deno.openKv` needs. */
export const UNSTABLE_FLAGS: readonly string[] = ["--unstable-kv"];

/** The command that starts this program, without arguments of its own. */
export function selfCommand(): [string, ...string[]] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, Deno.mainModule];
}
