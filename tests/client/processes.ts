/**
 * Ends what a test has started.
 *
 * @module
 */

import { sendSignal } from "../support/project.ts";

/** Kills all processes of a session of the operating system, by the number of its leader. */
export function endProcesses(leader: number): void {
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (Number.isInteger(pid) && sessionOf(pid) === leader) sendSignal(pid, "SIGKILL");
  }
}

function sessionOf(pid: number): number | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // After the name, which may hold anything: state, parent, group, session.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]);
  } catch {
    return null; // gone
  }
}
