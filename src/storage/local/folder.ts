/**
 * The folder of the `local` store: complete files only, readable by their owner only, no links.
 *
 * ```text
 * .claude/session-state/
 *   .gitignore               the folder ignores itself
 *   <scope>.json             one file a scope
 *   .csc/locks/00 … 3f       side files of the OS locks, never renamed or deleted
 *   .csc/tmp/                files that are being written
 *   .csc/alive/              proofs of life of the servers
 * ```
 *
 * @module
 */

import { join } from "../../os/path.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { FileLock } from "../../os/file_lock.ts";
import {
  ensurePrivateFolder,
  hideFolder,
  lstatOrNull,
  removeIfThere,
} from "../../os/private_folder.ts";
import { uniqueName } from "../../os/unique.ts";
import { ioError, withFile } from "../../os/io_error.ts";
import { BUCKETS, isScopeFile } from "./file_name.ts";
import { HEADER_BYTES } from "./scope_file.ts";

/** Access to the files of one store. */
export class Folder {
  /** Its path. */
  readonly path: string;
  readonly #durable: boolean;
  readonly #lockTimeoutMs: number;
  readonly #deadline: number;
  readonly #locks = new Map<number, FileLock>();
  readonly #temporary: string;

  /**
   * @param path Its path; created at the first write.
   * @param options `durable`: flush each write to the disk, against loss of power;
   * `lockTimeoutMs`: how long a writer waits for its turn; `deadline`: when all waiting ends.
   */
  constructor(
    path: string,
    options: { durable: boolean; lockTimeoutMs: number; deadline?: number },
  ) {
    this.path = path;
    this.#temporary = this.#sub("tmp");
    this.#durable = options.durable;
    this.#lockTimeoutMs = options.lockTimeoutMs;
    this.#deadline = options.deadline ?? Infinity;
  }

  /** Runs a task while no other task of any process runs for the same bucket. */
  hold<T>(bucket: number, task: () => T | Promise<T>): Promise<T> {
    return this.#lockOf(bucket).hold(task);
  }

