/**
 * One of several processes that increment the same key in Redis: `redis_worker.ts store|bare URL TIMES`.
 * Waits for a line on standard input, prints what it took in milliseconds.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { targetOf } from "../../src/storage/redis/client.ts";
import { RedisStore } from "../../src/storage/redis/redis.ts";

const [kind, url, times] = Deno.args;

/** How often each counts a key of its own first, so that what is measured runs compiled. */
const WARM_UP = 300;

/** Opens a client and answers what increments a key with it. */
async function open(): Promise<(key: string) => Promise<unknown>> {
  if (kind === "store") {
    const settings = { url, prefix: "bench:" };
    const store = new RedisStore({ settings, limits: DEFAULT_LIMITS, timeoutMs: 60_000 });
    return (key) => store.increment("counter", key);
  }
  const client = targetOf({ url, prefix: "", ttl: null }).make();
  await client.connect();
  return (key) => client.incr(`bare:${key}`);
}

const increment = await open();
for (let i = 0; i < WARM_UP; i++) await increment(`warm-up-${Deno.pid}`);
console.log("ready");
await Deno.stdin.read(new Uint8Array(1));
const startedAt = performance.now();
for (let i = 0; i < Number(times); i++) await increment("n");
console.log(performance.now() - startedAt);
Deno.exit(0);
