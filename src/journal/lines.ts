/**
 * Files of JSON lines that several processes append to at once.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { ensurePrivateFolder, lstatOrNull } from "../os/private_folder.ts";

const NEWLINE = 0x0a;
const decoder = new TextDecoder();

/**
 * Appends a line by a single write at the end of the file, which no other process can come between.
 *
 * @param folder The file's folder; created where it is missing.
 * @throws {CoordinatorError} `store_io` where the folder or the file is a link, or something else than
 * its name says; and what the system throws.
 */
export function appendLine(folder: string, path: string, line: Uint8Array): void {
  const info = lstatOrNull(path);
  if (info === null) ensurePrivateFolder(folder);
  else if (!info.isFile) throw notAFile(path, info);
  const file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  try {
    const whole = endsTorn(file) ? withNewline(line) : line;
    const written = file.writeSync(whole);
    if (written < whole.length) throw new Error("No space left on device");
  } finally {
    file.close();
  }
}

/** Whether a write on a full disk, or a crash, left half a line, which must not swallow the next. */
function endsTorn(file: Deno.FsFile): boolean {
  const size = file.seekSync(0, Deno.SeekMode.End);
  if (size === 0) return false;
  file.seekSync(-1, Deno.SeekMode.End);
  const last = new Uint8Array(1);
  return file.readSync(last) === 1 && last[0] !== NEWLINE;
}

function withNewline(line: Uint8Array): Uint8Array {
  const whole = new Uint8Array(line.length + 1);
  whole[0] = NEWLINE;
  whole.set(line, 1);
  return whole;
}

function notAFile(path: string, info: Deno.FileInfo): CoordinatorError {
  return new CoordinatorError(
    "store_io",
    `Cannot use '${path}' as it is ${info.isSymlink ? "a symbolic link" : "no regular file"}`,
    "Remove it: the journal is kept in plain files that csc creates itself.",
  );
}

/** All lines of a file that are JSON; none where there is no such file. */
export function readLines(path: string): unknown[] {
  try {
    return parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const FIRST_BLOCK_BYTES = 64 * 1024;

/**
 * The last lines of a file, read from its end backwards until one is found that is old enough.
 *
 * @param isOld Whether a line is older than what is wanted.
 * @returns At least all lines after the last old one; oldest first.
 */
export function readLastLines(path: string, isOld: (line: unknown) => boolean): unknown[] {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  try {
    const size = file.seekSync(0, Deno.SeekMode.End);
    for (let block = FIRST_BLOCK_BYTES;; block *= 4) {
      const start = Math.max(0, size - block);
      const text = decoder.decode(readRange(file, start, size));
      const lines = parse(start === 0 ? text : text.slice(text.indexOf("\n") + 1));
      if (start === 0 || (lines.length > 0 && isOld(lines[0]))) return lines;
    }
  } finally {
    file.close();
  }
}

function readRange(file: Deno.FsFile, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  file.seekSync(start, Deno.SeekMode.Start);
  let length = 0;
  while (length < bytes.length) {
    const read = file.readSync(bytes.subarray(length));
    if (!read) break;
    length += read;
  }
  return bytes.subarray(0, length);
}

/** What is no JSON is left out: a torn line, or what somebody else wrote there. */
function parse(text: string): unknown[] {
  const lines: unknown[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      lines.push(JSON.parse(line));
    } catch {
      // Torn.
    }
  }
  return lines;
}
