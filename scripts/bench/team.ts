/**
 * What leases and sessions on Redis cost: beside the bare commands of the same client, and with five
 * hundred sessions at once.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { clockOf } from "../../src/lease/clock.ts";
import { Leases } from "../../src/lease/leases.ts";
import { REDIS_DEFAULTS } from "../../src/storage/adapter_defaults.ts";
import { type Client, targetOf } from "../../src/storage/redis/client.ts";
import { RedisStore } from "../../src/storage/redis/redis.ts";
import { RedisServer } from "../../tests/support/servers/redis.ts";
import { type Figure, median } from "./figure.ts";

const ROUNDS = 9;
const TIMES = 1000;
const PROCESSES = 50;
const SESSIONS = 10;
/** How long the sessions are at work, in seconds; `CSC_BENCH_SECONDS` says otherwise. */
const SECONDS = 120;

/** Measures on a server of its own. */
export async function benchTeam(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  const server = await RedisServer.start(folder);
  try {
    return [...await benchAlone(server.url), await benchMany(server.url)];
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** One client, one thing after the other: its bare commands and the lease in turns. */
async function benchAlone(url: string): Promise<Figure[]> {
  const bare = targetOf({ ...REDIS_DEFAULTS, url }).make();
  await bare.connect();
  const store = new RedisStore({ settings: { url, prefix: "bench:" }, limits: DEFAULT_LIMITS });
  const leases = new Leases({
    store,
    clock: clockOf(store),
    witness: () => Promise.resolve(new Set<string>()),
    bookScope: "book",
  });
  const ratios: number[] = [];
  const rates: Record<string, number[]> = { bare: [], lease: [] };
  const times: Record<string, number[]> = { bare: [], lease: [] };
  try {
    for (let round = -1; round < ROUNDS; round++) {
      const bareTimes = await twoCommands(bare);
      const leaseTimes = await takeAndRelease(leases);
      if (round < 0) continue; // what is measured runs compiled
      rates.bare.push(rateOf(bareTimes));
      rates.lease.push(rateOf(leaseTimes));
      ratios.push(rates.lease.at(-1)! / rates.bare.at(-1)!);
      times.bare.push(...bareTimes);
      times.lease.push(...leaseTimes);
    }
  } finally {
    await store.close();
    bare.disconnect();
  }
  const [lease, floor] = [median(times.lease), median(times.bare)];
  return [{
    what: "a lease on Redis is acquired and released, again and again",
    measured: `${Math.round(median(rates.lease))}/s, ${median(ratios).toFixed(2)} of the bare rate`,
    target: "≥ 0.8",
    floor: `SET and DEL by the same client: ${Math.round(median(rates.bare))}/s`,
  }, {
    what: "one request to a lease on Redis, p50",
    measured: `${lease.toFixed(3)} ms, ${(lease / floor).toFixed(2)} of a round trip`,
    target: "≤ 1.5",
    floor: `a bare command: ${floor.toFixed(3)} ms`,
  }];
}

/** Milliseconds that each command took, of two kinds in turns. */
async function twoCommands(client: Client): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    times.push(await timed(() => client.set("bare", "value")));
    times.push(await timed(() => client.del("bare")));
  }
  return times;
}

async function takeAndRelease(leases: Leases): Promise<number[]> {
  const ref = { scope: "bench", key: "lease" };
  const holder = { session: "bench" };
  const request = { holder, ttlS: 60, purpose: "bench", detail: null };
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    times.push(await timed(() => leases.acquire(ref, request)));
    times.push(await timed(() => leases.release(ref, holder)));
  }
  return times;
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

/** How many of two things each there are in a second. */
function rateOf(times: readonly number[]): number {
  return 1000 * times.length / 2 / times.reduce((sum, ms) => sum + ms, 0);
}

/** What a process of many sessions tells at its end. */
interface Told {
  readonly checks: readonly number[];
  readonly beats: readonly number[];
  readonly errors: readonly string[];
}

/** Sessions that give a sign of life and look at a file once a second each, at times set beforehand. */
async function benchMany(url: string): Promise<Figure> {
  const seconds = Number(Deno.env.get("CSC_BENCH_SECONDS") ?? SECONDS);
  const worker = new URL("./team_worker.ts", import.meta.url).pathname;
  const children: Deno.ChildProcess[] = [];
  const readers: ReadableStreamDefaultReader<string>[] = [];
  for (let i = 0; i < PROCESSES; i++) { // one after the other: a start is not what is measured
    const args = ["run", "-A", "--no-check", worker, url, `${i}`, `${SESSIONS}`, `${seconds}`];
    const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
      .spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read(); // "ready"
    children.push(child);
    readers.push(reader);
  }
  for (const child of children) {
    const input = child.stdin.getWriter();
    await input.write(new Uint8Array([10]));
    await input.close();
  }
  const told: Told[] = [];
  for (const reader of readers) {
    let text = "";
    for (let part; !(part = await reader.read()).done;) text += part.value;
    told.push(JSON.parse(text));
  }
  for (const child of children) await child.status;
  const checks = told.flatMap((one) => one.checks).sort((a, b) => a - b);
  const beats = told.flatMap((one) => one.beats).sort((a, b) => a - b);
  const errors = told.flatMap((one) => one.errors);
  const at = (times: readonly number[], share: number) =>
    `${times[Math.floor(times.length * share)].toFixed(1)} ms`;
  return {
    what:
      `${PROCESSES * SESSIONS} sessions in ${PROCESSES} processes, a sign of life and a check ` +
      `a second each, ${seconds} s: redis`,
    measured: `${checks.length} checks, ${errors.length} errors${
      errors.length > 0 ? ` (${errors[0]})` : ""
    }; p50 ${at(checks, 0.5)}, p99 ${at(checks, 0.99)}; signs of life: p99 ${at(beats, 0.99)}`,
    target: "no error; p99 < 25 ms",
    floor: "timed from when each was due",
  };
}
