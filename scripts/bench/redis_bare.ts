/**
 * The least that a process can do with Redis: connect with the client that csc takes, and read one key.
 *
 * @module
 */

import { targetOf } from "../../src/storage/redis/client.ts";

const client = targetOf({ url: Deno.env.get("BENCH_REDIS_URL"), prefix: "", ttl: null }).make();
await client.connect();
await client.get("bench");
Deno.exit(0);
