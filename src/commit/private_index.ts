/**
 * A commit from an index of its own, which nobody else works with.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { join } from "../os/path.ts";
import { lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { type Checkout, type Head, lastLines, shown } from "./checkout.ts";
import { ABSENT, copyIndex, type IndexEntry, indexInfo } from "./index_file.ts";
import { type IndexLock, shellWord } from "./index_lock.ts";
import type { PlannedFile } from "./plan.ts";

/** A commit's hooks may run tests, and signing may ask the user. */
const COMMIT_MS = 30 * 60_000;

/**
 * Makes the index: HEAD, and the planned files.
 *
 * @returns False where that is no different from HEAD after all.
 */
export async function buildIndex(
  checkout: Checkout,
  head: Head,
  files: readonly PlannedFile[],
  indexPath: string,
): Promise<boolean> {
  const env = { GIT_INDEX_FILE: indexPath };
  await readHead(checkout, head, indexPath);
  const base = head.commit ?? await checkout.emptyTree();
  const entries: IndexEntry[] = [];
  for (const { path, content, mode } of files) {
    if (content === null) entries.push({ path, mode: ABSENT, id: "0".repeat(base.length) });
    else entries.push({ path, mode, id: await checkout.store(path, content) });
  }
  await checkout.git(["update-index", "-z", "--index-info"], { env, input: indexInfo(entries) });
  const { code } = await checkout.tryGit(["diff-index", "--cached", "--quiet", base], { env });
  return code !== 0;
}

/**
 * Fills an index with HEAD and nothing else. It begins as a copy of the shared one, only for the sake
 * of what that knows of the files' times: without it git would read every file of the tree.
 */
async function readHead(checkout: Checkout, { commit }: Head, indexPath: string): Promise<void> {
  const env = { GIT_INDEX_FILE: indexPath };
  if (commit !== null && copyIndex(checkout.indexPath, indexPath)) {
    const { code } = await checkout.tryGit(["read-tree", "--reset", commit], { env });
    if (code === 0) return;
    removeIfThere(indexPath);
  }
  await checkout.git(["read-tree", commit ?? "--empty"], { env });
}

/** What a commit is made from. */
export interface Draft {
  readonly head: Head;
  readonly message: string;
  /** A private folder for the index and the message. */
  readonly folder: string;
  /** Is taken before HEAD moves, and still held afterwards. */
  readonly lock: IndexLock;
  /** Whether no other commit of ours is being made in the tree. */
  readonly isAlone: boolean;
  /** Stops the commit where it aborts. */
  readonly signal: AbortSignal;
}

/**
 * Commits the index `index` in the folder by `git commit`, with the user's hooks, signing and author.
 *
 * @returns The commit, or null where HEAD has moved meanwhile and nothing was committed.
 * @throws {CoordinatorError} `git_failed` where a hook refuses, or git does.
 */
export async function commitIndex(checkout: Checkout, draft: Draft): Promise<string | null> {
  const { head, folder, lock, isAlone, signal } = draft;
  const messagePath = join(folder, "message");
  const movedPath = join(folder, "moved");
  Deno.writeTextFileSync(messagePath, draft.message, { mode: 0o600 });
  const cleanup = await cleanupMode(checkout);
  await lock.untilFree(isAlone);
  // The "editor" is run after git has read HEAD and the hooks have looked at the index. It stops the
  // commit where HEAD is not the one that the index was built from: its tree would revert what was
  // committed since. Afterwards git itself refuses to move a HEAD that is not its parent any more.
  const args = ["commit", "-F", messagePath, "--edit", `--cleanup=${cleanup}`];
  const { code, stdout, stderr } = await checkout.asUser([...args, "--no-status", "--no-verbose"], {
    env: {
      GIT_INDEX_FILE: join(folder, "index"),
      GIT_EDITOR: `${lock.script()}; ${checkScript(checkout, head, movedPath)}`,
    },
    timeoutMs: COMMIT_MS,
    signal,
    mayLinger: true,
  });
  if (code === 0) return await madeCommit(checkout, head, stdout);
  lock.throwIfBusy();
  if (lstatOrNull(movedPath) !== null || await hasMoved(checkout, head)) return null;
  if (/\.lock'/.test(stderr) && /HEAD|refs\//.test(stderr)) return null; // it is just being moved
  throw new CoordinatorError(
    "git_failed",
    `git refused the commit in '${shown(checkout.tree)}': ${lastLines(stderr)}`,
    "Nothing was committed. Settle what it complains about (a hook of the repository may have " +
      "refused), then run csc commit-mine again.",
  );
}

function checkScript(checkout: Checkout, { commit, ref }: Head, movedPath: string): string {
  const merge = `${checkout.gitFolder}/MERGE_HEAD`;
  const checks = [
    `"$(git rev-parse -q --verify HEAD)" = ${shellWord(commit ?? "")}`,
    `"$(git symbolic-ref -q HEAD)" = ${shellWord(ref ?? "")}`,
    `! -e ${shellWord(merge)}`,
  ].map((check) => `test ${check}`).join(" && ");
  return `{ ${checks}; } || { : > ${shellWord(movedPath)}; exit 1; }; :`;
}

/** How the message is tidied: as the user has it for messages that come from a file. */
async function cleanupMode(checkout: Checkout): Promise<string> {
  const { code, stdout } = await checkout.tryGit(["config", "--get", "commit.cleanup"]);
  const mode = code === 0 ? new TextDecoder().decode(stdout).trim() : "default";
  return mode === "default" ? "whitespace" : mode;
}

async function hasMoved(checkout: Checkout, head: Head): Promise<boolean> {
  const now = await checkout.head();
  return now.commit !== head.commit || now.ref !== head.ref;
}

/** The commit that git says it has made; HEAD may be further on already. */
async function madeCommit(checkout: Checkout, head: Head, stdout: Uint8Array): Promise<string> {
  const text = new TextDecoder().decode(stdout);
  const short = /^\[.*?([0-9a-f]{4,64})\] /m.exec(text)?.[1];
  const named = short ?? "HEAD";
  const line = await checkout.ask(["rev-list", "--parents", "-n", "1", named]);
  const [commit, ...parents] = line.split(" ");
  if (parents.join(" ") === (head.commit ?? "")) return commit;
  throw new CoordinatorError(
    "git_failed",
    `The commit ${commit} in '${shown(checkout.tree)}' does not follow ${head.commit}`,
    "A hook may have changed it. Look at it with git show, and at git reflog.",
  );
}
