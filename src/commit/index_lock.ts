/**
 * The lock of the index that all share, taken as every git takes it. From just before HEAD moves
 * until the index follows, nobody may commit from it: its tree would revert what was just committed.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { join } from "../os/path.ts";
import { lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { sleep } from "../os/sleep.ts";
import { type Checkout, shown } from "./checkout.ts";

/** How long to wait for another git that has the index, in seconds. */
const WAIT_S = 10;
const PAUSE_MS = 20;

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** What our locks hold; those of git are empty. */
const MARK = "csc commit-mine";

/** The lock of a shared index, to be taken by a script that `git commit` runs at the right moment. */
export class IndexLock {
  readonly #path: string;
  readonly #tree: string;
  readonly #takenPath: string;
  readonly #busyPath: string;

  /** @param folder A private folder in which the script leaves word. */
  constructor({ indexPath, tree }: Checkout, folder: string) {
    this.#path = `${indexPath}.lock`;
    this.#tree = tree;
    this.#takenPath = join(folder, "taken");
    this.#busyPath = join(folder, "busy");
  }

  /**
   * Waits until nobody has it, so that hooks are not run in vain.
   *
   * @param isAlone Whether no other commit of ours is being made in the tree: one that is locked by us
   * was left behind by a process that was killed, and is removed.
   * @throws {CoordinatorError} `git_busy` where that takes too long.
   */
  async untilFree(isAlone: boolean): Promise<void> {
    const deadline = performance.now() + WAIT_S * 1000;
    if (isAlone && this.#isOurs()) removeIfThere(this.#path);
    while (lstatOrNull(this.#path) !== null) {
      if (performance.now() > deadline) throw this.#busy();
      await sleep(PAUSE_MS);
    }
  }

  /** Shell commands that take it, or end the shell. */
  script(): string {
    const [lock, taken, busy] = [this.#path, this.#takenPath, this.#busyPath].map(shellWord);
    return `n=0; until (set -C; echo ${MARK} > ${lock}) 2>/dev/null; do n=$((n+1)); ` +
      `test $n -le ${WAIT_S} || { : > ${busy}; exit 1; }; sleep 1; done; : > ${taken}`;
  }

  /** Whether the script has taken it, and it was not given back. */
  get isHeld(): boolean {
    return lstatOrNull(this.#takenPath) !== null;
  }

  /** @throws {CoordinatorError} `git_busy` where the script could not take it. */
  throwIfBusy(): void {
    if (lstatOrNull(this.#busyPath) !== null) throw this.#busy();
  }

  /** Gives it back where it is held. */
  release(): void {
    if (!this.isHeld) return;
    removeIfThere(this.#path);
    removeIfThere(this.#takenPath);
  }

  /**
   * Runs a task and gives the lock back after it. A signal that would end this process first lets the
   * task end, and then ends it.
   *
   * @param task Is to stop soon where its signal aborts.
   */
  async during<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    let cause: Deno.Signal | undefined;
    const handlers = SIGNALS.map((signal) => {
      const handle = () => {
        if (cause !== undefined) end(); // a second time: somebody is impatient
        cause = signal;
        stop.abort();
      };
      Deno.addSignalListener(signal, handle);
      return [signal, handle] as const;
    });
    const end = () => {
      for (const handler of handlers) Deno.removeSignalListener(...handler);
      this.release();
      if (cause !== undefined) Deno.kill(Deno.pid, cause);
    };
    try {
      return await task(stop.signal);
    } finally {
      end();
    }
  }

  #isOurs(): boolean {
    try {
      return Deno.readTextFileSync(this.#path).startsWith(MARK);
    } catch {
      return false;
    }
  }

  #busy(): CoordinatorError {
    return new CoordinatorError(
      "git_busy",
      `Cannot commit in '${shown(this.#tree)}' as another git keeps its index locked`,
      `Let it finish, then run csc commit-mine again. Where no git runs there any more, remove ` +
        `'${shown(this.#path)}'.`,
    );
  }
}

/** A text as one word of a shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
