import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { CoordinatorError, type ErrorCode } from "../../src/domain/error.ts";
import { type RedisOptions, RedisStore } from "../../src/storage/redis/redis.ts";
import { assert, assertRejects } from "./assert.ts";
import { RedisServer, type RedisServerOptions } from "./servers/redis.ts";
import { TempFolder } from "./temp.ts";

/** Every operation decides within this, and a slow test machine's own delay. */
export const DECISION_MS = 2000 + 1500;
/** A client is connected again within this, and a slow test machine's own delay. */
export const RECONNECTION_MS = 5000 + 5000;

/** A server of a test's own, with clients of it: `await using own = await OwnRedis.start()`. */
export class OwnRedis implements AsyncDisposable {
  readonly server: RedisServer;
  readonly #temp: TempFolder;
  readonly #stores: RedisStore[] = [];

  private constructor(server: RedisServer, temp: TempFolder) {
    this.server = server;
    this.#temp = temp;
  }

  static async start(options?: RedisServerOptions): Promise<OwnRedis> {
    const temp = new TempFolder();
    try {
      return new OwnRedis(await RedisServer.start(temp.path, options), temp);
    } catch (error) {
      temp[Symbol.dispose]();
      throw error;
    }
  }

  /** Opens a client, at another URL where one is given. */
  client(
    { settings, ...options }: Partial<RedisOptions> = {},
    url = this.server.url,
  ): RedisStore {
    const store = new RedisStore({
      settings: { url, ...settings },
      limits: DEFAULT_LIMITS,
      ...options,
    });
    this.#stores.push(store);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) await store.close();
    await this.server[Symbol.asyncDispose]();
    this.#temp[Symbol.dispose]();
  }
}

/** Asserts that a task fails with one of some codes, in time; gives the error. */
export async function assertFails(
  codes: ErrorCode | readonly ErrorCode[],
  task: () => Promise<unknown>,
): Promise<CoordinatorError> {
  const startedAt = performance.now();
  const error = await assertRejects(task, Error);
  const ms = performance.now() - startedAt;
  assert(error instanceof CoordinatorError, `${error}`);
  assert([codes].flat().includes(error.code), `${error.code}: ${error.message}`);
  assert(ms < DECISION_MS, `decided after ${ms} ms`);
  assert(error.hint !== "", "an error says what to do next");
  assert(!`${error.message} ${error.hint}`.includes("password@"), "and no password");
  assert(!error.message.includes("test-password"), error.message);
  return error;
}
