/**
 * A process that gives a session's signs of life, for sessions without an MCP server (seed 004's
 * heartbeat daemon). One file a session says which process it is; that this process still lives is
 * proven by its life file, so that a number that the system gave to another one is never signalled.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { endSession } from "../coordination/ending.ts";
import { isObject } from "../domain/json.ts";
import { stemOf } from "../journal/file_name.ts";
import { hostname } from "../os/host.ts";
import { LifeFile, probeLife } from "../os/life_file.ts";
import { join } from "../os/path.ts";
import { pidNamespace } from "../os/pid_namespace.ts";
import { ensurePrivateFolder, removeIfThere } from "../os/private_folder.ts";
import { sleep } from "../os/sleep.ts";
import { uniqueName } from "../os/unique.ts";
import { isRunning } from "../roster/standing.ts";

/** A daemon as its file tells. */
export interface Daemon {
  readonly session: string;
  readonly pid: number;
  /** Where that number counts; absent where the host has no PID namespaces, or an older csc wrote it. */
  readonly pid_namespace?: string;
  readonly host: string;
  /** Names its life file. */
  readonly life: string;
  /** How often it gives a sign, in seconds. */
  readonly interval_s: number;
  readonly started_at: string;
}

/** How a daemon is run. */
export interface DaemonOptions {
  readonly intervalS: number;
  /** It ends its session with this process; the session's client where there is none. */
  readonly watchPid: number | null;
  readonly signal: AbortSignal;
}

/** Why a daemon ended. */
export type DaemonEnd = "stopped" | "replaced" | "session ended" | "process gone";

/** How often it looks whether there is still something to do. */
const LOOK_MS = { machine: 1000, network: 5000 } as const;
/** How long it may take to end once it was told to. */
const GRACE_MS = 5000;
const POLL_MS = 20;

/** The daemon of a session; null where none has been started since the last was stopped. */
export function readDaemon(desk: Coordination, session: string): Daemon | null {
  try {
    const value = JSON.parse(Deno.readTextFileSync(fileOf(desk, session)));
    const isDaemon = isObject(value) && value.session === session &&
      Number.isSafeInteger(value.pid) && Number(value.pid) > 1 &&
      ["host", "life", "started_at"].every((name) => typeof value[name] === "string");
    return isDaemon ? value as unknown as Daemon : null;
  } catch {
    return null;
  }
}

/** Whether the very process that wrote the file still lives. */
export function isAlive(desk: Coordination, { life }: Daemon): boolean {
  return probeLife(lifeFolder(desk), life) === "alive";
}

/** Gives signs of life until the session ends, its process is gone, or somebody stops it. */
export async function runDaemon(
  desk: Coordination,
  session: string,
  options: DaemonOptions,
): Promise<DaemonEnd> {
  const { intervalS, signal } = options;
  const life = LifeFile.start(lifeFolder(desk));
  try {
    writeDaemon(desk, {
      session,
      pid: Deno.pid,
      pid_namespace: pidNamespace() ?? undefined,
      host: hostname(),
      life: life.id,
      interval_s: intervalS,
      started_at: new Date().toISOString(),
    });
    const lookMs = LOOK_MS[desk.store.place.reach === "network" ? "network" : "machine"];
    let beatAt = 0;
    while (!signal.aborted) {
      const now = performance.now();
      const isDue = now >= beatAt;
      // What fails now is done at the next look.
      const end = await look(desk, session, life, options, isDue).catch(() => null);
      if (end !== null) return end;
      if (isDue) beatAt = now + intervalS * 1000;
      await sleep(lookMs, signal);
    }
    return "stopped";
  } finally {
    await desk.roster.update(
      session,
      (record) => record.life?.id === life.id ? { life: null } : null,
    )
      .catch(() => null);
    if (readDaemon(desk, session)?.life === life.id) removeIfThere(fileOf(desk, session));
    life.end();
  }
}

/** Looks whether it is still wanted, and gives a sign where one is due. */
async function look(
  desk: Coordination,
  session: string,
  life: LifeFile,
  { watchPid }: DaemonOptions,
  isDue: boolean,
): Promise<DaemonEnd | null> {
  const daemon = readDaemon(desk, session);
  if (daemon === null) return "stopped";
  if (daemon.life !== life.id) return "replaced";
  const seen = await desk.roster.get(session);
  if (!seen || seen.record.status === "completed") return "session ended";
  const { record, isInSight } = seen;
  const clientPid = isInSight && record.client_pid > 0 ? record.client_pid : null;
  const watched = watchPid ?? clientPid;
  if (watched !== null && !isRunning(watched)) {
    await endSession(desk, session, "its process is gone");
    return "process gone";
  }
  if (!isDue) return null;
  const own = { folder: lifeFolder(desk), id: life.id, pid: Deno.pid, beside: true } as const;
  const isProven = record.life !== null && record.life.id !== life.id &&
    probeLife(record.life.folder, record.life.id) === "alive";
  // Whoever looks after we were killed sees by this process whether the session goes on.
  const client = watchPid !== null && record.client_pid === 0
    ? { client_pid: watchPid, pid_namespace: pidNamespace() ?? undefined }
    : {};
  await desk.roster.beat(session, isProven ? {} : { life: own, ...client });
  return null;
}

/** How the stop of a daemon went: `not running` where it had ended by itself. */
export type Stopped = "stopped" | "not running" | "none";

/**
 * Stops a daemon of this host: gently, then by force; nothing else is ever signalled. One in another
 * container has another number here: it ends at its next look, as its file is gone.
 */
export async function stopDaemon(desk: Coordination, session: string): Promise<Stopped> {
  const daemon = readDaemon(desk, session);
  if (daemon === null) return "none";
  const isThere = isAlive(desk, daemon);
  const { pid_namespace = pidNamespace() } = daemon;
  if (pid_namespace === pidNamespace()) await signalUntilGone(desk, daemon);
  if (readDaemon(desk, session)?.life === daemon.life) removeIfThere(fileOf(desk, session));
  return isThere ? "stopped" : "not running";
}

async function signalUntilGone(desk: Coordination, daemon: Daemon): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!isAlive(desk, daemon)) return;
    send(daemon.pid, signal);
    const deadline = performance.now() + GRACE_MS;
    while (isAlive(desk, daemon) && performance.now() < deadline) await sleep(POLL_MS);
  }
}

function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended in this very moment.
  }
}

function writeDaemon(desk: Coordination, daemon: Daemon): void {
  const path = fileOf(desk, daemon.session);
  const draft = `${path}.${uniqueName()}`;
  ensurePrivateFolder(folderOf(desk));
  Deno.writeTextFileSync(draft, JSON.stringify(daemon), { createNew: true, mode: 0o600 });
  Deno.renameSync(draft, path);
}

function folderOf({ machineFolder }: Coordination): string {
  return join(machineFolder, "heartbeat");
}

function fileOf(desk: Coordination, session: string): string {
  return join(folderOf(desk), `${stemOf(session)}.pid`);
}

function lifeFolder({ machineFolder }: Coordination): string {
  return join(machineFolder, "alive");
}
