/**
 * Folders and files that only their owner can read.
 *
 * @module
 */

import { join } from "./path.ts";
import { CoordinatorError } from "../domain/error.ts";

/**
 * Creates a folder with mode 0700, with its parents; one that is there keeps its mode.
 *
 * @throws {CoordinatorError} `store_io` where the path is a symbolic link or no folder: a repository
 * that came from elsewhere could point it anywhere.
 */
export function ensurePrivateFolder(path: string): void {
  const info = lstatOrNull(path);
  if (info && !info.isDirectory) {
    throw new CoordinatorError(
      "store_io",
      `Cannot use '${path}' as it is ${info.isSymlink ? "a symbolic link" : "not a folder"}`,
      "Remove it, or name the real folder in 'storage.config.base_path'.",
    );
  }
  if (!info) Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Makes a folder of ours private and lets it ignore itself in git.
 *
 * @param path The folder; exists.
 */
export function hideFolder(path: string): void {
  makePrivate(path, 0o700);
  const ignore = join(path, ".gitignore");
  if (!lstatOrNull(ignore)) Deno.writeTextFileSync(ignore, "*\n", { mode: 0o600 });
}

/** What is at the path itself, links not followed, or null where there is nothing. */
export function lstatOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.NotADirectory) return null; // a file stands where a folder would
    if ((error as { code?: string }).code === "ENAMETOOLONG") return null; // no file can have it
    throw error;
  }
}

/** What a path leads to; null where that is nothing, or cannot be told: whoever uses it tells why. */
export function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

/** Removes a file; it may be gone already. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Takes the rights of everybody but the owner away. */
export function makePrivate(path: string, mode: 0o600 | 0o700): void {
  if (Deno.build.os === "windows") return; // the user's profile is private there
  try {
    Deno.chmodSync(path, mode);
  } catch {
    // Another user's, shared with us on purpose: its owner decides on its mode.
  }
}
