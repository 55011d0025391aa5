/** A process for the tests of `src/journal` and `src/commit`: does what its arguments say. */

import { join } from "@std/path";
import { commitMine } from "../../src/commit/commit_mine.ts";
import { CoordinatorError } from "../../src/domain/error.ts";
import { Journal } from "../../src/journal/journal.ts";
import { Snapshots } from "../../src/journal/snapshots.ts";

const [task, machineFolder, session, last] = Deno.args;
const journal = new Journal(join(machineFolder, "journal"));
const snapshots = new Snapshots(join(machineFolder, "snapshots"));

if (task === "append") {
  for (let i = 0; i < Number(last); i++) {
    const detail = `${i} `.padEnd(20 + (i * 37) % 3000, "x");
    journal.append({ event: "note", session, agent: `${Deno.pid}`, detail });
  }
} else {
  const request = { tree: last, session, journal, snapshots, message: `by ${session}` };
  try {
    console.log(JSON.stringify(await commitMine(request)));
  } catch (error) {
    if (!(error instanceof CoordinatorError)) throw error;
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  }
}
