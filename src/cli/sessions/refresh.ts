/**
 * `csc refresh`: looks at everything anew, and heals what dead sessions left.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { Locks } from "../../coordination/locks.ts";
import { Reservations } from "../../coordination/reservations.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { wrapped } from "../table.ts";
import { count, sentencesOf, tidy } from "./tidy.ts";

/** Runs `csc refresh`. */
export async function refresh(line: CommandLine): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const tidied = await tidy(desk);
    const now = await countAll(desk);
    if (line.has("json")) {
      printJson({ ...tidied, now });
      return 0;
    }
    const done = sentencesOf(tidied);
    (done.length > 0 ? done : ["Nothing had to be healed"]).forEach((one) =>
      print(wrapped(`${one}.`))
    );
    print(
      `Now: ${count(now.sessions, "session")}, ${count(now.locks, "lock")} and ${
        count(now.files, "file")
      } held. \`csc status\` shows them.`,
    );
    return 0;
  });
}

async function countAll(desk: Coordination) {
  const sessions = (await desk.roster.list()).filter(({ standing }) => standing !== "dead");
  return {
    sessions: sessions.length,
    locks: (await new Locks(desk).list()).length,
    files: (await new Reservations(desk).all()).length,
  };
}
