/**
 * Before and after a shell command.
 *
 * @module
 */

import { openPlaces } from "../coordination/reservations.ts";
import type { Repository } from "../detect/repository.ts";
import { printable } from "../domain/text.ts";
import { isSame } from "../lease/record.ts";
import { join } from "../os/path.ts";
import type { Dialect } from "../shell/analyse.ts";
import { afterEdit, afterNoEdit, beforeEdit, isGuarded, reportOverlap } from "./edit.ts";
import { dirtyPaths } from "./git_state.ts";
import { beforeGit, type ForeignCache } from "./git_acts.ts";
import { unlockSessions } from "./lift.ts";
import { opposed } from "./opposed.ts";
import { foreignFiles, maybeReserved } from "./others.ts";
import { isUnchanged, recall, remember, watch, type Watched } from "./pending.ts";
import { type Target, targetOf } from "./place.ts";
import {
  effectsOf,
  namesFile,
  repositoriesIn,
  type ShellTarget,
  shellTargets,
} from "./shell_targets.ts";
import { nameOf, type Step, stepIn } from "./step.ts";
import { PASS, pass, type Verdict } from "./verdict.ts";

export type { Dialect };

/** A file that a command writes, with the step in its project. */
interface Aimed extends ShellTarget {
  readonly step: Step;
}

/** More files than this are not reserved for one command; those that others hold come first. */
const MAX_TARGETS = 50;

/** Decides on a command by what it surely writes and which git verbs it runs. */
export async function beforeCommand(
  step: Step,
  command: string,
  dialect: Dialect,
): Promise<Verdict> {
  const effects = effectsOf(command, step.cwd, dialect);
  const notes: (string | null)[] = [];
  const cache: ForeignCache | null = effects.git.length > 1 ? new Map() : null;
  for (const act of distinct(effects.git)) {
    if (namesFile(step.cwd, act)) continue;
    const verdict = await beforeGit(step, act, cache);
    if (verdict.kind !== "pass") return verdict;
    notes.push(verdict.note ?? null);
  }
  const theirs = await heldByOthers(step, repositoriesIn(step.cwd, effects));
  const isTheirs = ({ target }: Aimed) => theirs.has(join(target.tree, target.path));
  const aimed = await aimedAt(step, shellTargets(step.cwd, effects));
  const targets = [...aimed.filter(isTheirs), ...aimed.filter((one) => !isTheirs(one))]
    .slice(0, MAX_TARGETS);
  const reserved: Aimed[] = [];
  for (const one of targets) {
    const verdict = await (one.isFolder ? beforeFolder : beforeEdit)(one.step, one.target);
    if (verdict.kind !== "pass") {
      for (const { step, target } of reserved) await afterNoEdit(step, target);
      return verdict;
    }
    if (!one.isFolder) reserved.push(one);
    notes.push(verdict.note ?? null);
  }
  const own = reserved.map(({ target }) => target);
  for (const { tree, path } of own) theirs.delete(join(tree, path));
  rememberUntilRun(step, own, [...theirs]);
  return pass(...notes);
}

function distinct<T>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}

/** Notes what a command has changed, expected or not, and ends what it has committed. */
export async function afterCommand(
  step: Step,
  command: string,
  dialect: Dialect,
): Promise<Verdict> {
  const pending = recall(step);
  const cwd = pending?.cwd ?? step.cwd;
  const effects = effectsOf(command, cwd, dialect);
  const expected = pending === null
    ? shellTargets(cwd, effects).filter(({ isFolder }) => !isFolder)
    : pending.targets.map((path) => ({ target: targetOf(path, cwd), isFolder: false }));
  const notes: (string | null)[] = [];
  for (const { step: at, target } of await aimedAt(step, expected)) {
    const verdict = await afterEdit(at, target);
    if (verdict.kind === "pass") notes.push(verdict.note ?? null);
  }
  if (pending) notes.push(...await compareOthers(step, pending.at, pending.watched));
  if (/\bgit\b/.test(command)) {
    for (const repository of repositoriesIn(cwd, effects)) {
      await releaseClean(await stepIn(step, repository), repository.worktree);
    }
  }
  return pass(...notes);
}

