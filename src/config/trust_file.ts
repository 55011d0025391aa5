/**
 * Which addresses the user has allowed which projects to use as their store: a file in the user's own
 * configuration folder, which no repository can bring along.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { FileLock } from "../os/file_lock.ts";
import { dirname, join } from "../os/path.ts";
import { withFile } from "../os/io_error.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import { trustPath } from "./places.ts";

/** One address that one project may use. */
export interface TrustEntry {
  /** The project's main checkout, or its folder where there is no repository: a real path. */
  readonly project: string;
  readonly adapter: string;
  /** See `NetworkAddress.url`. */
  readonly address: string;
  /** ISO time. */
  readonly since: string;
}

const FORMAT = 1;
const LOCK_MS = 5000;

/**
 * What the user has allowed; nothing where there is no file.
 *
 * @throws {CoordinatorError} `invalid_config` where the file cannot be read, is not what csc writes,
 * or others than the user could have written it.
 */
export function readTrust(): TrustEntry[] {
  const path = trustPath();
  if (path === null) return [];
  let text: string;
  try {
    const info = Deno.statSync(path);
    if (!info.isFile) throw unusable(path, "it is no file");
    if (info.mode !== null && Deno.build.os !== "windows" && (info.mode & 0o022) !== 0) {
      throw unusable(path, "others than you can write it", `chmod 600 '${path}'`);
    }
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof CoordinatorError) throw error;
    throw unusable(path, messageOf(error));
  }
  return entriesIn(text) ?? fail(unusable(path, "it is not what `csc trust` writes"));
}

/**
 * Changes what is allowed, with no other process in between.
 *
 * @returns What is allowed now.
 * @throws {CoordinatorError} As {@linkcode readTrust}; `store_io` where it cannot be written;
 * `invalid_config` where the user has no home.
 */
export async function changeTrust(
  change: (entries: readonly TrustEntry[]) => readonly TrustEntry[],
): Promise<readonly TrustEntry[]> {
  const path = trustPath();
  if (path === null) {
    throw new CoordinatorError(
      "invalid_config",
      "There is no place to remember what you trust, as HOME is not set",
      "Set HOME.",
    );
  }
  withFile("create", dirname(path), () => ensurePrivateFolder(dirname(path)));
  const lock = new FileLock(`${path}.lock`, LOCK_MS);
  try {
    return await lock.hold(() => {
      const entries = change(readTrust());
      write(path, entries);
      return entries;
    });
  } finally {
    await lock.close();
  }
}

/** Replaces the file as a whole; where it is a link, the file that it leads to. */
function write(path: string, entries: readonly TrustEntry[]): void {
  withFile("write", path, () => {
    const target = lstatOrNull(path) ? Deno.realPathSync(path) : path;
    const draft = join(dirname(target), `.${uniqueName()}.tmp`);
    const text = JSON.stringify({ version: FORMAT, trusted: entries }, null, 2) + "\n";
    try {
      Deno.writeTextFileSync(draft, text, { createNew: true, mode: 0o600 });
      Deno.renameSync(draft, target);
    } catch (error) {
      removeIfThere(draft);
      throw error;
    }
  });
}

function entriesIn(text: string): TrustEntry[] | null {
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value) || value.version !== FORMAT || !Array.isArray(value.trusted)) return null;
  return value.trusted.every(isEntry) ? value.trusted as unknown as TrustEntry[] : null;
}

function isEntry(value: Json): boolean {
  return isObject(value) &&
    ["project", "adapter", "address", "since"].every((name) => typeof value[name] === "string");
}

function fail(error: Error): never {
  throw error;
}

function unusable(path: string, fact: string, hint?: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_config",
    `${path}: cannot be used to tell what you trust: ${fact}`,
    hint ?? "Repair the file, or remove it and run `csc trust` in your projects again.",
  );
}
