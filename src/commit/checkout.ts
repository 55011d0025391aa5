/**
 * What a commit needs to know of a working tree's repository, and to put into it.
 *
 * @module
 */

import { type GitCall, type GitOutcome, runGit } from "../detect/git.ts";
import { CoordinatorError } from "../domain/error.ts";
import { printable, shorten } from "../domain/text.ts";
import { resolve } from "../os/path.ts";
import { lstatOrNull } from "../os/private_folder.ts";

/** Longer than any question takes, also in a large repository on a slow disk. */
const QUESTION_MS = 60_000;

/** Where HEAD is. */
export interface Head {
  /** The commit; null before the first one. */
  readonly commit: string | null;
  /** The ref that it stands for, such as `refs/heads/main`; null where it is detached. */
  readonly ref: string | null;
}

/** What a commit has at a path. */
export interface Entry {
  /** As git writes it, such as `100644`. */
  readonly mode: string;
  readonly id: string;
}

/** What git does with files where several of its operations are under way. */
const OPERATIONS: readonly (readonly [file: string, operation: string, end: string])[] = [
  ["rebase-merge", "a rebase", "git rebase --continue (or --abort)"],
  ["rebase-apply", "a rebase", "git rebase --continue (or --abort)"],
  ["MERGE_HEAD", "a merge", "git merge --continue (or --abort)"],
  ["SQUASH_MSG", "a squash merge", "git commit (or git reset --merge)"],
  ["CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --continue (or --abort)"],
  ["REVERT_HEAD", "a revert", "git revert --continue (or --abort)"],
  ["sequencer", "a series of picks", "git cherry-pick --continue (or --abort)"],
  ["BISECT_LOG", "a bisection", "git bisect reset"],
];

/** Paths mean themselves, and answers are in the words that programs know. */
const FOR_PROGRAMS = {
  GIT_LITERAL_PATHSPECS: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
};

/** What a file holds. */
export type Bytes = Uint8Array<ArrayBuffer>;

const decoder = new TextDecoder();

/** A working tree with its repository. */
export class Checkout {
  /** The top folder. */
  readonly tree: string;
  /** The git folder of this worktree. */
  readonly gitFolder: string;
  /** The index that all share who work in this tree. */
  readonly indexPath: string;
  #emptyTree: Promise<string> | undefined;

  private constructor(tree: string, gitFolder: string, indexPath: string) {
    this.tree = tree;
    this.gitFolder = gitFolder;
    this.indexPath = indexPath;
  }

  /**
   * Opens the repository of a working tree.
   *
   * @throws {CoordinatorError} `git_failed` where there is none.
   */
  static async open(tree: string): Promise<Checkout> {
    const args = [
      "rev-parse",
      "--is-inside-work-tree",
      "--absolute-git-dir",
      "--git-path",
      "index",
    ];
    const { code, stdout, stderr } = await runGit(args, tree);
    const [inside, gitFolder, indexPath] = decoder.decode(stdout).split("\n");
    if (code === 0 && inside === "true") {
      return new Checkout(tree, gitFolder, resolve(tree, indexPath));
    }
    throw new CoordinatorError(
      "git_failed",
      `Cannot commit in '${shown(tree)}' as it is not a working tree of git: ${lastLines(stderr)}`,
      "Run it in a working tree whose files were edited.",
    );
  }

  /**
   * Asks git, or tells it to do something; answers what it wrote.
   *
   * @throws {CoordinatorError} `git_failed`.
   */
  async git(args: readonly string[], call: GitCall = {}): Promise<Uint8Array> {
    const { code, stdout, stderr } = await this.tryGit(args, call);
    if (code === 0) return stdout;
    throw new CoordinatorError(
      "git_failed",
      `git ${args[0]} failed in '${shown(this.tree)}': ${lastLines(stderr)}`,
      "Nothing was committed, and the working tree is as it was. Run git status there to see more.",
    );
  }

  /** The same, whatever its exit code. */
  tryGit(args: readonly string[], call: GitCall = {}): Promise<GitOutcome> {
    const env = { ...FOR_PROGRAMS, ...call.env };
    return runGit(args, this.tree, { timeoutMs: QUESTION_MS, ...call, env });
  }

  /** The same, as the user would run it: what it says may be in the user's language. */
  asUser(args: readonly string[], call: GitCall): Promise<GitOutcome> {
    return runGit(args, this.tree, call);
  }

  /** The name of a tree without files. */
  emptyTree(): Promise<string> {
    return this.#emptyTree ??= this.ask(["hash-object", "-t", "tree", "--stdin"], { input: "" });
  }

  /** The same, as text without the last newline. */
  async ask(args: readonly string[], call?: GitCall): Promise<string> {
    return decoder.decode(await this.git(args, call)).replace(/\n$/, "");
  }

