/**
 * Whether a session lives, and how long it has been quiet.
 *
 * @module
 */

import { probeLife } from "../os/life_file.ts";
import type { SessionRecord } from "./session_record.ts";

/**
 * `"live"` and `"dead"` are proven (ended counts as dead); `"unproven"` is all that a missing sign of
 * life shows: age alone proves no death.
 */
export type Standing = "live" | "unproven" | "dead";

/** How long a session has been quiet (seed 004's tiers). */
export type Tier = "active" | "idle" | "stale" | "abandoned";

/** A session is active for so long after a sign, and at the earliest after a day abandoned. In seconds. */
const ACTIVE_S = 300;
const ABANDONED_S = 86_400;

/** From where and when sessions are looked at. */
export interface Outlook {
  readonly host: string;
  /** Tells hosts of one name apart; null where the store is of one host. */
  readonly hostId: string | null;
  /** Where process numbers count that are seen from here; null where the host has no such thing. */
  readonly pidNamespace: string | null;
  readonly uptimeS: number;
  readonly wallMs: number;
  /** The clock of a store on the network, no later than what is judged was read; null elsewhere. */
  readonly storeMs: number | null;
}

/** A session's record, and when the store got it by its own clock. */
export interface Dated {
  readonly record: SessionRecord;
  readonly storedAtMs: number;
}

/** Whether a session is one of the host from which it is looked at. */
export function isOfHost(
  record: Pick<SessionRecord, "host" | "host_id">,
  { host, hostId }: Pick<Outlook, "host" | "hostId">,
): boolean {
  return record.host === host && (hostId === null || record.host_id === hostId);
}

/**
 * Whether all that shows a session's life can be seen. A server's file can from the whole host, a
 * client's process only from its own PID namespace.
 */
export function isInSight(
  record: Pick<SessionRecord, "host" | "host_id" | "client_pid" | "pid_namespace">,
  outlook: Pick<Outlook, "host" | "hostId" | "pidNamespace">,
): boolean {
  const { client_pid, pid_namespace = outlook.pidNamespace } = record;
  return isOfHost(record, outlook) && (client_pid === 0 || pid_namespace === outlook.pidNamespace);
}

/**
 * What a session's signs of life prove. On its own host its server can be seen, and where process
 * numbers are the same its client; from elsewhere its lease counts, by the store's clock alone.
 */
export function standingOf(dated: Dated, outlook: Outlook): Standing {
  const { record } = dated;
  if (record.status === "completed") return "dead";
  if (!isOfHost(record, outlook)) return standingFromAfar(dated, outlook);
  const sign = record.life ? probeLife(record.life.folder, record.life.id) : "unknown";
  if (sign === "alive") return "live";
  if (outlook.uptimeS < record.heartbeat.uptime_s) return "dead"; // the host was started anew
  // A server that no hook found a client for is a session by itself. Of others it may have crashed
  // alone: only a client that is gone as well is a proof.
  if (record.client_pid === 0) {
    return sign === "dead" && !record.life?.beside ? "dead" : "unproven";
  }
  if (!isInSight(record, outlook)) return standingFromAfar(dated, outlook);
  return isRunning(record.client_pid) ? "unproven" : "dead";
}

function standingFromAfar({ record: { life }, storedAtMs }: Dated, { storeMs }: Outlook): Standing {
  if (storeMs === null || life?.lease_s === undefined) return "unproven";
  return storeMs - storedAtMs > life.lease_s * 1000 ? "dead" : "live";
}

/**
 * The tier for a time of quiet.
 *
 * @param timeoutS From when on a session is stale: where that is less than the other tiers take, it
 * cuts them short, and where it is more, it puts them off.
 */
export function tierOf(quietS: number, timeoutS: number): Tier {
  if (quietS < timeoutS) return quietS < ACTIVE_S ? "active" : "idle";
  return quietS < ABANDONED_S ? "stale" : "abandoned";
}

/**
 * Whether a session has long been silent and cannot be shown to live: then whoever needs what it holds
 * may override it. Of all others that are not dead it counts that they may be at work.
 */
export function isLongSilent(
  { standing, tier }: { readonly standing: Standing; readonly tier: Tier },
): boolean {
  return standing === "unproven" && (tier === "stale" || tier === "abandoned");
}

/**
 * How long ago a session last gave a sign or did something, in seconds. Seen from its own host the
 * uptime counts, from others the store's clock: so that a wall clock that is wrong makes nobody silent.
 */
export function quietSeconds({ record, storedAtMs }: Dated, outlook: Outlook): number {
  const { uptimeS, wallMs, storeMs } = outlook;
  const isHere = isOfHost(record, outlook);
  if (!isHere && storeMs !== null) return Math.max(0, Math.round((storeMs - storedAtMs) / 1000));
  const [beatMs, activeMs] = [record.heartbeat.at, record.last_activity].map(Date.parse);
  const wallS = (wallMs - Math.max(beatMs, activeMs)) / 1000;
  const isComparable = isHere && uptimeS >= record.heartbeat.uptime_s;
  const sinceBeatS = isComparable ? uptimeS - record.heartbeat.uptime_s : Infinity;
  return Math.max(0, Math.round(Math.min(wallS, sinceBeatS)));
}

/**
 * Whether there is a process with this number, or one of the group of this number where it is
 * negative; true where that cannot be seen.
 */
export function isRunning(pid: number): boolean {
  try {
    if (Deno.build.os === "windows") askOnWindows(pid);
    // Ignored by whoever has not asked for it; the signal that only asks would cost 10 ms here.
    else Deno.kill(pid, "SIGURG");
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound) &&
      (error as { code?: string }).code !== "ESRCH";
  }
}

function askOnWindows(pid: number): void {
  const { process } = globalThis as { process?: { kill(pid: number, signal: 0): boolean } };
  process?.kill(pid, 0);
}
