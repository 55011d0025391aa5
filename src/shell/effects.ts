/**
 * What a shell command would do to files and to git that matters to others, and the places it does
 * it from.
 *
 * @module
 */

import type { Argument } from "./argument.ts";
import { isRooted, LONGEST_PATH, within } from "./place.ts";

/** A file that a command writes, removes or moves. */
export interface ShellWrite {
  /**
   * The word of the command, without its quotes, not resolved: relative to `folder`, absolute, or
   * below the user's home where it begins with `~` (a name that truly begins so is given as `./~`).
   */
  readonly path: string;
  /** Where a relative path starts: absolute, or below the user's home where it begins with `~`. */
  readonly folder: string;
  /** What writes, for people: `>>`, `sed -i`, `git restore`. */
  readonly by: string;
  /** `path` is a pattern, as `matchesPath()` reads it: every file that matches is written. */
  readonly glob?: true;
  /** Where `path` is a folder, the files below it are written too. */
  readonly below?: true;
  /**
   * Written on a condition that the command's text does not tell: `"file"`: unless `path` is a folder
   * (`mv a b`), `"folder"`: if the folder that holds `path` exists, (the same `mv a b`, for `b/a`),
   * `"exists"`: if there is such a file (`git checkout X y`, where X may be a commit). Whoever does
   * not look is not misled, as a file that does not exist is held by nobody.
   */
  readonly when?: "file" | "folder" | "exists";
}

/** A git call that matters to the other sessions of its working tree. */
export type GitAct =
  | {
    /** Changes the working tree at large, moves HEAD, or changes the stash that all share. */
    readonly kind: "tree";
    /** What is called, for people: `stash`, `checkout main`, `reset --hard`. */
    readonly verb: string;
    /** Where git works: absolute, or below the user's home where it begins with `~`. */
    readonly folder: string;
    /** Only what lies at or below these is touched; the whole working tree where it is absent. */
    readonly pathspecs?: readonly string[];
    /** `git checkout X`: if there is a file or folder X, the call may write that and move nothing. */
    readonly maybePath?: string;
    /** Moves HEAD only where this branch is checked out: `update-ref refs/heads/X`. */
    readonly branch?: string;
    /** Changes the stash stack, which all working trees of the repository share. */
    readonly stack?: true;
  }
  | {
    /** Takes whole files into the index or a commit. */
    readonly kind: "stage all";
    /** What is called, for people: `add -A`, `commit -a`. */
    readonly verb: string;
    readonly folder: string;
    /** Words of the command, files or folders or git's globs; none: the whole working tree. */
    readonly pathspecs: readonly string[];
  }
  | {
    /** Commits the index as it is. */
    readonly kind: "commit";
    readonly folder: string;
  };

/** What a shell command would do. */
export interface ShellEffects {
  /** Files that are surely written, removed or moved, in the order of the command. */
  readonly writes: readonly ShellWrite[];
  /** Git calls that matter to others, in the order of the command. */
  readonly git: readonly GitAct[];
  /**
   * Something that may write was not understood: a variable in a target, `eval`, `xargs`, a git
   * alias. What a program does by itself (`make`, `python x.py`) is nobody's to read here.
   */
  readonly hasUnknown: boolean;
}

/** Omits a key from each member of a union. */
type OmitEach<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Gathers the effects of one command. */
export class Recorder implements ShellEffects {
  readonly writes: ShellWrite[] = [];
  readonly git: GitAct[] = [];
  hasUnknown = false;
  /** Folders that the command itself makes a repository or working tree of: nobody else is there. */
  readonly begun: string[] = [];
}

/** Conditions and reach of a write. */
export type WriteTraits = Pick<ShellWrite, "below" | "when">;

/** Devices are no files that anybody edits. */
const DEVICE = /^(\/dev\/|\/proc\/|nul$)/i;

/** Each call of git is held against all of them. */
const MOST_BEGUN = 16;

/** Where a simple command runs, and where it tells its effects. */
export class Site {
  readonly #recorder: Recorder;
  /** The folder that relative paths start at; null where only the shell will know it. */
  readonly folder: string | null;

  constructor(recorder: Recorder, folder: string | null) {
    this.#recorder = recorder;
    this.folder = folder;
  }

  /** The same, in another folder. */
  in(folder: Argument): Site {
    return new Site(this.#recorder, enter(this.folder, folder));
  }

  /** Something was not understood. */
  unknown(): void {
    this.#recorder.hasUnknown = true;
  }

  /** A file is written, if its name is known. */
  write(target: Argument, by: string, traits: WriteTraits = {}): void {
    const { text: path, kind } = target;
    if (kind === "one" || kind === "many" || path.length > LONGEST_PATH) return this.unknown();
    if (path === "" || DEVICE.test(path)) return;
    const folder = this.folder ?? (isRooted(path) ? "/" : null);
    if (folder === null) return this.unknown();
    const glob = kind === "glob" ? { glob: true as const } : {};
    this.#recorder.writes.push({ path, folder, by, ...glob, ...traits });
  }

  /** Git is called, if it is known where. */
  git(act: OmitEach<GitAct, "folder">): void {
    const { folder } = this;
    if (folder === null) return this.unknown();
    const isNew = this.#recorder.begun.some((one) =>
      folder === one || folder.startsWith(`${one}/`)
    );
    if (!isNew) this.#recorder.git.push({ ...act, folder } as GitAct);
  }

  /** A repository or a working tree begins here; what git does there later matters to nobody. */
  begin(): void {
    const { begun } = this.#recorder;
    if (this.folder !== null && begun.length < MOST_BEGUN) begun.push(this.folder);
  }
}

/** The folder that `cd` leads to, null where only the shell knows. */
export function enter(folder: string | null, target: Argument): string | null {
  return target.kind === "text" ? within(folder, target.text) : null;
}
