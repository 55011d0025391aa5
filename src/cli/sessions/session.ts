/**
 * `csc session`: a session's life by hand (seed 004's `session-register.sh`), where no hook does it.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { endSession } from "../../coordination/ending.ts";
import { Locks } from "../../coordination/locks.ts";
import { Reservations } from "../../coordination/reservations.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { headOf } from "../../detect/head.ts";
import { didYouMean } from "../../domain/did_you_mean.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import type { SeenSession } from "../../roster/roster.ts";
import type { SessionRecord } from "../../roster/session_record.ts";
import { bold } from "../../std/colors.ts";
import { actingSession, checkHolder, inProject, sessionNamed } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { fewOf } from "./sessions.ts";
import { table, wrapped } from "../table.ts";
import { count, removeAbandoned, sentencesOf, tidy } from "./tidy.ts";
import { brief } from "../time.ts";

type Action = (line: CommandLine, word: string | undefined) => Promise<number>;

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["start", start],
  ["pause", pause],
  ["end", end],
  ["status", status],
  ["cleanup", cleanup],
]);

/** Runs `csc session`. */
export async function session(line: CommandLine): Promise<number> {
  const [action, word] = line.words;
  if (action === undefined) throw line.mistake("an action is missing");
  const run = ACTIONS.get(action);
  if (run) return await run(line, word);
  const guess = didYouMean(action, [...ACTIONS.keys()]);
  throw line.mistake(`unknown action '${action}'${guess && ` (${guess})`}`);
}

/** Registers a session, or takes it up again after a pause. */
async function start(line: CommandLine, word: string | undefined): Promise<number> {
  const named = word === undefined ? null : checkHolder(line, word);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const told = named ?? await actingSession(desk, line, []);
    const id = told ?? `cli-${crypto.randomUUID()}`;
    const known = await desk.roster.get(id);
    const goesOn = known !== null && known.standing !== "dead";
    const record = goesOn ? await takeUp(desk, known.record) : await register(workspace, id);
    if (line.has("json")) {
      const { session: session_id, alias, started_at, worktree, branch } = record;
      printJson({ session_id, alias, started_at, worktree, branch, resumed: goesOn });
      return 0;
    }
    const verb = goesOn ? "Goes on" : "Registered";
    print(`${bold(verb)}: ${printable(record.alias)} (${printable(id)})`);
    if (told === null) print(`Say that you are it:\n  export CLAUDE_SESSION_ID=${id}`);
    return 0;
  });
}

async function register({ desk, setting }: Workspace, id: string): Promise<SessionRecord> {
  const { repository, folder } = setting;
  const client = Number(Deno.env.get("CLAUDE_PID"));
  const { record } = await desk.roster.register({
    session: id,
    // Whoever started this command may be a script that ends at once: its end would prove nothing.
    clientPid: Number.isSafeInteger(client) && client > 1 ? client : 0,
    worktree: repository?.worktree ?? folder,
    ...(repository ? headOf(repository) : { branch: null, head: null }),
  });
  const { name, alias } = record;
  desk.journal.append({ event: "start", session: id, detail: { name, alias, source: "command" } });
  return record;
}

async function takeUp(desk: Coordination, known: SessionRecord): Promise<SessionRecord> {
  const last_activity = new Date().toISOString();
  const { paused_at: _paused, ...metadata } = known.metadata;
  const record = await desk.roster.beat(known.session, { last_activity, metadata });
  return record ?? known;
}

async function pause(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const id = await sessionFor(desk, line, word);
    const paused_at = new Date().toISOString();
    const record = await desk.roster.update(id, ({ metadata }) => ({
      metadata: { ...metadata, paused_at },
    }));
    if (!record) throw notRegistered(id);
    if (line.has("json")) printJson({ session_id: id, alias: record.alias, paused_at });
    else {
      print(
        `Paused: ${
          printable(record.alias)
        }. It keeps what it holds; csc session start ends the pause`,
      );
    }
    return 0;
  });
}

async function end(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const id = await sessionFor(desk, line, word);
    const known = await desk.roster.get(id);
    if (!known || known.record.status === "completed") throw notRegistered(id);
    const { locks, files } = await heldBy(desk, id);
    await endSession(desk, id, "csc session end");
    const { alias } = known.record;
    if (line.has("json")) printJson({ session_id: id, alias, ended: true, locks, files });
    else {
      print(`Ended: ${printable(alias)}`);
      const all = [...files, ...locks];
      if (all.length > 0) print(wrapped(`Given back: ${fewOf(all, 10)}`, 0, 2));
    }
    return 0;
  });
}

