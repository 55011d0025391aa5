/**
 * Commits exactly the hunks that one session wrote, and nothing of what others have in the same files.
 *
 * For each file that the session edited, the recorded edits of all sessions are woven together, from
 * which follows what HEAD is with this session's hunks alone (`carry.ts`). That goes into an index
 * built from HEAD for this one commit. The working tree is never touched, and the index that all
 * share only where it would show the reverse of the commit.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import type { Journal } from "../journal/journal.ts";
import { digest, type Snapshots } from "../journal/snapshots.ts";
import { FileLock } from "../os/file_lock.ts";
import { withFile } from "../os/io_error.ts";
import { dirname, join } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import { Checkout, type Head, shown } from "./checkout.ts";
import type { CommitDetail } from "./history.ts";
import { IndexLock } from "./index_lock.ts";
import { pathInTree, type Plan, planCommit, type PlannedFile } from "./plan.ts";
import { buildIndex, commitIndex } from "./private_index.ts";
import { followCommit } from "./shared_index.ts";
import type { LeftFile } from "./words.ts";

/** What to commit. */
export interface CommitRequest {
  /** The working tree: absolute real path of its top folder. */
  readonly tree: string;
  /** The session; the edits of its sub-agents are its own. */
  readonly session: string;
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  /** The commit's message; not needed for a dry run. */
  readonly message: string;
  /** Only these files, and files in these folders: paths in the tree, with `/`. All by default. */
  readonly paths?: readonly string[];
  /** Only finds out what would be committed. */
  readonly dryRun?: boolean;
}

/** What was committed, or would be. */
export interface CommitResult {
  /** The commit's full name; null for a dry run, and where everything was left. */
  readonly commit: string | null;
  readonly dryRun: boolean;
  /** The branch; null where HEAD is detached. */
  readonly branch: string | null;
  /** The files, with the number of places in each. */
  readonly files: readonly { readonly path: string; readonly hunks: number }[];
  /** What was left out, and why; a file of which a part was committed may be here too. */
  readonly left: readonly LeftFile[];
  /** Anything else that is to be known. */
  readonly notes: readonly string[];
}

/** How often a commit is built anew as somebody else's came first. */
const MAX_TRIES = 50;

/** How long a commit waits for another one of ours in the same tree, before it races with it. */
const TURN_MS = 60_000;

/**
 * Commits the hunks of one session in one working tree.
 *
 * @throws {CoordinatorError} `nothing_to_commit` where the session has nothing pending there,
 * `git_busy` in the middle of a merge or the like, `git_failed` where git or a hook refuses,
 * `invalid_argument` for an empty message.
 */
export async function commitMine(request: CommitRequest): Promise<CommitResult> {
  if (!request.dryRun && request.message.trim() === "") {
    throw new CoordinatorError(
      "invalid_argument",
      "Cannot commit without a message",
      "Say what the edits do: csc commit-mine -m MESSAGE",
    );
  }
  const checkout = await Checkout.open(request.tree);
  if (request.dryRun) return (await prepare(checkout, request)).result;
  const folder = join(dirname(request.journal.folder), "commit");
  withFile("create", folder, () => ensurePrivateFolder(folder));
  sweep(folder);
  return await inTurn(checkout, folder, async (isAlone) => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const prepared = await prepare(checkout, request);
      if (prepared.result.files.length === 0) return prepared.result;
      const result = await inFolder(
        folder,
        (own) => make(checkout, request, prepared, { folder: own, isAlone }),
      );
      if (result !== null) return result;
    }
    throw new CoordinatorError(
      "git_failed",
      `Cannot commit in '${shown(request.tree)}' as HEAD moved ${MAX_TRIES} times meanwhile`,
      "Run csc commit-mine again when less is committed there.",
    );
  });
}

/** What is to be committed onto which HEAD. */
interface Prepared {
  readonly head: Head;
  readonly plan: Plan;
  /** As it stands before there is a commit. */
  readonly result: CommitResult;
}

