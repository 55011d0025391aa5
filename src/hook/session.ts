/**
 * The steps in a session's life: start, turns, sub-agents, end.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { endSession, healUnasked } from "../coordination/ending.ts";
import { type HeldFile, Reservations } from "../coordination/reservations.ts";
import { Locks } from "../coordination/locks.ts";
import { messageOf } from "../domain/error.ts";
import { printable, shorten } from "../domain/text.ts";
import { shortId } from "../guard/step.ts";
import type { JournalEvent } from "../journal/journal.ts";
import { type Holder, isSame } from "../lease/record.ts";
import type { Registered } from "../roster/roster.ts";
import { type HookAnswer, type HookEvent, knownError, SILENT, withContext } from "./event.ts";
import { noteFailure } from "./failures.ts";
import { ensureRegistered, foldersReached, holderOf, register } from "./identity.ts";
import { newsFor } from "./news.ts";
import { type Opened, openFolder } from "./open.ts";

/** A session begins, goes on after a pause, or starts over with an empty context. */
export async function onSessionStart(opened: Opened, event: HookEvent): Promise<HookAnswer> {
  const { desk } = opened;
  if (!desk.config.coordination.auto_register) return SILENT;
  shareSessionId(event.session_id);
  await healUnasked(desk);
  let registered: Registered;
  try {
    registered = await register(opened, event);
  } catch (error) {
    return refusal(event, error);
  }
  await endOthersOfClient(desk, registered, event);
  const { startContext } = await import("./start_context.ts");
  const context = await startContext(opened, registered);
  await newsFor(desk, event.session_id); // told just now
  await desk.roster.update(event.session_id, () => ({ seen_until: new Date().toISOString() }));
  const answer = withContext(event, context);
  const watchPaths = [desk.notices.openInbox(event.session_id)];
  const hookSpecificOutput = { ...answer.stdout!.hookSpecificOutput as object, watchPaths };
  return { ...answer, stdout: { hookSpecificOutput } };
}

/** What a second process is told that has the id of a session which is open in another. */
function refusal(event: HookEvent, error: unknown): HookAnswer {
  const known = knownError(error);
  if (known?.code !== "session_taken") throw error;
  return withContext(
    event,
    `csc: ${known.message}. ${known.hint} Until then csc denies its edits.`,
  );
}

/** Commands that the session runs know in whose name. */
function shareSessionId(session: string): void {
  const path = Deno.env.get("CLAUDE_ENV_FILE");
  if (!path) return;
  const line = `export CLAUDE_SESSION_ID='${session.replaceAll("'", "")}'\n`;
  try {
    Deno.writeTextFileSync(path, line, { append: true });
  } catch (error) {
    noteFailure("SessionStart", messageOf(error)); // a convenience: the session goes on without it
  }
}

/** A session ends. */
export async function onSessionEnd({ desk }: Opened, event: HookEvent): Promise<HookAnswer> {
  const { session_id: session, reason = "other" } = event;
  await endEverywhere(desk, session, `session end: ${reason}`);
  return SILENT;
}

async function endEverywhere(desk: Coordination, session: string, why: string): Promise<void> {
  const elsewhere = foldersReached(desk, session);
  await endSession(desk, session, why);
  for (const folder of elsewhere) {
    await endSession((await openFolder(folder, desk.deadline)).desk, session, why);
  }
}

/**
 * Ends what the client had before, where its end was lost: it would live for as long as the client, in
 * the way of the very session that has followed it. Only a start and a prompt show that the client has
 * gone on; a tool call may be a late one of the old session.
 */
async function endOthersOfClient(
  desk: Coordination,
  { others }: Registered,
  { source }: HookEvent,
): Promise<void> {
  for (const { record: { session }, standing } of others) {
    // No process starts up twice: this one only has the number, inherited from the client around it.
    if (source === "startup" && standing === "live") continue;
    await endEverywhere(desk, session, "its client has another session now");
  }
}

/** The user says something: a sign of life, and the moment to tell what happened. */
export async function onPrompt(opened: Opened, event: HookEvent): Promise<HookAnswer> {
  try {
    const registered = await ensureRegistered(opened, event);
    if (registered) await endOthersOfClient(opened.desk, registered, event);
  } catch (error) {
    return refusal(event, error);
  }
  const { desk } = opened;
  const last_activity = new Date().toISOString();
  await desk.roster.beat(event.session_id, { last_activity, idle: false });
  const [unseen, news] = await Promise.all([
    desk.notices.take(event.session_id, event.agent_id),
    newsFor(desk, event.session_id),
  ]);
  return told(event, [...unseen.map(({ text }) => text), ...(news === null ? [] : [news])]);
}

/** Tells a session what it has not seen yet; a sub-agent only what is meant for it. */
export async function tellNotices({ desk }: Opened, event: HookEvent): Promise<HookAnswer> {
  const notices = await desk.notices.take(event.session_id, event.agent_id);
  return told(event, notices.map(({ text }) => text));
}

