/**
 * Several processes increment one key: what is kept, and how fast, beside the least that is safe.
 *
 * @module
 */

import { join } from "@std/path";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { KvStore } from "../../src/storage/kv/kv.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { type Figure, median } from "./figure.ts";
import { raceMs } from "./race.ts";

const PROCESSES = 8;
const TIMES = 500;
const ROUNDS = 5;
/** ext4 avoids inodes freed in the last five seconds: without a pause each run slows the next. */
const PAUSE_MS = 6000;

/** Measures `local`, `kv` and a bare loop in turns. */
export async function benchCounters(): Promise<Figure[]> {
  const rates: Record<string, number[]> = { bare: [], local: [], polling: [], kv: [] };
  const counts: Record<string, number[]> = { bare: [], local: [], polling: [], kv: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of Object.keys(rates)) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
      if (isBare(kind)) await firstScope(folder);
      rates[kind].push(await rate(kind, folder));
      counts[kind].push(await countIn(kind, folder));
      await Deno.remove(folder, { recursive: true });
    }
  }
  const all = PROCESSES * TIMES;
  const perSecond = (kind: string) => `${Math.round(median(rates[kind]))}/s`;
  return ["local", "kv"].map((kind) => ({
    what: `${PROCESSES} processes × ${TIMES} increments of one key: ${kind}`,
    measured: `${Math.min(...counts[kind])} of ${all}; ${perSecond(kind)}, ${
      (median(rates[kind]) / median(rates.bare)).toFixed(2)
    } of the bare loop`,
    target: kind === "local" ? `${all} of ${all}; ≥ 0.9` : `${all} of ${all}; no "locked"`,
    floor: `a bare lock-rename loop: ${perSecond("bare")} (polling for the lock: ${
      perSecond("polling")
    })`,
  }));
}

async function rate(kind: string, folder: string): Promise<number> {
  const ms = await raceMs("./counter_worker.ts", [kind, folder, String(TIMES)], PROCESSES);
  return PROCESSES * TIMES / (ms / 1000);
}

/** The bare loop waits in the system for its lock, or polls for it as the stores must. */
function isBare(kind: string): boolean {
  return kind === "bare" || kind === "polling";
}

/** The file that the bare loop counts in, in the format of seed 002. */
async function firstScope(folder: string): Promise<void> {
  const now = new Date().toISOString();
  const metadata = { created_at: now, updated_at: now };
  const scope = { scope: "counter", data: { n: 0 }, metadata };
  await Deno.writeTextFile(bareFile(folder), JSON.stringify(scope, null, 2));
}

function bareFile(folder: string): string {
  return join(folder, "counter.json");
}

async function countIn(kind: string, folder: string): Promise<number> {
  if (isBare(kind)) return JSON.parse(await Deno.readTextFile(bareFile(folder))).data.n;
  const store = kind === "kv"
    ? await KvStore.open({ path: join(folder, "store.kv"), limits: DEFAULT_LIMITS })
    : new LocalStore({ folder, durable: false, limits: DEFAULT_LIMITS });
  const entry = await store.retrieve("counter", "n");
  await store.close();
  return entry?.value as number;
}
