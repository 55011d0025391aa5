/**
 * Before and after an edit of one file.
 *
 * @module
 */

import { fileRule } from "../config/file_rules.ts";
import type { WaitOutcome } from "../lease/leases.ts";
import { type Holder, holderKey, isSame, type LeaseRecord } from "../lease/record.ts";
import { dirname } from "../os/path.ts";
import { isLongSilent } from "../roster/standing.ts";
import type { Target } from "./place.ts";
import type { HeldFile, ReserveOptions } from "../coordination/reservations.ts";
import { nameOf, type Step } from "./step.ts";
import { PASS, pass, type Verdict } from "./verdict.ts";

/** How long a denied session stays in the file's queue, and how long its turn is then kept. */
const QUEUE_S = 1800;
const TURN_S = 120;

/** Loaded only where there is something to say: most edits pass in silence. */
const words = () => import("./words.ts");

/** Whether a file is guarded at all. */
export function isGuarded({ desk }: Step, target: Target): boolean {
  const { coordination } = desk.config;
  if (!coordination.enable_file_locks || target.path === "") return false;
  if (isRoot(target.tree) && TRANSIENT.test(target.absolute)) return false;
  return fileRule(coordination, target.path).guarded;
}

function isRoot(folder: string): boolean {
  return dirname(folder) === folder;
}

/** Outside repositories and projects, what lies in these folders is nobody's work. */
const TRANSIENT = /^\/(?:tmp|dev|proc|sys|run|var\/(?:tmp|folders)|private\/(?:tmp|var))\//;

/** Decides on an edit, and reserves the file where nobody else has it. */
export async function beforeEdit(step: Step, target: Target): Promise<Verdict> {
  if (!isGuarded(step, target)) return PASS;
  const { desk, reservations, holder } = step;
  const { coordination } = desk.config;
  const options: ReserveOptions = {
    ttlS: fileRule(coordination, target.path).timeoutS,
    purpose: "",
    before: await desk.snapshots.keep(target.absolute),
    tool: step.tool,
  };
  const { own, elsewhere } = await reservations.look(target, holder.session);
  const note = await elsewhereNote(step, target, elsewhere);
  const outcome = await reservations.reserve(target, holder, { ...options, found: own });
  if (outcome.ok) return pass(note);
  const settled = await trySettle(step, target, outcome.record, options);
  if (settled?.outcome.ok) return pass(note, settled.note);
  const record = settled?.outcome.record ?? outcome.record;
  if (coordination.conflict_action !== "block") {
    return await goAheadAnyway(step, target, record, options);
  }
  return await refuse(step, target, options);
}

/**
 * Why a reservation stands in the way without need, or null where it does not: its edits are committed
 * or reverted, or its session has long been silent and cannot be shown to live.
 */
export async function whyNeedless(
  { desk }: Pick<Step, "desk">,
  target: Target,
  { holder, uses, busy_s }: LeaseRecord,
): Promise<"done" | "silent" | null> {
  if (holder === null) return null;
  if (uses > 0 && busy_s === null && await isClean(target, desk.deadline)) return "done";
  const known = await desk.roster.get(holder.session);
  return known && isLongSilent(known) ? "silent" : null;
}

/** Ends a reservation that stands in the way without need, and takes the file. */
export async function trySettle(
  step: Step,
  target: Target,
  record: LeaseRecord,
  options: ReserveOptions,
): Promise<{ outcome: WaitOutcome; note: string | null } | null> {
  const { desk, reservations, holder } = step;
  const owner = record.holder;
  if (owner === null || isSame(owner, holder)) return null;
  const why = await whyNeedless(step, target, record);
  if (why === null) return null;
  const isDone = why === "done";
  const reason = isDone
    ? "its edits are committed or reverted"
    : "its session has long been silent";
  await desk.leases.act(reservations.refOf(target), {
    op: "take over",
    holder,
    token: record.token,
    reason,
    ttlS: options.ttlS,
    purpose: "",
    detail: null,
    onlyEnd: true,
  });
  const { tree, path } = target;
  desk.journal.append({ event: "release", ...owner, tree, path, detail: reason });
  const outcome = await reservations.reserve(target, holder, options);
  if (!outcome.ok || isDone) return { outcome, note: null };
  desk.journal.append({
    event: "take-over",
    ...holder,
    tree,
    path,
    token: outcome.record.token,
    detail: { from: holderKey(owner), reason },
  });
  const name = await nameOf(desk, owner);
  const quietS = (await desk.roster.get(owner.session))?.quietS ?? 0;
  const { takenOverNote } = await words();
  return { outcome, note: takenOverNote(target, name, quietS) };
}

async function isClean(target: Target, deadline: number): Promise<boolean> {
  if (!target.repository) return false;
  const { dirtyPaths } = await import("./git_state.ts");
  return (await dirtyPaths(target.tree, [target.shown], { deadline }))?.size === 0;
}

