/**
 * Which files a pattern of a shell names.
 *
 * @module
 */

import { compileGlob } from "../domain/glob.ts";

/**
 * Whether a path is among those that a pattern names: name by name, so that `*` crosses no `/`, and
 * stands for no leading dot. A pattern that no file fits is itself, as bash and git take it.
 *
 * @param pattern Both parted by `/`, and from the same folder.
 * @param path
 * @param below Whether what lies below a folder that fits is named too.
 */
export function matchesPath(pattern: string, path: string, below = false): boolean {
  if (pattern === path || (below && path.startsWith(`${pattern}/`))) return true;
  const patterns = pattern.split("/");
  const names = path.split("/");
  if (below ? names.length < patterns.length : names.length !== patterns.length) return false;
  return patterns.every((one, at) =>
    (!names[at].startsWith(".") || one.startsWith(".")) && compileGlob(one)(names[at])
  );
}
