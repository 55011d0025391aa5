/**
 * Folders as a shell follows them, by name alone.
 *
 * @module
 */

/** No system follows a longer one; and a folder that grows by every `cd` would take all memory. */
export const LONGEST_PATH = 4096;

/** Whether a path says by itself where it is: from a root, a drive or the user's home. */
export function isRooted(path: string): boolean {
  return /^([/\\~]|[A-Za-z]:[/\\])/.test(path);
}

/** The folder that a path leads to from another; null where that cannot be told. */
export function within(folder: string | null, path: string): string | null {
  if (isRooted(path)) return path.length > LONGEST_PATH ? null : path;
  if (folder === null || folder.length + path.length > LONGEST_PATH) return null;
  const isWindows = /^([A-Za-z]:|\\\\)/.test(folder);
  let place = folder;
  for (const name of path.split(isWindows ? /[/\\]/ : "/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") {
      place += (/[/\\]$/.test(place) ? "" : "/") + name;
      continue;
    }
    const parent = parentOf(place);
    if (parent === null) return null;
    place = parent;
  }
  return place;
}

function parentOf(folder: string): string | null {
  const drive = /^[A-Za-z]:/.exec(folder)?.[0] ?? "";
  const path = folder.slice(drive.length).replace(/(?<=[^/\\])[/\\]$/, "");
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  if (at < 0) return null; // above a home: whose, only the shell knows
  return drive + path.slice(0, Math.max(at, 1));
}
