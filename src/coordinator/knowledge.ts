/**
 * The state of a project as a knowledge graph, as the command line and the resource `session://graph`
 * show it.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { Locks } from "../coordination/locks.ts";
import { Reservations } from "../coordination/reservations.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { viewOf } from "../guard/view.ts";
import { secondsLeft } from "../lease/record.ts";

/**
 * Reads the graph of this moment.
 *
 * @param tree The working tree from which is looked: areas are named after its folders.
 */
export async function knowledgeGraph(desk: Coordination, tree: string): Promise<Graph> {
  const view = await viewOf(desk, tree, null, await new Reservations(desk).all());
  const moment = await desk.leases.now();
  const locks = (await new Locks(desk).list()).map(({ name, record }) => (
    { name, record, secondsLeft: secondsLeft(record, moment) }
  ));
  const { kg_context: context, kg_location: location } = desk.config.coordination;
  return graphOf({ ...view, locks, context, location });
}