  #lockOf(bucket: number): FileLock {
    let lock = this.#locks.get(bucket);
    if (!lock) {
      const name = bucket.toString(16).padStart(2, "0");
      lock = new FileLock(join(this.#sub("locks"), name), this.#lockTimeoutMs, this.#deadline);
      this.#locks.set(bucket, lock);
    }
    return lock;
  }

  /** The names of all files that can be a scope's; none where the folder does not exist yet. */
  scopeFiles(): string[] {
    try {
      const names: string[] = [];
      for (const entry of Deno.readDirSync(this.path)) {
        if (entry.isFile && isScopeFile(entry.name)) names.push(entry.name);
      }
      return names;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw ioError("list", this.path, error);
    }
  }

  /**
   * A file's text, or null where there is none.
   *
   * @throws {CoordinatorError} `store_corrupt` where it is a symbolic link or no regular file,
   * `store_io` where it cannot be read.
   */
  read(name: string): string | null {
    const path = `${this.path}/${name}`;
    return withFile("read", path, () => {
      const info = lstatOrNull(path);
      if (!info) return null;
      if (!info.isFile) throw notAFile(path, info);
      try {
        return Deno.readTextFileSync(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    });
  }

  /** The start of a regular file's text, or null where it is gone. */
  readStart(name: string, buffer: Uint8Array): string | null {
    const path = join(this.path, name);
    return withFile("read", path, () => {
      try {
        const length = withOpen(
          path,
          { read: true },
          (file) => file.readSync(buffer.subarray(0, HEADER_BYTES)) ?? 0,
        );
        return decoder.decode(buffer.subarray(0, length));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    });
  }

  /**
   * Replaces a file as a whole: readers see the old or the new text, also if this process is killed
   * here. To be called while holding the bucket.
   */
  replace(name: string, text: string, bucket: number): void {
    const path = `${this.path}/${name}`;
    const temporary = `${this.#temporary}/${bucket}.${uniqueName()}`;
    withFile("write", path, () => {
      try {
        writeNewFile(temporary, text, this.#durable);
        Deno.renameSync(temporary, path);
      } catch (error) {
        removeIfThere(temporary);
        throw error;
      }
      if (this.#durable) flushFolder(this.path);
    });
  }

  /** Removes a file. To be called while holding its bucket. */
  remove(name: string): void {
    const path = join(this.path, name);
    withFile("remove", path, () => removeIfThere(path));
    if (this.#durable) flushFolder(this.path);
  }

  /** Creates what a writer needs, and sweeps what writers that were killed left behind. */
  async prepare(): Promise<void> {
    if (!this.#isPrepared()) this.#create();
    for (const name of this.#temporaryFiles()) {
      const bucket = Number.parseInt(name);
      if (!(bucket >= 0 && bucket < BUCKETS)) continue;
      // Whoever holds the bucket may be writing this very file: so only where it is free.
      await this.#lockOf(bucket).holdIfFree(() => removeIfThere(join(this.#temporary, name)));
    }
  }

  /** Whether a process before this one has created all: what is in the folder need not be listed. */
  #isPrepared(): boolean {
    return withFile(
      "list",
      this.path,
      () =>
        [this.path, this.#sub(), this.#sub("locks"), this.#temporary].every((folder) =>
          lstatOrNull(folder)?.isDirectory
        ) && lstatOrNull(join(this.path, ".gitignore")) !== null,
    );
  }

  #create(): void {
    withFile("create", this.path, () => {
      const isOurs = this.#isOurs();
      for (const folder of [this.path, this.#sub(), this.#sub("locks"), this.#sub("tmp")]) {
        ensurePrivateFolder(folder);
      }
      if (isOurs) hideFolder(this.path);
    });
  }

  #temporaryFiles(): string[] {
    return withFile(
      "list",
      this.#temporary,
      () => Array.from(Deno.readDirSync(this.#temporary), ({ name }) => name),
    );
  }

  /** Closes the locks' files. */
  async close(): Promise<void> {
    for (const lock of this.#locks.values()) await lock.close();
    this.#locks.clear();
  }

  /** Whether it holds nothing but scopes; a folder with other things in it is left as it is. */
  #isOurs(): boolean {
    if (!lstatOrNull(this.path)?.isDirectory) return true;
    return Deno.readDirSync(this.path).every(({ name }) =>
      isScopeFile(name) || name === ".gitignore" || name === ".csc"
    );
  }

  #sub(name = ""): string {
    return join(this.path, ".csc", name);
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function notAFile(path: string, info: Deno.FileInfo): CoordinatorError {
  return new CoordinatorError(
    "store_corrupt",
    `Cannot use '${path}' as it is ${info.isSymlink ? "a symbolic link" : "no regular file"}`,
    "It was left untouched. Move it out of the folder: the store keeps regular files only.",
  );
}

/** Writes all of a new file, or throws; `createNew` does not follow what somebody else put there. */
function writeNewFile(path: string, text: string, durable: boolean): void {
  const bytes = encoder.encode(text);
  withOpen(path, { write: true, createNew: true, mode: 0o600 }, (file) => {
    for (let at = 0, written; at < bytes.length; at += written) {
      written = file.writeSync(bytes.subarray(at)); // on a full disk it may write less, without error
      if (written === 0) throw new Error("No space left on device");
    }
    if (durable) file.syncSync();
  });
}

function flushFolder(path: string): void {
  if (Deno.build.os === "windows") return; // folders cannot be opened there; the rename is journaled
  withOpen(path, { read: true }, (folder) => folder.syncSync());
}

/** Not `using`: the bundler drops it where the variable is read once. */
function withOpen<T>(path: string, options: Deno.OpenOptions, step: (file: Deno.FsFile) => T): T {
  const file = Deno.openSync(path, options);
  try {
    return step(file);
  } finally {
    file.close();
  }
}
