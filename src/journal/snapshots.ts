/**
 * What files held before and after each edit, so that the hunks of one session can be told from
 * those of another. Each content is kept once, under the name of its SHA-256.
 *
 * @module
 */

import { join } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";

/** Files larger than this are not kept: 4 MiB. */
export const MAX_SNAPSHOT_BYTES = 4 * 1024 * 1024;

/** What stands in place of a snapshot's name where no content was kept, and why it was not. */
const NOT_KEPT = {
  "!link": "it was a symbolic link",
  "!folder": "it was a folder",
  "!special": "it was no regular file",
  "!too-large": "it was too large to keep a copy of",
  "!unreadable": "it could not be read",
  "!not-kept": "its copy could not be written",
} as const;

type NotKept = keyof typeof NOT_KEPT;

/** Why a snapshot has no content, as the end of a sentence, or null for one that has. */
export function whyNotKept(id: string): string | null {
  return id.startsWith("!") ? NOT_KEPT[id as NotKept] ?? "no copy of it was kept" : null;
}

const ID = /^[0-9a-f]{64}$/;

/** A snapshot that is kept again is as good as new: it is touched, though not at every edit. */
const TOUCH_AFTER_MS = 3600 * 1000;

/** Copies of files, by their content. */
export class Snapshots {
  /** Where they are. */
  readonly folder: string;
  readonly #maxBytes: number;

  /**
   * @param folder Where to keep them; created at the first one.
   * @param options `maxBytes`: files larger than this are not kept, 4 MiB by default.
   */
  constructor(folder: string, options: { readonly maxBytes?: number } = {}) {
    this.folder = folder;
    this.#maxBytes = options.maxBytes ?? MAX_SNAPSHOT_BYTES;
  }

  /**
   * Keeps what a file holds now. Never throws: what cannot be kept gets a name that says why, see
   * {@linkcode whyNotKept}.
   *
   * @param path The file's real path.
   * @returns The snapshot's name, or null where there is no file.
   */
  async keep(path: string): Promise<string | null> {
    const bytes = this.#contentOf(path);
    if (bytes === null || typeof bytes === "string") return bytes;
    const id = await digest(bytes);
    try {
      this.#store(id, bytes);
      return id;
    } catch {
      return "!not-kept" satisfies NotKept;
    }
  }

  /** What a snapshot holds, or null where it has no content or is gone. */
  read(id: string): Uint8Array | null {
    if (!ID.test(id)) return null;
    try {
      return Deno.readFileSync(join(this.folder, id));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  #contentOf(path: string): Uint8Array<ArrayBuffer> | NotKept | null {
    try {
      const info = lstatOrNull(path);
      if (info === null) return null;
      if (info.isSymlink) return "!link";
      if (info.isDirectory) return "!folder";
      if (!info.isFile) return "!special";
      if (info.size > this.#maxBytes) return "!too-large";
      const bytes = Deno.readFileSync(path);
      return bytes.length > this.#maxBytes ? "!too-large" : bytes; // it may have grown meanwhile
    } catch (error) {
      return error instanceof Deno.errors.NotFound ? null : "!unreadable";
    }
  }

  #store(id: string, bytes: Uint8Array): void {
    const path = join(this.folder, id);
    const info = lstatOrNull(path);
    if (info?.isFile && info.size === bytes.length && stayFresh(path, info)) return;
    const temporary = join(this.folder, `tmp-${uniqueName()}`);
    try {
      writeNew(this.folder, temporary, bytes);
      Deno.renameSync(temporary, path);
    } catch (error) {
      removeIfThere(temporary);
      throw error;
    }
  }
}

/** The name of a content. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Keeps a snapshot from being cleaned up; false where that has just happened. */
function stayFresh(path: string, info: Deno.FileInfo): boolean {
  const now = new Date();
  if (now.getTime() - (info.mtime?.getTime() ?? 0) < TOUCH_AFTER_MS) return true;
  try {
    Deno.utimeSync(path, now, now);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Writes all of a new file, or throws; a link that somebody else put there is not followed. */
function writeNew(folder: string, path: string, bytes: Uint8Array): void {
  const options: Deno.OpenOptions = { write: true, createNew: true, mode: 0o600 };
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    ensurePrivateFolder(folder);
    file = Deno.openSync(path, options);
  }
  try {
    for (let at = 0, written; at < bytes.length; at += written) {
      written = file.writeSync(bytes.subarray(at)); // on a full disk it may write less, without error
      if (written === 0) throw new Error("No space left on device");
    }
  } finally {
    file.close();
  }
}
