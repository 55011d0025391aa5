/**
 * Sixteen processes increment one number in PostgreSQL: what is kept, and how fast, beside the bare
 * statement by the same client.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PostgresStore } from "../../src/storage/postgres/postgres.ts";
import { PostgresServer } from "../../tests/support/servers/postgres.ts";
import { type Figure, median } from "./figure.ts";
import { raceMs } from "./race.ts";

const PROCESSES = 16;
const TIMES = 250;
const ROUNDS = 3;

/** Measures the store and the bare statement in turns. */
export async function benchPostgres(): Promise<Figure[]> {
  const server = await PostgresServer.create();
  try {
    const rates: Record<string, number[]> = { bare: [], store: [] };
    const counts: Record<string, number[]> = { bare: [], store: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of Object.keys(rates)) {
        await server.sql(
          "DROP TABLE IF EXISTS public.bare; CREATE TABLE public.bare (name text PRIMARY KEY, n bigint); " +
            "INSERT INTO public.bare VALUES ('n', 0); DROP SCHEMA IF EXISTS csc CASCADE",
        );
        rates[kind].push(await rate(kind, server.url));
        counts[kind].push(await countIn(kind, server));
      }
    }
    const all = PROCESSES * TIMES;
    const [store, bare] = [median(rates.store), median(rates.bare)];
    return [{
      what: `${PROCESSES} processes × ${TIMES} increments of one key: postgres`,
      measured: `${Math.min(...counts.store)} of ${all}; ${Math.round(store)}/s, ${
        (store / bare).toFixed(2)
      } of the bare statement`,
      target: `${all} of ${all}`,
      floor: `\`UPDATE … SET n = n + 1\`: ${Math.round(bare)}/s`,
    }];
  } finally {
    await server.remove();
  }
}

async function rate(kind: string, url: string): Promise<number> {
  const ms = await raceMs("./postgres_worker.ts", [kind, url, String(TIMES)], PROCESSES);
  return PROCESSES * TIMES / (ms / 1000);
}

async function countIn(kind: string, server: PostgresServer): Promise<number> {
  if (kind === "bare") {
    return Number((await server.sql("SELECT n FROM public.bare WHERE name = 'n'"))[0]);
  }
  const store = new PostgresStore({ url: server.url, limits: DEFAULT_LIMITS });
  const entry = await store.retrieve("counter", "n");
  await store.close();
  return entry?.value as number;
}
