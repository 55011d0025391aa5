/**
 * Who is at work in the other projects of the same store. To be looked at only: what is held stays a
 * matter of each project.
 *
 * @module
 */

import type { SeenSession } from "../roster/roster.ts";
import { projectsIn } from "../roster/scopes.ts";
import { isLongSilent } from "../roster/standing.ts";
import type { Coordination } from "./coordination.ts";

/** Another project in which somebody is at work. */
export interface Neighbour {
  readonly project: string;
  readonly sessions: readonly SeenSession[];
}

/**
 * The other projects in which somebody is at work, by name; none where `multi_project` is off.
 *
 * @param most At no more projects than this is looked.
 */
export async function neighboursOf(desk: Coordination, most = Infinity): Promise<Neighbour[]> {
  if (!desk.config.coordination.multi_project) return [];
  const others = (await projectsIn(desk.store, "sessions")).filter((one) => one !== desk.project);
  const found = await Promise.all(
    others.slice(0, most).map(async (project) => {
      const sessions = (await desk.rosterOf(project).list()).filter(isAtWork);
      return { project, sessions };
    }),
  );
  return found.filter(({ sessions }) => sessions.length > 0);
}

function isAtWork(seen: SeenSession): boolean {
  return seen.standing !== "dead" && !isLongSilent(seen);
}
