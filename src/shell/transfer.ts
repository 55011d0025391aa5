/**
 * Targets that may be a file or a folder, as `cp`, `mv`, `install`, `ln` and `git mv` take them.
 *
 * @module
 */

import { type Argument, known, lastName } from "./argument.ts";
import type { Site } from "./effects.ts";

/** What is brought where. */
export interface Transfer {
  /** The command, for people. */
  readonly by: string;
  readonly sources: readonly Argument[];
  readonly target: Argument;
  /** What the target is: `"either"`: a folder if there is one of this name. */
  readonly targetIs: "file" | "folder" | "either";
  /** Whether the sources are gone afterwards. */
  readonly isMove?: boolean;
}

/**
 * Tells the files that a transfer writes. A target that may be a folder gives two candidates, the
 * target and the file of the source's name in it: at most one of the two is an existing file.
 */
export function transfer(site: Site, what: Transfer): void {
  const { by, sources, target, targetIs, isMove } = what;
  if (isMove) { for (const source of sources) site.write(source, by, { below: true }); }
  if (sources.length === 0) return;
  if (target.kind !== "text") return site.unknown();
  const isOne = sources.length === 1 && sources[0].kind !== "many";
  const isFolder = targetIs === "folder" || /[/\\]$/.test(target.text) ||
    sources.filter(({ kind }) => kind !== "many").length > 1;
  if (targetIs === "file" || !isFolder) {
    site.write(target, by, targetIs === "file" ? {} : { when: "file" });
  }
  if (targetIs === "file") return;
  if (!isOne && !isFolder) site.unknown();
  for (const source of sources) {
    const inside = inFolder(target.text, source);
    if (inside) site.write(inside, by, isFolder ? {} : { when: "folder" });
    else site.unknown();
  }
}

/** The file that a source becomes in a folder, null where that cannot be told. */
function inFolder(folder: string, source: Argument): Argument | null {
  const name = lastName(source.text);
  // a file in the target that fits a pattern need not be among the files that come
  if (source.kind !== "text" || name === "") return null;
  const base = folder.replace(/(?<=[^/\\])[/\\]+$/, "");
  return known(/[/\\]$/.test(base) ? base + name : `${base}/${name}`);
}
