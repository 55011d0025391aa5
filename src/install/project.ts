/**
 * Installing into the files that a repository shares with everybody who works on it.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { dirname, join } from "../os/path.ts";
import { removeIfThere } from "../os/private_folder.ts";
import {
  type FoundFile,
  makeFolders,
  readFile,
  removeEmptyFolders,
  replaceFile,
  replaceFound,
  sha256,
  withPath,
} from "./files.ts";
import { oneAtATime } from "./places.ts";
import { type InstallRecord, readRecord, removeRecord, writeRecord } from "./record.ts";
import { EMPTY_TEXT, SERVERS, SETTINGS, type SharedFile } from "./shared_files.ts";

/** What became of a shared file. */
export interface FileOutcome {
  readonly path: string;
  readonly state:
    | "created"
    | "changed"
    | "unchanged"
    | "removed"
    | "restored"
    | "cleaned"
    | "absent";
}

const SHARED_FILES: readonly SharedFile[] = [SERVERS, SETTINGS];

/**
 * Adds our entries to a worktree's shared files; both are checked before the first one is written.
 *
 * @throws {CoordinatorError} `invalid_config` where a file cannot be understood, `store_io`.
 */
export function installProject(worktree: string, strict: boolean): Promise<FileOutcome[]> {
  return oneAtATime(async () => {
    const plans = SHARED_FILES.map((shared) => {
      const path = join(worktree, shared.name);
      const found = readFile(path);
      const text = found && textOf(found);
      const isBlank = text === null || text.trim() === "";
      return {
        shared,
        path,
        found,
        text,
        merged: shared.merge(isBlank ? EMPTY_TEXT : text, strict, path),
      };
    });
    const outcomes: FileOutcome[] = [];
    for (const { shared, path, found, text, merged } of plans) {
      if (merged === text) {
        outcomes.push({ path, state: "unchanged" });
        continue;
      }
      const real = found?.path ?? path;
      const foldersMade = makeFolders(dirname(real));
      const record = await recordFor(shared, real, found, text, foldersMade);
      const bytes = encode(merged, found);
      // First the record: without it a written file could not be restored.
      await writeRecord({ ...record, writtenSha256: await sha256(bytes) });
      if (found) replaceFound(found, bytes);
      else replaceFile(real, bytes);
      outcomes.push({ path: real, state: found ? "changed" : "created" });
    }
    return outcomes;
  });
}

/** What to remember: the text before our first change, as far as nobody else changed it since. */
async function recordFor(
  shared: SharedFile,
  path: string,
  found: FoundFile | null,
  text: string | null,
  foldersMade: readonly string[],
): Promise<Omit<InstallRecord, "writtenSha256">> {
  if (!found || text === null) return { path, original: null, foldersMade };
  const earlier = await readRecord(path);
  if (earlier && earlier.writtenSha256 === await sha256(found.bytes)) return earlier;
  if (text.trim() === "") return { path, original: withBom(text, found), foldersMade };
  const original = shared.strip(text, earlier?.original ?? null, path);
  return { path, original: withBom(original, found), foldersMade: earlier?.foldersMade ?? [] };
}

/**
 * Takes our entries out of a worktree's shared files. A file that nobody changed since is restored to
 * the byte; one that we made, and that says nothing else, is removed.
 *
 * @throws {CoordinatorError} `invalid_config` where a file cannot be understood, `store_io`.
 */
export function uninstallProject(worktree: string): Promise<FileOutcome[]> {
  return oneAtATime(async () => {
    const outcomes: FileOutcome[] = [];
    for (const shared of SHARED_FILES) {
      outcomes.push(await undo(shared, join(worktree, shared.name)));
    }
    return outcomes;
  });
}

async function undo(shared: SharedFile, path: string): Promise<FileOutcome> {
  const found = readFile(path);
  if (!found) {
    await removeRecord(path);
    return { path, state: "absent" };
  }
  const text = textOf(found);
  const record = await readRecord(found.path);
  const isAsWritten = record?.writtenSha256 === await sha256(found.bytes);
  const state = isAsWritten
    ? restore(found, record.original)
    : takeOut(shared, found, text, record);
  if (state === "removed") removeEmptyFolders(record?.foldersMade ?? []);
  await removeRecord(found.path);
  return { path: found.path, state };
}

function restore(found: FoundFile, original: string | null): FileOutcome["state"] {
  if (original === null) return remove(found.path);
  replaceFound(found, original);
  return "restored";
}

function takeOut(
  shared: SharedFile,
  found: FoundFile,
  text: string,
  record: InstallRecord | null,
): FileOutcome["state"] {
  if (text.trim() === "") return "unchanged";
  const fresh = [false, true].map((strict) => shared.merge(EMPTY_TEXT, strict, found.path));
  if (fresh.includes(text)) return remove(found.path); // nobody else ever said anything in it
  const rest = shared.strip(text, record?.original ?? null, found.path);
  if (rest === text) return "unchanged";
  if (record?.original === null && /^\s*\{\s*\}\s*$/.test(rest)) return remove(found.path);
  replaceFound(found, encode(rest, found));
  return "cleaned";
}

function remove(path: string): "removed" {
  withPath("remove", path, () => removeIfThere(path));
  return "removed";
}

const BOM = "\ufeff";

/** A file's text, without a byte order mark. */
function textOf({ path, bytes }: FoundFile): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CoordinatorError(
      "invalid_config",
      `${path} is not UTF-8 text; it was left as it is`,
      "Save it as UTF-8, as JSON has to be, then try again.",
      { cause: error },
    );
  }
}

/** The text with the byte order mark that the file had. */
function withBom(text: string, found: FoundFile | null): string {
  const [a, b, c] = found?.bytes ?? [];
  return a === 0xef && b === 0xbb && c === 0xbf ? BOM + text : text;
}

function encode(text: string, found: FoundFile | null): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(withBom(text, found));
}
