import { dirname } from "@std/path";
import { commitMine, type CommitRequest, type CommitResult } from "../../src/commit/commit_mine.ts";
import { Journal } from "../../src/journal/journal.ts";
import { Snapshots } from "../../src/journal/snapshots.ts";
import { PERMISSION_FLAGS } from "../../src/os/self.ts";
import { ROOT } from "./command.ts";
import { git } from "./project.ts";
import { TempFolder } from "./temp.ts";

/** The command of `edit_worker.ts`, with no more rights than the program has. */
export const EDIT_WORKER: readonly string[] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-check",
  ...PERMISSION_FLAGS,
  `${ROOT}tests/support/edit_worker.ts`,
];

/** What a file holds; null where there is none. */
export type Held = string | Uint8Array | null;

/**
 * A repository in which sessions edit files as the hooks record it:
 * `using tree = await EditTree.create({ "a.txt": "1\n" })`.
 */
export class EditTree implements Disposable {
  /** The working tree. */
  readonly path: string;
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  readonly #temp: TempFolder;

  private constructor(temp: TempFolder) {
    this.#temp = temp;
    this.path = temp.join("tree");
    this.journal = new Journal(temp.join("machine", "journal"));
    this.snapshots = new Snapshots(temp.join("machine", "snapshots"));
  }

  /** A repository with these files in its first commit; without any commit for null. */
  static async create(files: Record<string, string | Uint8Array> | null): Promise<EditTree> {
    const tree = new EditTree(new TempFolder());
    Deno.mkdirSync(tree.path);
    await tree.git("init", "--quiet", "--initial-branch=main");
    for (const [name, value] of [["user.name", "t"], ["user.email", "t@example.org"]]) {
      await tree.git("config", name, value);
    }
    await tree.git("config", "commit.gpgsign", "false");
    await tree.git("config", "core.hooksPath", ".git/hooks"); // not this machine's
    if (files === null) return tree;
    for (const [path, content] of Object.entries(files)) tree.write(path, content);
    await tree.git("add", "--all");
    await tree.git("commit", "--quiet", "--allow-empty", "--message=first");
    return tree;
  }

  /** A path beside the working tree. */
  beside(...names: string[]): string {
    return this.#temp.join(...names);
  }

  /** Somebody whom no session records changes a file. */
  write(path: string, content: Held): void {
    const whole = `${this.path}/${path}`;
    if (content === null) return Deno.removeSync(whole);
    Deno.mkdirSync(dirname(whole), { recursive: true });
    Deno.writeFileSync(whole, bytesOf(content));
  }

  /** What a file holds now. */
  read(path: string): string {
    return Deno.readTextFileSync(`${this.path}/${path}`);
  }

  /** A session changes a file, recorded as by the hooks. */
  async edit(session: string, path: string, content: Held, agent?: string): Promise<void> {
    const whole = `${this.path}/${path}`;
    const before = await this.snapshots.keep(whole);
    this.write(path, content);
    const after = await this.snapshots.keep(whole);
    const event = { event: "edit", session, agent, tree: this.path, path, tool: "Edit" };
    this.journal.append({ ...event, before, after });
  }

  /** A session replaces a part of a file. */
  async replace(session: string, path: string, from: string, to: string): Promise<void> {
    const text = this.read(path);
    if (!text.includes(from)) throw new Error(`'${path}' has no '${from}'`);
    await this.edit(session, path, text.replace(from, () => to));
  }

  /** A session commits what is its own. */
  commit(session: string, options: Partial<CommitRequest> = {}): Promise<CommitResult> {
    const { path: tree, journal, snapshots } = this;
    return commitMine({ tree, session, journal, snapshots, message: `by ${session}`, ...options });
  }

  /** Runs git in the tree. */
  git(...args: string[]): Promise<string> {
    return git(this.path, ...args);
  }

  /** A file of a commit; null where the commit has none. */
  async committed(path: string, commit = "HEAD"): Promise<string | null> {
    const known = await this.git("ls-tree", "--name-only", "-z", commit, "--", path);
    if (known === "") return null;
    const { stdout } = await new Deno.Command("git", {
      args: ["cat-file", "blob", `${commit}:${path}`],
      cwd: this.path,
    }).output();
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout);
  }

  /** What git shows as changed. */
  status(): Promise<string> {
    return this.git("status", "--porcelain", "--untracked-files=all");
  }

  /** Installs a hook of git. */
  hook(name: string, script: string): void {
    const path = `${this.path}/.git/hooks/${name}`;
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, `#!/bin/sh\n${script}\n`);
    Deno.chmodSync(path, 0o755);
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Numbered lines, some of them replaced. */
export function numbered(count: number, changes: Record<number, string> = {}): string {
  return Array.from(
    { length: count },
    (_, index) => `${changes[index + 1] ?? `line ${index + 1}`}\n`,
  )
    .join("");
}
