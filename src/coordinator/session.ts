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
}

/** One server's claim on an instance. */
export class Session {
  readonly #options: SessionOptions;
  #own: OwnClaim | null = null;
  #life: LifeFile | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #renewedAt = 0;
  #isBeating = false;
  /** Signing on, signing off and renewing wait for each other. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  /** Why there is no identity any more, told once. */
  #loss: CoordinatorError | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The claimed instance's context, or null. */
  get context(): SessionContext | null {
    if (!this.#own) return null;
    const { machine, project } = this.#options;
    return {
      machine,
      project,
      session_id: this.#own.instance,
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
    if (this.#own) await this.#renewIfLate();
    const before = this.#own;
    if (before && (wanted === undefined || wanted === before.instance)) return this.context!;
    this.#life ??= LifeFile.start(lifeFolder);
    try {
      this.#own = await pool.claim(this.#life, clientSession, wanted);
    } finally {
      if (!this.#own) this.#endLife();
    }
    this.#loss = null;
    this.#renewedAt = performance.now();
    this.#startHeartbeat();
    log.info(`${this.#own.instance}: signed on`);
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
    const own = this.#own;
    const context = this.context;
    this.#loss = null;
    if (!own || !context) return { status: "no active session" };
    await this.#options.pool.release(own); // where this fails, the instance is still ours
    this.#leave();
    this.#endLife();
    this.#options.log.info(`${own.instance}: signed off`);
    return { status: "signed off", session: context };
  }

  /**
   * The context for a call that needs one.
   *
   * @throws {CoordinatorError} `not_signed_on`, or `identity_lost` once after another server has
   * taken over the instance.
   */
  async require(): Promise<SessionContext> {
    if (this.#own) await this.#inTurn(() => this.#renewIfLate());
    const context = this.context;
    if (context) return context;
    const loss = this.#loss;
    this.#loss = null;
    throw loss ?? new CoordinatorError(
      "not_signed_on",
      "Must call sign_on() first",
      "Call sign_on() without arguments to claim a free instance, then repeat this call.",
    );
  }

  /** A paused process finds out here that it lost its instance, before it acts in its name. */
  async #renewIfLate(): Promise<void> {
    if (performance.now() - this.#renewedAt > 2 * this.#options.heartbeatIntervalMs) {
      await this.#renew();
    }
  }

  #startHeartbeat(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#beat(), this.#options.heartbeatIntervalMs);
  }

  async #beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    try {
      await this.#inTurn(() => this.#renew());
      await this.#options.pool.watchOver();
    } catch (error) {
      this.#options.log.warn(`heartbeat failed: ${messageOf(error)}`);
    } finally {
      this.#isBeating = false;
    }
  }

  async #renew(): Promise<void> {
    const own = this.#own;
    if (!own) return;
    const silentMs = performance.now() - this.#renewedAt;
    const renewed = await this.#options.pool.renew(own);
    if (renewed) {
      this.#own = renewed;
      this.#renewedAt = performance.now();
      return;
    }
    this.#leave();
    this.#endLife();
    this.#options.log.warn(`${own.instance}: lost to another session`);
    this.#loss = new CoordinatorError(
      "identity_lost",
      `This session is no longer ${own.instance}: the instance was freed, as it gave no sign of life for ${
        Math.round(silentMs / 1000)
      } s or its claim was removed`,
      "Call sign_on() for a new instance; look at what others did meanwhile before you go on.",
    );
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(task);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  #leave(): void {
    clearInterval(this.#timer);
    this.#own = null;
  }

  #endLife(): void {
    this.#life?.end();
    this.#life = null;
  }
}
