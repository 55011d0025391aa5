/**
 * The `server` store: what a `csc serve --http` keeps, for sessions on other machines.
 *
 * A hook opens it before every edit: nothing but `fetch` is needed.
 *
 * @module
 */

import { encodeValue, type Json, type ValueLimits } from "../../domain/json.ts";
import { linkedTo } from "../../os/linked.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  WriteConditions,
} from "../adapter.ts";
import { checkName, checkOptions } from "../record.ts";
import { type Access, type AccessOptions, openAccess } from "./access.ts";
import type { StoreOp } from "./protocol.ts";
import { watchServer } from "./watch.ts";
import { Wire } from "./wire.ts";

/** How a {@linkcode ServerStore} is opened. */
export interface ServerOptions extends AccessOptions {
  readonly limits: ValueLimits;
  /** When all waiting ends, as `performance.now()` tells time; infinite without it. */
  readonly deadline?: number;
  /** How long an operation takes at the most, in milliseconds; 2,000 without it. */
  readonly timeoutMs?: number;
}

/** The `server` adapter. */
export class ServerStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #access: Access;
  readonly #wire: Wire;
  readonly #limits: ValueLimits;
  readonly #closing = new AbortController();

  private constructor(access: Access, { limits, deadline = Infinity, timeoutMs }: ServerOptions) {
    this.place = { reach: "network", location: access.endpoint.location, folder: null };
    this.#access = access;
    this.#wire = new Wire({ access, deadline, timeoutMs });
    this.#limits = limits;
  }

  /**
   * Opens the store; the server is not asked yet.
   *
   * @throws {CoordinatorError} `invalid_config`.
   */
  static open(options: ServerOptions): ServerStore {
    return new ServerStore(openAccess(options), options);
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    checkOptions(options);
    const text = encodeValue(value, this.#limits);
    const members = [...named(scope, key), `"value":${text}`, `"options":${plain(options)}`];
    return await this.#call("store", members, nameOf(scope, key)) as unknown as StoreResult;
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    return await this.#call("retrieve", named(scope, key)) as unknown as Entry | null;
  }

  async delete(
    scope: string,
    key: string,
    conditions: WriteConditions = {},
  ): Promise<DeleteResult> {
    checkOptions(conditions);
    const members = [...named(scope, key), `"conditions":${plain(conditions)}`];
    return await this.#call("delete", members, nameOf(scope, key)) as unknown as DeleteResult;
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    const members = [...named(scope, key), ...membersOf({ by, author })];
    return await this.#call("increment", members, nameOf(scope, key)) as number;
  }

  async retrieveAll(scope: string): Promise<ReadonlyMap<string, Entry>> {
    const entries = await this.#call("retrieveAll", named(scope));
    return new Map(entries as unknown as [string, Entry][]);
  }

  async listKeys(scope: string): Promise<string[]> {
    return await this.#call("listKeys", named(scope)) as string[];
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    return await this.#call("listScopes", membersOf({ pattern })) as string[];
  }

  async deleteScope(scope: string): Promise<boolean> {
    const what = `scope '${scope.slice(0, 100)}'`;
    return await this.#call("deleteScope", named(scope), what) as boolean;
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    return await watchServer(this.#access, pattern, linkedTo(this.#closing.signal, signal));
  }

  async now(): Promise<number> {
    return await this.#call("now", []) as number;
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#wire.close();
    this.#access.close();
    return Promise.resolve();
  }

  #call(op: StoreOp, members: readonly string[], name?: string): Promise<Json> {
    return this.#wire.call(op, members, name);
  }
}

/** Members of a JSON object; what is undefined is left out. */
function membersOf(object: Readonly<Record<string, Json | undefined>>): string[] {
  return Object.entries(object).flatMap(([name, value]) =>
    value === undefined ? [] : [`"${name}":${JSON.stringify(value)}`]
  );
}

function named(scope: string, key?: string): string[] {
  checkName("scope", scope);
  if (key !== undefined) checkName("key", key);
  return membersOf({ scope, key });
}

/** Only what the contract names: callers may pass more, which the server would refuse. */
function plain({ expected, fence, ttlMs, author }: StoreOptions): string {
  return `{${membersOf({ expected, fence, ttlMs, author }).join(",")}}`;
}

function nameOf(scope: string, key: string): string {
  return `key '${key.slice(0, 100)}' of scope '${scope.slice(0, 100)}'`;
}