async function goAheadAnyway(
  step: Step,
  target: Target,
  record: LeaseRecord,
  options: ReserveOptions,
): Promise<Verdict> {
  const { desk, holder, tool, callId } = step;
  const { tree, path } = target;
  const { before } = options;
  desk.journal.append({
    event: "overlap",
    ...holder,
    tree,
    path,
    tool,
    before,
    detail: { call: callId, with: record.holder && holderKey(record.holder) },
  });
  if (desk.config.coordination.conflict_action === "proceed") return PASS;
  return pass(await (await words()).warning(step, target, record));
}

async function refuse(step: Step, target: Target, options: ReserveOptions): Promise<Verdict> {
  const { desk, reservations, holder, tool } = step;
  const { tree, path } = target;
  const wait = { forS: QUEUE_S, turnS: TURN_S };
  // By the clock that tells since when somebody waits.
  const { wallMs: askedAtMs } = await desk.leases.now();
  const outcome = await reservations.reserve(target, holder, { ...options, wait });
  if (outcome.ok) return PASS; // freed in this very moment
  desk.journal.append({
    event: "deny",
    ...holder,
    tree,
    path,
    tool,
    detail: { holder: outcome.record.holder && holderKey(outcome.record.holder), why: outcome.why },
  });
  await tellHolder(step, target, outcome.record, askedAtMs);
  return { kind: "deny", reason: await (await words()).denial(step, target, outcome) };
}

/** The holder learns once that somebody waits. */
async function tellHolder(
  step: Step,
  target: Target,
  record: LeaseRecord,
  askedAtMs: number,
): Promise<void> {
  const { desk, holder } = step;
  const owner = record.holder;
  const own = record.waiters.find((one) => isSame(one.holder, holder));
  const isNew = own !== undefined && Date.parse(own.since) >= askedAtMs;
  if (!owner || !isNew || owner.session === holder.session) return;
  const from = await nameOf(desk, holder);
  const { waitingText } = await words();
  await desk.notices.send(owner.session, {
    kind: "waiting",
    from,
    text: waitingText(target, from),
  });
}

async function elsewhereNote(
  step: Step,
  target: Target,
  held: readonly HeldFile[],
): Promise<string | null> {
  return held.length === 0 ? null : await (await words()).otherTreeNote(step, target, held[0]);
}

/** After an edit: notes it, and tells both where somebody else had the file meanwhile. */
export async function afterEdit(step: Step, target: Target): Promise<Verdict> {
  if (!isGuarded(step, target)) return PASS;
  const { desk, reservations, holder, tool } = step;
  const { tree, path } = target;
  const outcome = await reservations.used(target, holder);
  const after = await desk.snapshots.keep(target.absolute);
  const { token, detail } = outcome.record;
  const before = outcome.ok
    ? (detail as { before?: string | null }).before ?? null
    : beforeOf(step, target);
  if (outcome.ok && before === after) { // nothing was changed after all
    if (outcome.record.uses === 1) await reservations.release(target, holder, "never used");
    return PASS;
  }
  desk.journal.append({
    event: "edit",
    ...holder,
    tree,
    path,
    tool,
    before,
    after,
    ...(outcome.ok && { token }),
  });
  if (outcome.ok) return PASS;
  const owner = outcome.record.holder;
  if (owner === null || isSame(owner, holder)) return PASS;
  return await reportOverlap(step, target, owner);
}

/** What the file was before an edit whose reservation is not ours any more. */
function beforeOf({ desk, holder }: Step, { tree, path }: Target): string | null {
  const last = desk.journal.read(holder.session).findLast((event) =>
    event.tree === tree && event.path === path &&
    (event.event === "reserve" || event.event === "overlap")
  );
  return last?.before ?? null;
}

/** Tells both sides that one changed what the other holds. */
export async function reportOverlap(step: Step, target: Target, owner: Holder): Promise<Verdict> {
  const { desk, holder } = step;
  const [mine, theirs] = [await nameOf(desk, holder), await nameOf(desk, owner)];
  const { tree, path } = target;
  desk.journal.append({ event: "overlap", ...holder, tree, path, detail: { with: theirs } });
  if (owner.session !== holder.session) {
    const { overlapText } = await words();
    await desk.notices.send(owner.session, {
      kind: "overlap",
      from: mine,
      text: overlapText(target, mine),
    });
  }
  return pass(
    `csc: ${theirs} held ${target.shown} while you changed it. Read it again, and settle ` +
      `with ${theirs} which change stays before you go on.`,
  );
}

/** After an edit that failed or was refused. */
export async function afterNoEdit(step: Step, target: Target): Promise<Verdict> {
  if (isGuarded(step, target)) await step.reservations.unused(target, step.holder);
  return PASS;
}
