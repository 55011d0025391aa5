/**
 * `csc claim --release` and `--done`: the end of claims.
 *
 * @module
 */

import { Claims } from "../../coordination/claims.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import { inProject, needSession } from "../acting.ts";
import { issueOf } from "./one.ts";
import type { CommandLine } from "../command.ts";
import { People } from "../locks/held.ts";
import { print, printJson, printWarning } from "../output.ts";

/** Runs `csc claim --release` or `--done`: of the issues named, else of what one has claimed. */
export async function endClaims(line: CommandLine, how: "release" | "done"): Promise<number> {
  const named = line.words.map((word) => issueOf(line, word));
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const session = await needSession(desk, line, "holder");
    const claims = new Claims(desk);
    const issues = named.length > 0 ? named : await claimedBy(claims, session);
    if (how === "done" && named.length === 0 && issues.length !== 1) throw unclear(line, issues);
    const ended: string[] = [];
    for (const issue of issues) {
      await refuseOthers(workspace, claims, issue, session);
      // First, so that nobody gets it in between.
      if (how === "done") await claims.markDone(issue, { session });
      const { outcome } = await claims.release(issue, { session });
      if (outcome.ok || how === "done") ended.push(issue);
      if (outcome.ok) await forget(workspace, session, issue);
      else if (how === "release") printWarning(`nobody has claimed ${issue}`);
    }
    const word = how === "done" ? "done" : "released";
    if (line.has("json")) printJson({ [word]: ended });
    else if (ended.length > 0) {
      print(`${how === "done" ? "Done" : "Given back"}: ${ended.map(printable).join(", ")}`);
    } else if (named.length === 0) print("You have claimed nothing.");
    return 0;
  });
}

async function claimedBy(claims: Claims, session: string): Promise<string[]> {
  return (await claims.list()).flatMap(({ issue, lock }) =>
    lock.holder.session === session ? [issue] : []
  );
}

function unclear(line: CommandLine, issues: readonly string[]): CoordinatorError {
  return line.mistake(
    issues.length === 0
      ? "you have claimed nothing: name the issue that is done"
      : `you have claimed ${issues.length} issues: name those that are done (${
        shorten(issues.join(", "), 100)
      })`,
  );
}

async function refuseOthers(
  { desk }: Workspace,
  claims: Claims,
  issue: string,
  session: string,
): Promise<void> {
  const lock = await claims.check(issue);
  if (!lock || lock.holder.session === session) return;
  const people = await People.of(desk);
  throw new CoordinatorError(
    "not_owner",
    `${shorten(lock.record.purpose || issue, 200)} is claimed by ${people.nameOf(lock.holder)}`,
    `Ask it to give it back, or take it: csc lock force-release ${lock.name}. It is told then.`,
  );
}

/** The session works on something else now. */
async function forget({ desk }: Workspace, session: string, issue: string): Promise<void> {
  await desk.roster.update(session, ({ metadata }) => {
    if (metadata.current_issue !== issue) return null;
    const { current_issue: _issue, terminal_label: _label, ...rest } = metadata;
    return { metadata: rest };
  });
}
