/**
 * Who acts in an event, and that its session is known.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { headOf } from "../detect/head.ts";
import { findRepository } from "../detect/repository.ts";
import { isObject } from "../domain/json.ts";
import type { Holder } from "../lease/record.ts";
import type { Registered, SeenSession } from "../roster/roster.ts";
import { clientPid, folderOfProject, type HookEvent } from "./event.ts";
import { type Opened, openFolder } from "./open.ts";

/** Who acts in an event. */
export function holderOf({ session_id: session, agent_id: agent }: HookEvent): Holder {
  return typeof agent === "string" && agent !== "" ? { session, agent } : { session };
}

/** Registers the session of an event, unless it is known already: then null is answered. */
export async function ensureRegistered(
  opened: Opened,
  event: HookEvent,
): Promise<Registered | null> {
  const { desk } = opened;
  if (!desk.config.coordination.auto_register) return null;
  if (await isSurelyKnown(desk, event)) return null;
  const isShared = desk.store.place.reach === "network";
  const [known, seen] = await Promise.all([
    desk.roster.sessionOf(clientPid()),
    isShared ? desk.roster.get(event.session_id) : null,
  ]);
  const isKnown = known === event.session_id;
  if (isKnown && !isShared) return null;
  if (isKnown && seen?.isInSight && seen.record.status === "active") {
    await keepLeased(desk, seen);
    return null;
  }
  const registered = await register(opened, event, isKnown);
  if (isKnown) await (await returning()).lookIntoLapse(desk, event.session_id);
  else await noteReach(opened, event.session_id);
  return registered;
}

/**
 * Whether nothing has to be looked up further. Only asked where all notes are read at once, from one
 * file: a store on the network would be asked for each of them.
 */
async function isSurelyKnown({ roster, store }: Coordination, event: HookEvent): Promise<boolean> {
  return store.place.reach !== "network" && await roster.isNoted(event.session_id, clientPid());
}

/** What a server does that has ended alone: its session is not to be taken for dead for that. */
async function keepLeased(desk: Coordination, { record, standing }: SeenSession): Promise<void> {
  const isServed = record.life === null || standing === "live";
  const after = isServed ? record : await desk.roster.beat(record.session);
  if (after?.lapsed) await (await returning()).lookIntoLapse(desk, record.session);
}

/** Loaded only where a session comes back. */
const returning = () => import("../coordination/returning.ts");

/** A session that reaches into another project has to end there too: its own journal says where. */
async function noteReach({ repository, folder }: Opened, session: string): Promise<void> {
  const home = findRepository(folderOfProject());
  if (!repository || home?.mainFolder === repository.mainFolder) return;
  const { desk } = await openFolder(folderOfProject());
  desk.journal.append({ event: "note", session, detail: { [REACHED]: folder } });
}

const REACHED = "works_in";

/** The folders of other projects in which a session has registered. */
export function foldersReached({ journal }: Coordination, session: string): string[] {
  const folders = journal.read(session).flatMap(({ event, detail }) => {
    const folder = event === "note" && isObject(detail) ? detail[REACHED] : null;
    return typeof folder === "string" ? [folder] : [];
  });
  return [...new Set(folders)];
}

/**
 * Whether an event comes from a process that only has the id of a session which lives in another one:
 * what it does must not end what that one holds.
 */
export async function isOfOtherProcess({ desk }: Opened, event: HookEvent): Promise<boolean> {
  if (await isSurelyKnown(desk, event)) return false;
  const pid = clientPid();
  if (await desk.roster.sessionOf(pid) === event.session_id) return false;
  const known = await desk.roster.get(event.session_id);
  if (!known || known.standing === "dead") return false;
  const { client_pid } = known.record;
  return client_pid > 0 && known.isHere && (client_pid !== pid || !known.isInSight);
}

/**
 * Registers the session of an event.
 *
 * @param lapsed It was registered before, and others may have taken it for dead.
 * @throws {CoordinatorError} `session_taken`.
 */
export async function register(
  { desk, repository, folder }: Opened,
  { session_id: session, source }: HookEvent,
  lapsed = false,
): Promise<Registered> {
  const registered = await desk.roster.register({
    session,
    clientPid: clientPid(),
    worktree: repository?.worktree ?? folder,
    ...(repository ? headOf(repository) : { branch: null, head: null }),
    lapsed,
  });
  const { name, alias } = registered.record;
  desk.journal.append({ event: "start", session, detail: { name, alias, source: source ?? null } });
  return registered;
}
