/**
 * Which files a shell command writes: its words brought to files by what is on the disk.
 *
 * @module
 */

import { findRepository, type Repository } from "../detect/repository.ts";
import { isAbsolute, join, resolveFrom } from "../os/path.ts";
import { lstatOrNull } from "../os/private_folder.ts";
import {
  analyseShell,
  type Dialect,
  type GitAct,
  type ShellEffects,
  type ShellWrite,
} from "../shell/analyse.ts";
import { matchesPath } from "../shell/path_pattern.ts";
import { type Target, targetOf } from "./place.ts";

/** A file or folder that a command surely writes. */
export interface ShellTarget {
  readonly target: Target;
  readonly isFolder: boolean;
}

/** More files than this are not looked at: each takes some calls of the system. */
const MAX_FILES = 500;
/** In so many folders at the most, and with so many names in all, patterns are looked for. */
const MAX_NAMES = 20_000;

/** The absolute folder that git or a write of a command starts at; null where only the shell knows. */
export function folderOf(cwd: string, folder: string): string | null {
  return absoluteOf(cwd, folder === "" ? "." : folder);
}

/** Whether the word of `git checkout WORD` is a file, so that only this file changes. */
export function namesFile(cwd: string, act: GitAct): boolean {
  return fileNamed(cwd, act) !== null;
}

/** What a command would do, with paths as this system writes them. */
export function effectsOf(command: string, cwd: string, dialect: Dialect): ShellEffects {
  const effects = analyseShell(command, cwd, dialect);
  if (dialect === "bash" || Deno.build.os === "windows") return effects;
  // PowerShell parts names by either slash everywhere.
  const plain = <T extends object>(one: T): T =>
    Object.fromEntries(
      Object.entries(one).map(([name, value]) => [
        name,
        name === "path" || name === "folder" ? String(value).replaceAll("\\", "/") : value,
      ]),
    ) as T;
  return { ...effects, writes: effects.writes.map(plain), git: effects.git.map(plain) };
}

/** The files and folders that a command surely writes, each once. */
export function shellTargets(cwd: string, { writes, git }: ShellEffects): ShellTarget[] {
  const found = new Map<string, ShellTarget>();
  const seen = new Set<string>();
  const add = (path: string, write: Pick<ShellWrite, "when" | "below">) => {
    const id = `${write.when ?? ""} ${write.below === true} ${path}`;
    if (seen.has(id) || seen.size === MAX_FILES) return;
    seen.add(id);
    const target = targetOf(path, cwd);
    const info = lstatOrNull(target.absolute);
    const isFolder = info?.isDirectory === true;
    if (isFolder && (!write.below || write.when === "file")) return;
    if (write.when === "exists" && info === null) return;
    if (write.when === "folder" && !isFolderAt(join(target.absolute, ".."))) return;
    found.set(target.absolute, { target, isFolder });
  };
  for (const write of writes) {
    const folder = folderOf(cwd, write.folder);
    const path = folder === null ? null : absoluteOf(folder, write.path);
    if (path === null) continue;
    const paths = write.glob ? filesMatching(path) : [path];
    for (const one of paths) add(one, write);
  }
  for (const act of git) {
    const path = act.kind === "tree" && act.verb.startsWith("checkout")
      ? fileNamed(cwd, act)
      : null; // `git reset FILE` only unstages it
    if (path !== null) add(path, { below: true });
  }
  return [...found.values()];
}

/** The repositories that a command works in, the one of its folder first. */
export function repositoriesIn(cwd: string, effects: ShellEffects): Repository[] {
  const folders = [...effects.git, ...effects.writes].map(({ folder }) => folderOf(cwd, folder));
  const found = new Map<string, Repository>();
  for (const folder of new Set([cwd, ...folders])) {
    const repository = folder === null ? null : findRepository(folder);
    if (repository) found.set(repository.worktree, repository);
    if (found.size === MAX_TREES) break;
  }
  return [...found.values()];
}

const MAX_TREES = 5;

function fileNamed(cwd: string, act: GitAct): string | null {
  if (act.kind !== "tree" || act.maybePath === undefined) return null;
  const folder = folderOf(cwd, act.folder);
  const path = folder === null ? null : absoluteOf(folder, act.maybePath);
  return path !== null && lstatOrNull(path) !== null ? path : null;
}

/** A path as a shell takes it; null where it starts at a home that only the shell knows. */
function absoluteOf(folder: string, path: string): string | null {
  const absolute = join(resolveFrom(folder, path));
  const isElsewhere = path.startsWith("~") && absolute === join(folder, path);
  return isAbsolute(absolute) && !isElsewhere ? absolute : null;
}

function isFolderAt(path: string): boolean {
  return lstatOrNull(path)?.isDirectory === true;
}

/** What is on the disk and fits a pattern; without a match the pattern is a name like any other. */
function filesMatching(pattern: string): string[] {
  const names = pattern.split("/");
  const start = names.findIndex((name) => /[*?[]/.test(name));
  if (start < 0) return [pattern];
  let left = MAX_NAMES;
  let folders = [names.slice(0, start).join("/") || "/"];
  for (const [i, name] of names.slice(start).entries()) {
    const isLast = start + i === names.length - 1;
    folders = folders.flatMap((folder) => {
      const entries = namesIn(folder, left);
      left -= entries.length;
      return entries.filter((entry) => matchesPath(name, entry)).map((entry) =>
        join(folder, entry)
      );
    }).filter((path) => isLast || isFolderAt(path));
  }
  return folders;
}

function namesIn(folder: string, most: number): string[] {
  const names: string[] = [];
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (names.length >= most) break;
      names.push(name);
    }
  } catch {
    // No such folder, or not ours to read.
  }
  return names;
}
