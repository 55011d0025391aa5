/**
 * `csc check`: whether a file may be edited now, as the guard would decide.
 *
 * @module
 */

import { Reservations } from "../../coordination/reservations.ts";
import { projectFolder, type Workspace } from "../../coordinator/workspace.ts";
import { shellQuote } from "../../domain/shell_word.ts";
import { printable, shorten } from "../../domain/text.ts";
import { isGuarded, whyNeedless } from "../../guard/edit.ts";
import type { Target } from "../../guard/place.ts";
import { bold } from "../../std/colors.ts";
import { actingSession, inProject, stepFor } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { type FileRow, type LeaseView, leaseView, People, rowsOf } from "./held.ts";
import { STATE_WORDS, treeName } from "./locks.ts";
import { forceCall } from "../../guard/lift.ts";
import { fileNamed } from "../named_file.ts";
import { print, printJson } from "../output.ts";
import { wrapped } from "../table.ts";
import { ago, spoken } from "../time.ts";

/** Why a file may be edited, or may not (`held`). */
type Why = "free" | "mine" | "not guarded" | "done" | "silent" | "held";

interface Answer {
  readonly file: Target;
  readonly why: Why;
  readonly lease: LeaseView | null;
  /** What commands call its holder by; empty where there is none. */
  readonly alias: string;
  /** The same path in other working trees. */
  readonly elsewhere: readonly FileRow[];
}

/** Runs `csc check`; the exit code is 1 where an edit would be denied. */
export async function check(line: CommandLine): Promise<number> {
  const [word] = line.words;
  if (word === undefined) throw line.mistake("a file is missing");
  const file = fileNamed(line, word);
  return await inProject(line, async (workspace) => {
    const answer = await look(workspace, line, file);
    if (line.has("json")) printJson(forPrograms(answer));
    else forPeople(answer, workspace);
    return answer.why === "held" ? 1 : 0;
  }, file.repository?.worktree ?? projectFolder());
}

async function look({ desk }: Workspace, line: CommandLine, file: Target): Promise<Answer> {
  const session = await actingSession(desk, line, ["session"]);
  const people = await People.of(desk);
  const reservations = new Reservations(desk);
  const record = await reservations.inspect(file);
  const lease = record && leaseView(record, people, await desk.leases.now());
  const elsewhere = await rowsOf(desk, people, (await reservations.look(file, "")).elsewhere);
  const why = async (): Promise<Why> => {
    if (!isGuarded(stepFor(desk, session, "csc check"), file)) return "not guarded";
    if (record === null || lease === null) return "free";
    if (lease.held_by === session) return "mine";
    return await whyNeedless({ desk }, file, record) ?? "held";
  };
  const alias = lease === null ? "" : people.aliasOf(lease.held_by);
  return { file, why: await why(), lease, alias, elsewhere };
}

function forPrograms({ file, why, lease, elsewhere }: Answer) {
  return {
    file: file.absolute,
    tree: file.tree,
    path: file.path,
    available: why !== "held",
    is_mine: why === "mine",
    why,
    ...(lease ?? NOBODY),
    elsewhere,
  };
}

const NOBODY = {
  held_by: null,
  agent: null,
  holder: null,
  worktree: null,
  acquired_at: null,
  expires_at: null,
  seconds_left: null,
  token: null,
  purpose: null,
  state: null,
  waiting: [],
};

function forPeople(
  { file, why, lease, alias, elsewhere }: Answer,
  { desk, setting }: Workspace,
): void {
  const here = setting.repository?.worktree ?? setting.folder;
  const name = shorten(file.shown, 200);
  const holder = lease?.holder ?? "";
  const lines: Record<Why, string> = {
    free: `${name} is free: an edit reserves it`,
    mine: `${name} is yours (${holder})`,
    "not guarded": `${name} is not guarded: it blocks nobody`,
    done: `${name} is free: the edits of ${holder} are committed or reverted`,
    silent: `${name} can be taken over: ${holder} has given no sign of life for long`,
    held: `${name} is held by ${holder}`,
  };
  print(bold(wrapped(lines[why])));
  print(`  in ${printable(file.tree)}`);
  const details = lease !== null && why !== "not guarded" ? leaseLines(lease) : [];
  for (const one of elsewhere) {
    const tree = treeName(one.tree, here, one.machine === desk.machine ? null : one.machine);
    details.push(`also held in ${tree} by ${one.holder}; blocks nobody here`);
  }
  details.forEach((text) => print(wrapped(text, 2, 4)));
  if (why !== "held") return;
  if (desk.config.coordination.conflict_action !== "block") {
    print("An edit goes ahead all the same: conflict_action is not 'block'.");
  }
  print(`Get in line:            csc wait ${shellQuote(file.shown) ?? "FILE"}`);
  print(`Lift it, as a person:   ${forceCall(file.shown, alias)}`);
}

function leaseLines({ purpose, acquired_at, seconds_left, state, waiting }: LeaseView): string[] {
  const names = waiting.map(({ name }) => name).join(", ");
  return [
    ...(purpose ? [`for: ${shorten(purpose, 200)}`] : []),
    `taken ${ago(acquired_at)}, ${STATE_WORDS[state]}; ${
      spoken(seconds_left)
    } left unless it is used again`,
    ...(waiting.length > 0 ? [`waiting: ${names}`] : []),
  ];
}
