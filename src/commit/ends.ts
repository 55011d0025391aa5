/**
 * A file as HEAD has it and as the working tree has it, in a form in which the two can be compared.
 *
 * @module
 */

import { join } from "../os/path.ts";
import type { Bytes, Checkout } from "./checkout.ts";
import type { Ends } from "./history.ts";

/**
 * Reads both. Where git converts the line ends of the file, both have those of the repository;
 * otherwise they are as in the working tree, with git's filters applied to HEAD.
 *
 * @param commit HEAD; null where it does not have the file.
 * @param isThere Whether the working tree has it.
 * @throws What the system throws where the file cannot be read.
 */
export async function readEnds(
  checkout: Checkout,
  commit: string | null,
  path: string,
  isThere: boolean,
): Promise<Ends> {
  const tree = isThere ? Deno.readFileSync(join(checkout.tree, path)) : null;
  if (commit === null) return { head: null, tree };
  const [stored, head] = await Promise.all([
    checkout.content(commit, path),
    checkout.checkedOut(commit, path),
  ]);
  if (!await convertsLineEnds(checkout, path, { stored, head, tree })) return { head, tree };
  return { head: stored, tree: tree && withoutReturns(tree), normalize: withoutReturns };
}

interface Forms {
  readonly stored: Bytes;
  readonly head: Bytes;
  readonly tree: Bytes | null;
}

async function convertsLineEnds(
  checkout: Checkout,
  path: string,
  { stored, head, tree }: Forms,
): Promise<boolean> {
  if (hasReturns(stored)) return false;
  if (!isSame(stored, head)) return isSame(stored, withoutReturns(head));
  if (tree === null || !hasReturns(tree)) return false;
  const [asIs, converted] = await Promise.all(
    [tree, withoutReturns(tree)].map((content) => checkout.objectOf(path, content)),
  );
  return asIs === converted;
}

/** Whether two contents are the same; null is no file. */
export function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

const [RETURN, NEWLINE] = [0x0d, 0x0a];

function hasReturns(content: Uint8Array): boolean {
  for (let at = content.indexOf(RETURN); at >= 0; at = content.indexOf(RETURN, at + 1)) {
    if (content[at + 1] === NEWLINE) return true;
  }
  return false;
}

function withoutReturns(content: Bytes): Bytes {
  return content.filter((byte, at) => byte !== RETURN || content[at + 1] !== NEWLINE);
}