/** Each target that is guarded, judged in the project that it belongs to. */
async function aimedAt(step: Step, targets: readonly ShellTarget[]): Promise<Aimed[]> {
  const aimed: Aimed[] = [];
  for (const one of targets) {
    const at = await stepIn(step, one.target.repository);
    if (one.isFolder || isGuarded(at, one.target)) aimed.push({ ...one, step: at });
  }
  return aimed;
}

/** A folder that is moved or removed takes everything below it along. */
async function beforeFolder(step: Step, target: Target): Promise<Verdict> {
  const below = await foreignFiles(
    step,
    target.tree,
    (path) => target.path === "" || path.startsWith(`${target.path}/`),
    true,
  );
  if (below.length === 0) return PASS;
  const [first, ...others] = below;
  const folder = printable(target.absolute);
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  return opposed(step, `change of ${folder}/`, [
    `⚠️ ${folder}/ holds files that others are changing: ${printable(first.path)} (${await nameOf(
      step.desk,
      first.holder,
    )})${more}`,
    "Change the files you need one by one, or wait until they are done.",
    `A person can lift this with: ${await unlockSessions(step, below.map(({ holder }) => holder))}`,
  ]);
}

/** The files that others may have reserved in this project, and in those that a command reaches into. */
async function heldByOthers(step: Step, repositories: readonly Repository[]): Promise<Set<string>> {
  const steps = new Set([step]);
  for (const repository of repositories) steps.add(await stepIn(step, repository));
  const held = new Set<string>();
  for (const one of steps) {
    for (const { tree, path } of await maybeReserved(one)) held.add(join(tree, path));
  }
  return held;
}

/** Remembers what was expected, and how the files of others look before. */
function rememberUntilRun(
  step: Step,
  own: readonly Target[],
  theirs: readonly string[],
): void {
  if (own.length === 0 && theirs.length === 0) return;
  remember(step, { targets: own.map(({ absolute }) => absolute), watched: theirs.map(watch) });
}

/** Which of the remembered files have changed though their holders did not change them. */
async function compareOthers(
  step: Step,
  since: string,
  watched: readonly Watched[],
): Promise<(string | null)[]> {
  const notes: (string | null)[] = [];
  for (const before of watched) {
    if (isUnchanged(before)) continue;
    const target = targetOf(before.file, step.cwd);
    const at = await stepIn(step, target.repository);
    const { desk, reservations } = at;
    const record = await reservations.inspect(target);
    const owner = record?.holder;
    if (!owner || isSame(owner, step.holder) || record.busy_s !== null) continue;
    const wasTheirs = desk.journal.read(owner.session).some((event) =>
      event.event === "edit" && event.path === target.path && event.at >= since
    );
    if (wasTheirs) continue;
    const verdict = await reportOverlap(at, target, owner);
    if (verdict.kind === "pass") notes.push(verdict.note ?? null);
  }
  return notes;
}

/** A reservation ends when its edits are committed or reverted. */
async function releaseClean({ desk, reservations, holder }: Step, tree: string): Promise<void> {
  const events = desk.journal.read(holder.session).filter((event) => event.tree === tree);
  const open = openPlaces(events);
  const { deadline } = desk;
  const dirty = await dirtyPaths(tree, open.map(({ path }) => path), { deadline });
  if (dirty === null) return; // the next one who asks for the file finds it out
  for (const place of open) {
    if (dirty.has(place.path)) continue;
    if (performance.now() > deadline) return;
    const record = await reservations.inspect(place);
    if (record?.holder?.session !== holder.session) continue;
    if (record.uses === 0 || record.busy_s !== null) continue;
    await reservations.release(place, record.holder, "committed or reverted");
  }
}
