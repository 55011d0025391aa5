/**
 * `csc trust`: what a repository's file asks of the network, and whether the user allows it.
 *
 * @module
 */

import { isFor, type Standing, standings, type Wish, wishOf } from "../../config/trust.ts";
import { changeTrust, readTrust, type TrustEntry } from "../../config/trust_file.ts";
import { findRepository } from "../../detect/repository.ts";
import { findUntrusted, projectFolder } from "../../coordinator/setting.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable } from "../../domain/text.ts";
import { resolve } from "../../os/path.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { table, wrapped } from "../table.ts";

/** Runs `csc trust`. */
export async function trust(line: CommandLine): Promise<number> {
  const [folder] = line.words;
  if (line.has("list") && line.has("remove")) throw line.mistake("--list with --remove");
  if (folder !== undefined && !line.has("remove")) {
    throw line.mistake("a folder is named with --remove only: run it in the project to be trusted");
  }
  if (line.has("list")) return list(line);
  if (line.has("remove")) return await remove(line, folder);
  return await allow(line);
}

const MEANING =
  "What this project's sessions share (who works on what, which files they hold, their data) is then sent " +
  "there, with whatever user, password or token your environment has for it; and what is stored there " +
  "decides which edits are let pass, and is told to your sessions.";

async function allow(line: CommandLine): Promise<number> {
  const { loaded, baseFolder } = await findUntrusted(projectFolder());
  const wish = wishOf(loaded, baseFolder);
  if (wish === null) return nothingAsked(line);
  const stand = standings(wish);
  const open = wish.addresses.filter((address) => stand.get(address) === "untrusted");
  if (!line.has("json")) show(wish, stand);
  if (open.length > 0) {
    if (!line.has("yes") && !isAllowedByUser(line)) {
      print("Nothing was changed.");
      return 1;
    }
    const since = new Date().toISOString();
    const { project, adapter } = wish;
    const added = open.map(({ url }): TrustEntry => ({ project, adapter, address: url, since }));
    const isAdded = (entry: TrustEntry) =>
      isFor(wish, entry) && open.some(({ url }) => url === entry.address);
    await changeTrust((entries) => [...entries.filter((one) => !isAdded(one)), ...added]);
  }
  if (line.has("json")) {
    printJson({ ...viewOf(wish), trusted: true, added: open.map(({ url }) => url) });
    return 0;
  }
  print(
    open.length > 0
      ? "Trusted. Sessions use it from their next step on; `csc trust --remove` takes it back."
      : "It may be used already.",
  );
  return 0;
}

function nothingAsked(line: CommandLine): number {
  if (line.has("json")) printJson({ trusted: true, adapter: null, addresses: [], added: [] });
  else print("No file of this project names a store on the network: there is nothing to trust.");
  return 0;
}

function viewOf({ file, project, adapter, addresses }: Wish) {
  return { file, project, adapter, addresses: addresses.map(({ url }) => url) };
}

const STATES: Readonly<Record<Standing, string>> = {
  trusted: "trusted",
  listed: "your own configuration lists the host",
  untrusted: "not trusted yet",
};

function show(wish: Wish, stand: ReadonlyMap<unknown, Standing>): void {
  print(wrapped(`${wish.file} comes with the project and names a store on the network:`));
  // Not in a table: what is to be judged must not be broken over two lines.
  const rows = wish.addresses.map((one) =>
    `  ${wish.adapter} at ${one.url} (${STATES[stand.get(one)!]})`
  );
  print(`\n${rows.map(printable).join("\n")}\n`);
  print(wrapped(MEANING) + "\n");
}

/** Only a person can answer: a program says --yes. */
function isAllowedByUser(line: CommandLine): boolean {
  if (!line.has("json") && Deno.stdin.isTerminal()) return confirm("Trust it for this project?");
  throw new CoordinatorError(
    "invalid_argument",
    "csc trust: there is nobody to ask here",
    "Run it in a terminal, or add --yes once you have looked at what is asked for: `csc config show`.",
  );
}

function list(line: CommandLine): number {
  const entries = readTrust();
  if (line.has("json")) printJson(entries);
  else if (entries.length === 0) print("No project's store is trusted.");
  else {
    const rows = entries.map(({ project, adapter, address, since }) => [
      adapter,
      address,
      since.slice(0, 10),
      project,
    ]);
    print(table(["ADAPTER", "ADDRESS", "SINCE", "PROJECT"], rows));
  }
  return 0;
}

async function remove(line: CommandLine, folder: string | undefined): Promise<number> {
  const project = projectNamed(folder);
  let removed: readonly TrustEntry[] = [];
  await changeTrust((entries) => {
    removed = entries.filter((entry) => entry.project === project);
    return entries.filter((entry) => entry.project !== project);
  });
  if (line.has("json")) {
    printJson({ project, removed: removed.map(({ address }) => address) });
    return removed.length > 0 ? 0 : 1;
  }
  if (removed.length === 0) {
    print(`Nothing was trusted for ${printable(project)}. \`csc trust --list\` shows what is.`);
    return 1;
  }
  print(wrapped(`No longer trusted: ${removed.map(({ address }) => address).join(", ")}.`));
  return 0;
}

/** The project's path as entries name it; of a project that is gone, the path as it was given. */
function projectNamed(folder: string | undefined): string {
  const path = folder === undefined ? projectFolder() : resolve(folder);
  try {
    const real = Deno.realPathSync(path);
    return findRepository(real)?.mainFolder ?? real;
  } catch {
    return path;
  }
}
