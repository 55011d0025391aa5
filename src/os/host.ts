/**
 * What the system tells of itself.
 *
 * @module
 */

/** The host's name; "localhost" where the permission `sys` is missing. */
export function hostname(): string {
  try {
    return Deno.hostname();
  } catch {
    return "localhost";
  }
}

/** Whole seconds since the host was started: a clock that nobody can set. */
export function uptimeSeconds(): number {
  return Deno.osUptime();
}
