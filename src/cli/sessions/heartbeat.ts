/**
 * `csc heartbeat`: a session's signs of life by hand (seed 004's `session-heartbeat.sh`).
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { isAlive, readDaemon } from "../../coordinator/heartbeat_daemon.ts";
import { didYouMean } from "../../domain/did_you_mean.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable } from "../../domain/text.ts";
import type { SeenSession } from "../../roster/roster.ts";
import { actingSession, inProject, sessionNamed } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { cleanSessions, notRegistered, ownSession, sessionFor } from "./session.ts";
import { table } from "../table.ts";
import { brief, spoken } from "../time.ts";

type Action = (line: CommandLine, word: string | undefined) => Promise<number>;

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["touch", touch],
  ["daemon", async (...args) => (await import("./heartbeat_daemon.ts")).daemon(...args)],
  ["stop", async (...args) => (await import("./heartbeat_daemon.ts")).stop(...args)],
  ["check", check],
  ["age", age],
  ["list", list],
  ["cleanup", cleanup],
]);

const DAEMON_OPTIONS = ["interval", "pid"];

/** Runs `csc heartbeat`; without an action it gives a sign. */
export async function heartbeat(line: CommandLine): Promise<number> {
  const [action = "touch", word] = line.words;
  const run = ACTIONS.get(action);
  if (!run) {
    const guess = didYouMean(action, [...ACTIONS.keys()]);
    throw line.mistake(`unknown action '${action}'${guess && ` (${guess})`}`);
  }
  const foreign = DAEMON_OPTIONS.find((name) => line.text(name) !== undefined);
  if (foreign !== undefined && action !== "daemon") {
    throw line.mistake(`--${foreign} is for 'daemon'`);
  }
  if (word !== undefined && (action === "list" || action === "cleanup")) {
    throw line.mistake(`'${word}' is one word too many`);
  }
  return await run(line, word);
}

async function touch(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const id = await sessionFor(desk, line, word);
    const timestamp = new Date().toISOString();
    const record = await desk.roster.beat(id, { last_activity: timestamp });
    if (!record) throw notRegistered(id);
    if (line.has("json")) printJson({ session_id: id, alias: record.alias, timestamp });
    return 0;
  });
}

/** The session meant, as the roster knows it; null where it knows none. */
async function seen(
  desk: Coordination,
  line: CommandLine,
  word: string | undefined,
): Promise<{ id: string; known: SeenSession | null }> {
  const id = word ?? await ownSession(desk, line);
  const known = await desk.roster.get(id);
  if (known || word === undefined) return { id, known };
  try {
    return { id, known: (await sessionNamed(desk, word)).known };
  } catch (error) {
    if (error instanceof CoordinatorError && error.code === "not_found") return { id, known: null };
    throw error;
  }
}

/** Exit code 0 where it is active or idle, else 1. */
async function check(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const { id, known } = await seen(desk, line, word);
    const state = stateOf(known);
    const isGood = state === "active" || state === "idle";
    const quietS = known?.quietS ?? -1;
    if (line.has("json")) {
      const { session = id } = known?.record ?? {};
      const standing = known?.standing ?? null;
      printJson({
        session_id: session,
        alive: isGood,
        status: state,
        standing,
        heartbeat_age_seconds: quietS,
      });
    } else {print(
        known ? `${state} (last heartbeat: ${spoken(quietS)} ago)` : `${state} (not registered)`,
      );}
    return isGood ? 0 : 1;
  });
}

function stateOf(known: SeenSession | null): string {
  return known === null || known.standing === "dead" ? "dead" : known.tier;
}

async function age(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const { id, known } = await seen(desk, line, word);
    const seconds = known?.quietS ?? -1;
    if (line.has("json")) {
      printJson({ session_id: known?.record.session ?? id, heartbeat_age_seconds: seconds });
    } else print(String(seconds));
    return known ? 0 : 1;
  });
}

async function list(line: CommandLine): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const me = await actingSession(desk, line, []);
    const rows = (await desk.roster.list())
      .filter(({ record }) => record.status === "active")
      .map((one) => {
        const { session: session_id, alias } = one.record;
        const daemon = readDaemon(desk, session_id);
        return {
          session_id,
          alias,
          is_me: session_id === me,
          status: stateOf(one),
          heartbeat_age_seconds: one.quietS,
          daemon_pid: daemon && isAlive(desk, daemon) ? daemon.pid : null,
        };
      });
    if (line.has("json")) printJson({ count: rows.length, heartbeats: rows });
    else if (rows.length === 0) print("No session is registered.");
    else {
      const cells = rows.map((row) => [
        row.is_me ? `${row.alias} (you)` : row.alias,
        row.status,
        brief(row.heartbeat_age_seconds),
        row.daemon_pid === null ? "-" : `process ${row.daemon_pid}`,
        printable(row.session_id),
      ]);
      print(table(["SESSION", "STATE", "LAST", "DAEMON", "ID"], cells));
    }
    return 0;
  });
}

async function cleanup(line: CommandLine): Promise<number> {
  return await cleanSessions(line);
}