  /** Where HEAD is now. */
  async head(): Promise<Head> {
    const symbolic = await this.tryGit(["symbolic-ref", "-q", "HEAD"]);
    const ref = symbolic.code === 0 ? decoder.decode(symbolic.stdout).trim() : null;
    const found = await this.tryGit(["rev-parse", "-q", "--verify", "HEAD^{commit}"]);
    if (found.code === 0) return { commit: decoder.decode(found.stdout).trim(), ref };
    const isUnborn = ref !== null &&
      (await this.tryGit(["show-ref", "--verify", "--quiet", ref])).code === 1;
    if (isUnborn) return { commit: null, ref };
    throw new CoordinatorError(
      "git_failed",
      `Cannot commit in '${shown(this.tree)}' as its HEAD leads to no commit`,
      "Check it with git status and git fsck.",
    );
  }

  /**
   * Makes sure that a commit would be a plain one.
   *
   * @throws {CoordinatorError} `git_busy` in the middle of a merge, rebase, pick, revert or bisection.
   */
  refuseWhileBusy(): void {
    for (const [file, operation, end] of OPERATIONS) {
      if (lstatOrNull(`${this.gitFolder}/${file}`) === null) continue;
      throw new CoordinatorError(
        "git_busy",
        `Cannot commit in '${shown(this.tree)}' as ${operation} is under way there`,
        `Let whoever began it finish it: ${end}. Then run csc commit-mine again.`,
      );
    }
  }

  /** What a commit has at some paths; nothing where a path is not in it. */
  async entries(commit: string | null, paths: readonly string[]): Promise<Map<string, Entry>> {
    const entries = new Map<string, Entry>();
    if (commit === null) return entries;
    for (const some of chunks(paths)) {
      const args = ["ls-tree", "-z", "--full-tree", commit, "--", ...some];
      for (const record of await this.#records(args)) {
        const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t([^]*)$/.exec(record)!;
        entries.set(path, { mode, id });
      }
    }
    return entries;
  }

  /** All paths of a commit. */
  async allPaths(commit: string | null): Promise<string[]> {
    if (commit === null) return [];
    return await this.#records(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit]);
  }

  /** A file as a commit has it. */
  async content(commit: string, path: string): Promise<Bytes> {
    return await this.git(["cat-file", "blob", `${commit}:${path}`]) as Bytes;
  }

  /** A file of a commit, as it would be in the working tree: with its filters applied. */
  async checkedOut(commit: string, path: string): Promise<Bytes> {
    return await this.git(["cat-file", "--filters", `${commit}:${path}`]) as Bytes;
  }

  /** Stores a file's content, as it is in the working tree; answers its object's name. */
  async store(path: string, content: Uint8Array): Promise<string> {
    return await this.ask(["hash-object", "-w", "--stdin", `--path=${path}`], { input: content });
  }

  /** Which object a file's content would be, as it is in the working tree. */
  async objectOf(path: string, content: Uint8Array): Promise<string> {
    return await this.ask(["hash-object", "--stdin", `--path=${path}`], { input: content });
  }

  /** Which of some paths git was told to ignore. */
  async ignored(paths: readonly string[]): Promise<Set<string>> {
    if (paths.length === 0) return new Set();
    // This command knows no literal paths, but takes one that begins so for nothing else.
    const input = paths.map((path) => `./${path}\0`).join("");
    const call = { input, env: { GIT_LITERAL_PATHSPECS: "0" } };
    const { code, stdout } = await this.tryGit(["check-ignore", "-z", "--stdin"], call);
    const found = code === 0 ? decoder.decode(stdout).split("\0").slice(0, -1) : [];
    return new Set(found.map((path) => path.slice(2)));
  }

  /** Whether a path was committed after a time; null where it was in the same second. */
  async wasCommittedAfter(commit: string, path: string, atMs: number): Promise<boolean | null> {
    const second = Math.floor(atMs / 1000);
    const args = ["log", "-1", "--format=%ct", `--since=@${second - 1}`, commit, "--", path];
    const committed = Number(await this.ask(args));
    return committed === second ? null : committed > second;
  }

  /** A setting that is true or false. */
  async setting(name: string, whenUnset: boolean): Promise<boolean> {
    const { code, stdout } = await this.tryGit(["config", "--type=bool", "--get", name]);
    return code === 0 ? decoder.decode(stdout).trim() === "true" : whenUnset;
  }

  async #records(args: readonly string[]): Promise<string[]> {
    return decoder.decode(await this.git(args)).split("\0").slice(0, -1);
  }
}

/** The system limits how long a command may be. */
const CHUNK_CHARS = 50_000;

/** The paths in lists that fit into one command each. */
export function chunks(paths: readonly string[]): string[][] {
  const lists: string[][] = [];
  let room = 0;
  for (const path of paths) {
    if (path.length + 1 > room || lists.length === 0) {
      lists.push([]);
      room = CHUNK_CHARS;
    }
    lists.at(-1)!.push(path);
    room -= path.length + 1;
  }
  return lists;
}

/** The end of what a program complained about, on one line. */
export function lastLines(text: string): string {
  const lines = text.trim().split("\n").map((line) => printable(line).trim()).filter(Boolean);
  return shorten(lines.slice(-12).join(" | "), 1000) || "it did not say why";
}

/** A path of others, made safe to print. */
export function shown(path: string): string {
  return shorten(printable(path), 300);
}
