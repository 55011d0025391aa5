/**
 * Exclusion between processes by an operating-system lock on a side file, which the system frees
 * with its holder. The file is never renamed or deleted by us, or two holders could get in.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { withFile } from "./io_error.ts";
import { lstatOrNull } from "./private_folder.ts";
import { sleep } from "./sleep.ts";

/** A wait between two tries grows to this; short enough that a freed lock is not left idle. */
const LONGEST_PAUSE_MS = 8;

/** An exclusive lock that the tasks of this process, and all other processes, take in turn. */
export class FileLock {
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #deadline: number;
  #file: Deno.FsFile | null = null;
  #inode: number | null = null;
  #lastTurn: Promise<unknown> = Promise.resolve();

  /**
   * @param path The side file; created with mode 0600, its folder must exist.
   * @param timeoutMs How long a task waits for its turn, tasks of this process included.
   * @param deadline When all waiting ends, as `performance.now()` tells time.
   */
  constructor(path: string, timeoutMs: number, deadline = Infinity) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.#deadline = deadline;
  }

  /**
   * Runs the task while holding the lock.
   *
   * @throws {CoordinatorError} `store_busy` after the time-out, `store_io` where the file system has
   * no locks; and whatever opening the file or the task throws.
   */
  hold<T>(task: () => T | Promise<T>): Promise<T> {
    const deadline = Math.min(performance.now() + this.#timeoutMs, this.#deadline);
    const turn = this.#lastTurn.then(async () => {
      const file = await this.#acquire(deadline);
      try {
        return await task();
      } finally {
        file.unlockSync();
      }
    });
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  /** Runs the task if nobody holds the lock; else does nothing. */
  holdIfFree(task: () => void): Promise<void> {
    const turn = this.#lastTurn.then(() => {
      const file = this.#file ??= this.#open();
      if (!this.#tryLock(file)) return;
      try {
        task();
      } finally {
        file.unlockSync();
      }
    });
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  /** Closes the file, once the tasks that wait have had their turn. */
  async close(): Promise<void> {
    await this.#lastTurn;
    this.#file?.close();
    this.#file = null;
  }

  async #acquire(deadline: number): Promise<Deno.FsFile> {
    for (let tries = 0;; tries++) {
      const file = this.#file ??= this.#open();
      if (this.#tryLock(file)) {
        if (this.#isInPlace()) return file;
        file.close(); // somebody removed the folder: a lock on the old file excludes nobody
        this.#file = null;
      }
      if (performance.now() > deadline) throw this.#busy();
      const pauseMs = Math.min(LONGEST_PAUSE_MS, 0.5 * 1.5 ** tries) * (0.5 + Math.random());
      await sleep(pauseMs);
    }
  }

  #open(): Deno.FsFile {
    return withFile("lock", this.#path, () => {
      const info = lstatOrNull(this.#path);
      if (info && !info.isFile) throw this.#notAFile(info.isSymlink);
      const options = { read: true, write: true, create: true, mode: 0o600 };
      const file = Deno.openSync(this.#path, options);
      this.#inode = file.statSync().ino;
      return file;
    });
  }

  #tryLock(file: Deno.FsFile): boolean {
    try {
      return file.tryLockSync(true);
    } catch (error) {
      throw new CoordinatorError(
        "store_io",
        `Cannot lock '${this.#path}': ${messageOf(error)}`,
        "Put the store on a file system that has locks (some network and shared folders have none).",
        { cause: error },
      );
    }
  }

  #isInPlace(): boolean {
    try {
      return Deno.lstatSync(this.#path).ino === this.#inode;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #notAFile(isSymlink: boolean): CoordinatorError {
    return new CoordinatorError(
      "store_io",
      `Cannot lock '${this.#path}' as it is ${isSymlink ? "a symbolic link" : "no regular file"}`,
      "Remove it: locks are plain files that csc creates itself.",
    );
  }

  #busy(): CoordinatorError {
    return new CoordinatorError(
      "store_busy",
      `Cannot get the lock '${this.#path}' within ${
        Number.isFinite(this.#deadline) ? "the time there was" : `${this.#timeoutMs} ms`
      } as other processes hold it`,
      "Try again; if it stays so, `csc status` shows who is active, and a stopped process may hold it.",
    );
  }
}
