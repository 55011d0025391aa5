/**
 * Installing the plugin for one user: a folder that is there as a whole or not at all.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { basename, dirname, join } from "../os/path.ts";
import { lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import { VERSION } from "../version.ts";
import {
  makeFolders,
  readFile,
  removeEmptyFolders,
  replaceFile,
  sha256,
  withPath,
} from "./files.ts";
import { copyEntry, filesIn, namesIn, removeTree } from "./folder_tree.ts";
import type { Program } from "./hooks.ts";
import { examineFolder, type Marker, MARKER_NAME, markerText } from "./marker.ts";
import { claudeFolder, oneAtATime } from "./places.ts";
import { checkName, MANIFEST, pluginFiles, type PluginOptions, SHIM } from "./plugin.ts";

/** What became of the plugin's folder. */
export interface PluginOutcome {
  readonly path: string;
  readonly state: "installed" | "updated" | "unchanged" | "removed" | "absent";
  /** The files that were written or removed. */
  readonly files: readonly string[];
  /** Files of somebody else's, or that somebody changed, which are still there. */
  readonly kept: readonly string[];
}

/** Where a user's plugin of a name is. */
export function pluginFolder(name: string): string {
  checkName(name);
  return join(claudeFolder(), "skills", name);
}

/**
 * Installs the plugin, or replaces one that this program installed before. Files of the user's in its
 * folder stay; files of ours that were changed stay beside the new ones as `*.old`.
 *
 * @throws {CoordinatorError} `invalid_argument` for a bad name or a folder that is not ours,
 * `store_io`.
 */
export function installPlugin(program: Program, options: PluginOptions): Promise<PluginOutcome> {
  const folder = pluginFolder(options.name);
  return oneAtATime(async () => {
    recover(folder);
    const files = pluginFiles(program, options);
    const found = withPath("read", folder, () => examineFolder(folder));
    if (found.kind === "foreign") throw notOurs(folder, found.what, options.name);
    const before = found.kind === "ours" ? found.marker : null;
    const foldersMade = before?.foldersMade ?? makeFolders(dirname(folder));
    const marker: Marker = {
      csc: VERSION,
      strict: options.strict,
      program,
      files: await hashesOf(files),
      foldersMade,
    };
    if (before && isComplete(folder, files, marker)) {
      return { path: folder, state: "unchanged", files: [], kept: [] };
    }
    const kept = before ? await carriedOver(folder, before) : new Map<string, string>();
    try {
      swapIn(folder, files, marker, kept);
    } catch (error) {
      removeEmptyFolders(foldersMade);
      throw error;
    }
    return {
      path: folder,
      state: before ? "updated" : "installed",
      files: [...files.keys()],
      kept: [...kept.values()],
    };
  });
}

/**
 * Removes the plugin's files and the folders that are empty then. Files of the user's in its folder
 * stay; files of ours that were changed stay as `*.old`, so that nothing loads them any more.
 *
 * @throws {CoordinatorError} `invalid_argument` for a bad name or a folder that is not ours,
 * `store_io`.
 */
export function uninstallPlugin(name: string): Promise<PluginOutcome> {
  const folder = pluginFolder(name);
  return oneAtATime(async () => {
    recover(folder);
    const found = withPath("read", folder, () => examineFolder(folder));
    if (found.kind === "foreign") throw notOurs(folder, found.what, name);
    if (found.kind === "absent") return { path: folder, state: "absent", files: [], kept: [] };
    const { files, foldersMade } = found.marker;
    // The manifest first: without it the rest is no plugin any more, also if this process is killed.
    const hashes: Record<string, string> = { [MANIFEST]: "", ...files };
    const names = Object.keys(hashes).filter(isWithin);
    for (const file of names) await removeOurs(join(folder, file), hashes[file]);
    withPath("remove", folder, () => removeIfThere(join(folder, MARKER_NAME)));
    for (const file of names) removeEmptyFolders([dirname(join(folder, file))]);
    removeEmptyFolders([folder]);
    const kept = filesIn(folder);
    if (kept.length === 0) removeEmptyFolders(foldersMade);
    return { path: folder, state: "removed", files: names, kept };
  });
}

/** Removes a file; what somebody changed in it is kept beside its place. */
async function removeOurs(path: string, hash: string): Promise<void> {
  const isUnchanged = await isAsWritten(path, hash);
  withPath("remove", path, () => {
    if (isUnchanged) removeIfThere(path);
    else if (lstatOrNull(path)) Deno.renameSync(path, `${path}.old`);
  });
}

