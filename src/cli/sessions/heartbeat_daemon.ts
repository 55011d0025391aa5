/**
 * `csc heartbeat daemon` and `stop`: a process in the background that gives a session's signs of life.
 *
 * @module
 */

import {
  type Daemon,
  isAlive,
  readDaemon,
  runDaemon,
  stopDaemon,
} from "../../coordinator/heartbeat_daemon.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable } from "../../domain/text.ts";
import { hostname } from "../../os/host.ts";
import { selfCommand } from "../../os/self.ts";
import { sleep } from "../../os/sleep.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { interruptible } from "../interrupt.ts";
import { wholeSeconds } from "../locks/words.ts";
import { print, printJson } from "../output.ts";
import { notRegistered, sessionFor } from "./session.ts";

/** How often it gives a sign where nothing is said (seed 004). */
const USUAL_INTERVAL_S = 30;
/** A session is active for five minutes after a sign. */
const MOST_INTERVAL_S = 299;
/** How long its start may take. */
const START_MS = 15_000;
const POLL_MS = 20;

/** Runs `csc heartbeat daemon`: starts it and returns; with `--foreground` it is it. */
export async function daemon(line: CommandLine, word: string | undefined): Promise<number> {
  const range = [1, MOST_INTERVAL_S] as const;
  const text = line.text("interval");
  const intervalS = wholeSeconds(line, text, USUAL_INTERVAL_S, range, "--interval");
  const watchPid = pidOf(line);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const id = await sessionFor(desk, line, word);
    const known = await desk.roster.get(id);
    if (!known || known.standing === "dead") throw notRegistered(id);
    if (line.has("foreground")) {
      await interruptible((signal) => runDaemon(desk, id, { intervalS, watchPid, signal }));
      return 0;
    }
    const before = readDaemon(desk, id);
    if (before && isAlive(desk, before)) return tell(line, before, false);
    return tell(line, await startDaemon(workspace, line, id, intervalS), true);
  });
}

function pidOf(line: CommandLine): number | null {
  const text = line.text("pid");
  if (text === undefined) return null;
  const pid = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (pid > 1) return pid;
  throw line.mistake("--pid takes the number of a process");
}

function tell(line: CommandLine, { session, pid, interval_s }: Daemon, isNew: boolean): number {
  if (line.has("json")) {
    printJson({ session_id: session, pid, interval_seconds: interval_s, started: isNew });
  } else if (isNew) print(`Heartbeat daemon started: process ${pid}, every ${interval_s} s`);
  else print(`Heartbeat daemon already running: process ${pid}`);
  return 0;
}

/** Starts this program again, in no terminal's and nobody's group, and waits until it is at work. */
async function startDaemon(
  { desk }: Workspace,
  line: CommandLine,
  id: string,
  intervalS: number,
): Promise<Daemon> {
  const [program, ...flags] = selfCommand();
  const passed = ["pid", "config"].flatMap((name) => {
    const value = line.text(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const args = ["heartbeat", "daemon", "--foreground", "--interval", String(intervalS), ...passed];
  const child = new Deno.Command(program, {
    args: [...flags, ...args, "--", id],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  const deadline = performance.now() + START_MS;
  while (!hasEnded && performance.now() < deadline) {
    const found = readDaemon(desk, id);
    // Another one may have been started at the same moment: one of them stays.
    if (found && isAlive(desk, found)) return found;
    await sleep(POLL_MS);
  }
  throw new CoordinatorError(
    "store_io",
    "The heartbeat daemon did not start",
    "See what it says: `csc heartbeat daemon --foreground`.",
  );
}

/** Runs `csc heartbeat stop`; that none runs is no failure (seed 004). */
export async function stop(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const id = await sessionFor(desk, line, word);
    const found = readDaemon(desk, id);
    if (found && found.host !== hostname()) throw elsewhere(found);
    const stopped = await stopDaemon(desk, id);
    const pid = found?.pid ?? null;
    if (line.has("json")) printJson({ session_id: id, pid, stopped: stopped === "stopped" });
    else if (stopped === "stopped") print(`Heartbeat daemon stopped: process ${pid}`);
    else if (stopped === "none") print(`No heartbeat daemon runs for ${printable(id)}`);
    else print("The heartbeat daemon was not running any more; its file is removed");
    return 0;
  });
}

function elsewhere({ host, pid }: Daemon): CoordinatorError {
  return new CoordinatorError(
    "not_owner",
    `The heartbeat daemon runs on ${host}, as process ${pid} there`,
    "Stop it on that host, or end its session: `csc session end`.",
  );
}
