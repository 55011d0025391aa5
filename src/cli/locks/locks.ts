/**
 * `csc locks`: what is held, by whom, and who waits for it.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { compileGlob } from "../../domain/glob.ts";
import { printable, shorten } from "../../domain/text.ts";
import { relative } from "../../os/path.ts";
import { bold } from "../../std/colors.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { type FileRow, fileRows, type HeldState, type LockRow, lockRows, People } from "./held.ts";
import { print, printJson } from "../output.ts";
import { table } from "../table.ts";
import { brief, secondsSince } from "../time.ts";

/** Runs `csc locks`. */
export async function locks(line: CommandLine): Promise<number> {
  const [pattern = "*"] = line.words;
  return await inProject(line, async ({ desk, setting }) => {
    const held = await readHeld(desk, pattern);
    const { locks, reservations } = held;
    if (line.has("json")) printJson({ locks, reservations });
    else forPeople(held, setting.repository?.worktree ?? setting.folder, pattern);
    return 0;
  });
}

interface Held {
  readonly people: People;
  readonly locks: readonly LockRow[];
  readonly reservations: readonly FileRow[];
}

async function readHeld(desk: Coordination, pattern: string): Promise<Held> {
  const people = await People.of(desk);
  const matches = compileGlob(pattern);
  return {
    people,
    locks: await lockRows(desk, people, pattern),
    reservations: (await fileRows(desk, people)).filter(({ path }) => matches(path)),
  };
}

/** A longer path is told by its end. */
const SHOWN_PATH = 120;

function forPeople(held: Held, here: string, pattern: string): void {
  const { people, locks, reservations } = held;
  if (locks.length === 0 && reservations.length === 0) {
    return print(pattern === "*" ? "Nothing is held." : "Nothing of that name is held.");
  }
  const parts: string[] = [];
  if (locks.length > 0) parts.push(locksTable(locks, people, here));
  const treeOf = ({ tree, held_by }: FileRow) => treeName(tree, here, people.farMachineOf(held_by));
  for (const [tree, files] of Map.groupBy(reservations, treeOf)) {
    parts.push(`${bold(`Files in ${tree}`)}\n${filesTable(files)}`);
  }
  print(parts.join("\n\n"));
}

/** The named locks as a table. */
export function locksTable(locks: readonly LockRow[], people: People, here: string): string {
  const rows = locks.map((lock) => [
    shorten(lock.name, SHOWN_PATH),
    lock.holder,
    brief(secondsSince(lock.acquired_at)),
    brief(lock.seconds_left),
    waitingIn(lock),
  ]);
  const below = (row: number) => {
    const { purpose, worktree, held_by } = locks[row];
    const far = people.farMachineOf(held_by);
    const isElsewhere = worktree !== null && (far !== null || worktree !== here);
    const where = isElsewhere ? [`held from ${treeName(worktree, here, far)}`] : [];
    return [...(purpose ? [shorten(purpose, 200)] : []), ...where];
  };
  return table(["LOCK", "HOLDER", "SINCE", "LEFT", "WAITING"], rows, { below });
}

/** What the states are called. */
export const STATE_WORDS: Readonly<Record<HeldState, string>> = {
  used: "edited",
  busy: "editing",
  reserved: "reserved",
  offered: "its turn",
};

function filesTable(files: readonly FileRow[]): string {
  const rows = files.map((file) => [
    endOf(file.path, SHOWN_PATH),
    file.holder,
    brief(secondsSince(file.acquired_at)),
    brief(file.seconds_left),
    STATE_WORDS[file.state],
    waitingIn(file),
  ]);
  const below = (row: number) => files[row].purpose ? [shorten(files[row].purpose, 200)] : [];
  return table(["FILE", "HOLDER", "SINCE", "LEFT", "STATE", "WAITING"], rows, { below });
}

function waitingIn({ waiting }: LockRow | FileRow): string {
  return waiting.length === 0 ? "-" : waiting.map(({ name }) => name).join(", ");
}

/** A path's end, with `…` where something was cut off in front. */
export function endOf(path: string, maxChars: number): string {
  const chars = [...path];
  return chars.length <= maxChars ? path : `…${chars.slice(1 - maxChars).join("")}`;
}

/** How a working tree is called, seen from another: with its machine where that is another one. */
export function treeName(tree: string, here: string, farMachine: string | null): string {
  if (farMachine !== null) return printable(`${farMachine}:${tree}`);
  if (tree === here) return "this working tree";
  const way = relative(here, tree);
  return printable(way !== "" && way.length < tree.length ? way : tree);
}
