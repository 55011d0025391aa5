/**
 * One of several processes that increment the same number in PostgreSQL: `postgres_worker.ts KIND URL
 * TIMES`. Waits for a line on standard input; ends when it is done.
 *
 * @module
 */

import postgres from "postgres";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PostgresStore } from "../../src/storage/postgres/postgres.ts";

const [kind, url, times] = Deno.args;

/** How often each counts a number of its own first, so that what is measured runs compiled. */
const WARM_UP = 100;

/** What increments a number by name: the store, or the least that the same client can do. */
const counters: Record<string, () => (name: string) => Promise<unknown>> = {
  store: () => {
    const store = new PostgresStore({ url, limits: DEFAULT_LIMITS });
    return (name) => store.increment("counter", name);
  },
  bare: () => {
    const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
    const raise = (name: string) =>
      sql`UPDATE public.bare SET n = n + 1 WHERE name = ${name} RETURNING n`;
    return async (name) => {
      const [row] = await raise(name);
      if (!row) await sql`INSERT INTO public.bare VALUES (${name}, 1)`;
    };
  },
};

const increment = counters[kind]();

const own = `warm-up-${Deno.pid}`;
for (let i = 0; i < WARM_UP; i++) await increment(own);
console.log("ready");
await Deno.stdin.read(new Uint8Array(1));
for (let i = 0; i < Number(times); i++) await increment("n");
Deno.exit(0);
