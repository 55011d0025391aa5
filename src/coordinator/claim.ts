/**
 * A claim on an instance, and whether its holder still stands behind it.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import type { LifeSign } from "../os/life_file.ts";

/** Who holds an instance, as it is stored. */
export interface Claim {
  /** The life file of the server that holds it. */
  readonly life: string;
  /** The host whose uptime the heartbeat tells. */
  readonly host: string;
  /** For people: process numbers prove nothing. */
  readonly pid: number;
  /** The client's session, where it told one. */
  readonly client_session: string | null;
  readonly signed_on_at: string;
  readonly heartbeat: Heartbeat;
}

/** The last sign that a holder gave. */
export interface Heartbeat {
  readonly count: number;
  /** The host's uptime in whole seconds: a clock that no change of the time of day disturbs. */
  readonly uptime_s: number;
  readonly at: string;
}

/** `"dead"` is proven; `"silent"` means that heartbeats were missed, which a pause also explains. */
export type Standing = "live" | "silent" | "dead";

/** What is known at the moment of judging. */
export interface Witness {
  readonly lifeSign: LifeSign;
  readonly host: string;
  readonly uptimeS: number;
  /** The store's clock. */
  readonly nowMs: number;
}

/** Judges a claim. Uptimes are whole seconds, so silence is held against nobody a second early. */
export function judge(claim: Claim, witness: Witness, timeoutMs: number): Standing {
  if (witness.lifeSign === "dead") return "dead";
  const { heartbeat } = claim;
  if (claim.host !== witness.host) {
    return witness.nowMs - Date.parse(heartbeat.at) > timeoutMs ? "silent" : "live";
  }
  if (witness.lifeSign === "unknown" && witness.uptimeS < heartbeat.uptime_s) return "dead"; // rebooted
  return (witness.uptimeS - heartbeat.uptime_s - 1) * 1000 > timeoutMs ? "silent" : "live";
}

/** Reads a stored claim; null where it is none. */
export function readClaim(value: Json): Claim | null {
  if (!isObject(value) || !isObject(value.heartbeat)) return null;
  const { life, host, signed_on_at, heartbeat } = value;
  if (typeof life !== "string" || typeof host !== "string" || typeof signed_on_at !== "string") {
    return null;
  }
  if (typeof heartbeat.uptime_s !== "number" || typeof heartbeat.at !== "string") return null;
  return value as unknown as Claim;
}

/** The claim's JSON. */
export function claimJson(claim: Claim): Json {
  return { ...claim, heartbeat: { ...claim.heartbeat } };
}
