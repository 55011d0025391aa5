/**
 * The file that says that a plugin folder is ours, and what in it is ours.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { join } from "../os/path.ts";
import { lstatOrNull } from "../os/private_folder.ts";
import type { Program } from "./hooks.ts";

/** Its name in the plugin's folder. */
export const MARKER_NAME = "csc-install.json";

/** What an installation wrote. */
export interface Marker {
  /** The version of csc that wrote it. */
  readonly csc: string;
  readonly strict: boolean;
  /** The words that start the program. */
  readonly program: Program;
  /** The SHA-256 of each file, by its path in the folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Folders around it that were made for it, the outermost first. */
  readonly foldersMade: readonly string[];
}

/** What a plugin folder is. */
export type FolderKind =
  | { readonly kind: "absent" }
  | { readonly kind: "foreign"; readonly what: string }
  | { readonly kind: "ours"; readonly marker: Marker };

/** Looks at a folder; links are followed. */
export function examineFolder(path: string): FolderKind {
  const link = lstatOrNull(path);
  if (!link) return { kind: "absent" };
  let names: string[];
  try {
    names = Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch (error) {
    if (link.isSymlink && error instanceof Deno.errors.NotFound) {
      return { kind: "foreign", what: "a symbolic link to nothing" };
    }
    if (!link.isDirectory && !link.isSymlink) return { kind: "foreign", what: "no folder" };
    throw error;
  }
  if (names.includes(MARKER_NAME)) return { kind: "ours", marker: readMarker(path) };
  if (names.length === 0 && link.isDirectory) return { kind: "absent" };
  return { kind: "foreign", what: "a folder that csc did not make" };
}

/** The marker as text. */
export function markerText(marker: Marker): string {
  return JSON.stringify(marker, null, 2) + "\n";
}

/** A marker that cannot be understood names no files: then all of them count as the user's. */
function readMarker(folder: string): Marker {
  let found: unknown;
  try {
    found = JSON.parse(Deno.readTextFileSync(join(folder, MARKER_NAME)));
  } catch {
    found = null;
  }
  const marker = isObject(found) ? found : {};
  const { csc, strict, program, files, foldersMade } = marker;
  return {
    csc: typeof csc === "string" ? csc : "unknown",
    strict: strict === true,
    program: isWords(program) && program.length > 0 ? program as [string, ...string[]] : ["csc"],
    files: isObject(files) && isWords(Object.values(files)) ? files as Record<string, string> : {},
    foldersMade: isWords(foldersMade) ? foldersMade : [],
  };
}

function isWords(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((word) => typeof word === "string");
}
