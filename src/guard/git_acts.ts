/**
 * git calls that would change a working tree under others, or sweep their edits into a commit.
 *
 * @module
 */

import { headOf } from "../detect/head.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import { shellWord } from "../domain/shell_word.ts";
import { printable, shorten } from "../domain/text.ts";
import { basename, relative, resolve } from "../os/path.ts";
import type { GitAct } from "../shell/analyse.ts";
import { matchesPath } from "../shell/path_pattern.ts";
import { dirtyPaths } from "./git_state.ts";
import { unlockSessions } from "./lift.ts";
import { opposed } from "./opposed.ts";
import { type Concern, type ForeignFile, foreignFiles, ownEdits } from "./others.ts";
import { canonicalPath } from "./place.ts";
import { folderOf } from "./shell_targets.ts";
import { nameOf, shortId, type Step, stepIn } from "./step.ts";
import { PASS, pass, type Verdict } from "./verdict.ts";

/** How many files a message names. */
const MAX_NAMED = 5;

/** What others have in each working tree, where many calls ask for it. */
export type ForeignCache = Map<string, Promise<readonly ForeignFile[]>>;

/**
 * Decides on one git call.
 *
 * @param cache What is known from other calls of the same command.
 */
export async function beforeGit(
  step: Step,
  act: GitAct,
  cache: ForeignCache | null = null,
): Promise<Verdict> {
  const folder = folderOf(step.cwd, act.folder);
  const repository = folder === null ? null : findRepository(folder);
  if (folder === null || repository === null) return PASS;
  const site = { step: await stepIn(step, repository), folder, repository, cache };
  switch (act.kind) {
    case "tree":
      return await beforeTree(site, act);
    case "stage all":
      return await beforeStaging(site, act);
    case "commit":
      return await beforeCommit(site);
  }
}

/** Where git is called. */
interface Site {
  readonly step: Step;
  readonly folder: string;
  readonly repository: Repository;
  readonly cache: ForeignCache | null;
}

/** What others have in the tree that a call is about. */
async function foreignAt(
  { step, repository: { worktree }, cache }: Site,
  isConcerned: Concern,
  few = false,
): Promise<readonly ForeignFile[]> {
  if (cache === null) return await foreignFiles(step, worktree, isConcerned, few);
  const all = cache.get(worktree) ?? foreignFiles(step, worktree);
  cache.set(worktree, all);
  return (await all).filter(({ path }) => isConcerned(path));
}

async function beforeTree(
  site: Site,
  { verb, pathspecs, branch, stack }: Extract<GitAct, { kind: "tree" }>,
): Promise<Verdict> {
  const { step, repository } = site;
  const { worktree } = repository;
  if (branch !== undefined && headOf(repository).branch !== branch) return PASS;
  const foreign = await foreignAt(site, covered(site, pathspecs ?? []), true);
  if (foreign.length === 0) return stack ? await stackNote(site) : PASS;
  const aside = `../${basename(worktree)}-${shortId(step.holder.session)}`;
  return opposed(step, `git ${verb}`, [
    `⚠️ 'git ${shown(verb)}' would change the working tree ${printable(worktree)} under others:`,
    ...await linesOf(step, foreign),
    `Work in a tree of your own instead: git worktree add ${shellWord(aside)} -b NEW-BRANCH`,
    "Or commit only what is yours (csc commit-mine -m MESSAGE) and leave the tree as it is.",
    await liftLine(step, foreign),
  ]);
}

/** The stash is one for all working trees: what is taken back may be what another has put there. */
async function stackNote({ step: { desk, holder }, repository }: Site): Promise<Verdict> {
  for (const { record, isHere, standing } of await desk.roster.list()) {
    if (standing === "dead" || record.session === holder.session) continue;
    if (!isHere || record.worktree === repository.worktree) continue;
    const other = findRepository(record.worktree);
    if (other?.commonFolder !== repository.commonFolder) continue;
    return pass(
      `csc: all working trees of this repository share one stash, and ${record.alias} works in ` +
        `${printable(record.worktree)}. Note the commit of what you put there (git rev-parse ` +
        "stash@{0}) and take back exactly that one: git stash apply COMMIT, never the top unseen.",
    );
  }
  return PASS;
}

