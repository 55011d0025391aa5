/**
 * `csc claim --next`: the first item of a list that nobody has.
 *
 * @module
 */

import { Claims } from "../../coordination/claims.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { shellWord } from "../../domain/shell_word.ts";
import { shorten } from "../../domain/text.ts";
import { type Item, itemOf, itemsInJson, itemsInText } from "../../work/items.ts";
import { inProject } from "../acting.ts";
import { claimTtl, labelOf, noteClaim, tellClaim } from "./one.ts";
import type { CommandLine } from "../command.ts";
import { livingHolder } from "../locks/words.ts";
import { printJson } from "../output.ts";

/** Where `csc data` keeps lists that are named alone. */
export const LISTS_SCOPE = "lists";
/** Larger is no list of work. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Runs `csc claim --next`. */
export async function claimNext(line: CommandLine): Promise<number> {
  const from = line.text("from");
  if (from === undefined && line.words.length === 0) {
    throw line.mistake("--next of what? Name the items, or a list with --from");
  }
  if (from !== undefined && line.words.length > 0) {
    throw line.mistake("name the items or a list with --from, not both");
  }
  const named = line.words.map((word) => itemOf(word, "", "the command line"));
  const text = from === undefined ? null : await textOf(from);
  const ttlS = claimTtl(line);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const items = from === undefined
      ? named
      : text !== null
      ? itemsInText(text, from === "-" ? "standard input" : from)
      : await storedList(workspace, line, from);
    const session = await livingHolder(desk, line);
    const wanted = items.map(({ issue, title }) => ({
      issue,
      label: labelOf(workspace, line, issue, title),
    }));
    const given = await new Claims(desk).next(wanted, { session }, ttlS);
    if (given === null) return nothingLeft(line, items);
    await noteClaim(workspace, session, given.wanted.issue, given.wanted.label);
    return await tellClaim(workspace, line, given.wanted, given.answer);
  });
}

/** The text of a file or of standard input; null where a list's name is meant. */
async function textOf(from: string): Promise<string | null> {
  if (from === "-") return await new Response(Deno.stdin.readable).text();
  if (!/[./\\]/.test(from)) return null;
  try {
    const { isFile, size } = await Deno.stat(from);
    if (!isFile || size > MAX_BYTES) throw new Error("it is no file of at most 4 MiB");
    return await Deno.readTextFile(from);
  } catch (error) {
    const fact = error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
    throw new CoordinatorError(
      "invalid_argument",
      `Cannot read items from ${shorten(from, 200)}: ${fact}`,
      "What has a dot or a slash in it is a file; a list of `csc data` has neither.",
      { cause: error },
    );
  }
}

async function storedList(
  { data, machine }: Workspace,
  line: CommandLine,
  name: string,
): Promise<Item[]> {
  const owner = line.text("machine") ?? machine;
  const stored = await data.retrieve(LISTS_SCOPE, name, owner);
  if (stored) return itemsInJson(stored.value, `the list '${name}'`);
  throw new CoordinatorError(
    "not_found",
    `There is no list '${shorten(name, 60)}' of ${owner} in this project`,
    `Store one: csc data set ${LISTS_SCOPE} ${shellWord(name)} '[167, 168]'. ` +
      `A file is named with a dot or a slash: ${shellWord(`./${name}`)}.`,
  );
}

function nothingLeft(line: CommandLine, items: readonly Item[]): number {
  if (line.has("json")) {
    printJson({ claimed: false, reason: "nothing left", items: items.length });
    return 1;
  }
  throw new CoordinatorError(
    "not_found",
    items.length === 0
      ? "There is nothing in this list"
      : `Nothing is left of ${
        items.length === 1 ? "1 item" : `${items.length} items`
      }: all are claimed or done`,
    "`csc claim --list` shows who has what.",
  );
}
