/**
 * The session that this server serves, and the watch it keeps for it: the server is the background
 * monitor of seed 003. It finds its session through its parent process, since the id in its
 * environment goes stale when the context is cleared; a client that came over HTTP has no process
 * here, and is a session by itself.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { endSession, healUnasked } from "../coordination/ending.ts";
import type { Repository } from "../detect/repository.ts";
import { messageOf } from "../domain/error.ts";
import { callKey } from "../coordination/coordination.ts";
import { lookIntoLapse } from "../coordination/returning.ts";
import { headOf } from "../detect/head.ts";
import type { Holder } from "../lease/record.ts";
import { LifeFile } from "../os/life_file.ts";
import type { Log } from "../os/log.ts";
import { join } from "../os/path.ts";
import { sleep } from "../os/sleep.ts";
import type { SessionRecord } from "../roster/session_record.ts";
import { Bell } from "./bell.ts";

/** What a member needs. */
export interface MemberOptions {
  readonly desk: Coordination;
  readonly repository: Repository | null;
  readonly folder: string;
  readonly log: Log;
  /** The client's process on this machine, our parent; null where it is none. */
  readonly clientPid: number | null;
  /**
   * Whether this one looks after what all sessions of the project share, at this moment; always, unless
   * a process serves several of them.
   */
  readonly isKeeper?: () => boolean;
}

/**
 * How often the parent's session is looked up: after `/clear` it is another one. And how often where
 * that costs more, once there is one.
 */
const LOOK_MS = { usual: 1000, spared: 5000 } as const;
/** How often a session is rung at least that has not seen all its notices. */
const RING_MS = 20_000;
/** How often reservations that are long free are collected. */
const COLLECT_MS = 600_000;
/** A parent that is ending needs a moment until its children see it. */
const PARENT_MS = 60;

