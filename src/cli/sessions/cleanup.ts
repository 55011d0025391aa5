/**
 * `csc cleanup`: removes what sessions that are gone left behind.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { endSession } from "../../coordination/ending.ts";
import type { SeenSession } from "../../roster/roster.ts";
import { isLongSilent } from "../../roster/standing.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { table, wrapped } from "../table.ts";
import { count, removeDamaged, sentencesOf, tidy } from "./tidy.ts";
import { spoken } from "../time.ts";

/** Runs `csc cleanup`. */
export async function cleanup(line: CommandLine): Promise<number> {
  const force = line.has("force");
  return await inProject(line, async ({ desk }) => {
    // First, since nothing else can be read as long as they are there.
    const damaged = force ? await removeDamaged(desk) : [];
    const stale = line.has("stale") ? await silentSessions(desk) : [];
    if (force) await endAll(desk, stale);
    const tidied = await tidy(desk);
    const forgotten = tidied.forgotten + (force ? await forgetEnded(desk) : 0);
    if (line.has("json")) {
      printJson({ ...tidied, forgotten, damaged, stale: stale.map((one) => viewOf(one, force)) });
      return 0;
    }
    const done = [
      ...(damaged.length > 0 ? [`Removed ${count(damaged.length, "damaged record")}`] : []),
      ...(force && stale.length > 0
        ? [`Ended ${aliasesOf(stale)}: long without a sign of life`]
        : []),
      ...sentencesOf({ ...tidied, forgotten }),
    ];
    if (done.length > 0) done.forEach((one) => print(wrapped(`${one}.`)));
    else if (force || stale.length === 0) print("There was nothing to clean up.");
    if (!force && stale.length > 0) askFor(stale);
    return 0;
  });
}

/** Sessions that have long been silent and cannot be shown to live. */
async function silentSessions(desk: Coordination): Promise<SeenSession[]> {
  return (await desk.roster.list()).filter(isLongSilent);
}

async function endAll(desk: Coordination, sessions: readonly SeenSession[]): Promise<void> {
  for (const { record } of sessions) {
    await endSession(desk, record.session, "long without a sign of life");
  }
}

/** Otherwise they are shown for some minutes more. */
async function forgetEnded({ roster }: Coordination): Promise<number> {
  return (await roster.removeEnded(Number.MAX_SAFE_INTEGER)).length;
}

function viewOf({ record, tier, quietS }: SeenSession, isEnded: boolean) {
  return {
    session_id: record.session,
    alias: record.alias,
    status: tier,
    quiet_seconds: quietS,
    host: record.host,
    pid: record.client_pid,
    ended: isEnded,
  };
}

function aliasesOf(sessions: readonly SeenSession[]): string {
  return sessions.map(({ record }) => record.alias).join(", ");
}

function askFor(stale: readonly SeenSession[]): void {
  const rows = stale.map(({ record, tier, quietS }) => [
    record.alias,
    tier,
    `silent for ${spoken(quietS)}`,
    `process ${record.client_pid || "?"} on ${record.host}`,
  ]);
  print(table(["SESSION", "STATE", "SINCE", "WHERE"], rows));
  print("These cannot be shown to live, nor to be dead. To end them: csc cleanup --stale --force");
}
