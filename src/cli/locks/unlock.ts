/**
 * `csc unlock`: gives back what one holds; with `--force` also what somebody else holds.
 *
 * @module
 */

import type { FilePlace } from "../../coordination/coordination.ts";
import { releaseAll } from "../../coordination/ending.ts";
import { Locks } from "../../coordination/locks.ts";
import { Reservations } from "../../coordination/reservations.ts";
import { projectFolder, type Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { printable, shorten } from "../../domain/text.ts";
import { type Force, forceFile, forceSession, relieveOfFile } from "../../guard/force.ts";
import type { Target } from "../../guard/place.ts";
import type { Holder } from "../../lease/record.ts";
import { actingSession, inProject, sessionNamed } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { People } from "./held.ts";
import { lockNamed } from "./words.ts";
import { endOf } from "./locks.ts";
import { forceCall } from "../../guard/lift.ts";
import { filesNamed, isFolder } from "../named_file.ts";
import { print, printJson } from "../output.ts";
import { fewOf } from "../sessions/sessions.ts";
import { wrapped } from "../table.ts";

/** What was given back, or taken. */
interface Freed {
  readonly files: readonly FilePlace[];
  readonly locks: readonly string[];
  /** Whose it was, where it was taken by force. */
  readonly from: readonly string[];
  /** Trees in which its uncommitted edits are guarded no more. */
  readonly relieved: readonly string[];
  /** Whose turn has come: what it waited for is kept for it. */
  readonly next?: string;
}

/** Who asks, for what. */
interface Wish {
  readonly workspace: Workspace;
  readonly people: People;
  readonly line: CommandLine;
  /** The session that asks, or null for a person in a terminal. */
  readonly me: string | null;
  /** The session that alone is meant, or null. */
  readonly whose: string | null;
  readonly force: Force | null;
}

/** Who asks where no session does. */
export const PERSON: Holder = { session: "a person" };

const GIVEN_BACK = "given back";
/** Of more than these people want to know only how many. */
const MAX_SHOWN = 10;

/** Runs `csc unlock`. */
export async function unlock(line: CommandLine): Promise<number> {
  const [word] = line.words;
  const files = word === undefined ? [] : filesNamed(line, word);
  return await inProject(line, async (workspace) => {
    const wish = await wishOf(workspace, line);
    const freed = word === undefined
      ? await freeSession(wish)
      : await freeFile(wish, files) ?? await freeLock(wish, word) ??
        await nobody(wish, word, files);
    if (line.has("json")) printJson({ forced: freed.from.length > 0, ...freed });
    else forPeople(freed);
    return 0;
  }, files[0]?.repository?.worktree ?? projectFolder());
}

async function wishOf(workspace: Workspace, line: CommandLine): Promise<Wish> {
  const { desk } = workspace;
  const people = await People.of(desk);
  const me = await actingSession(desk, line, ["holder"]);
  const named = line.text("session");
  const by = me === null ? PERSON : { session: me };
  const reason = shorten(printable(line.text("reason") ?? "csc unlock --force"), 200);
  return {
    workspace,
    people,
    line,
    me,
    whose: named === undefined ? null : (await sessionNamed(desk, named)).session,
    force: line.has("force") ? { by, name: people.nameOf(by), reason } : null,
  };
}

/** All that a session holds: one's own, or the one that is named. */
async function freeSession(
  { workspace: { desk }, people, line, me, whose, force }: Wish,
): Promise<Freed> {
  const session = whose ?? me;
  if (session === null) {
    throw line.mistake(
      "name a file or a lock, or a session with --session; no session is known here",
    );
  }
  if (force !== null && session !== me) {
    const { files, locks, trees } = await forceSession(desk, session, force);
    return { files, locks, from: [people.nameOf({ session })], relieved: trees };
  }
  if (session !== me) throw notYours(people, { session });
  const files = (await new Reservations(desk).ofSession(session)).map(({ tree, path }) => (
    { tree, path }
  ));
  const locks = (await new Locks(desk).list()).flatMap(({ name, holder }) =>
    holder.session === session ? [name] : []
  );
  await releaseAll(desk, session, GIVEN_BACK);
  return { files, locks, from: [], relieved: [] };
}

/** A file, seen from here or from the working tree's top; null where nobody has it. */
async function freeFile(wish: Wish, files: readonly Target[]): Promise<Freed | null> {
  const { workspace: { desk }, people, me, force } = wish;
  const reservations = new Reservations(desk);
  for (const file of files.filter((one) => !isFolder(one))) {
    const place = { tree: file.tree, path: file.path };
    const holder = (await reservations.inspect(file))?.holder ?? null;
    if (holder === null) continue;
    checkMeant(wish, holder, file.shown);
    if (holder.session === me) {
      await reservations.releaseKept(place, holder.session, GIVEN_BACK);
      return { files: [place], locks: [], from: [], relieved: [], ...await nextOf(wish, place) };
    }
    if (force === null) throw notYours(people, holder, file.shown);
    await forceFile(desk, place, force);
    await relieveOfFile(desk, place, force);
    const from = [people.nameOf(holder)];
    const relieved = [file.tree];
    return { files: [place], locks: [], from, relieved, ...await nextOf(wish, place) };
  }
  return force && await freeEdits(wish, files, force);
}

async function nextOf(
  { workspace: { desk }, people }: Wish,
  place: FilePlace,
): Promise<Pick<Freed, "next">> {
  const record = await new Reservations(desk).inspect(place);
  return record?.holder ? { next: people.nameOf(record.holder) } : {};
}

/** A file that nobody holds any more may still keep git from being used. */
async function freeEdits(
  { workspace: { desk }, people }: Wish,
  files: readonly Target[],
  force: Force,
): Promise<Freed | null> {
  for (const { tree, path } of files) {
    const relieved = await relieveOfFile(desk, { tree, path }, force);
    if (relieved.length === 0) continue;
    const from = relieved.map((one) => people.nameOf(one));
    return { files: [{ tree, path }], locks: [], from, relieved: [tree] };
  }
  return null;
}

/** A named lock; null where nobody has it. */
async function freeLock(wish: Wish, word: string): Promise<Freed | null> {
  const { workspace, people, me, force } = wish;
  const locks = new Locks(workspace.desk);
  const name = nameOrNull(workspace, word);
  const lock = name === null ? null : await locks.check(name);
  if (name === null || lock === null) return null;
  checkMeant(wish, lock.holder, name);
  if (lock.holder.session === me) {
    await locks.release(name, lock.holder);
    return { files: [], locks: [name], from: [], relieved: [] };
  }
  if (force === null) throw notYours(people, lock.holder, name);
  await locks.force(name, force.by, force.reason);
  return { files: [], locks: [name], from: [people.nameOf(lock.holder)], relieved: [] };
}

function nameOrNull(workspace: Workspace, word: string): string | null {
  try {
    return lockNamed(workspace, word);
  } catch (error) {
    if (error instanceof CoordinatorError) return null; // a path, but no name of a lock
    throw error;
  }
}

/** Whoever names a session means nothing that another one has. */
function checkMeant({ whose, people }: Wish, holder: Holder, what: string): void {
  if (whose === null || holder.session === whose) return;
  throw new CoordinatorError(
    "not_owner",
    `${shorten(what, 200)} is held by ${people.nameOf(holder)}, not by ${
      people.nameOf({ session: whose })
    }`,
    "Leave out --session, or name its holder.",
  );
}

function notYours(people: People, holder: Holder, what?: string): CoordinatorError {
  const alias = people.aliasOf(holder.session);
  const call = what === undefined
    ? `csc unlock --session ${shellWord(alias)} --force`
    : forceCall(what, alias);
  return new CoordinatorError(
    "not_owner",
    `${shorten(what ?? "What you named", 200)} is held by ${people.nameOf(holder)}`,
    `Ask it to give it back, or take it: ${call}. Its holder is told then.`,
  );
}

async function nobody(
  { workspace, people }: Wish,
  word: string,
  files: readonly Target[],
): Promise<never> {
  const name = nameOrNull(workspace, word);
  const what = [
    ...files.map(({ absolute }) => `the file ${endOf(absolute, 200)}`),
    ...(name === null ? [] : [`the lock ${shorten(name, 100)}`]),
  ];
  const elsewhere = files[0]
    ? (await new Reservations(workspace.desk).look(files[0], "")).elsewhere
    : [];
  const others = elsewhere.map(({ tree, path, record }) =>
    `${people.nameOf(record.holder!)} holds ${tree}/${path}.`
  );
  throw new CoordinatorError(
    "not_found",
    `Nobody holds ${what.join(" or ")}`,
    others.length > 0
      ? `In another working tree, ${others.slice(0, 3).join(" ")}`
      : "`csc locks` shows what is held.",
  );
}

function forPeople({ files, locks, from, relieved, next }: Freed): void {
  const what = [...files.map(({ path }) => endOf(path, 120)), ...locks];
  const verb = from.length > 0 ? `Taken from ${from.join(", ")}` : "Given back";
  if (what.length > 0) print(wrapped(`${verb}: ${fewOf(what, MAX_SHOWN)}`, 0, 2));
  else print(from.length > 0 ? wrapped(`${from.join(", ")} held nothing.`) : "You hold nothing.");
  if (next !== undefined) print(wrapped(`It is the turn of ${next} now.`));
  for (const tree of relieved) {
    print(`What was changed there stays as it is, and is guarded no more:\n  ${printable(tree)}`);
  }
}
