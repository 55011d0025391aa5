/**
 * What is remembered of a command while it runs: which files it was expected to write, and how those
 * looked that others hold, to find what it wrote unseen.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { userStateFolder } from "../os/log.ts";
import { join } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import type { Step } from "./step.ts";

/** A file that somebody else may hold, as it was before a command. */
export interface Watched {
  /** Its absolute path. */
  readonly file: string;
  readonly mtimeMs: number | null;
  readonly size: number | null;
}

/** A command that is under way. */
export interface Pending {
  /** When it began: ISO time. */
  readonly at: string;
  /** The folder that it began in; afterwards the shell may be in another. */
  readonly cwd: string;
  /** The files that it was expected to write: absolute paths. */
  readonly targets: readonly string[];
  readonly watched: readonly Watched[];
}

/** Whoever never told how a command ended, will not any more. */
const KEEP_MS = 24 * 3600 * 1000;

/** How a file looks now. */
export function watch(file: string): Watched {
  const info = lstatOrNull(file);
  return { file, mtimeMs: info?.mtime?.getTime() ?? null, size: info?.size ?? null };
}

/** Whether a file looks as it did before. */
export function isUnchanged(before: Watched): boolean {
  const now = watch(before.file);
  return now.mtimeMs === before.mtimeMs && now.size === before.size;
}

/** Remembers a command until it has run, as far as that is possible: its decision is made. */
export function remember(step: Step, pending: Omit<Pending, "at" | "cwd">): void {
  const folder = folderFor(step);
  const text = JSON.stringify({ at: new Date().toISOString(), cwd: step.cwd, ...pending });
  try {
    ensurePrivateFolder(folder);
    sweep(folder);
    Deno.writeTextFileSync(pathFor(step), text, { mode: 0o600 });
  } catch {
    // Afterwards it is worked out anew what the command was expected to write.
  }
}

/** What was remembered of a command, once; null where nothing was. */
export function recall(step: Step): Pending | null {
  const path = pathFor(step);
  if (!lstatOrNull(path)?.isFile) return null;
  try {
    const pending = JSON.parse(Deno.readTextFileSync(path));
    return isPending(pending) ? pending : null;
  } catch {
    return null; // torn by a full disk
  } finally {
    removeIfThere(path);
  }
}

function isPending(value: unknown): value is Pending {
  if (!isObject(value)) return false;
  const { at, cwd, targets, watched } = value;
  return typeof at === "string" && typeof cwd === "string" && Array.isArray(targets) &&
    Array.isArray(watched);
}

/** Beside no project: a command may end in another one than it began in. */
function folderFor({ desk }: Pick<Step, "desk">): string {
  return join(userStateFolder() ?? desk.machineFolder, "pending");
}

function pathFor(step: Pick<Step, "desk" | "callId">): string {
  const name = step.callId.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 100);
  return join(folderFor(step), name);
}

function sweep(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    const writtenMs = lstatOrNull(path)?.mtime?.getTime() ?? Date.now();
    if (Date.now() - writtenMs > KEEP_MS) removeIfThere(path);
  }
}
