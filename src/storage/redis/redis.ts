/**
 * Redis as a store: one script for each step, the server's clock, and its channels for `watch`.
 *
 * @module
 */

import { compileGlob, type Matcher } from "../../domain/glob.ts";
import { encodeValue, type Json, type ValueLimits } from "../../domain/json.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  Refusal,
  ServerInfo,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  Version,
  Weakness,
  WriteConditions,
} from "../adapter.ts";
import { REDIS_DEFAULTS, type RedisSettings } from "../adapter_defaults.ts";
import { ChannelWatches } from "../channel_watches.ts";
import type { Versions } from "../known_versions.ts";
import { checkName, checkOptions, decideIncrement, EMPTY } from "../record.ts";
import { RedisChannel } from "./channel.ts";
import { type Client, targetOf } from "./client.ts";
import { type Answer, Connection } from "./connection.ts";
import { decodeEntry, encodeOptional, type Fields, Layout } from "./layout.ts";
import { lastsForEver } from "./lifetime.ts";
import { SCRIPTS, type Scripts } from "./scripts.ts";
import { serverInfo } from "./server_info.ts";
import { weaknesses } from "./weaknesses.ts";

/** What a Redis store is opened with. */
export interface RedisOptions {
  readonly settings: Partial<RedisSettings>;
  readonly limits: ValueLimits;
  /** Added to the server's clock; 0 by default. */
  readonly offsetMs?: () => number;
  /** How long a request may take, connecting included; 1,900 by default. */
  readonly timeoutMs?: number;
  /** When all requests end, as `performance.now()` tells time. */
  readonly deadline?: number;
  /** Told once what makes the server forget what it was given. */
  readonly onWarning?: (text: string) => void;
  /** The scripts; ours by default. */
  readonly scripts?: Scripts;
}

const TIMEOUT_MS = 1900;

