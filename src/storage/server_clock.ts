/**
 * A server's clock, told without asking each time: from its last answer, and the time that has passed
 * here since.
 *
 * The estimate is never ahead of the server: an answer counts as given when it arrived. So nobody who
 * goes by it finds a lease over that is not. It is behind by no more than the answer's round trip; one
 * that took long is not used. A holder that goes by it therefore believes in its lease for that time
 * longer than the server's clock says, and leases are only taken over a whole second later.
 *
 * @module
 */

import { uptimeSeconds } from "../os/host.ts";
import type { StorageAdapter } from "./adapter.ts";

/** An answer that took longer than this tells too little: it is not used. */
const MAX_ROUND_TRIP_MS = 250;
/** An answer is used for so long. */
const VALID_MS = 2000;
/** Where this host's clocks differ by more than this, it slept, or its wall clock was set. */
const MAX_DRIFT_MS = 20;
/** The uptime is told in whole seconds. */
const MAX_UPTIME_DRIFT_MS = 1100;

/** What this host's clocks show. */
export interface HostTimes {
  /** Of a clock that nobody can set, but that may stand while the host sleeps. */
  readonly steadyMs: number;
  /** Of the wall clock. */
  readonly wallMs: number;
  /** The host's uptime, which goes on while it sleeps: whole seconds. */
  readonly uptimeS: number;
}

/**
 * The system takes longer to tell its uptime than a lease takes to decide, so it is asked once in this
 * time; that much is within what the uptime may differ by.
 */
const UPTIME_KEPT_MS = 50;

let uptime = { s: 0, askedAtMs: -Infinity };

/** What this host's clocks show now. */
export function hostTimes(): HostTimes {
  const steadyMs = performance.now();
  if (steadyMs - uptime.askedAtMs > UPTIME_KEPT_MS) {
    uptime = { s: uptimeSeconds(), askedAtMs: steadyMs };
  }
  return { steadyMs, wallMs: Date.now(), uptimeS: uptime.s };
}

/** What is known of a server's clock. */
export interface ServerTime {
  /** In milliseconds since 1970; not ahead of the server's clock. */
  readonly ms: number;
  /** By how much the server's clock may be ahead of it. */
  readonly boundMs: number;
}

/** An estimate of one server's clock. */
export class ServerClock {
  #last: { readonly serverMs: number; readonly at: HostTimes; readonly boundMs: number } | null =
    null;

  /**
   * Takes an answer of the server in.
   *
   * @param serverMs What its clock showed when it answered.
   * @param sentAt When it was asked, and `receivedAt` when its answer was here.
   */
  observe(serverMs: number, sentAt: HostTimes, receivedAt: HostTimes): void {
    const boundMs = receivedAt.steadyMs - sentAt.steadyMs;
    // A clock that tells whole seconds is behind by up to another one.
    const isFine = serverMs % 1000 !== 0;
    const isSound = isFine && boundMs >= 0 && boundMs <= MAX_ROUND_TRIP_MS &&
      isAlike(sentAt, receivedAt);
    this.#last = isSound ? { serverMs, at: receivedAt, boundMs } : null;
  }

  /** The server's time, or null where it has to be asked. */
  read(now: HostTimes = hostTimes()): ServerTime | null {
    if (this.#last === null) return null;
    const { serverMs, at, boundMs } = this.#last;
    const passedMs = now.steadyMs - at.steadyMs;
    const isValid = passedMs >= 0 && passedMs <= VALID_MS && isAlike(at, now);
    return isValid ? { ms: serverMs + passedMs, boundMs } : null;
  }
}

/** Whether between two looks all clocks went on alike. */
function isAlike(from: HostTimes, to: HostTimes): boolean {
  const steadyMs = to.steadyMs - from.steadyMs;
  const drift = (to.wallMs - from.wallMs) - steadyMs;
  const uptimeDrift = (to.uptimeS - from.uptimeS) * 1000 - steadyMs;
  return Math.abs(drift) <= MAX_DRIFT_MS && Math.abs(uptimeDrift) <= MAX_UPTIME_DRIFT_MS;
}

const clocks = new WeakMap<StorageAdapter, ServerClock>();

/** The clock of a store on the network, asked only where no late answer tells it. In milliseconds. */
export async function serverNow(store: StorageAdapter): Promise<number> {
  const clock = clocks.get(store) ?? new ServerClock();
  clocks.set(store, clock);
  const known = clock.read();
  if (known) return known.ms;
  const sentAt = hostTimes();
  const serverMs = await store.now();
  clock.observe(serverMs, sentAt, hostTimes());
  return serverMs;
}
