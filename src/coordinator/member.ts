/**
 * The session that this server serves, and the watch it keeps for it: the server is the background
 * monitor of seed 003. It finds its session through its parent process, since the id in its
 * environment goes stale when the context is cleared; a client that came over HTTP has no process
 * here, and is a session by itself.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { endSession, heal } from "../coordination/ending.ts";
import type { Repository } from "../detect/repository.ts";
import { messageOf } from "../domain/error.ts";
import { callKey } from "../coordination/coordination.ts";
import { headOf } from "../detect/head.ts";
import type { Holder } from "../lease/record.ts";
import { LifeFile } from "../os/life_file.ts";
import type { Log } from "../os/log.ts";
import { join } from "../os/path.ts";
import { sleep } from "../os/sleep.ts";
import type { SessionRecord } from "../roster/session_record.ts";

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

/** How often the parent's session is looked up: after `/clear` it is another one. */
const LOOK_MS = 1000;
/** How often a session's life is confirmed where all see the same proof, and where they cannot. */
const BEAT_MS = { machine: 20_000, network: 5_000 } as const;
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
  #watching: Promise<void> | null = null;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#parent = options.clientPid;
  }

  /** Begins to watch; nothing is registered before a hook or a tool call asks for it. */
  watch(): void {
    this.#watching ??= this.#watch();
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
    if (callId === null) return { session };
    const { store, scopes } = this.#options.desk;
    const entry = await store.retrieve(scopes.clients, callKey(callId));
    return typeof entry?.value === "string" ? { session, agent: entry.value } : { session };
  }

  /** Ends: the session with it where its client is gone, else only our proof of its life. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
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
    const client = (await desk.roster.get(session))?.record.client_pid;
    if (client === this.#parent) await endSession(desk, session, "its client is gone");
  }

  async #watch(): Promise<void> {
    const { desk, log } = this.#options;
    const { auto_cleanup_stale, cleanup_interval, retention_days } = desk.config.coordination;
    const beatMs = BEAT_MS[desk.store.place.reach === "network" ? "network" : "machine"];
    let [beatAt, healAt, collectAt] = [0, performance.now() + 5000, performance.now() + COLLECT_MS];
    while (!this.#stop.signal.aborted) {
      try {
        await this.#follow();
        const session = this.#served ?? this.#own;
        if (session !== null && performance.now() >= beatAt) {
          await this.#beat(session);
          beatAt = performance.now() + beatMs;
        }
        const isKeeper = session !== null && (this.#options.isKeeper?.() ?? true);
        if (isKeeper) await desk.leases.settleWaited();
        if (isKeeper && auto_cleanup_stale && performance.now() >= healAt) {
          for (const { alias } of await heal(desk)) {
            log.info(`${alias}: ended, its process is gone`);
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
      await sleep(LOOK_MS, this.#stop.signal);
    }
  }

  /** Looks which session our parent has now, and stands for its life. */
  async #follow(): Promise<void> {
    if (this.#parent === null) return;
    const { desk } = this.#options;
    const session = await desk.roster.sessionOf(this.#parent);
    const known = session === null ? null : await desk.roster.get(session);
    if (!known || known.record.status === "completed") {
      this.#served = null;
      return;
    }
    if (session === this.#served && this.#isOurs(known.record)) return;
    this.#served = session;
    await desk.roster.bind(session!, this.#proofOfLife());
  }

  #isOurs({ life }: SessionRecord): boolean {
    return this.#life !== null && life?.id === this.#life.id;
  }

  async #beat(session: string): Promise<void> {
    const { desk } = this.#options;
    const activeMs = desk.journal.lastActivityMs(session);
    await desk.roster.beat(
      session,
      activeMs === null ? {} : { last_activity: new Date(activeMs).toISOString() },
    );
    // A notice that came from another machine has not rung here.
    if (await desk.notices.countUnseen(session) > 0) desk.notices.ring(session);
  }

  async #collect(): Promise<void> {
    const { leases, scopes, store } = this.#options.desk;
    await leases.collect(scopes.locks);
    for (const scope of await store.listScopes(scopes.filePattern)) await leases.collect(scope);
  }

  async #register(): Promise<SessionRecord> {
    const { desk, repository, folder } = this.#options;
    const life = this.#proofOfLife();
    this.#own = `mcp-${life.id}`;
    await desk.roster.register({
      session: this.#own,
      clientPid: 0,
      worktree: repository?.worktree ?? folder,
      ...(repository ? headOf(repository) : { branch: null, head: null }),
    });
    return (await desk.roster.bind(this.#own, life))!;
  }

  #proofOfLife() {
    const folder = join(this.#options.desk.machineFolder, "alive");
    this.#life ??= LifeFile.start(folder);
    return { folder, id: this.#life.id, pid: Deno.pid };
  }
}
