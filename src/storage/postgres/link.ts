/**
 * One connection, used for one statement at a time. The client would queue statements while the server is
 * away, connect again by itself and close a socket only once the server agrees; here a connection that is
 * broken is never used again, so that it is always known whether a statement was sent.
 *
 * @module
 */

import { connect as connectSocket, type Socket } from "net";
import postgres from "postgres";
import type { Address, Host } from "./address.ts";
import { LostReply, reasonOf, sqlState } from "./fault.ts";

/** A value of a statement. */
export type Parameter = string | number | null;
/** A row of an answer; a `bigint` is its text. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** How a link is made. */
export interface LinkOptions {
  readonly address: Address;
  /** When connecting ends, as `performance.now()` tells time. */
  readonly deadline: number;
  /** How long the server works on one statement, in milliseconds. */
  readonly statementMs: number;
  /** Told of what others notify the channels of that this link listens to. */
  readonly onNotice?: (payload: string) => void;
}

/** A connection. */
export class Link {
  readonly #sql: postgres.Sql;
  readonly #sockets: Sockets;
  readonly #ended = Promise.withResolvers<void>();
  #isOpen = true;

  private constructor(options: LinkOptions) {
    const { address, deadline, statementMs, onNotice } = options;
    this.#sockets = new Sockets(address.hosts, deadline);
    this.#sql = postgres({
      ...clientOptions(address, statementMs),
      socket: () => this.#sockets.open(),
      onnotify: (_channel: string, payload: string) => onNotice?.(payload),
      onclose: () => this.#end(),
    } as postgres.Options<Record<string, never>>);
  }

  /**
   * Connects, and runs a first statement without parameters.
   *
   * @throws Where the server cannot be reached or does not let us in, or refuses the statement; nothing
   * was written, unless the first statement wrote.
   */
  static async open(options: LinkOptions, first: string): Promise<{ link: Link; rows: Row[] }> {
    const link = new Link(options);
    try {
      return { link, rows: await link.run(first, [], options.deadline) };
    } catch (error) {
      link.destroy();
      throw link.#sockets.fault ?? error;
    }
  }

  /** Whether it can be used. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves once it is of no use any more. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Runs a statement.
   *
   * @throws {LostReply} Where no answer came by the deadline, or the connection broke.
   * @throws What PostgreSQL reports: then nothing was written.
   */
  async run(text: string, parameters: readonly Parameter[], deadline: number): Promise<Row[]> {
    const limitMs = Math.max(0, deadline - performance.now());
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new LostReply(`no answer within ${Math.round(limitMs)} ms`)),
      limitMs,
    );
    const options = parameters.length > 0 ? { prepare: true } : {};
    try {
      const answer = this.#sql.unsafe<Row[]>(text, [...parameters], options).execute();
      answer.catch(() => {}); // it may fail once its time is up
      return [...await Promise.race([answer, late.promise])];
    } catch (error) {
      if (sqlState(error) !== null) throw error;
      this.destroy();
      throw error instanceof LostReply ? error : new LostReply(reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes leave of the server; a server that does not react is left after a moment. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#sql.end({ timeout: 0 }).catch(() => {});
    const timer = setTimeout(() => this.destroy(), LEAVE_MS);
    await this.#ended.promise;
    clearTimeout(timer);
    this.destroy();
  }

  /** Cuts it off. */
  destroy(): void {
    this.#sockets.destroy();
    this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    this.#ended.resolve();
  }
}

/** How long we wait for a server to take note that we leave. */
const LEAVE_MS = 200;

function clientOptions(address: Address, statementMs: number) {
  const { hosts: [host], user, password, database, tls, prepare, target, parameters } = address;
  return {
    host: host.name,
    port: host.port,
    user,
    password,
    database,
    ssl: tls,
    prepare,
    target_session_attrs: target,
    max: 1,
    fetch_types: false,
    connect_timeout: 0, // ours ends all of it
    idle_timeout: 0,
    max_lifetime: 0,
    backoff: false,
    onnotice: () => {}, // the client would print it, where messages for the model go
    connection: {
      application_name: "csc",
      ...parameters,
      // A pooler that hands out connections by transaction takes no such parameters.
      ...(prepare
        ? { statement_timeout: statementMs, default_transaction_isolation: "read committed" }
        : {}),
    },
  };
}

/** The sockets of one connection: one, or where a server is not the one that is meant, the next one's. */
class Sockets {
  readonly #hosts: readonly Host[];
  readonly #deadline: number;
  #tried = 0;
  #socket: Socket | null = null;
  /** Why no server could be reached. */
  fault: unknown = null;

  constructor(hosts: readonly Host[], deadline: number) {
    this.#hosts = hosts;
    this.#deadline = deadline;
  }

  /** Connects to the next server that can be reached. */
  async open(): Promise<Socket> {
    let fault: unknown = new Error("it closed the connection");
    while (this.#tried < this.#hosts.length) {
      const leftMs = this.#deadline - performance.now();
      const limitMs = leftMs / (this.#hosts.length - this.#tried);
      try {
        return await this.#connect(this.#hosts[this.#tried++], limitMs);
      } catch (error) {
        fault = error;
      }
    }
    throw this.fault ??= fault;
  }

  /** Cuts the connection off, and lets no other be made. */
  destroy(): void {
    this.#tried = this.#hosts.length;
    this.#socket?.destroy();
  }

  #connect({ name, port }: Host, limitMs: number): Promise<Socket> {
    const socket = connectSocket({ host: name, port, noDelay: true });
    this.#socket = socket;
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error("it did not answer in time")), limitMs);
    socket.once("error", fail);
    socket.once("close", () => reject(new Error("the connection was closed")));
    // The client takes the server's name for TLS from the socket.
    socket.once("connect", () => resolve(Object.assign(socket, { host: name })));
    return promise.finally(() => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {}); // one that comes late must not end the process
    });
  }
}
