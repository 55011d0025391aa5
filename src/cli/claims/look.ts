/**
 * `csc claim --check`, `--find`, `--list` and `--status`: who has claimed what.
 *
 * @module
 */

import { type Claim, Claims } from "../../coordination/claims.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { printable, shorten } from "../../domain/text.ts";
import { actingSession, inProject, needSession } from "../acting.ts";
import { claimView, issueOf } from "./one.ts";
import type { CommandLine } from "../command.ts";
import { People } from "../locks/held.ts";
import { print, printJson } from "../output.ts";
import { table } from "../table.ts";
import { brief, secondsSince } from "../time.ts";

/** Runs what only looks at claims. */
export async function lookAtClaims(
  line: CommandLine,
  action: "check" | "find" | "list" | "status",
): Promise<number> {
  if (action === "check") return await check(line);
  const text = line.words.join(" ").toLowerCase();
  if (action === "find" && text.trim() === "") throw line.mistake("--find of which text?");
  if (action !== "find" && text !== "") throw line.mistake(`--${action} takes no words`);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const isStatus = action === "status";
    const me = isStatus
      ? await needSession(desk, line, "holder")
      : await actingSession(desk, line, ["holder"]);
    const found = (await new Claims(desk).list()).filter(({ issue, lock }) =>
      isStatus
        ? lock.holder.session === me
        : `${issue} ${lock.record.purpose}`.toLowerCase().includes(text)
    );
    const code = action === "find" && found.length === 0 ? 1 : 0;
    await show(workspace, line, found, me, isStatus ? "You have claimed nothing." : NONE[action]);
    return code;
  });
}

const NONE = { find: "No claim of that name.", list: "Nothing is claimed." } as const;

async function show(
  workspace: Workspace,
  line: CommandLine,
  found: readonly Claim[],
  me: string | null,
  none: string,
): Promise<void> {
  const people = await People.of(workspace.desk);
  const views = await Promise.all(found.map((one) => claimView(workspace, people, one, me)));
  if (line.has("json")) {
    return printJson({ project: workspace.project.id, count: views.length, claims: views });
  }
  if (views.length === 0) return print(none);
  const rows = views.map((view) => [
    view.issue,
    view.is_mine ? "you" : view.holder,
    view.status ?? "-",
    brief(secondsSince(view.acquired_at)),
    shorten(view.label, 80),
  ]);
  print(table(["ISSUE", "CLAIMED BY", "STATE", "SINCE", "LABEL"], rows));
}

/** Exit code 0 where nobody has claimed it, else 1. */
async function check(line: CommandLine): Promise<number> {
  const [word, ...more] = line.words;
  if (word === undefined) throw line.mistake("--check of which issue?");
  if (more.length > 0) throw line.mistake(`'${more[0]}' is one word too many`);
  const issue = issueOf(line, word);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const claims = new Claims(desk);
    const lock = await claims.check(issue);
    const done = await claims.isDone(issue);
    const me = await actingSession(desk, line, ["holder"]);
    const people = await People.of(desk);
    const view = lock && await claimView(workspace, people, { issue, lock }, me);
    if (line.has("json")) printJson({ available: view === null, issue, done, ...view });
    else if (view === null) print(done ? `${issue} is free, and was said to be done` : "available");
    else {
      const holder = view.is_mine ? "you" : view.holder;
      print(printable(`${shorten(view.label, 200)} is claimed by ${holder}`));
    }
    return view === null ? 0 : 1;
  });
}
