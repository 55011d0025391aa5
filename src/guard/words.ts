/**
 * What the guard says: who holds it, why, for how long, and what to do instead (seed 003).
 *
 * @module
 */

import { shellWord } from "../domain/shell_word.ts";
import { printable, shorten } from "../domain/text.ts";
import type { WaitOutcome } from "../lease/leases.ts";
import { type LeaseRecord, secondsLeft } from "../lease/record.ts";
import type { SeenSession } from "../roster/roster.ts";
import { estimateWait } from "../work/estimate.ts";
import { suggestInstead } from "../work/suggest.ts";
import type { Target } from "./place.ts";
import type { HeldFile } from "../coordination/reservations.ts";
import { unlockFile } from "./lift.ts";
import { nameOf, type Step } from "./step.ts";
import { viewAround } from "./view.ts";

/** Why an edit is denied, and what to do instead. */
export async function denial(step: Step, target: Target, outcome: WaitOutcome): Promise<string> {
  const { record } = outcome;
  const owner = await ownerOf(step, record);
  const place = outcome.ok ? null : outcome.place;
  return [
    `⚠️ File locked by ${owner.name}${owner.work && ` (${owner.work})`}: ${quoted(target)} in ${
      printable(target.tree)
    }`,
    `Estimated completion: ${await estimate(step, target, record, owner.seen)}`,
    ...queueLines(outcome, place),
    `Suggestion: ${await suggestion(step, target)}`,
    `A person can lift this with: ${unlockFile(step, target, "--force")}`,
  ].join("\n");
}

function queueLines(outcome: WaitOutcome, place: number | null): string[] {
  if (!outcome.ok && outcome.why === "deadlock") {
    return [
      "Not queued: its holder waits for a file that you hold. Commit or give back one of yours first.",
    ];
  }
  if (place === null) return [];
  return [
    `You are number ${place} in its queue and will be told when it is your turn; do not write it another way.`,
  ];
}

/** What is said where `conflict_action` is `warn`. */
export async function warning(step: Step, target: Target, record: LeaseRecord): Promise<string> {
  const { name, work, seen } = await ownerOf(step, record);
  return `csc: ${quoted(target)} is held by ${name}${
    work && ` (${work})`
  }; it ends in ${await estimate(
    step,
    target,
    record,
    seen,
  )}. Your change goes ahead as conflict_action is 'warn': keep to other lines than theirs.`;
}

/** What is said where a silent session's reservation was taken over. */
export function takenOverNote(target: Target, name: string, quietS: number): string {
  return `csc: took ${quoted(target)} over from ${name}, which has given no sign for ${
    duration(quietS)
  }. It may hold unfinished changes of theirs: look at git diff before you go on.`;
}

/** What is said where the same path is being changed in another working tree. */
export async function otherTreeNote(step: Step, target: Target, held: HeldFile): Promise<string> {
  const name = await nameOf(step.desk, held.record.holder!);
  const machine = held.machine === step.desk.machine ? "" : `${held.machine}:`;
  return `csc: ${name} is changing the same path in another working tree, ${
    printable(machine + held.tree)
  }. Nothing is blocked; the branches may conflict in ${quoted(target)} when they are merged.`;
}

/** What the holder of a file is told that somebody else has changed. */
export function overlapText(target: Target, by: string): string {
  return `${by} changed ${quoted(target)} while you held it. Read it again before you go on, and ` +
    `settle with ${by} which change stays.`;
}

/** What the holder of a file is told when somebody gets in line for it. */
export function waitingText(target: Target, from: string): string {
  const giveBack = `csc unlock ${shellWord(target.shown)}`;
  return `${from} waits for ${
    quoted(target)
  }, which you hold. Commit it (csc commit-mine) or give ` +
    `it back (${giveBack}) as soon as you are done with it.`;
}

/** A time in words: "40 s", "15 minutes", "2 hours". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} hours`
    : `${Math.round(seconds / 86_400)} days`;
}

async function ownerOf(
  { desk }: Step,
  record: LeaseRecord,
): Promise<{ name: string; work: string; seen: SeenSession | null }> {
  if (!record.holder) return { name: "nobody", work: "", seen: null };
  const seen = await desk.roster.get(record.holder.session);
  const { intent, work_area } = seen?.record.metadata ?? {};
  const work = [record.purpose, intent, work_area].find((one) =>
    typeof one === "string" && one !== ""
  ) as string | undefined;
  return {
    name: await nameOf(desk, record.holder),
    work: shorten(printable(work ?? ""), 120),
    seen,
  };
}

async function estimate(
  { desk }: Step,
  target: Target,
  record: LeaseRecord,
  owner: SeenSession | null,
): Promise<string> {
  const moment = await desk.leases.now();
  const history = heldTimes(desk.journal, target.path);
  const { text } = estimateWait(record, owner, history, moment);
  return `${text} (its reservation has ${duration(secondsLeft(record, moment))} left)`;
}

/** How long files of this kind were held lately. */
function heldTimes(journal: Step["desk"]["journal"], path: string): { heldS: number }[] {
  const kind = /\.[^./]+$/.exec(path)?.[0] ?? "";
  const since = new Map<string, number>();
  const held: { heldS: number }[] = [];
  for (const event of journal.readSince(Date.now() - 24 * 3600 * 1000)) {
    if (!event.path?.endsWith(kind)) continue;
    const id = `${event.session}\0${event.tree}\0${event.path}`;
    const atMs = Date.parse(event.at);
    if (event.event === "reserve" && !since.has(id)) since.set(id, atMs);
    if (event.event !== "release" || !since.has(id)) continue;
    held.push({ heldS: Math.round((atMs - since.get(id)!) / 1000) });
    since.delete(id);
  }
  return held;
}

async function suggestion(step: Step, target: Target): Promise<string> {
  const others = suggestInstead(await viewAround(step, target), target.path);
  if (others.length === 0) return "go on with something that does not need this file.";
  return `work on ${others.map((one) => shorten(printable(one), 100)).join(", or ")} instead?`;
}

function quoted(target: Target): string {
  return shorten(printable(target.shown), 200);
}
