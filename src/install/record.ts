/**
 * What an installation remembers of a file that it changed, so that it can be undone to the byte.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { join } from "../os/path.ts";
import { removeIfThere } from "../os/private_folder.ts";
import { readFile, replaceFile, sha256, withPath } from "./files.ts";
import { ensureInstallsFolder, installsFolder } from "./places.ts";

/** How a file was before, and what was made of it. */
export interface InstallRecord {
  /** The file's path. */
  readonly path: string;
  /** Its text before, or null where there was no file. */
  readonly original: string | null;
  /** The SHA-256 of what was written. */
  readonly writtenSha256: string;
  /** Folders that were made for it, the outermost first. */
  readonly foldersMade: readonly string[];
}

/** The record of a file, or null where there is none that can be read. */
export async function readRecord(path: string): Promise<InstallRecord | null> {
  const place = await placeOf(path);
  const found = place && readFile(place);
  if (!found) return null;
  try {
    const record = JSON.parse(new TextDecoder().decode(found.bytes));
    return isRecord(record) && record.path === path ? record : null;
  } catch {
    return null; // as good as none: only our entries are taken out then
  }
}

/** Keeps a record; without a home there is nowhere to keep it. The original may hold secrets. */
export async function writeRecord(record: InstallRecord): Promise<void> {
  const place = await placeOf(record.path);
  if (!place) return;
  ensureInstallsFolder();
  replaceFile(place, JSON.stringify(record) + "\n", { mode: 0o600 });
}

/** Forgets a file. */
export async function removeRecord(path: string): Promise<void> {
  const place = await placeOf(path);
  if (place) withPath("remove", place, () => removeIfThere(place));
}

async function placeOf(path: string): Promise<string | null> {
  const folder = installsFolder();
  return folder && join(folder, `${await sha256(path)}.json`);
}

function isRecord(value: unknown): value is InstallRecord {
  return isObject(value) && typeof value.path === "string" &&
    (value.original === null || typeof value.original === "string") &&
    typeof value.writtenSha256 === "string" && Array.isArray(value.foldersMade) &&
    value.foldersMade.every((folder) => typeof folder === "string");
}
