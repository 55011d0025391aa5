/**
 * Cleaning up after sessions that ended long ago.
 *
 * @module
 */

import { dirname, join } from "../os/path.ts";
import { lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { stemIn } from "./file_name.ts";

const DAY_MS = 24 * 3600 * 1000;

/** Names of snapshots in the lines of a journal. */
const NAMED = /"(?:before|after)":"([0-9a-f]{64})"/g;

/** See `Journal.prune`. */
export function pruneJournal(folder: string, retentionDays: number, nowMs: number): number {
  const oldestMs = nowMs - retentionDays * DAY_MS;
  const journals = [folder, join(folder, "archive")].flatMap((one) =>
    list(one).filter((name) => stemIn(name) !== null).map((name) => join(one, name))
  );
  const silent = journals.filter((path) => ageMs(path, oldestMs) > 0);
  for (const path of silent) removeIfThere(path);
  return silent.length + pruneSnapshots(join(dirname(folder), "snapshots"), journals, nowMs);
}

function pruneSnapshots(folder: string, journals: readonly string[], nowMs: number): number {
  const oldestMs = nowMs - DAY_MS;
  const old = list(folder).filter((name) => ageMs(join(folder, name), oldestMs) > 0);
  if (old.length === 0) return 0;
  const named = new Set(journals.flatMap((path) => namedIn(path)));
  let removed = 0;
  for (const name of old) {
    if (!named.has(name) && removeStillOld(join(folder, name), oldestMs)) removed++;
  }
  return removed;
}

/**
 * Removes a file unless it was touched in this very moment: who keeps a snapshot that is there
 * already touches it, and relies on it from then on.
 */
function removeStillOld(path: string, oldestMs: number): boolean {
  const doomed = `${path}.old`;
  try {
    Deno.renameSync(path, doomed);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const isOld = ageMs(doomed, oldestMs) > 0;
  if (isOld) removeIfThere(doomed);
  else Deno.renameSync(doomed, path);
  return isOld;
}

/** How much older than a time a file is; negative where it is younger, or gone. */
function ageMs(path: string, oldestMs: number): number {
  const info = lstatOrNull(path);
  return info === null ? -Infinity : oldestMs - (info.mtime?.getTime() ?? Infinity);
}

function namedIn(path: string): string[] {
  try {
    return Array.from(Deno.readTextFileSync(path).matchAll(NAMED), ([, id]) => id);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function list(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder)).filter(({ isFile }) => isFile).map(({ name }) =>
      name
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