async function prepare(checkout: Checkout, request: CommitRequest): Promise<Prepared> {
  checkout.refuseWhileBusy();
  const head = await checkout.head();
  const paths = request.paths?.map((path) => pathInTree(request.tree, path));
  const wanted = paths?.includes("") ? undefined : paths;
  const plan = await planCommit(checkout, head, { ...request, paths: wanted });
  if (plan.files.length === 0 && plan.left.length === 0) throw nothingToCommit(request);
  const result: CommitResult = {
    commit: null,
    dryRun: request.dryRun ?? false,
    branch: head.ref?.replace(/^refs\/heads\//, "") ?? null,
    files: plan.files.map(({ path, hunks }) => ({ path, hunks })),
    left: plan.left,
    notes: head.ref === null ? [DETACHED] : [],
  };
  return { head, plan, result };
}

/** Commits; null where HEAD has moved meanwhile, and all has to be prepared anew. */
async function make(
  checkout: Checkout,
  request: CommitRequest,
  { head, plan, result }: Prepared,
  { folder, isAlone }: { folder: string; isAlone: boolean },
): Promise<CommitResult | null> {
  if (!await buildIndex(checkout, head, plan.files, join(folder, "index"))) {
    if (result.left.length === 0) throw nothingToCommit(request);
    return { ...result, files: [] };
  }
  const lock = new IndexLock(checkout, folder);
  return await lock.during(async (signal) => {
    const draft = { head, message: request.message, folder, lock, isAlone, signal };
    const commit = await commitIndex(checkout, draft);
    if (commit === null) return null;
    // The commit is there from now on, whatever fails.
    const notes = [...result.notes];
    try {
      record(request, commit, plan);
    } catch (error) {
      notes.push(`the journal could not be told of the commit: ${messageOf(error)}`);
    }
    await followCommit(checkout, head, commit).catch(() => notes.push(STALE_INDEX));
    return { ...result, commit, notes };
  });
}

const DETACHED =
  "HEAD is detached: give the commit a branch (git switch -c NAME), or it may be lost";

const STALE_INDEX =
  "the index could not be brought in line with the commit, so that git status may " +
  "show its reverse as staged: run git reset -q -- with the files of the commit";

function nothingToCommit({ tree }: CommitRequest): CoordinatorError {
  return new CoordinatorError(
    "nothing_to_commit",
    `This session has nothing to commit in '${shown(tree)}'`,
    "All that it edited there is committed already, or was taken back. Edits by shell commands " +
      "may not be recorded: commit these files by name (git commit -m MESSAGE -- FILE).",
  );
}

/** How long the lists in one line of the journal may be. */
const MAX_DETAIL_CHARS = 3000;

/** The journal learns what was committed, and what HEAD was: later commits of the files build on it. */
function record({ journal, session, tree }: CommitRequest, commit: string, plan: Plan): void {
  const { files, seen } = plan;
  for (let next = 0; next < files.length;) {
    const some: PlannedFile[] = [];
    for (let room = MAX_DETAIL_CHARS; next < files.length && room > 0; next++) {
      const file = files[next];
      room -= file.key.length + file.headId.length;
      if (some.length === 0 || room > 0) some.push(file);
      else break;
    }
    const paths = some.map(({ key }) => key);
    const heads = some.map(({ headId }) => headId);
    const detail = { commit, paths, heads, seen } satisfies CommitDetail;
    journal.append({ event: "commit", session, tree, detail });
  }
}

/** Runs a task with a private folder of its own. */
async function inFolder<T>(parent: string, task: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(parent, `try-${uniqueName()}`);
  withFile("create", folder, () => Deno.mkdirSync(folder, { mode: 0o700 }));
  try {
    return await task(folder);
  } finally {
    removeFolder(folder);
  }
}

/**
 * Runs a task while no other commit of ours is made in the tree. They would find out about each other
 * anyway, and begin anew; this saves the hooks from running in vain. A stopped process is not waited
 * for longer than that is worth.
 */
async function inTurn<T>(
  checkout: Checkout,
  folder: string,
  task: (isAlone: boolean) => Promise<T>,
): Promise<T> {
  const name = (await digest(new TextEncoder().encode(checkout.gitFolder))).slice(0, 16);
  const lock = new FileLock(join(folder, `${name}.lock`), TURN_MS);
  let hasTurn = false;
  try {
    return await lock.hold(() => {
      hasTurn = true;
      return task(true);
    });
  } catch (error) {
    const isTaken = error instanceof CoordinatorError && error.code === "store_busy" && !hasTurn;
    if (!isTaken) throw error;
    return await task(false);
  } finally {
    await lock.close();
  }
}

const LEFTOVER_AFTER_MS = 24 * 3600 * 1000;

/** Removes what commits that were killed left behind. */
function sweep(folder: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (!isDirectory) continue;
    const path = join(folder, name);
    const modifiedMs = lstatOrNull(path)?.mtime?.getTime() ?? Date.now();
    if (Date.now() - modifiedMs > LEFTOVER_AFTER_MS) removeFolder(path);
  }
}

function removeFolder(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // A hook's process may still write into it; the next sweep finds it.
  }
}
