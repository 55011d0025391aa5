/**
 * This server's own identity: at most one claimed instance, kept by heartbeats until sign-off.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import type { Log } from "../os/log.ts";
import { LifeFile } from "../os/life_file.ts";
import type { InstancePool, OwnClaim } from "./instances.ts";
import { scopePrefix } from "./names.ts";

/** What a session knows of itself (seed 002). */
export interface SessionContext {
  readonly machine: string;
  readonly project: string;
  readonly session_id: string;
  readonly full_scope_prefix: string;
}

/** The answer to `sign_off`. */
export type SignOffResult =
  | { readonly status: "signed off"; readonly session: SessionContext }
  | { readonly status: "no active session" };

/** What a session needs. */
export interface SessionOptions {
  readonly pool: InstancePool;
  readonly machine: string;
  readonly project: string;
  readonly lifeFolder: string;
  readonly heartbeatIntervalMs: number;
  /** The client's session, where it told one. */
  readonly clientSession: string | null;
  readonly log: Log;
  /** Whether this one looks after all instances of the pool, at this moment; always by default. */
  readonly isKeeper?: () => boolean;
}

/** One server's claim on an instance. */
export class Session {
  readonly #options: SessionOptions;
  #life: LifeFile | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isBeating = false;
  /** Signing on, signing off and renewing wait for each other. */
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The claimed instance's context, or null. */
  get context(): SessionContext | null {
    const { pool, machine, project } = this.#options;
    if (!pool.own) return null;
    return {
      machine,
      project,
      session_id: pool.own.instance,
      full_scope_prefix: scopePrefix(machine, project),
    };
  }

  /**
   * Claims an instance. Where there is one already, it stays, unless another is asked for: then that
   * is claimed first and the old one given back.
   *
   * @throws {CoordinatorError} See {@linkcode InstancePool.claim}.
   */
  signOn(wanted?: string): Promise<SessionContext> {
    return this.#inTurn(() => this.#signOn(wanted));
  }

  async #signOn(wanted?: string): Promise<SessionContext> {
    const { pool, lifeFolder, clientSession, log } = this.#options;
    await this.#confirm();
    const before = pool.own;
    if (before && (wanted === undefined || wanted === before.instance)) return this.context!;
    this.#life ??= LifeFile.start(lifeFolder);
    try {
      await pool.claim(this.#life, clientSession, wanted);
    } finally {
      if (!pool.own) this.#leave();
    }
    this.#startHeartbeat();
    log.info(`${this.context!.session_id}: signed on`);
    if (before) await this.#giveBack(before);
    return this.context!;
  }

  /** The new instance is ours whatever happens: what could not be given back falls silent. */
  async #giveBack(before: OwnClaim): Promise<void> {
    try {
      await this.#options.pool.release(before);
    } catch (error) {
      this.#options.log.warn(`${before.instance}: could not be given back: ${messageOf(error)}`);
    }
  }

  /** Gives the instance back. What it stored stays. */
  signOff(): Promise<SignOffResult> {
    return this.#inTurn(() => this.#signOff());
  }

  async #signOff(): Promise<SignOffResult> {
    const { pool, log } = this.#options;
    const context = this.context;
    pool.takeLoss();
    if (!pool.own || !context) return { status: "no active session" };
    await pool.release(pool.own); // where this fails, the instance is still ours
    this.#leave();
    log.info(`${context.session_id}: signed off`);
    return { status: "signed off", session: context };
  }

  /**
   * The context for a call that needs one.
   *
   * @throws {CoordinatorError} `not_signed_on`, or `identity_lost` once after another server has
   * taken over the instance.
   */
  async require(): Promise<SessionContext> {
    if (this.context) await this.#inTurn(() => this.#confirm());
    if (this.context) return this.context;
    throw this.#options.pool.takeLoss() ?? new CoordinatorError(
      "not_signed_on",
      "Must call sign_on() first",
      "Call sign_on() without arguments to claim a free instance, then repeat this call.",
    );
  }

  /** A paused process finds out here that it lost its instance, before it acts in its name. */
  async #confirm(): Promise<void> {
    const { pool } = this.#options;
    if (!pool.own || !await pool.confirm(pool.own)) this.#leave();
  }

  /** The first time after a part of the interval: sessions that came together do not beat together. */
  #startHeartbeat(): void {
    const everyMs = this.#options.heartbeatIntervalMs;
    clearTimeout(this.#timer);
    const beat = (afterMs: number) => {
      this.#timer = setTimeout(() => {
        beat(everyMs);
        this.#beat();
      }, afterMs);
    };
    beat(everyMs * (0.2 + 0.8 * Math.random()));
  }

  async #beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const { pool, log } = this.#options;
    try {
      await this.#inTurn(async () => {
        if (!pool.own || !await pool.renew(pool.own)) this.#leave();
      });
      if (this.#options.isKeeper?.() ?? true) await pool.watchOver();
    } catch (error) {
      log.warn(`heartbeat failed: ${messageOf(error)}`);
    } finally {
      this.#isBeating = false;
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(task);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  /** Nothing is held any more. */
  #leave(): void {
    clearTimeout(this.#timer);
    this.#life?.end();
    this.#life = null;
  }
}
