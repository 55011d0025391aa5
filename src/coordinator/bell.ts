/**
 * Rings a session's inbox as soon as a notice for it comes from another machine: whoever is told from
 * this one is rung by the sender. Only where the store announces changes by itself; elsewhere a notice
 * waits for the next sign of life.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { messageOf } from "../domain/error.ts";
import { escapeGlob } from "../domain/glob.ts";
import type { Log } from "../os/log.ts";
import { sleep } from "../os/sleep.ts";

/** After a watch that was cut off. */
const AGAIN_MS = 5000;

/** Listens for the notices of one session at a time. */
export class Bell {
  readonly #desk: Coordination;
  readonly #log: Log;
  readonly #isOn: boolean;
  #session: string | null = null;
  #stop = new AbortController();
  #listening: Promise<void> = Promise.resolve();

  constructor(desk: Coordination, log: Log) {
    this.#desk = desk;
    this.#log = log;
    const { reach, polls } = desk.store.place;
    this.#isOn = reach === "network" && !polls;
  }

  /** Listens for this session from now on; for nobody with null. */
  listenFor(session: string | null): void {
    if (!this.#isOn || session === this.#session) return;
    void this.stop();
    this.#session = session;
    if (session === null) return;
    this.#stop = new AbortController();
    this.#listening = this.#listen(session, this.#stop.signal);
  }

  /** Listens no more. */
  async stop(): Promise<void> {
    this.#session = null;
    this.#stop.abort();
    await this.#listening;
  }

  async #listen(session: string, signal: AbortSignal): Promise<void> {
    const { store, scopes, notices } = this.#desk;
    while (!signal.aborted) {
      try {
        const pattern = escapeGlob(scopes.notices(session));
        for await (const { version } of await store.watch(pattern, signal)) {
          if (version !== null) notices.ring(session);
        }
      } catch (error) {
        if (!signal.aborted) this.#log.warn(`no notices are heard of: ${messageOf(error)}`);
      }
      await sleep(AGAIN_MS, signal);
    }
  }
}
