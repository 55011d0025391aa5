/**
 * `csc commit-mine`: commits exactly the hunks that this session wrote.
 *
 * @module
 */

import { commitMine, type CommitRequest } from "../../commit/commit_mine.ts";
import { reportOf } from "../../commit/report.ts";
import type { Coordination } from "../../coordination/coordination.ts";
import { Reservations } from "../../coordination/reservations.ts";
import { projectFolder } from "../../coordinator/workspace.ts";
import { findRepository } from "../../detect/repository.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { dirtyPaths } from "../../guard/git_state.ts";
import { inProject, needSession } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { filesNamed } from "../named_file.ts";
import { print, printJson } from "../output.ts";

/** Runs `csc commit-mine`; the exit code is 1 where nothing was, or would be, committed. */
export async function commitMineCommand(line: CommandLine): Promise<number> {
  const dryRun = line.has("dry-run");
  const paragraphs = line.all("message");
  if (paragraphs.length === 0 && !dryRun) {
    throw line.mistake("a message is missing: -m MESSAGE");
  }
  const tree = treeOf(line);
  const paths = line.words.map((word) => pathIn(tree, line, word));
  return await inProject(line, async ({ desk }) => {
    const session = await needSession(desk, line, "session");
    const request: CommitRequest = {
      tree,
      session,
      journal: desk.journal,
      snapshots: desk.snapshots,
      message: paragraphs.join("\n\n"),
      dryRun,
      ...(paths.length > 0 && { paths }),
    };
    const result = await commitMine(request);
    if (result.commit !== null) await releaseCommitted(desk, tree, session);
    if (line.has("json")) printJson(result);
    else print(reportOf(result).trimEnd());
    return result.files.length > 0 ? 0 : 1;
  }, tree);
}

/** The tree of the files that are named, else of the current folder, else of the project. */
function treeOf(line: CommandLine): string {
  const [word] = line.words;
  const named = word === undefined ? null : filesNamed(line, word)[0].repository;
  const repository = named ?? findRepository(Deno.cwd()) ?? findRepository(projectFolder());
  if (repository) return repository.worktree;
  throw new CoordinatorError(
    "not_found",
    "There is no git repository here to commit to",
    "Run it in the working tree that you edited.",
  );
}

function pathIn(tree: string, line: CommandLine, word: string): string {
  const file = filesNamed(line, word).find((one) => one.tree === tree);
  if (file) return file.shown;
  throw line.mistake(`'${word}' is in another working tree than the first file`);
}

/** A reservation ends when its edits are committed; whoever waits for it has its turn. */
async function releaseCommitted(desk: Coordination, tree: string, session: string): Promise<void> {
  const reservations = new Reservations(desk);
  const used = (await reservations.ofSession(session)).filter((held) =>
    held.tree === tree && held.record.uses > 0 && held.record.busy_s === null
  );
  const dirty = await dirtyPaths(tree, used.map(({ path }) => path));
  if (dirty === null) return; // the next edit of each file finds it out
  for (const { path, record } of used) {
    if (dirty.has(path)) continue;
    await reservations.release({ tree, path }, record.holder!, "committed");
  }
}
