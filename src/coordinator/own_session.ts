/**
 * A session of a command's own: what it holds ends with its process, which the system proves.
 *
 * @module
 */

import type { Coordination } from "../coordination/coordination.ts";
import { headOf } from "../detect/head.ts";
import type { Repository } from "../detect/repository.ts";
import { LifeFile } from "../os/life_file.ts";
import { join } from "../os/path.ts";
import { sleep } from "../os/sleep.ts";

/** What others see of it. */
export interface OwnSessionOptions {
  readonly repository: Repository | null;
  readonly folder: string;
  /** What people are to call it; without it, its kind and the start of its number. */
  readonly alias?: string;
  /** In front of its id, such as `run`. */
  readonly kind: string;
  /** What it does, in a few words. */
  readonly intent: string;
}

/** The session of this process. */
export class OwnSession {
  /** Its id; no other has had it, or will. */
  readonly id: string;
  readonly #desk: Coordination;
  readonly #life: LifeFile;
  readonly #stop = new AbortController();
  readonly #beating: Promise<void>;

  private constructor(desk: Coordination, life: LifeFile, id: string) {
    this.#desk = desk;
    this.#life = life;
    this.id = id;
    this.#beating = this.#beat();
  }

  /** Registers it. */
  static async start(desk: Coordination, options: OwnSessionOptions): Promise<OwnSession> {
    const { repository, folder, kind, intent } = options;
    const folderOfLife = join(desk.machineFolder, "alive");
    const life = LifeFile.start(folderOfLife);
    const id = `${kind}-${life.id}`;
    try {
      await desk.roster.register({
        session: id,
        clientPid: 0,
        worktree: repository?.worktree ?? folder,
        ...(repository ? headOf(repository) : { branch: null, head: null }),
        alias: options.alias ?? `${kind}-${life.id.slice(0, 8)}`,
        metadata: { kind, intent },
      });
      const { told } = desk.sessionLease;
      await desk.roster.bind(id, { folder: folderOfLife, id: life.id, pid: Deno.pid, ...told });
    } catch (error) {
      life.end();
      throw error;
    }
    return new OwnSession(desk, life, id);
  }

  /** Ends it; whatever it held has been given back before. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    const { journal, notices, scopes, store } = this.#desk;
    try {
      await notices.close(this.id);
      // Forgotten at once: its end is nothing that anybody wants to look up.
      await store.delete(scopes.sessions, this.id);
      journal.discard(this.id);
    } finally {
      this.#life.end();
    }
  }

  async #beat(): Promise<void> {
    const { roster, sessionLease } = this.#desk;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(sessionLease.beatMs, signal);
      // Where it fails the next one says it; the locks have a time of their own.
      if (!signal.aborted) await roster.beat(this.id).catch(() => null);
    }
  }
}
