/**
 * Reading configuration files: those that a repository brings along may be anything.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { type Json, parseJson } from "../domain/json.ts";
import type { ConfigPlace } from "./places.ts";

/** Larger than any configuration, and small enough for a parser to be done at once. */
export const MAX_BYTES = { json: 1024 * 1024, yaml: 64 * 1024 } as const;

/**
 * The text of a file, without a byte order mark, or null where there is none and nobody named it.
 *
 * @throws {CoordinatorError} `invalid_config` where it cannot be read, is too large, is not UTF-8, or
 * is no file but something that might never end, unless somebody named it.
 */
export function readConfigText(
  place: Pick<ConfigPlace, "layer" | "path"> & { readonly isNamed?: boolean },
  maxBytes: number,
): string | null {
  const { path, isNamed = false } = place;
  try {
    const { isFile, isDirectory, size } = Deno.statSync(path);
    if (!isFile && !isDirectory && !isNamed) throw new Error("it is neither a file nor a folder");
    if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    return decode(Deno.readFileSync(path));
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isAbsent && !isNamed) return null;
    const fact = isAbsent ? "there is no such file" : messageOf(error);
    throw new CoordinatorError(
      "invalid_config",
      `${path}: cannot be read as configuration: ${fact}`,
      isNamed ? `Correct ${place.layer}, or create the file.` : "Correct the file, or its mode.",
      { cause: error },
    );
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8 text");
  }
}

/** Parses a JSON file's text; where it is not JSON, the answer is where it stops being so. */
export function parseConfigJson(text: string): { said: Json } | { line: number; column: number } {
  try {
    return { said: parseJson(text) };
  } catch (error) {
    const lines = text.slice(0, positionOf(error) ?? faultAt(text)).split("\n");
    return { line: lines.length, column: lines.at(-1)!.length + 1 };
  }
}

/** Where a text stops being the start of something valid; the parser does not always say. */
function faultAt(text: string): number {
  let [valid, faulty] = [0, text.length];
  while (valid + 1 < faulty) {
    const middle = Math.floor((valid + faulty) / 2);
    if (isStartOfJson(text.slice(0, middle))) valid = middle;
    else faulty = middle;
  }
  return valid;
}

function isStartOfJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const position = positionOf(error);
    return position === null ? /end of JSON/.test(messageOf(error)) : position >= text.length;
  }
}

function positionOf(error: unknown): number | null {
  const position = /position (\d+)/.exec(messageOf(error))?.[1];
  return position === undefined ? null : Number(position);
}
