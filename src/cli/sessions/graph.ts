/**
 * `csc graph`: the whole state as a knowledge graph.
 *
 * @module
 */

import { knowledgeGraph } from "../../coordinator/knowledge.ts";
import { printable } from "../../domain/text.ts";
import type { Graph } from "../../graph/graph.ts";
import { mermaidOf } from "../../graph/mermaid.ts";
import { bold, dim } from "../../std/colors.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { wrapped } from "../table.ts";

/** Runs `csc graph`. */
export async function graph(line: CommandLine): Promise<number> {
  if (line.has("json") && line.has("mermaid")) {
    throw line.mistake("choose one of --json, --mermaid");
  }
  return await inProject(line, async ({ desk, setting }) => {
    const tree = setting.repository?.worktree ?? setting.folder;
    const found = await knowledgeGraph(desk, tree);
    if (line.has("json")) printJson(found);
    else if (line.has("mermaid")) print(mermaidOf(found).trimEnd());
    else forPeople(found);
    return 0;
  });
}

function forPeople({ entities, relations }: Graph): void {
  if (entities.length === 0) return print("No session is at work, and nothing is held.");
  const blocks = entities.map(({ name, entityType, alias, observations }) => {
    const called = alias === undefined ? entityType : `${entityType}, ${printable(alias)}`;
    const own = relations.filter(({ from }) => from === name);
    return [
      `${bold(printable(name))} ${dim(`(${called})`)}`,
      ...observations.map((one) => wrapped(one, 2, 4)),
      ...own.map(({ relationType, to }) => wrapped(`${relationType} -> ${to}`, 2, 4)),
    ].join("\n");
  });
  print(blocks.join("\n\n"));
}
