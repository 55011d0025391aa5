/**
 * One step of a session, as a hook tells of it, with the coordination of the project it belongs to.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import type { Repository } from "../detect/repository.ts";
import { printable } from "../domain/text.ts";
import type { Holder } from "../lease/record.ts";
import type { Reservations } from "../coordination/reservations.ts";

/** Who acts, and where. */
export interface Step {
  readonly desk: Coordination;
  readonly holder: Holder;
  readonly reservations: Reservations;
  /** The folder that relative paths start at. */
  readonly cwd: string;
  /** The tool's name, and the number of this call. */
  readonly tool: string;
  readonly callId: string;
  /** The same step in the project of another repository; without it, all is judged in this one. */
  readonly elsewhere?: (repository: Repository) => Promise<Step>;
}

/** The step in the project that a repository belongs to. */
export async function stepIn(step: Step, repository: Repository | null): Promise<Step> {
  return repository && step.elsewhere ? await step.elsewhere(repository) : step;
}

/** How a session is called in messages: its alias, with the sub-agent where there is one. */
export async function nameOf(desk: Coordination, holder: Holder): Promise<string> {
  const known = await desk.roster.get(holder.session);
  const alias = known?.record.alias ?? `session ${shortId(holder.session)}`;
  return holder.agent === undefined ? alias : `${alias} (sub-agent ${shortId(holder.agent)})`;
}

/** As much of an id as tells it from others. */
export function shortId(id: string): string {
  return printable(id.slice(0, 8));
}
