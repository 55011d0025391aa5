/**
 * Folders with everything in them; links in them are never followed.
 *
 * @module
 */

import { dirname, join } from "../os/path.ts";
import { lstatOrNull } from "../os/private_folder.ts";
import { makeFolders } from "./files.ts";

/** All files and links in a folder and the folders below, sorted, by their path in it with `/`. */
export function filesIn(folder: string, within = ""): string[] {
  return namesIn(join(folder, within)).sort().flatMap((name) => {
    const path = within === "" ? name : `${within}/${name}`;
    return lstatOrNull(join(folder, path))?.isDirectory ? filesIn(folder, path) : [path];
  });
}

/** The names in a folder; none where there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Copies a file or a link, with the folders it needs; a name that is taken gets `.old` behind it. */
export function copyEntry(from: string, to: string): void {
  makeFolders(dirname(to));
  const free = lstatOrNull(to) ? `${to}.old` : to;
  if (Deno.lstatSync(from).isSymlink) Deno.symlinkSync(Deno.readLinkSync(from), free);
  else Deno.copyFileSync(from, free);
}

/** Removes a folder with everything in it; it may be gone already. */
export function removeTree(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
