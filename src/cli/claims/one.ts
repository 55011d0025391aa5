/**
 * `csc claim NUM`: claims one issue.
 *
 * @module
 */

import { type Claim, CLAIM_TTL_S, Claims, lockOf } from "../../coordination/claims.ts";
import type { LockOutcome } from "../../coordination/locks.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import { issueIn, titleOf } from "../../work/items.ts";
import { labelText, prefixOf, titleIn } from "../../work/claim_label.ts";
import { bold } from "../../std/colors.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { leaseView, People } from "../locks/held.ts";
import { holderWords, livingHolder, ttlOf } from "../locks/words.ts";
import { print, printJson, printWarning } from "../output.ts";
import { spoken } from "../time.ts";

/** Runs `csc claim NUM [TITLE…]`. */
export async function claimOne(line: CommandLine): Promise<number> {
  const [word, ...title] = line.words;
  if (word === undefined) throw line.mistake("an issue's number is missing");
  const issue = issueOf(line, word);
  const ttlS = claimTtl(line);
  return await inProject(line, async (workspace) => {
    const { desk } = workspace;
    const session = await livingHolder(desk, line);
    const claims = new Claims(desk);
    const said = titleOf(title.join(" "));
    const label = labelOf(workspace, line, issue, said || await titleBefore(claims, issue));
    const answer = await claims.claim({ issue, label }, { session }, ttlS);
    if (answer.outcome.ok) await noteClaim(workspace, session, issue, label);
    return await tellClaim(workspace, line, { issue, label }, answer);
  });
}

/** The issue that a word names. */
export function issueOf(line: CommandLine, word: string): string {
  const issue = issueIn(word);
  if (issue !== null) return issue;
  throw line.mistake(
    `'${shorten(word, 40)}' is no issue: write its number, or a key such as SHOP-12`,
  );
}

/** How long what is claimed is to last. */
export function claimTtl(line: CommandLine): number {
  const ttl = line.text("ttl");
  return ttl === undefined ? CLAIM_TTL_S : ttlOf(line, ttl, "--ttl");
}

/** The label of a claim, with the prefix that was said, configured, or follows from the repository. */
export function labelOf(
  { desk, project }: Workspace,
  line: CommandLine,
  issue: string,
  title: string,
): string {
  const { claim_prefix } = desk.config.coordination;
  const usual = claim_prefix === "auto" ? prefixOf(project.id) : claim_prefix;
  return labelText({ prefix: titleOf(line.text("prefix") ?? usual), issue, title });
}

/** What was said when it was claimed. */
async function titleBefore(claims: Claims, issue: string): Promise<string> {
  const lock = await claims.check(issue);
  return lock ? titleIn(lock.record.purpose, issue) : "";
}

/** Tells the others what the session works on. */
export async function noteClaim(
  { desk }: Workspace,
  session: string,
  issue: string,
  label: string,
): Promise<void> {
  await desk.roster.update(session, ({ metadata }) => ({
    last_activity: new Date().toISOString(),
    metadata: { ...metadata, current_issue: issue, terminal_label: label },
  }));
}

/** A claim for programs; the names of seed 004 where it has them. */
export async function claimView(
  { desk }: Workspace,
  people: People,
  one: Claim,
  me: string | null,
) {
  const { issue, lock: { record, session } } = one;
  const view = leaseView(record, people, await desk.leases.now())!;
  return {
    issue,
    title: titleIn(record.purpose, issue),
    label: record.purpose || issue,
    lock_name: lockOf(issue),
    is_mine: view.held_by === me,
    status: session?.tier ?? null,
    ...view,
  };
}

/** Tells how it went; answers the exit code. */
export async function tellClaim(
  workspace: Workspace,
  line: CommandLine,
  { issue, label }: { readonly issue: string; readonly label: string },
  { outcome, lock, warning }: LockOutcome,
): Promise<number> {
  const people = await People.of(workspace.desk);
  if (line.has("json")) {
    const holder = outcome.ok ? outcome.record.holder!.session : null;
    const view = lock && await claimView(workspace, people, { issue, lock }, holder);
    printJson({
      claimed: outcome.ok,
      issue,
      ...(outcome.ok ? { extended: outcome.extended, warning } : { reason: outcome.why }),
      ...view,
    });
    return outcome.ok ? 0 : 1;
  }
  if (!outcome.ok) {
    const holder = lock ? people.nameOf(lock.holder) : "somebody";
    const tier = lock?.session ? `, ${lock.session.tier}` : "";
    throw new CoordinatorError(
      "lock_held",
      `${shorten(lock?.record.purpose || label, 200)} is claimed by ${holder}${tier}`,
      `Take another one, or ask for it. As a person: csc lock force-release ${lockOf(issue)}`,
    );
  }
  if (warning !== null) printWarning(warning);
  print(`${bold(outcome.extended ? "Extended" : "Claimed")} ${printable(label)}`);
  const left = spoken(outcome.record.ttl_s);
  const holder = holderWords(line);
  const until = holder === "" ? ", or until your session ends" : "";
  print(`Yours for ${left}${until}. Done: csc claim --done ${issue}${holder}`);
  return 0;
}