/** Builds the folder beside its place and renames it there; the manifest is written last. */
function swapIn(
  folder: string,
  files: ReadonlyMap<string, string>,
  marker: Marker,
  kept: ReadonlyMap<string, string>,
): void {
  const real = realPathOf(folder);
  const fresh = besideName(real, "new");
  withPath("write", fresh, () => {
    try {
      const texts = [...files].filter(([name]) => name !== MANIFEST);
      writeTexts(fresh, [...texts, [MARKER_NAME, markerText(marker)]]);
      for (const [from, to] of kept) copyEntry(join(real, from), join(fresh, to));
      writeTexts(fresh, [[MANIFEST, files.get(MANIFEST)!]]);
      exchange(real, fresh);
    } catch (error) {
      removePlugin(fresh);
      throw error;
    }
  });
}

function writeTexts(folder: string, texts: Iterable<readonly [string, string]>): void {
  for (const [name, text] of texts) {
    const path = join(folder, name);
    makeFolders(dirname(path));
    replaceFile(path, text, { mode: name === SHIM ? 0o755 : 0o644 });
  }
}

/** Puts the new folder where the old one is, if there is one. */
function exchange(folder: string, fresh: string): void {
  const old = besideName(folder, "old");
  const isThere = examineFolder(folder).kind !== "absent";
  if (isThere) Deno.renameSync(folder, old);
  else removeEmptyFolders([folder]);
  try {
    Deno.renameSync(fresh, folder);
  } catch (error) {
    if (isThere) Deno.renameSync(old, folder);
    throw error;
  }
  if (isThere) removePlugin(old);
}

/** Heals what a killed installation left: called while no other one runs. */
function recover(folder: string): void {
  const real = realPathOf(folder);
  for (const name of namesIn(dirname(real))) {
    const leftover = join(dirname(real), name);
    if (name.startsWith(besidePrefix(real, "new"))) removePlugin(leftover);
    if (!name.startsWith(besidePrefix(real, "old"))) continue;
    withPath("restore", real, () => {
      if (examineFolder(real).kind === "absent") Deno.renameSync(leftover, real);
      else removePlugin(leftover);
    });
  }
}

function besidePrefix(folder: string, kind: "new" | "old"): string {
  return `.csc-${kind}-${basename(folder)}.`; // no plugin's name holds a dot
}

function besideName(folder: string, kind: "new" | "old"): string {
  return join(dirname(folder), besidePrefix(folder, kind) + uniqueName());
}

/** Removes a folder, its manifest first, so that no session takes what is left for a plugin. */
function removePlugin(folder: string): void {
  removeIfThere(join(folder, MANIFEST));
  removeTree(folder);
}

/** What of the old folder the new one takes over: its name there by its name here. */
async function carriedOver(folder: string, { files }: Marker): Promise<Map<string, string>> {
  const kept = new Map<string, string>();
  for (const name of filesIn(folder)) {
    if (name === MARKER_NAME) continue;
    if (!Object.hasOwn(files, name)) kept.set(name, name);
    else if (!await isAsWritten(join(folder, name), files[name])) kept.set(name, `${name}.old`);
  }
  return kept;
}

/** Whether nothing has to be written: every file is there, as it should be. */
function isComplete(
  folder: string,
  files: ReadonlyMap<string, string>,
  marker: Marker,
): boolean {
  const wanted: [string, string][] = [...files, [MARKER_NAME, markerText(marker)]];
  return wanted.every(([name, text]) => {
    const found = readFile(join(folder, name));
    const isExecutable = found?.mode == null || (found.mode & 0o100) !== 0;
    return found && (name !== SHIM || isExecutable) &&
      new TextDecoder().decode(found.bytes) === text;
  });
}

async function isAsWritten(path: string, hash: string): Promise<boolean> {
  const found = readFile(path);
  return found !== null && await sha256(found.bytes) === hash;
}

async function hashesOf(files: ReadonlyMap<string, string>): Promise<Record<string, string>> {
  const pairs = [...files].map(async ([name, text]) => [name, await sha256(text)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** A marker comes from a file: a path in it may not lead out of the folder. */
function isWithin(name: string): boolean {
  return !/(^|[/\\])\.\.([/\\]|$)/.test(name) && !/^([/\\]|[A-Za-z]:)/.test(name);
}

function notOurs(folder: string, what: string, name: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `Cannot install to or remove '${folder}' as it is ${what}`,
    `Move it away, or use another name: --name ${name === "csc" ? "sc" : "csc"}.`,
  );
}
