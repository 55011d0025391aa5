/**
 * A command that leads a POSIX session of its own, and all that it started, as one. Whoever starts
 * another such session (`setsid`) is out of reach; where nobody tells who belongs to one, so is whoever
 * leaves the command's group (`timeout` in a script, for one).
 *
 * @module
 */

import { sleep } from "../../os/sleep.ts";
import { isRunning } from "../../roster/standing.ts";

/** How often is looked whether somebody is left, from the first look to all later ones. */
const LOOK_MS = { first: 10, most: 500 } as const;
/** Prints the state of all processes; the rights that we run with do not let us read it ourselves. */
const STATES = "cat /proc/[0-9]*/stat";

/** Sends a signal to a command and all that it started. */
export function signalOffspring(leader: number, signal: Deno.Signal): void {
  for (const group of groupsOf(leader)) {
    try {
      Deno.kill(-group, signal);
    } catch {
      // It has ended in this very moment, or belongs to another user.
    }
  }
}

/** Waits until neither a command nor what it started runs any more; answers whether that came in time. */
export async function offspringEnded(leader: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs: number = LOOK_MS.first; groupsOf(leader).length > 0; pauseMs *= 1.5) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(pauseMs, LOOK_MS.most, leftMs));
  }
  return true;
}

/** The process groups in which something runs. */
function groupsOf(leader: number): number[] {
  const members = Deno.build.os === "linux" ? membersOf(leader) : [];
  // Who has ended is a member for as long as nobody takes note of it: for ever in a container whose
  // first process does not.
  const running = members.filter(({ state }) => state !== "Z" && state !== "X");
  if (members.length > 0) return [...new Set(running.map(({ group }) => group))];
  return isRunning(-leader) ? [leader] : [];
}

/** The processes of a session; none where nobody tells. */
function membersOf(leader: number): { state: string; group: number }[] {
  const streams = { stdin: "null", stdout: "piped", stderr: "null" } as const;
  try {
    const { stdout } = new Deno.Command("sh", { args: ["-c", STATES], ...streams }).outputSync();
    // A line is `NUMBER (NAME) STATE PARENT GROUP SESSION …`, and the name may hold anything.
    const lines = new TextDecoder().decode(stdout).matchAll(/^.*\) (\S) \d+ (\d+) (\d+) /gm);
    return [...lines]
      .filter(([, , , session]) => Number(session) === leader)
      .map(([, state, group]) => ({ state, group: Number(group) }));
  } catch {
    return [];
  }
}
