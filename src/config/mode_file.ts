/**
 * `coordination: local` or `coordination: redis` in `.claude/config.yml` (seed 004). The file is
 * another tool's, and may hold anything else: of all its lines this one is read, by itself, so that
 * nothing that stands beside it can keep csc from working.
 *
 * @module
 */

import { didYouMean } from "../domain/did_you_mean.ts";
import { shorten } from "../domain/text.ts";

/** What can be said, and which adapter it means. */
const ADAPTERS: ReadonlyMap<string, string> = new Map([["local", "local"], ["redis", "redis"]]);

/** What a file says of the store, or what is wrong with it. */
export type ModeText =
  | { readonly line: number; readonly adapter: string }
  | { readonly line: number; readonly message: string; readonly fix: string };

/** Reads a file's text; null where it says nothing of coordination. */
export function readMode(text: string): ModeText | null {
  const found = /^(["']?)coordination\1[ \t]*:(?=\s|$)(.*)/m.exec(text);
  if (!found) return null;
  const line = text.slice(0, found.index).split("\n").length;
  const word = found[2].replace(/(^|\s)#.*$/, "").trim().replace(/^(["'])(.*)\1$/, "$2");
  const adapter = ADAPTERS.get(word);
  if (adapter !== undefined) return { line, adapter };
  const names = [...ADAPTERS.keys()];
  const guess = didYouMean(word, names);
  return {
    line,
    message: word === ""
      ? "'coordination' says no mode"
      : `'coordination' names an unknown mode '${shorten(word, 40)}'${guess && ` (${guess})`}`,
    fix: `Write 'coordination: local' or 'coordination: redis'; other stores are named under ` +
      `'storage.adapter' in session-coordinator-config.json.`,
  };
}
