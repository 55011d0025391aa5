import type { FilePlace } from "../coordination/coordination.ts";
import { secondsLeft } from "../lease/record.ts";
import type { Reservation, WorkView } from "../work/view.ts";
import type { HeldFile } from "../coordination/reservations.ts";
import type { Step } from "./step.ts";

/** What is going on around a file, as far as it matters to somebody who has to wait for it. */
export async function viewAround(step: Step, place: FilePlace): Promise<WorkView> {
  const { desk, reservations, holder } = step;
  return await viewOf(desk, place.tree, holder.session, await reservations.near(place));
}

/** What is going on in a project, seen from a working tree. */
export async function viewOf(
  desk: Step["desk"],
  tree: string,
  me: string | null,
  held: readonly HeldFile[],
): Promise<WorkView> {
  const moment = await desk.leases.now();
  const { coordination } = desk.config;
  return {
    tree,
    me,
    sessions: (await desk.roster.list()).filter(({ standing }) => standing !== "dead"),
    reservations: held.map(({ tree, path, record }): Reservation => (
      { tree, path, record, secondsLeft: secondsLeft(record, moment) }
    )),
    areas: coordination.work_areas,
    priorities: coordination.priority_rules,
    docs: coordination.docs_files,
    ignored: coordination.ignore_files,
    nowMs: moment.wallMs,
  };
}
