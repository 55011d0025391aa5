/**
 * Where a command acts, and in whose name.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { Reservations } from "../coordination/reservations.ts";
import {
  findSetting,
  openWorkspace,
  projectFolder,
  type Workspace,
} from "../coordinator/workspace.ts";
import { CoordinatorError, messageOf } from "../domain/error.ts";
import { printable, shorten } from "../domain/text.ts";
import type { Step } from "../guard/step.ts";
import { clientPid } from "../hook/event.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { SeenSession } from "../roster/roster.ts";
import type { CommandLine } from "./command.ts";
import { printWarning } from "./output.ts";
import { dropPermissions } from "./permissions.ts";

/**
 * Opens a project for a command, and closes it again.
 *
 * @param folder Where it is; the current project's by default.
 */
export async function inProject(
  line: CommandLine,
  task: (workspace: Workspace) => Promise<number>,
  folder: string = projectFolder(),
): Promise<number> {
  const setting = await findSetting(folder, line.text("config"));
  const workspace = await openWorkspace(setting, warnOfUnreadable());
  dropPermissions(workspace);
  try {
    return await task(workspace);
  } finally {
    await workspace.close();
  }
}

/** A list leaves out what cannot be read, and says so; once, however often it is come across. */
function warnOfUnreadable(): (error: unknown) => void {
  const told = new Set<string>();
  return (error) => {
    const { message, hint } = error instanceof CoordinatorError
      ? error
      : { message: messageOf(error), hint: "" };
    if (told.size < told.add(message).size) printWarning(`${message}. ${hint}`.trim());
  };
}

/** The variables that name the session that a command runs in. */
const SESSION_VARIABLES = ["CLAUDE_SESSION_ID", "CLAUDE_CODE_SESSION_ID"] as const;

/**
 * The session in whose name a command acts: that of `--session` (an alias or an id) or `--holder` (any
 * name), else the one that the environment names, else the one of the client that started the command;
 * null where there is none.
 *
 * @throws {CoordinatorError} `not_found` for an unknown `--session`, `invalid_argument` for a malformed
 * `--holder`.
 */
export async function actingSession(
  desk: Coordination,
  line: CommandLine,
  options: readonly ("session" | "holder")[],
): Promise<string | null> {
  const holder = options.includes("holder") ? line.text("holder") : undefined;
  if (holder !== undefined) return checkHolder(line, holder);
  const named = options.includes("session") ? line.text("session") : undefined;
  if (named !== undefined) return (await sessionNamed(desk, named)).session;
  const told = SESSION_VARIABLES.map((name) => Deno.env.get(name) ?? "").filter(isHolder);
  const ofClient = await desk.roster.sessionOf(clientPid());
  const candidates = [...told, ...(ofClient === null ? [] : [ofClient])];
  // A variable may have been inherited from a session that has ended since.
  for (const session of candidates) {
    if ((await desk.roster.get(session))?.record.status === "active") return session;
  }
  return candidates[0] ?? null;
}

/** {@linkcode actingSession} where the command makes no sense without one. */
export async function needSession(
  desk: Coordination,
  line: CommandLine,
  option: "session" | "holder",
): Promise<string> {
  const session = await actingSession(desk, line, [option]);
  if (session !== null) return session;
  throw new CoordinatorError(
    "invalid_argument",
    "This command acts for a session, and none is known here",
    option === "holder"
      ? "Run it in a session of Claude Code, or say who is to hold it: --holder NAME."
      : "Run it in a session of Claude Code, or name one: --session ALIAS; `csc status` lists them.",
  );
}

/** {@linkcode needSession} for what only a session that the roster knows can do. */
export async function needRegistered(
  desk: Coordination,
  line: CommandLine,
): Promise<SeenSession> {
  const session = await needSession(desk, line, "session");
  const known = await desk.roster.get(session);
  if (known?.record.status === "active") return known;
  const why = known ? "has ended" : "is not registered in this project";
  throw new CoordinatorError(
    "not_found",
    `The session ${shorten(session, 60)} ${why}`,
    "Sessions register themselves at their start once `csc install` was run; `csc status` lists them.",
  );
}

/** A session that a person named. */
export interface NamedSession {
  readonly session: string;
  /** What the roster knows of it; null for a holder that never registered. */
  readonly known: SeenSession | null;
}

/** A start of an id that is shorter names too many by chance. */
const LEAST_PREFIX = 4;

/**
 * Finds the session that an alias, a name, an id or the start of an id means; one that goes on rather
 * than one that has ended.
 *
 * @throws {CoordinatorError} `not_found`; `invalid_argument` where it means several.
 */
export async function sessionNamed(desk: Coordination, word: string): Promise<NamedSession> {
  const all = await desk.roster.list();
  const ways: ((one: SeenSession["record"]) => boolean)[] = [
    ({ session }) => session === word,
    ({ alias, name }) => alias.toLowerCase() === word.toLowerCase() || name === word,
    ({ session }) => word.length >= LEAST_PREFIX && session.startsWith(word),
  ];
  for (const means of ways) {
    const found = all.filter(({ record }) => means(record));
    const going = found.filter(({ record }) => record.status === "active");
    const [known, other] = going.length > 0 ? going : found;
    if (other) throw ambiguous(word, found);
    if (known) return { session: known.record.session, known };
  }
  if (await holdsSomething(desk, word)) return { session: word, known: null };
  const aliases = all.filter(({ standing }) => standing !== "dead").map(({ record }) =>
    record.alias
  );
  throw new CoordinatorError(
    "not_found",
    `There is no session '${shorten(word, 60)}'`,
    aliases.length > 0
      ? `Known are ${shorten(aliases.join(", "), 200)}; \`csc status\` tells more.`
      : "No session is active in this project.",
  );
}

/** A holder need not be registered: a CI job can hold a lock. */
async function holdsSomething(desk: Coordination, session: string): Promise<boolean> {
  const isTheirs = ({ record }: { readonly record: LeaseRecord }) =>
    record.holder?.session === session;
  return (await desk.leases.list(desk.scopes.locks)).some(isTheirs) ||
    (await new Reservations(desk).all()).some(isTheirs);
}

function ambiguous(word: string, found: readonly SeenSession[]): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `'${word}' means ${found.length} sessions`,
    `Name one: ${found.map(({ record }) => `${record.alias} (${record.session})`).join(", ")}.`,
  );
}

/** Longer is no id of a session. */
const MAX_HOLDER = 200;

function isHolder(name: string): boolean {
  return name !== "" && name.length <= MAX_HOLDER && name.isWellFormed() &&
    printable(name) === name;
}

/**
 * The name of a holder, where it is one.
 *
 * @throws {CoordinatorError} `invalid_argument`.
 */
export function checkHolder(line: CommandLine, name: string): string {
  if (isHolder(name)) return name;
  throw line.mistake(`--holder takes a name of 1 to ${MAX_HOLDER} characters that can be shown`);
}

/** What the guard is asked with, for a session or for nobody in particular. */
export function stepFor(desk: Coordination, session: string | null, tool: string): Step {
  return {
    desk,
    holder: { session: session ?? "" },
    reservations: new Reservations(desk),
    cwd: Deno.cwd(),
    tool,
    callId: "",
  };
}