async function heldBy(desk: Coordination, id: string) {
  const locks = (await new Locks(desk).list()).flatMap(({ name, holder }) =>
    holder.session === id ? [name] : []
  );
  const files = (await new Reservations(desk).ofSession(id)).map(({ path }) => path);
  return { locks, files };
}

async function status(line: CommandLine, word: string | undefined): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const me = await actingSession(desk, line, []);
    const one = word === undefined ? null : (await sessionNamed(desk, word)).session;
    const all = (await desk.roster.list()).filter(({ record, standing }) =>
      one === null ? standing !== "dead" : record.session === one
    );
    const locks = await new Locks(desk).list();
    const rows = all.map((seen) => ({
      ...rowOf(seen, me),
      locks: locks.flatMap(({ name, holder }) =>
        holder.session === seen.record.session ? [name] : []
      ),
    }));
    if (line.has("json")) {
      printJson({ my_session: me, session_count: rows.length, sessions: rows });
    } else if (rows.length === 0) print("No session is registered.");
    else {
      const cells = rows.map((row) => [
        row.is_me ? `${row.alias} (you)` : row.alias,
        row.status,
        brief(row.heartbeat_age_seconds),
        shorten(row.branch ?? "-", 40),
        shorten(row.terminal_label ?? (row.locks.length > 0 ? row.locks.join(", ") : "-"), 60),
      ]);
      print(table(["SESSION", "STATE", "LAST", "BRANCH", "WORKS ON"], cells));
    }
    return one !== null && rows.every((row) => row.status === "ended") ? 1 : 0;
  });
}

/** A session for programs, with the names of seed 004. */
function rowOf({ record, standing, tier, quietS }: SeenSession, me: string | null) {
  const { metadata } = record;
  const isPaused = typeof metadata.paused_at === "string";
  const label = metadata.terminal_label;
  return {
    session_id: record.session,
    alias: record.alias,
    is_me: record.session === me,
    status: standing === "dead" ? "ended" : isPaused ? "paused" : tier as string,
    standing,
    worktree: record.worktree,
    branch: record.branch,
    host: record.host,
    started_at: record.started_at,
    heartbeat_age_seconds: quietS,
    terminal_label: typeof label === "string" ? label : null,
    metadata,
  };
}

async function cleanup(line: CommandLine, word: string | undefined): Promise<number> {
  if (word !== undefined) throw line.mistake(`'${word}' is one word too many`);
  return await cleanSessions(line);
}

/** Ends the sessions whose processes are gone, and those without a sign of life for a day (seed 004). */
export async function cleanSessions(line: CommandLine): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const abandoned = await removeAbandoned(desk);
    const tidied = await tidy(desk);
    if (line.has("json")) {
      printJson({ ...tidied, abandoned });
      return 0;
    }
    const done = [
      ...(abandoned.length > 0 ? [`Ended ${abandoned.join(", ")}: no sign of life for a day`] : []),
      ...sentencesOf(tidied),
    ];
    if (done.length === 0) print("There was nothing to clean up.");
    for (const one of done) print(wrapped(`${one}.`));
    print(
      `${
        count((await desk.roster.list()).filter((one) => one.standing !== "dead").length, "session")
      } left.`,
    );
    return 0;
  });
}

/** The session that a word names, else the one that the command acts for. */
export async function sessionFor(
  desk: Coordination,
  line: CommandLine,
  word: string | undefined,
): Promise<string> {
  return word === undefined
    ? await ownSession(desk, line)
    : (await sessionNamed(desk, word)).session;
}

/** The session that the command acts for where no word names one. */
export async function ownSession(desk: Coordination, line: CommandLine): Promise<string> {
  const id = await actingSession(desk, line, []);
  if (id !== null) return id;
  throw line.mistake("no session is known here: name one, or set CLAUDE_SESSION_ID");
}

/** The error for a session that there is not, or not any more. */
export function notRegistered(id: string): CoordinatorError {
  return new CoordinatorError(
    "not_found",
    `The session ${shorten(id, 60)} is not registered, or has ended`,
    "`csc session start` registers it; `csc session status` lists those that go on.",
  );
}
