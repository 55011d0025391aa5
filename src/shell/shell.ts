/**
 * The folder that a shell is in, and those it can go back to.
 *
 * @module
 */

import type { Argument } from "./argument.ts";
import { enter } from "./effects.ts";

/** Folders that `pushd` left, the latest first. */
interface Left {
  readonly folder: string | null;
  readonly earlier: Left | null;
}

/** Where a shell is; null where only the shell itself will know. */
export class Shell {
  folder: string | null;
  #previous: string | null = null;
  #left: Left | null = null;

  constructor(folder: string | null) {
    this.folder = folder;
  }

  /** A subshell: what it does to its folder ends with it. */
  fork(): Shell {
    const shell = new Shell(this.folder);
    shell.#previous = this.#previous;
    shell.#left = this.#left;
    return shell;
  }

  /** Goes on where this shell and another, which took another way, may both be. */
  join(other: Shell): void {
    if (other.folder !== this.folder) this.folder = null;
    if (other.#previous !== this.#previous) this.#previous = null;
    if (other.#left !== this.#left) this.#left = null;
  }

  /** Goes on as another shell. */
  become(other: Shell): void {
    this.folder = other.folder;
    this.#previous = other.#previous;
    this.#left = other.#left;
  }

  /** `cd`; without a target, home. */
  cd(target: Argument | undefined): void {
    const here = this.folder;
    const isBack = target?.text === "-" && target.kind === "text";
    this.folder = isBack ? this.#previous : enter(here, target ?? { text: "~", kind: "text" });
    this.#previous = here;
  }

  /** `pushd`. */
  pushd(target: Argument): void {
    this.#left = { folder: this.folder, earlier: this.#left };
    this.cd(target);
  }

  /** `popd`. */
  popd(): void {
    this.#previous = this.folder;
    this.folder = this.#left?.folder ?? null;
    this.#left = this.#left?.earlier ?? null;
  }
}
