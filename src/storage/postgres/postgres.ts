/**
 * PostgreSQL as a store. Every write is one call of a function in the database, which locks the key, judges
 * it by the server's clock and writes: see `schema_sql.ts`.
 *
 * @module
 */

import { compileGlob } from "../../domain/glob.ts";
import { encodeValue, type Json, parseJson, type ValueLimits } from "../../domain/json.ts";
import { uniqueName } from "../../os/unique.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  Version,
  WriteConditions,
} from "../adapter.ts";
import { POSTGRES_DEFAULTS, type PostgresSettings } from "../adapter_defaults.ts";
import { ChannelWatches } from "../channel_watches.ts";
import { checkName, checkOptions, decideIncrement, EMPTY } from "../record.ts";
import { readAddress } from "./address.ts";
import { PostgresChannel } from "./channel.ts";
import { isMissing, LostReply, type Place, storeError } from "./fault.ts";
import type { Link, Parameter, Row } from "./link.ts";
import { splitTexts, storedName, unescapeText } from "./names.ts";
import { Pool } from "./pool.ts";
import { entryOf, keyName, keyParameters, refusalOf, storedAuthor } from "./rows.ts";

/** Settings of the `postgres` store. */
export interface PostgresOptions extends Partial<PostgresSettings> {
  readonly url: string;
  readonly limits: ValueLimits;
  /** When all waiting ends; see `AdapterContext`. */
  readonly deadline?: number;
  /** Added to the server's clock; nothing by default. */
  readonly offsetMs?: () => number;
}

/** Every operation is decided within two seconds; this leaves room for what is around it. */
const LIMIT_MS = 1900;

/** What a server's setting puts at risk, and what to do. */
export interface PostgresWeakness {
  readonly fact: string;
  readonly remedy: string;
}

/** Settings by name: the safe value, and what any other means. */
const SETTINGS: ReadonlyMap<string, readonly [wanted: string, PostgresWeakness]> = new Map([
  ["fsync", ["on", {
    fact: "PostgreSQL runs with fsync off: when its machine crashes, all may be lost or damaged",
    remedy: "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();",
  }]],
  ["synchronous_commit", ["on", {
    fact:
      "PostgreSQL acknowledges writes before they are safe (synchronous_commit is not on): when it crashes it forgets the latest leases, and two sessions can hold one",
    remedy: "ALTER ROLE … SET synchronous_commit = on, for the role that csc uses",
  }]],
]);

/** A statement: its first parameter is its request, which every row of the answer repeats. */
interface Statement {
  readonly text: string;
  readonly request: string;
  readonly parameters: readonly Parameter[];
  /** What it writes, for errors; null for a statement that only reads. */
  readonly writes: string | null;
}

/** What queries are made of: the request with the time that it is judged by, and what it finds. */
interface QueryParts {
  readonly asked: string;
  readonly entry: string;
  readonly isLive: string;
}

