/**
 * The file of tokens: what is known of each, and its hash. The token itself is nowhere but with its
 * user.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json, parseJson } from "../domain/json.ts";
import { FileLock } from "../os/file_lock.ts";
import { withFile } from "../os/io_error.ts";
import { dirname } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import type { TokenScope } from "./principal.ts";

/** What a token may be used for, in the order they are shown. */
export const TOKEN_SCOPES = ["read", "write", "force", "admin"] as const satisfies TokenScope[];

/** What is known of a token. Times are ISO times. */
export interface TokenRecord {
  /** Names it, for `csc token revoke`; no secret. */
  readonly id: string;
  readonly user: string;
  readonly tenant: string;
  readonly scopes: readonly TokenScope[];
  /** Globs; null for any. */
  readonly projects: readonly string[] | null;
  readonly machines: readonly string[] | null;
  readonly created_at: string;
  /** Null for never. */
  readonly expires_at: string | null;
  /** To the hour; null where it never was. */
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** A token as stored. */
export interface StoredToken extends TokenRecord {
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string;
}

/** How long a change waits for others. */
const LOCK_TIMEOUT_MS = 5000;
const FORMAT = 1;

/** The file, as one process uses it. */
export class TokenFile {
  readonly path: string;
  #stamp: string | null = null;
  #tokens: readonly StoredToken[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /**
   * The tokens as the file has them now: it is read anew where it has changed.
   *
   * @throws {CoordinatorError} `store_io` where it cannot be read or others could have written it,
   * `store_corrupt`, `store_newer`.
   */
  read(): readonly StoredToken[] {
    const info = withFile("read", this.path, () => lstatOrNull(this.path));
    if (info) checkOurs(this.path, info);
    const stamp = info && `${info.ino} ${info.mtime?.getTime()} ${info.size}`;
    if (stamp === null || stamp !== this.#stamp) {
      this.#tokens = info ? parse(this.path, this.#text()) : [];
      this.#stamp = stamp;
    }
    return this.#tokens;
  }

  /** Changes the tokens, as a whole or not at all, while no other process does. */
  async change(step: (tokens: readonly StoredToken[]) => readonly StoredToken[]): Promise<void> {
    withFile("create", dirname(this.path), () => ensurePrivateFolder(dirname(this.path)));
    const lock = new FileLock(`${this.path}.lock`, LOCK_TIMEOUT_MS);
    try {
      await lock.hold(() => {
        const before = this.read();
        const after = step(before);
        if (after !== before) this.#replace(after);
      });
    } finally {
      await lock.close();
    }
  }

  #text(): string {
    return withFile("read", this.path, () => Deno.readTextFileSync(this.path));
  }

  #replace(tokens: readonly StoredToken[]): void {
    const text = JSON.stringify({ v: FORMAT, tokens }, null, 2) + "\n";
    const draft = `${this.path}.${uniqueName()}.tmp`;
    withFile("write", this.path, () => {
      try {
        writeNew(draft, text);
        Deno.renameSync(draft, this.path);
      } catch (error) {
        removeIfThere(draft);
        throw error;
      }
    });
  }
}

/** Flushed, since a token that was revoked must stay so. */
function writeNew(path: string, text: string): void {
  const file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0, written; at < bytes.length; at += written) {
      written = file.writeSync(bytes.subarray(at)); // on a full disk it may write less, without error
      if (written === 0) throw new Error("No space left on device");
    }
    file.syncSync();
  } finally {
    file.close();
  }
}

/** Whoever can write the file can let anybody in. */
function checkOurs(path: string, info: Deno.FileInfo): void {
  const fault = info.isSymlink
    ? "it is a symbolic link"
    : !info.isFile
    ? "it is no file"
    : ((info.mode ?? 0) & 0o022) !== 0
    ? "other users of this machine may change it"
    : null;
  if (fault === null) return;
  throw new CoordinatorError(
    "store_io",
    `Cannot trust the tokens in '${path}' as ${fault}`,
    `Look who wrote it, then \`chmod 600 '${path}'\`, or name another file in 'http.tokens_path'.`,
  );
}

function parse(path: string, text: string): readonly StoredToken[] {
  const value = parseOrNull(text);
  const version = isObject(value) ? value.v : undefined;
  if (typeof version === "number" && version > FORMAT) {
    throw new CoordinatorError(
      "store_newer",
      `Cannot read the tokens in '${path}' as a newer csc wrote them in format ${version}`,
      "Install that version.",
    );
  }
  const tokens = isObject(value) && version === FORMAT ? value.tokens : null;
  if (Array.isArray(tokens) && tokens.every(isStored)) return tokens as unknown as StoredToken[];
  throw new CoordinatorError(
    "store_corrupt",
    `Cannot read the tokens in '${path}' as the file is damaged`,
    "Restore it from a backup, or remove it and create all tokens anew.",
  );
}

function parseOrNull(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

function isStored(value: Json): boolean {
  if (!isObject(value)) return false;
  const isTime = (time: Json) => typeof time === "string" && !Number.isNaN(Date.parse(time));
  const isGlobs = (globs: Json) => globs === null || isTexts(globs);
  return [value.id, value.user, value.tenant].every((one) => typeof one === "string") &&
    typeof value.hash === "string" && /^[0-9a-f]{64}$/.test(value.hash) &&
    isTexts(value.scopes) && isGlobs(value.projects) && isGlobs(value.machines) &&
    isTime(value.created_at) &&
    [value.expires_at, value.last_used_at, value.revoked_at].every((one) =>
      one === null || isTime(one)
    );
}

function isTexts(value: Json): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
