/**
 * One connection, used for one statement at a time. The client would queue statements while the server is
 * away, connect again by itself and close a socket only once the server agrees; here a connection that is
 * broken is never used again, so that it is always known whether a statement was sent.
 *
 * @module
 */

import { connect as connectSocket, type Socket } from "net";
import postgres from "postgres";
import { within } from "../../os/within.ts";
import type { Address, Host } from "./address.ts";
import { LostReply, reasonOf, sqlState } from "./fault.ts";

/** A value of a statement. */
export type Parameter = string | number | null;
/** A row of an answer; a `bigint` is its text. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** How a link is made. */
export interface LinkOptions {
  readonly address: Address;
  /** The server of the address that is meant. */
  readonly host: Host;
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
  readonly #line: Line;
  readonly #ended = Promise.withResolvers<void>();
  #isOpen = true;

  private constructor(options: LinkOptions) {
    this.#line = new Line(options.host, options.deadline);
    this.#sql = postgres({
      ...clientOptions(options),
      socket: () => this.#line.open(),
      onnotify: (_channel: string, payload: string) => options.onNotice?.(payload),
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
      throw link.#line.fault ?? error;
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
    const options = parameters.length > 0 ? { prepare: true } : {};
    try {
      const answer = this.#sql.unsafe<Row[]>(text, [...parameters], options).execute();
      const rows = await within(limitMs, answer, () => {
        throw new LostReply(`no answer within ${Math.round(limitMs)} ms`);
      });
      return [...rows];
    } catch (error) {
      if (sqlState(error) !== null) throw error;
      this.destroy();
      throw error instanceof LostReply ? error : new LostReply(reasonOf(error));
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
    this.#line.destroy();
    this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    this.#ended.resolve();
  }
}

/** How long we wait for a server to take note that we leave. */
const LEAVE_MS = 200;

function clientOptions({ address, host, statementMs }: LinkOptions) {
  const { user, password, database, tls, prepare, parameters } = address;
  return {
    host: host.name,
    port: host.port,
    user,
    password,
    database,
    ssl: tls,
    prepare,
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

/** The socket under a link. The client would open another where the first one breaks early: it gets none. */
class Line {
  readonly #host: Host;
  readonly #deadline: number;
  #socket: Socket | null = null;
  #isUsed = false;
  /** Why the server could not be reached. */
  fault: unknown = null;

  constructor(host: Host, deadline: number) {
    this.#host = host;
    this.#deadline = deadline;
  }

  /** Connects. */
  async open(): Promise<Socket> {
    try {
      if (this.#isUsed) throw new Error("it closed the connection");
      this.#isUsed = true;
      return await this.#connect();
    } catch (error) {
      this.fault ??= error;
      throw error;
    }
  }

  /** Cuts the connection off, and lets no other be made. */
  destroy(): void {
    this.#isUsed = true;
    this.#socket?.destroy();
  }

  #connect(): Promise<Socket> {
    const { name, port } = this.#host;
    const socket = connectSocket({ host: name, port, noDelay: true });
    this.#socket = socket;
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new Error("it did not answer in time")),
      Math.max(0, this.#deadline - performance.now()), // a warning is printed for less
    );
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
