/**
 * The connections of one client of the store: made when needed, a few at a time, given up when idle. The
 * first use makes the schema.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { sleep } from "../../os/sleep.ts";
import { within } from "../../os/within.ts";
import { unreachable } from "../network_error.ts";
import { checkSchema } from "../schema.ts";
import type { Address, Host } from "./address.ts";
import { isMissing, isStarting, type Place, sqlState, storeError } from "./fault.ts";
import { Link, type Row } from "./link.ts";
import { schemaSql } from "./schema_sql.ts";

/** What a pool is made of. */
export interface PoolOptions {
  readonly place: Place;
  /** The most connections. */
  readonly size: number;
  /** When all waiting ends; see `AdapterContext`. */
  readonly deadline: number;
}

/** How a connection is made. */
interface LinkRequest {
  readonly deadline: number;
  /** What the server may take for one statement. */
  readonly statementMs?: number;
  readonly onNotice?: (payload: string) => void;
}

/** What tells whether a server is the one that `target_session_attrs` means. */
const TARGETS: Readonly<Record<NonNullable<Address["target"]>, string>> = {
  "primary": "SELECT NOT pg_is_in_recovery() AS fits",
  "read-write":
    "SELECT NOT (pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean) AS fits",
};

/** How long the server works on one statement: less than we wait, so that its answer says what happened. */
const STATEMENT_MS = 1500;
/** How long the schema may take to be made. */
const SCHEMA_MS = 10_000;
/** A connection that is not used for this long is given up: servers have few. */
const IDLE_MS = 30_000;
const STARTING_PAUSE_MS = 50;