/** The `redis` adapter. It connects when it is first asked something. */
export class RedisStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #layout: Layout;
  readonly #limits: ValueLimits;
  readonly #ttlMs: number | null;
  readonly #connection: Connection;
  readonly #watches: ChannelWatches;

  /** @throws {TypeError} Where a URL of the settings is none. */
  constructor(options: RedisOptions) {
    const settings: RedisSettings = { ...REDIS_DEFAULTS, ...options.settings };
    const target = targetOf(settings);
    this.#layout = new Layout(settings.prefix, target.isCluster);
    this.#limits = options.limits;
    this.#ttlMs = settings.ttl === null ? null : settings.ttl * 1000;
    this.place = { reach: "network", location: target.location, folder: null };
    this.#connection = new Connection({
      target,
      scripts: options.scripts ?? SCRIPTS,
      format: this.#layout.format,
      offsetMs: options.offsetMs ?? (() => 0),
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      deadline: options.deadline ?? Infinity,
      onConnected: options.onWarning && warnOnce(options.onWarning),
    });
    const look = (matches: Matcher) => this.#look(matches);
    this.#watches = new ChannelWatches(
      new RedisChannel(this.#connection, this.#layout.changes, look),
    );
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    checkOptions(options);
    const text = encodeValue(value, this.#limits);
    const { expected, fence, ttlMs = this.#ttlOf(scope), author } = options;
    const args = [text, encodeOptional(author), encodeExpected(expected), optional(fence)];
    const answer = await this.#write("store", scope, key, [...args, optional(ttlMs)]);
    if (answer.outcome === "ok") return { ok: true, version: answer.id as Version };
    return readRefusal(answer, scope, key);
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    checkName("scope", scope);
    checkName("key", key);
    const keys = [this.#layout.entry(scope, key)];
    const { rest } = await this.#connection.run({
      script: "retrieve",
      keys,
      args: [],
      writes: null,
    });
    return readEntry(rest[0], scope, key);
  }

  async delete(
    scope: string,
    key: string,
    conditions: WriteConditions = {},
  ): Promise<DeleteResult> {
    checkOptions(conditions);
    const { expected, fence } = conditions;
    const args = [encodeExpected(expected), optional(fence)];
    const answer = await this.#write("delete", scope, key, args);
    if (answer.outcome === "ok") return { ok: true, existed: answer.rest[0] === 1 };
    return readRefusal(answer, scope, key);
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    checkName("scope", scope);
    checkName("key", key);
    decideIncrement(EMPTY, by, author, 0); // refuses what is no step
    const args = [String(by), encodeOptional(author), optional(this.#ttlOf(scope))];
    const { outcome, rest } = await this.#write("increment", scope, key, args);
    if (outcome === "ok") return Number(rest[0]);
    // Refuses in the words that all stores have.
    return decideIncrement({ entry: readEntry(rest[0], scope, key), fence: null }, by, author, 0)
      .answer;
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    checkName("scope", scope);
    const pairs = await this.#ofScope("retrieveAll", scope, [this.#layout.base(scope)]);
    const entries = new Map<string, Entry>();
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i] as string;
      entries.set(key, readEntry(pairs[i + 1], scope, key)!);
    }
    return sortedByKey(entries);
  }

  async listKeys(scope: string): Promise<string[]> {
    checkName("scope", scope);
    return (await this.#ofScope("listKeys", scope, [])).toSorted() as string[];
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    return (await this.#scopes(compileGlob(pattern))).sort();
  }

  async deleteScope(scope: string): Promise<boolean> {
    checkName("scope", scope);
    const { rest } = await this.#connection.run({
      script: "deleteScope",
      keys: this.#keysOf(scope, this.#layout.base(scope)),
      args: [this.#layout.changes, scope, ""],
      writes: `the deletion of scope '${scope}'`,
    });
    return rest[0] === 1;
  }

  watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    return this.#watches.add(compileGlob(pattern), this.#connection.until(), signal);
  }

  async now(): Promise<number> {
    const call = { script: "now", keys: [], args: [], writes: null } as const;
    return Number((await this.#connection.run(call)).rest[0]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#watches.close(), this.#connection.close()]);
  }

  async weaknesses(): Promise<readonly Weakness[]> {
    const { client } = await this.#connection.connect(this.#connection.until());
    return await weaknesses(client);
  }

  async serverInfo(): Promise<ServerInfo> {
    const { client } = await this.#connection.connect(this.#connection.until());
    return await serverInfo(client);
  }

  #write(
    script: "store" | "delete" | "increment",
    scope: string,
    key: string,
    args: readonly string[],
  ): Promise<Answer> {
    checkName("scope", scope);
    checkName("key", key);
    return this.#connection.run({
      script,
      keys: this.#keysOf(scope, this.#layout.entry(scope, key)),
      args: [this.#layout.changes, scope, key, ...args],
      writes: `key '${key}' of scope '${scope}'`,
    });
  }

  #keysOf(scope: string, entry: string): readonly string[] {
    return [entry, this.#layout.keys(scope), this.#layout.fences(scope), this.#layout.scopes];
  }

  #ttlOf(scope: string): number | undefined {
    return this.#ttlMs === null || lastsForEver(scope) ? undefined : this.#ttlMs;
  }

  async #ofScope(
    script: "retrieveAll" | "listKeys" | "versions",
    scope: string,
    args: readonly string[],
  ): Promise<readonly unknown[]> {
    const keys = [this.#layout.keys(scope)];
    const { rest } = await this.#connection.run({ script, keys, args, writes: null });
    return rest[0] as readonly unknown[];
  }

  async #look(matches: Matcher): Promise<Versions> {
    const found = new Map<string, ReadonlyMap<string, Version>>();
    for (const scope of await this.#scopes(matches)) found.set(scope, await this.#versions(scope));
    return found;
  }

  async #scopes(matches: Matcher): Promise<string[]> {
    const keys = [this.#layout.scopes];
    const { rest } = await this.#connection.run({
      script: "listKeys",
      keys,
      args: [],
      writes: null,
    });
    return (rest[0] as string[]).filter(matches);
  }

  async #versions(scope: string): Promise<Map<string, Version>> {
    const pairs = await this.#ofScope("versions", scope, [this.#layout.base(scope)]) as string[];
    const versions = new Map<string, Version>();
    for (let i = 0; i < pairs.length; i += 2) versions.set(pairs[i], pairs[i + 1] as Version);
    return versions;
  }
}

/** Looks at the first server that it connects to. */
function warnOnce(onWarning: (text: string) => void): (client: Client) => void {
  let isDone = false;
  return (client) => {
    if (isDone) return;
    isDone = true;
    const report = ({ fact }: Weakness) => onWarning(`${fact}; \`csc doctor\` says what to do`);
    weaknesses(client).then((found) => found.forEach(report), () => {});
  };
}

function encodeExpected(expected: WriteConditions["expected"]): string {
  return expected === "absent" ? expected : encodeOptional(expected);
}

function optional(number: number | undefined): string {
  return number === undefined ? "" : String(number);
}

function readEntry(fields: unknown, scope: string, key: string): Entry | null {
  return fields === null
    ? null
    : decodeEntry(fields as Fields, `the key '${key}' of the scope '${scope}'`);
}

function readRefusal({ outcome, rest }: Answer, scope: string, key: string): Refusal {
  return {
    ok: false,
    reason: outcome as Refusal["reason"],
    current: readEntry(rest[0], scope, key),
    fence: rest[1] === null ? null : Number(rest[1]),
  };
}

function sortedByKey(entries: Map<string, Entry>): Map<string, Entry> {
  return new Map([...entries].sort(([one], [other]) => one < other ? -1 : 1));
}
