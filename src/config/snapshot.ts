/**
 * The resolved configuration of a project, kept for hooks: reading it takes a fraction of what reading
 * and checking the configuration files takes. It lies in the user's own state folder, as a repository
 * could bring a forged one along.
 *
 * @module
 */

import { shortHash } from "../domain/hash.ts";
import { userStateFolder } from "../os/log.ts";
import { dirname, join } from "../os/path.ts";
import { ensurePrivateFolder, removeIfThere, statOrNull } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import { VERSION } from "../version.ts";
import { DEFAULT_CONFIG } from "./defaults.ts";
import type { ConfigPlace } from "./places.ts";
import type { Config } from "./types.ts";

/** What tells one state of a file from another. */
export interface Stamp {
  readonly path: string;
  /** When it was last changed, in milliseconds since 1970; null where there is no such file. */
  readonly mtimeMs: number | null;
  /** In bytes; null where there is no such file. */
  readonly size: number | null;
}

/** What a hook needs to know before it can ask the store. */
export interface Snapshot {
  readonly config: Config;
  /** The JSON file that the configuration was read from, or null where there was none. */
  readonly place: Pick<ConfigPlace, "layer" | "path"> | null;
  readonly project: { readonly id: string; readonly foundBy: string };
}

interface Stored {
  readonly version: string;
  /** Tells builds of one version apart that differ in what a configuration holds. */
  readonly defaults: string;
  readonly key: string;
  readonly stamps: readonly Stamp[];
  readonly snapshot: Snapshot;
}

/** A file that changed so lately could have changed again after it was read, in one tick of its clock. */
const SETTLED_MS = 100;
/** What no hook has rewritten for so long belongs to a project that is gone, or is made anew. */
const KEEP_MS = 30 * 24 * 3600 * 1000;

/**
 * What the files are like now; links are followed. Take the stamps *before* reading the files that a
 * snapshot is made of: a change in between then shows.
 */
export function stampsFor(paths: readonly string[]): Stamp[] {
  const isThere = new Map<string, boolean>();
  return paths.map((path) => {
    const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
    // Asking for a folder once is cheaper than failing to find each of its files.
    if (!isThere.has(folder)) isThere.set(folder, folder === "" || statOrNull(folder) !== null);
    const info = isThere.get(folder) ? statOrNull(path) : null;
    return info
      ? { path, mtimeMs: info.mtime?.getTime() ?? 0, size: info.size }
      : { path, mtimeMs: null, size: null };
  });
}

/**
 * The snapshot of a project, or null where there is none that is still true: another version of csc
 * wrote it, a file has changed, or it cannot be read.
 *
 * @param key Names the project, such as the path of its folder.
 * @param stamps The stamps of all files that the configuration and the project's name depend on.
 */
export function readSnapshot(key: string, stamps: readonly Stamp[]): Snapshot | null {
  const path = snapshotPath(key);
  if (path === null) return null;
  try {
    if (!isPrivateFile(Deno.lstatSync(path))) return null;
    const stored = JSON.parse(Deno.readTextFileSync(path)) as Stored;
    const isTrue = stored.version === VERSION && stored.defaults === defaults() &&
      stored.key === key &&
      isSame(stored.stamps, stamps);
    return isTrue ? stored.snapshot : null;
  } catch {
    return null;
  }
}

/**
 * Keeps a snapshot for later hooks; answers whether it could. Nothing depends on it, so that a full
 * disk or a read-only home is no error.
 *
 * @param stamps See {@linkcode stampsFor}; taken before the snapshot was made.
 */
export function writeSnapshot(
  key: string,
  stamps: readonly Stamp[],
  snapshot: Snapshot,
): boolean {
  const path = snapshotPath(key);
  const now = Date.now();
  const isFresh = ({ mtimeMs }: Stamp) => mtimeMs !== null && Math.abs(now - mtimeMs) < SETTLED_MS;
  if (path === null || stamps.some(isFresh)) return false;
  const stored: Stored = { version: VERSION, defaults: defaults(), key, stamps, snapshot };
  const text = JSON.stringify(stored);
  if (JSON.stringify(JSON.parse(text)) !== text) return false; // it holds numbers that lose digits
  const folder = dirname(path);
  const draft = join(folder, `${uniqueName()}.tmp`);
  try {
    ensurePrivateFolder(dirname(folder));
    ensurePrivateFolder(folder);
    sweep(folder, now);
    Deno.writeTextFileSync(draft, text, { createNew: true, mode: 0o600 });
    Deno.renameSync(draft, path);
    return true;
  } catch {
    tryToRemove(draft);
    return false;
  }
}

function snapshotPath(key: string): string | null {
  const folder = userStateFolder();
  return folder && join(folder, "snapshots", `${shortHash(key)}.json`);
}

function defaults(): string {
  return JSON.stringify(DEFAULT_CONFIG);
}

function isSame(left: readonly Stamp[], right: readonly Stamp[]): boolean {
  return left.length === right.length &&
    left.every((stamp, i) =>
      stamp.path === right[i].path && stamp.mtimeMs === right[i].mtimeMs &&
      stamp.size === right[i].size
    );
}

/** A file that others could have written is not ours. */
function isPrivateFile(info: Deno.FileInfo): boolean {
  return info.isFile && (info.mode === null || (info.mode & 0o077) === 0);
}

function sweep(folder: string, nowMs: number): void {
  for (const { name } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    const changedMs = statOrNull(path)?.mtime?.getTime() ?? nowMs;
    if (nowMs - changedMs > KEEP_MS) tryToRemove(path);
  }
}

function tryToRemove(path: string): void {
  try {
    removeIfThere(path);
  } catch {
    // It takes a few kilobytes, and the next sweep finds it again.
  }
}
