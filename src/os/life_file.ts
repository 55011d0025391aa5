/**
 * Proof of life: each server locks a file of its own for as long as it lives. The system frees the
 * lock with the process, at once and whatever ends it, and never confuses it with another process,
 * as numbers would across reboots and containers.
 *
 * @module
 */

import { join } from "./path.ts";
import { withFile } from "./io_error.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "./private_folder.ts";

/** What a life file says: `"unknown"` where it cannot be seen from here. */
export type LifeSign = "alive" | "dead" | "unknown";

/** A file left by a process that ended is of no use to anybody after this. */
const LEFTOVER_AFTER_MS = 24 * 3600 * 1000;

const ID = /^[0-9a-f-]{36}$/;

/** The files of this process's own lives: their locks need no try. */
const own = new Set<string>();

/** This process's proof of life. */
export class LifeFile {
  /** Names the life; unique for ever. */
  readonly id: string;
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(id: string, path: string, file: Deno.FsFile) {
    this.id = id;
    this.#path = path;
    this.#file = file;
  }

  /** Creates and locks a file in the folder. */
  static start(folder: string): LifeFile {
    return withFile("create", folder, () => {
      ensurePrivateFolder(folder);
      sweep(folder);
      const id = crypto.randomUUID();
      const path = join(folder, id);
      const file = Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
      try {
        file.tryLockSync(true);
      } catch (error) {
        file.close();
        throw error;
      }
      own.add(path);
      return new LifeFile(id, path, file);
    });
  }

  /** Ends the life: frees and removes the file. */
  end(): void {
    own.delete(this.#path);
    this.#file.close();
    removeIfThere(this.#path);
  }
}

/**
 * Looks for signs of a life. The lock is tried shared: two exclusive probes at once would each take
 * the other for the living.
 */
export function probeLife(folder: string, id: string): LifeSign {
  if (!ID.test(id)) return "unknown";
  const path = join(folder, id);
  if (!lstatOrNull(path)?.isFile) return "unknown";
  if (own.has(path)) return "alive";
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch {
    return "unknown"; // removed in between, or another user's
  }
  try {
    return file.tryLockSync(false) ? "dead" : "alive";
  } catch {
    return "unknown"; // no locks here
  } finally {
    file.close();
  }
}

/** Removes the file of a life that has been found dead. */
export function buryLife(folder: string, id: string): void {
  if (probeLife(folder, id) === "dead") removeIfThere(join(folder, id));
}

/** Removes the files of processes that died long ago without ever claiming anything. */
function sweep(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    const modifiedMs = lstatOrNull(join(folder, name))?.mtime?.getTime() ?? Date.now();
    if (Date.now() - modifiedMs > LEFTOVER_AFTER_MS) buryLife(folder, name);
  }
}
