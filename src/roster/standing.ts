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

/** Below these a session is active, idle, stale; from then on abandoned. In seconds. */
export const TIER_LIMITS_S = { active: 300, idle: 3600, stale: 86_400 } as const;

/** What a session's signs of life prove, seen from a host. */
export function standingOf(record: SessionRecord, host: string, uptimeS: number): Standing {
  if (record.status === "completed") return "dead";
  if (record.host !== host) return "unproven";
  const sign = record.life ? probeLife(record.life.folder, record.life.id) : "unknown";
  if (sign === "alive") return "live";
  if (uptimeS < record.heartbeat.uptime_s) return "dead"; // the host was started anew
  // A server that no hook found a client for is a session by itself. Of others it may have crashed
  // alone: only a client that is gone as well is a proof.
  if (record.client_pid === 0) {
    return sign === "dead" && !record.life?.beside ? "dead" : "unproven";
  }
  return isRunning(record.client_pid) ? "unproven" : "dead";
}

/** The tier for a time of quiet. */
export function tierOf(quietS: number): Tier {
  if (quietS < TIER_LIMITS_S.active) return "active";
  if (quietS < TIER_LIMITS_S.idle) return "idle";
  return quietS < TIER_LIMITS_S.stale ? "stale" : "abandoned";
}

/**
 * How long ago a session last gave a sign or did something, in seconds. Seen from its own host the
 * uptime counts, so that a wall clock that jumps makes nobody silent.
 */
export function quietSeconds(
  record: SessionRecord,
  nowMs: number,
  host: string,
  uptimeS: number,
): number {
  const [beatMs, activeMs] = [record.heartbeat.at, record.last_activity].map(Date.parse);
  const wallS = (nowMs - Math.max(beatMs, activeMs)) / 1000;
  const isComparable = record.host === host && uptimeS >= record.heartbeat.uptime_s;
  const sinceBeatS = isComparable ? uptimeS - record.heartbeat.uptime_s : Infinity;
  return Math.max(0, Math.round(Math.min(wallS, sinceBeatS)));
}

/** Whether there is a process with this number; true where that cannot be seen. */
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
