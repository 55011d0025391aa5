/**
 * A knowledge graph as a diagram that Mermaid draws.
 *
 * @module
 */

import { printable, shorten } from "../domain/text.ts";
import type { Entity, Graph } from "./graph.ts";

/** Mermaid draws 500 arrows at the most, and texts of 50,000 characters. */
const MAX_ARROWS = 400;
const MAX_CHARS = 40_000;
const MAX_LABEL = 60;

/**
 * The graph in Mermaid's language, as `graph LR`: sessions as stadiums, locks as boxes, the rest as
 * boxes with round corners. Of a graph that is too large to be drawn a last line tells how much is left out.
 */
export function mermaidOf(graph: Graph): string {
  const entities = new Map(graph.entities.map((entity) => [entity.name, entity]));
  const ids = new Map<string, string>();
  const lines = ["graph LR"];
  let chars = 0;
  const add = (line: string) => {
    lines.push(line);
    chars += line.length + 1;
  };
  const idOf = (name: string) => {
    let id = ids.get(name);
    if (id === undefined) {
      ids.set(name, id = `n${ids.size}`);
      add(`  ${id}${shapeOf(name, entities.get(name))}`);
    }
    return id;
  };
  let arrows = 0;
  for (const { from, to, relationType } of graph.relations) {
    if (arrows === MAX_ARROWS || chars > MAX_CHARS) break;
    add(`  ${idOf(from)} -->|"${escaped(relationType)}"| ${idOf(to)}`);
    arrows++;
  }
  const related = new Set(graph.relations.flatMap(({ from, to }) => [from, to]));
  for (const { name } of graph.entities) {
    if (!related.has(name) && chars <= MAX_CHARS) idOf(name);
  }
  const missing = graph.relations.length - arrows;
  if (missing > 0) add(`  %% ${missing} more relations are not drawn`);
  return `${lines.join("\n")}\n`;
}

function shapeOf(name: string, entity: Entity | undefined): string {
  const label = `"${escaped(shorten(labelOf(name, entity), MAX_LABEL))}"`;
  if (entity === undefined) return `(${label})`;
  return entity.entityType === "active_session" ? `([${label}])` : `[${label}]`;
}

/** A session by its alias and work, a lock by its name. */
function labelOf(name: string, entity: Entity | undefined): string {
  if (entity?.entityType !== "active_session") return name;
  const work = entity.observations.find((one) => one.startsWith("Work: "))?.slice("Work: ".length);
  return [entity.alias ?? name, work].filter((part) => part !== undefined).join(": ");
}

/**
 * Everything but letters, digits and harmless marks as the number of its character; Mermaid takes
 * `1.` and `-` at the beginning for a list.
 */
function escaped(text: string): string {
  const code = (char: string) => `#${char.codePointAt(0)};`;
  return printable(text)
    .replace(/[^\p{L}\p{N} _.,:/-]/gu, code)
    .replace(/^(\s*\d*)([.-])/, (_, before, mark) => before + code(mark));
}
