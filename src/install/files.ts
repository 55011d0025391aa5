/**
 * Reading and replacing files that belong to the user, whole or not at all.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { basename, dirname, join } from "../os/path.ts";
import { lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";

/** A file as it was read. */
export interface FoundFile {
  /** Its real path: links are followed. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its permission bits and owner; null where the system has none. */
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

/**
 * Reads a file, through links; null where there is none.
 *
 * @throws {CoordinatorError} `store_io` where it cannot be read, is a folder or a link to nothing.
 */
export function readFile(path: string): FoundFile | null {
  const link = withPath("read", path, () => lstatOrNull(path));
  if (!link) return null;
  try {
    const real = Deno.realPathSync(path);
    const { isFile, mode, uid, gid } = Deno.statSync(real);
    if (!isFile) throw refusal(path, "it is no regular file", "Move it away, then try again.");
    return { path: real, bytes: Deno.readFileSync(real), mode, uid, gid };
  } catch (error) {
    if (link.isSymlink && error instanceof Deno.errors.NotFound) {
      const hint = "Remove the link, or create the file that it names, then try again.";
      throw refusal(path, "it is a symbolic link to nothing", hint);
    }
    throw fileError("read", path, error);
  }
}

/** The permission bits and the owner of a file that is written. */
type Like = Partial<Pick<FoundFile, "mode" | "uid" | "gid">>;

/**
 * Replaces or creates a file: readers see the old or the new content, also if this process is killed
 * here.
 *
 * @param like Its mode and owner; without them 0644 less the umask, and the user's.
 * @throws {CoordinatorError} `store_io`.
 */
export function replaceFile(path: string, content: Uint8Array | string, like: Like = {}): void {
  const temporary = join(dirname(path), `.${basename(path)}.${uniqueName()}.tmp`);
  withPath("write", path, () => {
    try {
      writeNewFile(temporary, content);
      imitate(temporary, like);
      Deno.renameSync(temporary, path);
    } catch (error) {
      removeIfThere(temporary);
      throw error;
    }
  });
}

/**
 * Replaces a file that was read, keeping its mode and owner.
 *
 * @throws {CoordinatorError} `store_io`, also where another program changed it since it was read.
 */
export function replaceFound(found: FoundFile, content: Uint8Array | string): void {
  const now = readFile(found.path);
  if (!now || !isEqual(now.bytes, found.bytes)) {
    throw refusal(found.path, "another program changed it at this moment", "Try again.");
  }
  replaceFile(found.path, content, found);
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function imitate(path: string, { mode, uid, gid }: Like): void {
  if (Deno.build.os === "windows") return;
  if (mode != null) Deno.chmodSync(path, mode & 0o7777);
  if (uid == null || gid == null) return;
  try {
    Deno.chownSync(path, uid, gid); // a super-user must not take a file away from its owner
  } catch {
    // Another user's, in a folder of ours: as ours it is still the same file.
  }
}

function writeNewFile(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const file = Deno.openSync(path, { write: true, createNew: true });
  try {
    for (let at = 0, written; at < bytes.length; at += written) {
      written = file.writeSync(bytes.subarray(at)); // may write less where the disk is full
      if (written === 0) throw new Error("No space left on device");
    }
    file.syncSync();
  } finally {
    file.close();
  }
}

/**
 * Creates a folder with its parents; answers those that were not there before, the outermost first.
 *
 * @throws {CoordinatorError} `store_io`.
 */
export function makeFolders(path: string): string[] {
  const made: string[] = [];
  for (let at = path; !lstatOrNull(at) && dirname(at) !== at; at = dirname(at)) made.unshift(at);
  withPath("create", path, () => Deno.mkdirSync(path, { recursive: true }));
  return made;
}

/** Removes folders that are empty, the innermost (the last) first. */
export function removeEmptyFolders(paths: readonly string[]): void {
  for (const path of paths.toReversed()) {
    try {
      Deno.removeSync(path);
    } catch {
      return; // not empty, or gone
    }
  }
}

/** Runs a step; what the system refuses becomes an error that names the path. */
export function withPath<T>(action: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw fileError(action, path, error);
  }
}

/** The error for a path that is not as it has to be. */
export function refusal(path: string, fact: string, hint: string): CoordinatorError {
  return new CoordinatorError("store_io", `Cannot use '${path}' as ${fact}`, hint);
}

function fileError(action: string, path: string, error: unknown): unknown {
  if (error instanceof CoordinatorError) return error;
  const message = messageOf(error);
  const hint = /os error (28|112|122)\b|no space|quota/i.test(message)
    ? "Free some disk space, then try again; nothing was changed there."
    : /os error 30\b|read-only/i.test(message)
    ? "The file system is read-only; set CLAUDE_CONFIG_DIR to a folder that can be written."
    : "Check who owns the file and its folder, and their modes; nothing was changed there.";
  return new CoordinatorError("store_io", `Cannot ${action} '${path}': ${message}`, hint, {
    cause: error,
  });
}

/** The SHA-256 of a content, in hexadecimal digits. */
export async function sha256(content: Uint8Array<ArrayBuffer> | string): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
