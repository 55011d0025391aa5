/**
 * How scopes and keys lie in Redis. Everything of one prefix is in one slot of a cluster, so that each
 * script finds all it needs in one place.
 *
 * ```text
 * {prefix}{scope}:{key}    hash: version, expires, fence, value (JSON text), author, stored
 * {prefix}{scope}:%keys    sorted set: the scope's keys by the end of their time
 * {prefix}{scope}:%fences  hash: the highest fencing number that each key has seen
 * {prefix}%scopes          sorted set: the scopes by the end of the time of their last key
 * {prefix}%format          the format, and the csc that wrote it
 * {prefix}%changes         channel: every change
 * ```
 *
 * In a key `%` becomes `%25` and `:` becomes `%3A`. So the last colon of an entry's name is the one
 * between scope and key, and no key can be called `%keys`.
 *
 * @module
 */

import { parseJson } from "../../domain/json.ts";
import { CoordinatorError } from "../../domain/error.ts";
import type { Entry, Version } from "../adapter.ts";

/** Where the parts of a scope lie, under a prefix. */
export class Layout {
  /** What all names begin with. */
  readonly prefix: string;

  /**
   * @param prefix As it is configured.
   * @param isCluster Whether names need a hash tag: then the prefix becomes one, unless it holds one.
   */
  constructor(prefix: string, isCluster: boolean) {
    this.prefix = isCluster && !/\{[^}]+\}/.test(prefix) ? `{${prefix}}` : prefix;
  }

  get format(): string {
    return `${this.prefix}%format`;
  }

  get scopes(): string {
    return `${this.prefix}%scopes`;
  }

  get changes(): string {
    return `${this.prefix}%changes`;
  }

  /** What the names of a scope's entries begin with. */
  base(scope: string): string {
    return `${this.prefix}${scope}:`;
  }

  keys(scope: string): string {
    return `${this.base(scope)}%keys`;
  }

  fences(scope: string): string {
    return `${this.base(scope)}%fences`;
  }

  entry(scope: string, key: string): string {
    return this.base(scope) + key.replace(/[%:]/g, encodeURIComponent);
  }
}

/** An entry as the scripts hand it over: the fields of its hash, in the order named above. */
export type Fields = readonly [
  version: string,
  expires: string,
  fence: string,
  value: string,
  author: string,
  stored: string,
];

/**
 * Reads an entry.
 *
 * @param what Names it, for the message.
 * @throws {CoordinatorError} `store_corrupt`.
 */
export function decodeEntry(fields: Fields, what: string): Entry {
  const [version, expires, fence, text, author, stored] = fields;
  try {
    return {
      value: parseJson(text),
      version: version as Version,
      author: decodeOptional(author),
      storedAtMs: Number(stored),
      expiresAtMs: expires === "" ? null : Number(expires),
      fence: fence === "" ? null : Number(fence),
    };
  } catch (error) {
    throw new CoordinatorError(
      "store_corrupt",
      `Cannot read ${what} as its value in Redis is not JSON`,
      "Another program may have changed it: store the value anew, or delete it.",
      { cause: error },
    );
  }
}

/** A text that may be missing, as one that is never confused with it. */
export function encodeOptional(text: string | null | undefined): string {
  return text === null || text === undefined ? "" : `=${text}`;
}

function decodeOptional(text: string): string | null {
  return text === "" ? null : text.slice(1);
}
