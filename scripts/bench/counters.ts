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

/** How many count at once, how often each, and how often all of it is measured. */
interface Size {
  readonly processes: number;
  readonly times: number;
  readonly rounds: number;
}

/** The second is that of the stores on the network, too. */
const SIZES: readonly Size[] = [
  { processes: 8, times: 500, rounds: 5 },
  { processes: 16, times: 250, rounds: 3 },
];
/** ext4 avoids inodes freed in the last five seconds: without a pause each run slows the next. */
const PAUSE_MS = 6000;

/** Measures `local`, `kv` and a bare loop in turns. */
export async function benchCounters(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of SIZES) figures.push(...await benchSize(size));
  return figures;
}

async function benchSize(size: Size): Promise<Figure[]> {
  const { processes, times, rounds } = size;
  const rates: Record<string, number[]> = { bare: [], local: [], polling: [], kv: [] };
  const counts: Record<string, number[]> = { bare: [], local: [], polling: [], kv: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of Object.keys(rates)) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
      if (isBare(kind)) await firstScope(folder);
      rates[kind].push(await rate(kind, folder, size));
      counts[kind].push(await countIn(kind, folder));
      await Deno.remove(folder, { recursive: true });
    }
  }
  const all = processes * times;
  const perSecond = (kind: string) => `${Math.round(median(rates[kind]))}/s`;
  return ["local", "kv"].map((kind) => ({
    what: `${processes} processes × ${times} increments of one key: ${kind}`,
    measured: `${Math.min(...counts[kind])} of ${all}; ${perSecond(kind)}, ${
      (median(rates[kind]) / median(rates.bare)).toFixed(2)
    } of the bare loop`,
    target: kind === "local" && processes === 8
      ? `${all} of ${all}; ≥ 0.9`
      : `${all} of ${all}; no "locked"`,
    floor: `a bare lock-rename loop: ${perSecond("bare")} (polling for the lock: ${
      perSecond("polling")
    })`,
  }));
}

async function rate(kind: string, folder: string, { processes, times }: Size): Promise<number> {
  const ms = await raceMs("./counter_worker.ts", [kind, folder, String(times)], processes);
  return processes * times / (ms / 1000);
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