/** One server among the sessions of its project. */
export class Member {
  readonly #options: MemberOptions;
  readonly #parent: number | null;
  readonly #stop = new AbortController();
  #life: LifeFile | null = null;
  /** The session that the hooks registered for our parent. */
  #served: string | null = null;
  /** The session that we registered ourselves, as no hook did. */
  #own: string | null = null;
  #watching: Promise<unknown> | null = null;
  readonly #bell: Bell;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#parent = options.clientPid;
    this.#bell = new Bell(options.desk, options.log);
  }

  /** Begins to watch; nothing is registered before a hook or a tool call asks for it. */
  watch(): void {
    this.#watching ??= Promise.all([this.#watch(), this.#keepAlive()]);
  }

  /** The session served: the hooks' where there is one, else our own, registered now. */
  async session(): Promise<SessionRecord> {
    await this.#follow();
    const { desk } = this.#options;
    if (this.#served !== null) {
      const known = await desk.roster.get(this.#served);
      if (known && known.record.status === "active") return known.record;
    }
    if (this.#own !== null) {
      const known = await desk.roster.get(this.#own);
      if (known && known.record.status === "active") return known.record;
    }
    return await this.#register();
  }

  /** The session served, if there is one; registers nothing. */
  async current(): Promise<string | null> {
    await this.#follow();
    return this.#served ?? this.#own;
  }

  /** Whom a tool call acts for: the session, or the sub-agent that the hook noted for this call. */
  async holder(callId: string | null): Promise<Holder> {
    const { session } = await this.session();
    return await this.#caller(session, callId);
  }

  /** The same, but registers nobody: null where there is no session yet. */
  async currentHolder(callId: string | null): Promise<Holder | null> {
    const session = await this.current();
    return session === null ? null : await this.#caller(session, callId);
  }

  async #caller(session: string, callId: string | null): Promise<Holder> {
    if (callId === null) return { session };
    const { store, scopes } = this.#options.desk;
    const entry = await store.retrieve(scopes.clients, callKey(callId));
    return typeof entry?.value === "string" ? { session, agent: entry.value } : { session };
  }

  /** Ends: the session with it where its client is gone, else only our proof of its life. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#watching, this.#bell.stop()]);
    const { desk } = this.#options;
    try {
      if (this.#own !== null) await endSession(desk, this.#own, "its server has ended");
      if (this.#served !== null) {
        if (Deno.ppid === this.#parent) await sleep(PARENT_MS);
        if (Deno.ppid !== this.#parent) await this.#endServed(this.#served);
        else {await desk.roster.update(this.#served, (record) =>
            this.#isOurs(record) ? { life: null } : null);}
      }
    } finally {
      this.#life?.end();
      this.#life = null;
    }
  }

  /** Ends the session of a client that is gone, unless it was resumed in another one. */
  async #endServed(session: string): Promise<void> {
    const { desk } = this.#options;
    const seen = await desk.roster.get(session);
    if (seen?.isInSight && seen.record.client_pid === this.#parent) {
      await endSession(desk, session, "its client is gone");
    }
  }

  get #isShared(): boolean {
    return this.#options.desk.store.place.reach === "network";
  }

  async #watch(): Promise<void> {
    const { desk, log } = this.#options;
    const { cleanup_interval, retention_days } = desk.config.coordination;
    let [lookAt, healAt, collectAt] = [0, performance.now() + 5000, performance.now() + COLLECT_MS];
    while (!this.#stop.signal.aborted) {
      try {
        if (performance.now() >= lookAt) {
          await this.#follow();
          lookAt = performance.now() + this.#lookMs();
        }
        const session = this.#current;
        this.#bell.listenFor(session);
        const isKeeper = session !== null && (this.#options.isKeeper?.() ?? true);
        if (isKeeper) await desk.leases.settleWaited();
        if (isKeeper && performance.now() >= healAt) {
          for (const { alias } of await healUnasked(desk)) {
            log.info(`${alias}: ended, as it is gone`);
          }
          desk.journal.prune(retention_days);
          healAt = performance.now() + cleanup_interval * 1000;
        }
        if (isKeeper && performance.now() >= collectAt) {
          await this.#collect();
          collectAt = performance.now() + COLLECT_MS;
        }
      } catch (error) {
        log.warn(`the watch failed: ${messageOf(error)}`);
      }
      await sleep(desk.store.place.polls ? this.#lookMs() : LOOK_MS.usual, this.#stop.signal);
    }
  }

  #lookMs(): number {
    return this.#isShared && this.#current !== null ? LOOK_MS.spared : LOOK_MS.usual;
  }

  /** Beside the rest of the watch: whatever that waits for, the session's life is confirmed in time. */
  async #keepAlive(): Promise<void> {
    const { beatMs } = this.#options.desk.sessionLease;
    const ringMs = Math.min(beatMs, RING_MS);
    let [beatAt, ringAt, beaten] = [0, 0, null as string | null];
    while (!this.#stop.signal.aborted) {
      const session = this.#current;
      try {
        if (session !== null && (session !== beaten || performance.now() >= beatAt)) {
          await this.#beat(session);
          // Sessions that came together do not beat together for ever.
          [beatAt, beaten] = [performance.now() + beatMs * (0.8 + 0.2 * Math.random()), session];
        }
        if (session !== null && performance.now() >= ringAt) {
          await this.#ringUnseen(session);
          ringAt = performance.now() + ringMs;
        }
      } catch (error) {
        this.#options.log.warn(`a sign of life failed: ${messageOf(error)}`);
      }
      await sleep(LOOK_MS.usual * (0.5 + 0.5 * Math.random()), this.#stop.signal);
    }
  }

  get #current(): string | null {
    return this.#served ?? this.#own;
  }

  /** Looks which session our parent has now, and stands for its life. */
  async #follow(): Promise<void> {
    if (this.#parent === null) return;
    const { desk } = this.#options;
    const session = await desk.roster.sessionOf(this.#parent);
    const known = session === null ? null : await desk.roster.get(session);
    // Its own hooks would have forgotten the parent: so others have ended it, who could not see it.
    const isGivenUp = this.#isShared && session !== null &&
      (known === null || known.record.given_up === true);
    if (isGivenUp) {
      await this.#return(session, this.#parent);
    } else if (!known || known.record.status === "completed" || !known.isInSight) {
      this.#served = null;
      return;
    }
    if (session === this.#served && known && this.#isOurs(known.record)) return;
    this.#served = session;
    await desk.roster.bind(session!, this.#proofOfLife());
  }

  /** Registers a session anew that others took for dead. */
  async #return(session: string, clientPid: number): Promise<void> {
    const { desk, log } = this.#options;
    await desk.roster.register({
      ...this.#place(),
      session,
      clientPid,
      lapsed: true,
    });
    log.warn(`${session}: others took it for dead; it is back`);
    await lookIntoLapse(desk, session);
  }

  #isOurs({ life }: SessionRecord): boolean {
    return this.#life !== null && life?.id === this.#life.id;
  }

  async #beat(session: string): Promise<void> {
    const { desk } = this.#options;
    const activeMs = desk.journal.lastActivityMs(session);
    const record = await desk.roster.beat(
      session,
      activeMs === null ? {} : { last_activity: new Date(activeMs).toISOString() },
    );
    if (record?.lapsed) await lookIntoLapse(desk, session);
    if (record === null && this.#isShared) await this.#rejoin(session);
  }

  /** A notice that came from another machine has not rung here; of others the ring may have been missed. */
  async #ringUnseen(session: string): Promise<void> {
    const { notices } = this.#options.desk;
    if (await notices.countUnseen(session) > 0) notices.ring(session);
  }

  /** The session is not in the roster any more: comes back where that was not its own doing. */
  async #rejoin(session: string): Promise<void> {
    if (session !== this.#own) return await this.#follow();
    const { desk } = this.#options;
    await desk.roster.register({ ...this.#place(), session, clientPid: 0, lapsed: true });
    await desk.roster.bind(session, this.#proofOfLife());
    await lookIntoLapse(desk, session);
  }

  async #collect(): Promise<void> {
    const { leases, scopes, store } = this.#options.desk;
    await leases.collect(scopes.locks);
    for (const scope of await store.listScopes(scopes.filePattern)) await leases.collect(scope);
  }

  async #register(): Promise<SessionRecord> {
    const { desk } = this.#options;
    const life = this.#proofOfLife();
    this.#own = `mcp-${life.id}`;
    await desk.roster.register({ ...this.#place(), session: this.#own, clientPid: 0 });
    return (await desk.roster.bind(this.#own, life))!;
  }

  #place() {
    const { repository, folder } = this.#options;
    return {
      worktree: repository?.worktree ?? folder,
      ...(repository ? headOf(repository) : { branch: null, head: null }),
    };
  }

  #proofOfLife() {
    const { machineFolder, sessionLease } = this.#options.desk;
    const folder = join(machineFolder, "alive");
    this.#life ??= LifeFile.start(folder);
    return { folder, id: this.#life.id, pid: Deno.pid, ...sessionLease.told };
  }
}
