/**
 * Which file holds a scope. Seed 002's name (`:` and `/` become `__`) is taken where it is safe on
 * every file system and no other scope has it; otherwise a name with a hash.
 *
 * @module
 */

import { utf8Length } from "../../domain/json.ts";

/** Where a scope's file may be, and which lock guards it. */
export interface FileNames {
  /** The seed's name, or null where no file can bear it. */
  readonly seed: string | null;
  /** Whether a new file may get the seed's name. */
  readonly seedIsSafe: boolean;
  /** The name with the scope's SHA-256, which no other scope has; seldom needed. */
  hashed(): Promise<string>;
  /** Same for all scopes that compete for one seed name, also where the file system folds case. */
  readonly bucket: number;
}

/** How many locks share the work: scopes of one bucket wait for each other. Never to be changed. */
export const BUCKETS = 64;

const SUFFIX = ".json";
const MAX_NAME_BYTES = 200;

/** What nearly all names are: letters, digits and a few signs; `~` marks hashed names. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9 ._@+=,()-]*$/;

/** The same in all scripts, but for those from right to left; made when needed, as that takes 2 ms. */
function isReadable(stem: string): boolean {
  const letters = new RegExp("^[\\p{L}\\p{N}_][\\p{L}\\p{M}\\p{N} ._@+=,()-]*$", "u");
  const rightToLeft = new RegExp(
    "[\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufeff]|[\\u{10800}-\\u{10fff}]|[\\u{1e800}-\\u{1efff}]",
    "u",
  );
  return letters.test(stem) && !rightToLeft.test(stem);
}

const WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** The names for a scope; remembered for those used last. */
export function fileNames(scope: string): FileNames {
  const known = remembered.get(scope);
  if (known) return known;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  const names = findNames(scope);
  remembered.set(scope, names);
  return names;
}

const remembered = new Map<string, FileNames>();
const MAX_REMEMBERED = 1000;

function findNames(scope: string): FileNames {
  const stem = scope.replaceAll(/[:/]/g, "__");
  const bytes = utf8Length(stem);
  const canBear = !/[\0\\]/.test(stem) && bytes + SUFFIX.length <= 255;
  let hashed: Promise<string> | null = null;
  return {
    seed: canBear ? stem + SUFFIX : null,
    seedIsSafe: canBear && isSafe(stem, bytes),
    hashed: () => hashed ??= hashedName(scope, stem),
    bucket: fnv1a(stem.normalize("NFC").toLowerCase()) % BUCKETS,
  };
}

async function hashedName(scope: string, stem: string): Promise<string> {
  return `${readable(stem)}~${await sha256(scope)}${SUFFIX}`;
}

/** Whether a file name can be that of a scope. */
export function isScopeFile(name: string): boolean {
  return name.endsWith(SUFFIX) && !name.startsWith(".git");
}

function isSafe(stem: string, bytes: number): boolean {
  return bytes <= MAX_NAME_BYTES && (PLAIN_NAME.test(stem) || isReadable(stem)) &&
    !/[. ]$/.test(stem) && !WINDOWS_DEVICE.test(stem) && stem === stem.normalize("NFC");
}

/** The start of a name, for people who look into the folder. */
function readable(stem: string): string {
  return stem.replaceAll(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 32);
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
