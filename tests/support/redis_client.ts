import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { type RedisOptions, RedisStore } from "../../src/storage/redis/redis.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { assert, assertEquals } from "./assert.ts";
import { RedisServer, type RedisServerOptions } from "./servers/redis.ts";
import { TempFolder } from "./temp.ts";

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

/** Uses every script once; throws where one does not work. */
export async function useAll(store: StorageAdapter): Promise<void> {
  const changes = (await store.watch("all:*"))[Symbol.asyncIterator]();
  const stored = await store.store("all:a", "k:1", { n: 1 }, { fence: 2, ttlMs: 60_000 });
  assert(stored.ok);
  const { value } = await changes.next();
  assertEquals(value, { scope: "all:a", key: "k:1", version: stored.version });
  await changes.return?.();
  assertEquals(await store.increment("all:b", "n"), 1);
  assertEquals((await store.retrieve("all:a", "k:1"))?.value, { n: 1 });
  assertEquals([...(await store.retrieveAll("all:a")).keys()], ["k:1"]);
  assertEquals(await store.listScopes(), ["all:a", "all:b"]);
  assertEquals(await store.delete("all:b", "n"), { ok: true, existed: true });
  assertEquals(await store.deleteScope("all:a"), true);
  assertEquals(await store.listScopes(), []);
  assert(Math.abs(await store.now() - Date.now()) < 5000);
}
