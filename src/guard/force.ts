/**
 * Taking from a session what it does not give back: journaled where the guard looks, and its holder is
 * told. What it changed stays as it is; it only guards nothing any more.
 *
 * @module
 */

import type { Coordination, FilePlace } from "../coordination/coordination.ts";
import { Locks } from "../coordination/locks.ts";
import { type HeldFile, Reservations } from "../coordination/reservations.ts";
import { type Holder, isSame, type LeaseRecord } from "../lease/record.ts";
import { dirtyPaths } from "./git_state.ts";
import { editedPaths } from "./others.ts";

/** Who forces, and why. */
export interface Force {
  readonly by: Holder;
  /** As others know them. */
  readonly name: string;
  readonly reason: string;
}

/** What was taken from a session. */
export interface Forced {
  readonly files: readonly FilePlace[];
  readonly locks: readonly string[];
  /** The working trees in which it had uncommitted edits. */
  readonly trees: readonly string[];
}

/** How often somebody else may be quicker. */
const MAX_TRIES = 5;

/**
 * Ends a file's reservation, whoever holds it, and lets whoever waits for it go first.
 *
 * @returns The holder it was taken from, or null where nobody had it.
 */
export async function forceFile(
  desk: Coordination,
  place: FilePlace & { readonly machine?: string },
  force: Force,
): Promise<Holder | null> {
  const holder = await endReservation(desk, place, force);
  if (holder === null) return null;
  const { tree, path } = place;
  desk.journal.append({ event: "force", ...holder, tree, path, detail: detailOf(force) });
  await tell(desk, holder.session, force, `your reservation of ${path}`);
  return holder;
}

async function endReservation(
  desk: Coordination,
  place: FilePlace & { readonly machine?: string },
  { by, reason }: Force,
): Promise<Holder | null> {
  const ref = new Reservations(desk).refOf(place);
  for (let tries = 1;; tries++) {
    const record: LeaseRecord | null = await desk.leases.inspect(ref);
    if (!record?.holder) return null;
    const { ok } = await desk.leases.act(ref, {
      op: "take over",
      holder: by,
      token: record.token,
      reason,
      ttlS: 1,
      purpose: "",
      detail: null,
      onlyEnd: true,
      forced: true,
    });
    if (ok || tries === MAX_TRIES) return record.holder;
  }
}

/**
 * Relieves everybody but the one who forces of their uncommitted edits of a file, so that git may be
 * used as if they had none.
 *
 * @returns Whom.
 */
export async function relieveOfFile(
  desk: Coordination,
  { tree, path }: FilePlace,
  force: Force,
): Promise<Holder[]> {
  const relieved: Holder[] = [];
  if ((await dirtyPaths(tree, [path]))?.size === 0) return relieved; // all is committed
  for (const { record } of await desk.roster.list()) {
    const events = desk.journal.read(record.session).filter((event) => event.tree === tree);
    const editor = editedPaths(events).get(path);
    if (editor === undefined || isSame(editor, force.by)) continue;
    desk.journal.append({ event: "force", ...editor, tree, path, detail: detailOf(force) });
    relieved.push(editor);
  }
  return relieved;
}

/** Takes everything from a session that it holds, and relieves it of all its uncommitted edits. */
export async function forceSession(
  desk: Coordination,
  session: string,
  force: Force,
): Promise<Forced> {
  const held = (await new Reservations(desk).all()).filter(isOf(session));
  const files: FilePlace[] = [];
  for (const { tree, path, machine } of held) {
    if (await endReservation(desk, { tree, path, machine }, force)) files.push({ tree, path });
  }
  const trees = await treesOf(desk, session);
  const detail = detailOf(force);
  for (const tree of trees) desk.journal.append({ event: "force", session, tree, detail });
  for (const { tree, path } of files) {
    desk.journal.append({ event: "force", session, tree, path, detail });
  }
  if (files.length > 0) {
    const more = files.length > 1 ? ` and ${files.length - 1} more` : "";
    await tell(desk, session, force, `your reservation of ${files[0].path}${more}`);
  }
  const locks = new Locks(desk);
  const names: string[] = [];
  for (const lock of await locks.list()) {
    if (lock.holder.session !== session) continue;
    if (await locks.force(lock.name, force.by, force.reason)) names.push(lock.name);
  }
  return { files, locks: names, trees };
}

function isOf(session: string): (held: HeldFile) => boolean {
  return ({ record }) => record.holder?.session === session;
}

/** The working trees in which a session has uncommitted edits, as far as it was not relieved of them. */
async function treesOf(desk: Coordination, session: string): Promise<string[]> {
  const trees: string[] = [];
  for (const [tree, events] of Map.groupBy(desk.journal.read(session), ({ tree }) => tree)) {
    const edited = tree === undefined ? [] : [...editedPaths(events).keys()];
    // Where git cannot tell, they count as uncommitted.
    if (edited.length > 0 && (await dirtyPaths(tree!, edited))?.size !== 0) trees.push(tree!);
  }
  return trees;
}

function detailOf({ name, reason }: Force) {
  return { by: name, reason };
}

async function tell(
  desk: Coordination,
  session: string,
  { name, reason }: Force,
  what: string,
): Promise<void> {
  if ((await desk.roster.get(session))?.record.status !== "active") return;
  await desk.notices.send(session, {
    kind: "forced",
    from: name,
    text: `${what} was released by force: ${reason}. Others may change it: read it again before ` +
      "you go on.",
  });
}
