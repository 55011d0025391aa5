/**
 * Names in commands that somebody is to copy: they may hold spaces, or what a shell would run.
 *
 * @module
 */

import { printable } from "./text.ts";

/** A name as a word of a shell; null where it holds what cannot be shown as it is. */
export function shellQuote(name: string): string | null {
  if (printable(name) !== name) return null;
  return /^[\w./@%+=:,-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

/** A name as a word of a shell, whatever it holds. */
export function shellWord(name: string): string {
  return shellQuote(name) ?? `$'${
    [...name].map((char) => {
      if (char === "'" || char === "\\") return `\\${char}`;
      if (printable(char) === char && char.isWellFormed()) return char;
      const bytes = new TextEncoder().encode(char);
      return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
    }).join("")
  }'`;
}
