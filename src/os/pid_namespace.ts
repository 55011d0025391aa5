/**
 * Where process numbers count: containers of one host each have numbers of their own, so that the same
 * number is another process there, and one that is missing here may live there.
 *
 * @module
 */

const LINK = "/proc/self/ns/pid";
/** Where `readlink` usually is; by its bare name only where it is in none of these. */
const READLINK = ["/usr/bin/readlink", "/bin/readlink", "readlink"];

let known: string | null | undefined;

/** The PID namespace of this process; null where the system has none, or does not tell. */
export function pidNamespace(): string | null {
  if (known === undefined) known = Deno.build.os === "linux" ? stated() ?? linked() : null;
  return known;
}

/** A namespace is known by its inode. */
function stated(): string | null {
  try {
    const { ino } = Deno.statSync(LINK);
    return ino === null ? null : String(ino);
  } catch {
    return null;
  }
}

/**
 * From Deno 2.9 on only whoever is allowed everything may look into `/proc`; a child may, and is in the
 * same namespace. That costs 4 ms: executables, which are built with an older Deno, do without.
 */
function linked(): string | null {
  for (const program of READLINK) {
    try {
      const { stdout } = new Deno.Command(program, {
        args: [LINK],
        clearEnv: true, // a set LD_LIBRARY_PATH would need more rights than we ask for
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).outputSync();
      return /^pid:\[(\d+)\]$/.exec(new TextDecoder().decode(stdout).trim())?.[1] ?? null;
    } catch {
      // Not there, or not allowed.
    }
  }
  return null;
}