/** The connections. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: { link: Link; timer: ReturnType<typeof setTimeout> }[] = [];
  readonly #links = new Set<Link>();
  readonly #waiting: (() => void)[] = [];
  #count = 0;
  #schema: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Runs a task with a connection to itself.
   *
   * @throws {CoordinatorError} Where there is no connection by the deadline; the task has not begun.
   */
  async use<T>(deadline: number, task: (link: Link) => Promise<T>): Promise<T> {
    const link = await this.#take(deadline);
    try {
      return await task(link);
    } finally {
      this.#giveBack(link);
    }
  }

  /** Connects beside the pool, for a link that listens. */
  async connect(deadline: number, onNotice?: (payload: string) => void): Promise<Link> {
    for (;;) {
      if (this.#isClosed) throw this.#closedError();
      try {
        return await this.#open(deadline, onNotice);
      } catch (error) {
        if (isMissing(error)) await this.#makeSchema(deadline);
        else if (isStarting(error) && performance.now() + STARTING_PAUSE_MS < deadline) {
          await sleep(STARTING_PAUSE_MS);
        } else throw storeError(this.#options.place, null, error);
      }
    }
  }

  /** Gives up connections that nobody uses: they may be dead, though nothing has closed them. */
  dropIdle(): void {
    for (const { link, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      this.#count--;
      link.destroy();
    }
  }

  /** Closes all connections; whoever waits for one gets an error. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#links].map((link) => link.close()));
  }

  async #take(deadline: number): Promise<Link> {
    while (!this.#isClosed) {
      for (let idle; (idle = this.#idle.pop());) {
        clearTimeout(idle.timer);
        if (idle.link.isOpen) return idle.link;
        this.#count--;
      }
      if (this.#count < this.#options.size) return await this.#add(deadline);
      await this.#turn(deadline);
    }
    throw this.#closedError();
  }

  async #add(deadline: number): Promise<Link> {
    this.#count++;
    try {
      return await this.connect(deadline);
    } catch (error) {
      this.#count--;
      this.#waiting.shift()?.();
      throw error;
    }
  }

  /** Waits until a connection is given back, or there is room for another. */
  async #turn(deadline: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
      reject(this.#busyError());
    };
    const timer = setTimeout(late, Math.max(0, deadline - performance.now()));
    this.#waiting.push(resolve);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #giveBack(link: Link): void {
    if (!link.isOpen || this.#isClosed) {
      this.#count--;
    } else {
      const timer = setTimeout(() => this.#giveUp(link), IDLE_MS);
      this.#idle.push({ link, timer });
    }
    this.#waiting.shift()?.();
  }

  #giveUp(link: Link): void {
    const at = this.#idle.findIndex((one) => one.link === link);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#count--;
    link.close();
  }

  /** Connects and looks at the format. */
  async #open(deadline: number, onNotice?: (payload: string) => void): Promise<Link> {
    const { schema } = this.#options.place;
    const first = `SELECT format, csc FROM "${schema}".meta`;
    const { link, rows: [meta] } = await this.#link({ deadline, onNotice }, first);
    try {
      this.#checkFormat(meta);
    } catch (error) {
      link.destroy();
      throw error;
    }
    return link;
  }

  #checkFormat(meta: Row | undefined): void {
    const { what, location } = this.#options.place;
    if (meta) return checkSchema(meta.format, meta.csc, `${what} at ${location}`);
    throw new CoordinatorError(
      "store_corrupt",
      `The table 'meta' of ${what} at ${location} is empty`,
      "It was left untouched. Drop the schema where nothing in it is needed, or name another one in 'storage.config.schema'.",
    );
  }

  /** Makes the schema, once for all who wait for it; it goes on where one cannot wait any longer. */
  async #makeSchema(deadline: number): Promise<void> {
    const { place } = this.#options;
    this.#schema ??= this.#runSchema().finally(() => this.#schema = null);
    await within(deadline - performance.now(), this.#schema, () => {
      throw unreachable(place, "its schema is still being made");
    });
  }

  async #runSchema(): Promise<void> {
    const { place } = this.#options;
    const deadline = performance.now() + SCHEMA_MS;
    const made = await this.#link(
      { deadline, statementMs: SCHEMA_MS },
      schemaSql(place.schema),
    );
    await made.link.close();
  }

  /** Connects to the first server that can be reached and is one that is meant. */
  async #link(request: LinkRequest, first: string): Promise<{ link: Link; rows: Row[] }> {
    const { hosts } = this.#options.place.address;
    let fault: unknown = null;
    for (const [i, host] of hosts.entries()) {
      const leftMs = request.deadline - performance.now();
      const deadline = performance.now() + leftMs / (hosts.length - i);
      try {
        return await this.#linkTo(host, { ...request, deadline }, first);
      } catch (error) {
        if (sqlState(error) !== null && !isStarting(error)) throw error;
        if (!isStarting(fault)) fault = error;
      }
    }
    throw fault;
  }

  async #linkTo(
    host: Host,
    { deadline, statementMs = this.#statementMs(), onNotice }: LinkRequest,
    first: string,
  ): Promise<{ link: Link; rows: Row[] }> {
    const { address } = this.#options.place;
    const { target } = address;
    const options = { address, host, deadline, statementMs, onNotice };
    const opened = await Link.open(options, target ? TARGETS[target] : first);
    const { link } = opened;
    this.#links.add(link);
    link.ended.then(() => this.#links.delete(link));
    if (this.#isClosed) link.destroy();
    if (!target) return opened;
    try {
      if (opened.rows[0]?.fits !== true) throw new Error(`it is not ${target}`);
      return { link, rows: await link.run(first, [], deadline) };
    } catch (error) {
      link.destroy();
      throw error;
    }
  }

  /** A process that has to answer soon must not leave a statement behind that works on. */
  #statementMs(): number {
    const leftMs = this.#options.deadline - performance.now();
    return Math.max(100, Math.min(STATEMENT_MS, Math.floor(leftMs * 0.75)));
  }

  #busyError(): CoordinatorError {
    const { what, location } = this.#options.place;
    return new CoordinatorError(
      "store_busy",
      `All ${this.#options.size} connections to ${what} at ${location} were in use; nothing was written`,
      "Try again, or raise 'storage.config.pool'.",
    );
  }

  #closedError(): CoordinatorError {
    return unreachable(this.#options.place, "this client of it was closed", "Open it anew.");
  }
}