async function beforeStaging(
  site: Site,
  { verb, pathspecs }: Extract<GitAct, { kind: "stage all" }>,
): Promise<Verdict> {
  const { step } = site;
  const swept = await foreignAt(site, covered(site, pathspecs));
  if (swept.length === 0) return PASS;
  const add = await addable(site, swept);
  return opposed(step, `git ${verb}`, [
    `⚠️ 'git ${shown(verb)}' would sweep in what others are changing:`,
    ...await linesOf(step, swept),
    add === "" ? NOTHING_OWN : `Add only what is yours: ${gitAt(site)} add -- ${add}`,
    COMMIT_MINE,
    await liftLine(step, swept),
  ]);
}

/** A commit of the index takes along what anybody has staged. */
async function beforeCommit(site: Site): Promise<Verdict> {
  const { step, repository: { worktree } } = site;
  const foreign = await foreignAt(site, () => true);
  const paths = foreign.map(({ path }) => path);
  const { deadline } = step.desk;
  const states = await dirtyPaths(worktree, paths, { ignored: false, deadline });
  const staged = foreign.filter(({ path }) => states?.get(path)?.isStaged);
  if (staged.length === 0) return PASS;
  const add = await addable(site, staged);
  return opposed(step, "git commit", [
    "⚠️ 'git commit' would commit what others have staged:",
    ...await linesOf(step, staged),
    add === ""
      ? NOTHING_OWN
      : `Commit only what is yours: ${gitAt(site)} commit -m MESSAGE -- ${add}`,
    COMMIT_MINE,
    await liftLine(step, staged),
  ]);
}

const NOTHING_OWN = "You have no uncommitted edits of your own in this tree.";
const COMMIT_MINE = "Or commit exactly the hunks that you wrote: csc commit-mine -m MESSAGE";

/** One's own edits that nobody else is at, as words of a shell. */
async function addable(
  { step, repository }: Site,
  others: readonly ForeignFile[],
): Promise<string> {
  const theirs = new Set(others.map(({ path }) => path));
  const own = await ownEdits(step, repository.worktree);
  return own.filter((path) => !theirs.has(path)).map(shellWord).join(" ");
}

/** How git is called so that paths from the tree's top are right. */
function gitAt({ folder, repository: { worktree } }: Site): string {
  return realPath(folder) === worktree ? "git" : `git -C ${shellWord(worktree)}`;
}

/** Which paths of the tree some pathspecs name; without any, all. */
function covered({ folder, repository }: Site, pathspecs: readonly string[]): Concern {
  if (pathspecs.length === 0) return () => true;
  const { worktree } = repository;
  const patterns = pathspecs.map((spec) =>
    canonicalPath(relative(worktree, resolve(realPath(folder), spec)), worktree)
  );
  return (path) => patterns.some((one) => one === "" || matchesPath(one, path, true));
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

function shown(verb: string): string {
  return shorten(printable(verb), 100);
}

async function liftLine(step: Step, foreign: readonly ForeignFile[]): Promise<string> {
  const holders = foreign.map(({ holder }) => holder);
  return `A person can lift this with: ${await unlockSessions(step, holders)}`;
}

async function linesOf(step: Step, foreign: readonly ForeignFile[]): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, files] of await byName(step, foreign)) {
    const named = files.slice(0, MAX_NAMED).map(({ path, kind }) =>
      `${shorten(printable(path), 120)} (${kind === "reserved" ? "reserved" : "uncommitted edit"})`
    );
    const more = files.length > MAX_NAMED ? [`and ${files.length - MAX_NAMED} more`] : [];
    lines.push(`- ${name}: ${[...named, ...more].join(", ")}`);
  }
  return lines;
}

async function byName(step: Step, foreign: readonly ForeignFile[]) {
  const groups = new Map<string, ForeignFile[]>();
  for (const one of foreign) {
    const name = await nameOf(step.desk, one.holder);
    groups.set(name, [...groups.get(name) ?? [], one]);
  }
  return groups;
}
