/**
 * What is in a working tree, as far as it takes a few milliseconds to see. What cannot be read counts
 * as not there: no suggestion is worth a failure.
 *
 * @module
 */

import { isInWorkArea } from "../config/file_rules.ts";
import type { WorkArea } from "../config/types.ts";
import { dirname, join } from "../os/path.ts";

/** A working tree with what is nobody's work in it. */
export interface Ground {
  readonly tree: string;
  readonly ignored: readonly string[];
}

/** What a folder holds, by name, without links, hidden and ignored entries. */
export interface Listing {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** How far is looked. */
export interface Reach {
  readonly maxEntries: number;
  readonly maxDepth: number;
}

/** More entries of one folder are not looked at. */
const MAX_LOOKED_AT = 5000;

/**
 * Lists a folder, in the order of names.
 *
 * @param folder Path in the tree; `""` is its top.
 * @param max How many files, and how many folders.
 */
export function listFolder(ground: Ground, folder: string, max: number): Listing {
  const files: string[] = [];
  const folders: string[] = [];
  let looked = 0;
  if (!isInside(ground, folder)) return { files, folders };
  try {
    for (const { name, isFile, isDirectory } of Deno.readDirSync(join(ground.tree, folder))) {
      if (++looked > MAX_LOOKED_AT) break;
      const path = below(folder, name);
      if (isFile && files.length < max && !isIgnored(ground, path)) files.push(name);
      if (isDirectory && folders.length < max && !isIgnored(ground, `${path}/_`)) {
        folders.push(name);
      }
    }
  } catch {
    // Not there, or not to be read.
  }
  return { files: files.sort(), folders: folders.sort() };
}

/** Whether a folder is in the tree itself, and of use: no link, neither hidden nor ignored. */
function isInside(ground: Ground, folder: string): boolean {
  return folder === "" ||
    (!isIgnored(ground, `${folder}/_`) && kindOf(ground, folder) === "folder");
}

/** The files below a folder, those that are nearest first. */
export function filesBelow(ground: Ground, folder: string, reach: Reach): string[] {
  const found: string[] = [];
  let level = [folder];
  let left = reach.maxEntries;
  for (let depth = 0; depth <= reach.maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const at of level) {
      if (left <= 0) return found;
      const { files, folders } = listFolder(ground, at, left);
      left -= files.length + folders.length + 1;
      found.push(...files.map((name) => below(at, name)));
      next.push(...folders.map((name) => below(at, name)));
    }
    level = next;
  }
  return found;
}

/**
 * Which of some names a folder holds, in its own order: one look at the folder, where a look at each
 * name would cost an exception for every one that is not there.
 */
export function namesIn(
  ground: Ground,
  folder: string,
  wanted: readonly string[],
  kind: "file" | "folder",
): string[] {
  const found: string[] = [];
  if (!isInside(ground, folder)) return found;
  let looked = 0;
  try {
    for (const { name, isFile, isDirectory } of Deno.readDirSync(join(ground.tree, folder))) {
      if (++looked > MAX_LOOKED_AT) break;
      if ((kind === "file" ? isFile : isDirectory) && wanted.includes(name)) found.push(name);
    }
  } catch {
    // Not there, or not to be read.
  }
  return found;
}

/** What is at a path: links are not followed. */
export function kindOf({ tree }: Ground, path: string): "file" | "folder" | "other" | null {
  try {
    const { isFile, isDirectory } = Deno.lstatSync(join(tree, path));
    if (isFile) return "file";
    return isDirectory ? "folder" : "other";
  } catch {
    return null;
  }
}

/** Whether a new file can be made at a path: nothing is there, and no file where a folder would be. */
export function isCreatable(ground: Ground, path: string): boolean {
  if (path.split("/").includes("..") || kindOf(ground, path) !== null) return false;
  const names = path.split("/").slice(0, -1);
  return names.every((_, at) => {
    const kind = kindOf(ground, names.slice(0, at + 1).join("/"));
    return kind === "folder" || kind === null;
  });
}

/** Whether a file is hidden, or nobody's work. */
export function isIgnored({ ignored }: Ground, path: string): boolean {
  return path.startsWith(".") || path.includes("/.") || isNamedBy(ignored, path);
}

/** Globs, with those that need no automaton apart: a hook has no time to compile and try them all. */
interface Globs {
  /** Names of folders, from `name/`. */
  readonly folders: ReadonlySet<string>;
  /** Names of files and folders, from `name`. */
  readonly names: ReadonlySet<string>;
  /** Endings of files and folders, from `*.ending`. */
  readonly endings: ReadonlySet<string>;
  readonly rest: WorkArea;
}

const compiled = new WeakMap<readonly string[], Globs>();

/** Whether one of some globs names a file, or a folder that it is in. */
export function isNamedBy(globs: readonly string[], path: string): boolean {
  let known = compiled.get(globs);
  if (!known) compiled.set(globs, known = compile(globs));
  const { folders, names, endings, rest } = known;
  const parts = path.normalize("NFC").split("/");
  const isPlain = parts.some((part, at) =>
    names.has(part) || endings.has(part.slice(part.lastIndexOf("."))) ||
    (at < parts.length - 1 && folders.has(part))
  );
  return isPlain || (rest.files.length > 0 && isInWorkArea(rest, path));
}

function compile(globs: readonly string[]): Globs {
  const [folders, names, endings] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const rest: string[] = [];
  const isOrdered = globs.some((glob) => glob.startsWith("!")); // then the last that fits decides
  for (const glob of globs.map((one) => one.normalize("NFC"))) {
    if (isOrdered || /[?[]/.test(glob)) rest.push(glob);
    else if (/^[^*/]+\/$/.test(glob)) folders.add(glob.slice(0, -1));
    else if (/^[^*/]+$/.test(glob)) names.add(glob);
    else if (/^\*\.[^*/.]+$/.test(glob)) endings.add(glob.slice(1));
    else rest.push(glob);
  }
  return { folders, names, endings, rest: { files: rest, dependencies: [] } };
}

/** Outside any repository, paths start at the root: there is no project to look through. */
export function isRoot({ tree }: Ground): boolean {
  return dirname(tree) === tree;
}

/** A path in a folder of the tree. */
export function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The folder of a path; `""` for the top. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
