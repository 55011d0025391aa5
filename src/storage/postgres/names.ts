/**
 * How scopes and keys lie in PostgreSQL, whose text holds no NUL and whose index entries end at 2.7 kB.
 *
 * A name is stored as it is, with `\` doubled and NUL as `\0`, so that an administrator can read it; a
 * long one as `\#` and its SHA-256, with the whole name beside it.
 *
 * @module
 */

import { utf8Length } from "../../domain/json.ts";

/** A name as it is stored. */
export interface StoredName {
  /** What it is found by: the escaped name, or its hash. */
  readonly id: string;
  /** The escaped name where it is found by its hash, else null. */
  readonly long: string | null;
}

/** Two of these, and what an index entry has beside them, stay below a third of a page. */
const MAX_ID_BYTES = 1000;

/** A scope or a key as it is stored. */
export async function storedName(name: string): Promise<StoredName> {
  const escaped = escapeText(name);
  if (utf8Length(escaped) <= MAX_ID_BYTES) return { id: escaped, long: null };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return { id: `\\#${new Uint8Array(digest).toHex()}`, long: escaped };
}

/** Text without NUL. */
export function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\0", "\\0");
}

/** The opposite of {@linkcode escapeText}. */
export function unescapeText(text: string): string {
  return text.replace(/\\(.)/g, (_match, char) => char === "0" ? "\0" : char);
}

/** The texts that SQL has escaped and joined by `\|`, which no escaped text holds. */
export function splitTexts(joined: string): string[] {
  const parts: string[] = [""];
  for (const [token] of joined.matchAll(/\\[^]|[^\\]+/g)) {
    if (token === "\\|") parts.push("");
    else parts[parts.length - 1] += token;
  }
  return parts.map(unescapeText);
}