function told(event: HookEvent, texts: readonly string[]): HookAnswer {
  if (texts.length === 0) return SILENT;
  return withContext(event, texts.map((text) => `csc: ${text}`).join("\n"));
}

/**
 * The inbox changed: wakes an idle session with what it has not seen yet. One that is in the middle of
 * a turn learns it after its next step: it cannot be woken, and what was taken would be lost.
 */
export async function onFileChanged({ desk }: Opened, event: HookEvent): Promise<HookAnswer> {
  if (await isBusy(desk, event.session_id)) return SILENT;
  const notices = await desk.notices.take(event.session_id);
  if (notices.length === 0) return SILENT;
  await desk.roster.beat(event.session_id, { idle: false });
  return { code: 2, stderr: notices.map(({ text }) => `csc: ${text}`).join("\n") };
}

/** No hook tells that the user has interrupted a turn: whoever does nothing for so long is idle too. */
const BUSY_MS = 60_000;

/** By the journal too: the record learns what was done only with the next sign of life. */
async function isBusy({ roster, journal }: Coordination, session: string): Promise<boolean> {
  const record = (await roster.get(session))?.record;
  if (record?.idle !== false) return false;
  const lastMs = Math.max(Date.parse(record.last_activity), journal.lastActivityMs(session) ?? 0);
  return Math.abs(Date.now() - lastMs) < BUSY_MS;
}

/** A turn is over: reservations that were never used end, and nothing is under way any more. */
export async function onStop({ desk }: Opened, event: HookEvent): Promise<HookAnswer> {
  const reservations = new Reservations(desk);
  for (const held of await reservations.unusedOf(event.session_id)) {
    if (!isSame(held.record.holder, holderOf(event))) continue;
    if (held.record.offered) continue; // its turn has only just come
    if (held.record.uses === 0 || held.record.busy_s !== null) {
      await reservations.unused(held, held.record.holder!);
    }
  }
  const last_activity = new Date().toISOString();
  await desk.roster.beat(event.session_id, { last_activity, idle: true });
  // What came after the last step was left to be told now.
  if (await desk.notices.countUnseen(event.session_id) > 0) desk.notices.ring(event.session_id);
  return SILENT;
}

/**
 * A sub-agent is done: what it changed goes to its session, what it borrowed goes back, the rest is
 * free. It waits for nothing any more, so that no turn is kept for it.
 */
export async function onSubagentStop({ desk }: Opened, event: HookEvent): Promise<HookAnswer> {
  const agent = holderOf(event);
  if (agent.agent === undefined) return SILENT;
  const reservations = new Reservations(desk);
  for (const held of await reservations.ofSession(agent.session, agent.agent)) {
    if (isSame(held.record.holder, agent)) await handBack(reservations, held, agent);
  }
  const locks = new Locks(desk);
  for (const { name, holder } of await locks.list()) {
    if (isSame(holder, agent)) await locks.release(name, agent);
  }
  const denied = deniedTo(agent, desk.journal.read(event.session_id));
  for (const { tree, path } of denied) {
    if (tree === undefined || path === undefined) continue;
    await desk.leases.leaveQueue(reservations.refOf({ tree, path }), agent);
  }
  await desk.notices.take(event.session_id, agent.agent);
  await tellParent(desk, agent, denied);
  return SILENT;
}

async function handBack(
  reservations: Reservations,
  held: HeldFile,
  agent: Holder,
): Promise<void> {
  const parent: Holder = { session: agent.session };
  const to = held.record.uses > 0 ? parent : undefined;
  await reservations.release(held, agent, "its sub-agent is done", { to });
}

/** What a sub-agent was denied in the end, as far as its parent does not know yet. */
function deniedTo({ agent }: Holder, events: readonly JournalEvent[]): JournalEvent[] {
  const denied = new Map<string, JournalEvent>();
  for (const one of events) {
    if (one.agent !== agent) continue;
    const what = `${one.tree ?? ""} ${one.path ?? one.detail}`;
    if (one.event === "deny") denied.set(what, one);
    if (one.event === "edit") denied.delete(what); // its turn has come
    if (one.event === "note" && one.detail === DENIALS_TOLD) denied.clear();
  }
  return [...denied.values()];
}

const DENIALS_TOLD = "denials told";

/** What a sub-agent was denied, its parent would otherwise never learn. */
async function tellParent(
  desk: Coordination,
  agent: Holder,
  denied: readonly JournalEvent[],
): Promise<void> {
  if (denied.length === 0) return;
  const what = denied.map(({ path, detail }) => printable(path ?? String(detail)));
  await desk.notices.send(agent.session, {
    kind: "denied",
    from: "csc",
    text:
      `your sub-agent ${shortId(agent.agent!)} was denied: ${shorten(what.join(", "), 1000)}. ` +
      "Others hold these; do not take its report of them as done.",
  });
  desk.journal.append({ event: "note", ...agent, detail: DENIALS_TOLD });
}