/** The `postgres` adapter. */
export class PostgresStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #place: Place;
  readonly #pool: Pool;
  readonly #watches: ChannelWatches;
  readonly #limits: ValueLimits;
  readonly #deadline: number;
  readonly #offsetMs: () => number;
  readonly #running = new Set<Promise<unknown>>();

  /** @throws {CoordinatorError} `invalid_config` for a URL that is none. */
  constructor(options: PostgresOptions) {
    const { schema, pool: size } = { ...POSTGRES_DEFAULTS, ...options };
    const address = readAddress({ url: options.url, schema });
    const { location } = address;
    this.place = { reach: "network", location, folder: null };
    this.#place = { what: "PostgreSQL", location, address, schema };
    this.#deadline = options.deadline ?? Infinity;
    this.#pool = new Pool({ place: this.#place, size, deadline: this.#deadline });
    this.#watches = new ChannelWatches(new PostgresChannel(this.#pool, this.#place));
    this.#limits = options.limits;
    this.#offsetMs = options.offsetMs ?? (() => 0);
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    const text = encodeValue(value, this.#limits);
    const row = await this.#writeKey(scope, key, text, options);
    return refusalOf(row, keyName(scope, key)) ?? { ok: true, version: row.r_version as Version };
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    checkName("scope", scope);
    checkName("key", key);
    const [row] = await this.#read("e.*", "e.scope = $3 AND e.key = $4", [
      (await storedName(scope)).id,
      (await storedName(key)).id,
    ]);
    return row.version === null ? null : entryOf(row, keyName(scope, key));
  }

  async delete(
    scope: string,
    key: string,
    conditions: WriteConditions = {},
  ): Promise<DeleteResult> {
    const row = await this.#writeKey(scope, key, null, conditions);
    return refusalOf(row, keyName(scope, key)) ?? { ok: true, existed: row.r_existed === true };
  }

  async increment(scope: string, key: string, by = 1, author?: string): Promise<number> {
    decideIncrement(EMPTY, by, author, 0); // refuses a step that is none
    const names = await keyParameters(scope, key);
    const row = await this.#write("increment", keyName(scope, key), (version) => [
      version,
      ...names,
      by,
      storedAuthor(author),
      this.#offsetMs(),
    ]);
    if (row.r_sum !== null) return Number(row.r_sum);
    const value = parseJson(row.r_value as string);
    const entry = { value, author: null, storedAtMs: 0, expiresAtMs: null, fence: null };
    const record = { entry: { ...entry, version: "" as Version }, fence: null };
    return decideIncrement(record, by, author, 0).answer; // tells what is wrong with it
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    checkName("scope", scope);
    const rows = await this.#read("e.*", "e.scope = $3", [(await storedName(scope)).id]);
    const entries = rows.filter(({ version }) => version !== null).map((row) => {
      const key = unescapeText((row.long_key ?? row.key) as string);
      return [key, entryOf(row, keyName(scope, key))] as const;
    });
    return new Map(entries.sort(([one], [other]) => one < other ? -1 : 1));
  }

  async listKeys(scope: string): Promise<string[]> {
    checkName("scope", scope);
    const { id } = await storedName(scope);
    return await this.#names("coalesce(e.long_key, e.key)", "e.scope = $3", [id]);
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    const matches = compileGlob(pattern);
    const names = await this.#names("coalesce(e.long_scope, e.scope)", "true", []);
    return names.filter(matches);
  }

  async deleteScope(scope: string): Promise<boolean> {
    checkName("scope", scope);
    const { id } = await storedName(scope);
    const row = await this.#write(
      "delete_scope",
      `scope '${scope}'`,
      (request) => [request, id, this.#offsetMs()],
    );
    return row.r_existed === true;
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    try {
      return await this.#watches.add(compileGlob(pattern), this.#limit(), signal);
    } catch (error) {
      throw storeError(this.#place, null, error);
    }
  }

  async now(): Promise<number> {
    const [{ now }] = await this.#read("r.now", "false", []);
    return Number(now);
  }

  /** Settings of the server with which it loses what it has acknowledged, or refuses writes. */
  async weaknesses(): Promise<readonly PostgresWeakness[]> {
    const setting = (name: string) => `current_setting('${name}') AS ${name}`;
    const [row] = await this.#read([...SETTINGS.keys()].map(setting).join(", "), "false", []);
    return [...SETTINGS].flatMap(([name, [wanted, weakness]]) =>
      row[name] === wanted ? [] : [weakness]
    );
  }

  async close(): Promise<void> {
    // What has begun is decided within its time.
    await Promise.allSettled([this.#watches.close(), ...this.#running]);
    await this.#pool.close();
  }

  /** Stores a value, or deletes the key where it is null. */
  async #writeKey(
    scope: string,
    key: string,
    text: string | null,
    options: StoreOptions,
  ): Promise<Row> {
    checkOptions(options);
    const { ttlMs = null, author, expected = null, fence = null } = options;
    const names = await keyParameters(scope, key);
    return await this.#write("write", keyName(scope, key), (version) => [
      version,
      ...names,
      text,
      storedAuthor(author),
      ttlMs,
      expected === "absent" ? "" : expected,
      fence,
      this.#offsetMs(),
    ]);
  }

  /** Calls a function that writes; its first parameter is the request, and the version of what it writes. */
  async #write(
    name: string,
    writes: string,
    parametersOf: (request: string) => readonly Parameter[],
  ): Promise<Row> {
    const request = uniqueName();
    const parameters = parametersOf(request);
    const places = parameters.map((_, i) => `$${i + 1}`).join(", ");
    const text = `SELECT * FROM "${this.#place.schema}".${name}(${places})`;
    const [row] = await this.#run({ text, request, parameters, writes });
    return row;
  }

  /** Reads live entries; one row without any where there are none. */
  async #read(columns: string, filter: string, names: readonly string[]): Promise<Row[]> {
    return await this.#query(
      ({ asked, entry, isLive }) =>
        `SELECT r.request, ${columns} FROM ${asked} AS r
        LEFT JOIN ${entry} AS e ON ${isLive} AND ${filter}`,
      names,
    );
  }

  /** The distinct names of live entries, sorted; read as one text, as there may be ten thousand. */
  async #names(column: string, filter: string, names: readonly string[]): Promise<string[]> {
    const [row] = await this.#query(
      ({ asked, entry, isLive }) =>
        `SELECT r.request, (
          SELECT string_agg(n.name, '\\|') FROM (
            SELECT DISTINCT ${column} AS name FROM ${entry} AS e WHERE ${isLive} AND ${filter}
          ) AS n
        ) AS names FROM ${asked} AS r`,
      names,
    );
    return row.names === null ? [] : splitTexts(row.names as string).sort();
  }

  #query(textOf: (parts: QueryParts) => string, names: readonly string[]): Promise<Row[]> {
    const { schema } = this.#place;
    const request = uniqueName();
    const text = textOf({
      asked: `(SELECT $1::text AS request, "${schema}".now_ms() + $2::bigint AS now)`,
      entry: `"${schema}".entry`,
      isLive: "e.version IS NOT NULL AND (e.expires_ms IS NULL OR r.now < e.expires_ms)",
    });
    return this.#run({
      text,
      request,
      parameters: [request, this.#offsetMs(), ...names],
      writes: null,
    });
  }

  #run(statement: Statement): Promise<Row[]> {
    const answer = this.#try(statement);
    this.#running.add(answer);
    return answer.finally(() => this.#running.delete(answer));
  }

  /** Runs a statement; once more where it surely did nothing and may do better on a new connection. */
  async #try(statement: Statement): Promise<Row[]> {
    const deadline = this.#limit();
    for (let isRetry = false;; isRetry = true) {
      try {
        return await this.#pool.use(deadline, (link) => ask(link, statement, deadline));
      } catch (error) {
        const didNothing = isMissing(error) ||
          (statement.writes === null && error instanceof LostReply);
        if (isRetry || !didNothing || performance.now() >= deadline) {
          throw storeError(this.#place, statement.writes, error);
        }
      }
    }
  }

  #limit(): number {
    return Math.min(performance.now() + LIMIT_MS, this.#deadline);
  }
}

/** Runs a statement on a connection, and makes sure that the answer is the one to it. */
async function ask(link: Link, statement: Statement, deadline: number): Promise<Row[]> {
  const { text, request, parameters } = statement;
  try {
    const rows = await link.run(text, parameters, deadline);
    if (rows.length > 0 && rows.every((row) => row.request === request)) return rows;
    link.destroy();
  } catch (error) {
    if (isMissing(error)) link.destroy(); // the next one makes the schema
    throw error;
  }
  throw new LostReply("what came answered something else");
}
