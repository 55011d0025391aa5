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
/** A lease's record as JSON text, in characters. */
const LEASE_LENGTH = 450;
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

/** The least that a conditional write can be: a lease's text under a version, each changed at once. */
const COMPARE_AND_SET = `
local found = redis.call('HGET', KEYS[1], 'version')
if (found or '') ~= ARGV[1] then return {ARGV[2], 'version'} end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'value', ARGV[3])
return {ARGV[2], 'ok'}`;

/** One client, one thing after the other: its bare commands, a bare script and the lease in turns. */
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
  const kinds = {
    bare: () => twoCommands(bare),
    script: () => twoScripts(bare),
    lease: () => takeAndRelease(leases),
  };
  type Kind = keyof typeof kinds;
  const rates: Record<Kind, number[]> = { bare: [], script: [], lease: [] };
  const times: Record<Kind, number[]> = { bare: [], script: [], lease: [] };
  try {
    for (let round = -1; round < ROUNDS; round++) {
      for (const kind of Object.keys(kinds) as Kind[]) {
        const taken = await kinds[kind]();
        if (round < 0) continue; // what is measured runs compiled
        rates[kind].push(rateOf(taken));
        times[kind].push(...taken);
      }
    }
  } finally {
    await store.close();
    bare.disconnect();
  }
  /** Of the lease's rate to another one, round by round. */
  const ratio = (to: Kind) => median(rates.lease.map((rate, i) => rate / rates[to][i])).toFixed(2);
  const rate = (kind: Kind) => `${Math.round(median(rates[kind]))}/s`;
  const [lease, script, floor] = [times.lease, times.script, times.bare].map(median);
  return [{
    what: "a lease on Redis is acquired and released, again and again",
    measured: `${rate("lease")}, ${ratio("bare")} of the bare rate, ${
      ratio("script")
    } of the script's`,
    target: "≥ 0.8",
    floor: `by the same client: SET and DEL ${rate("bare")}; a least script that compares and ` +
      `sets, twice: ${rate("script")}`,
  }, {
    what: "one request to a lease on Redis, p50",
    measured: `${lease.toFixed(3)} ms, ${(lease / floor).toFixed(2)} × a round trip`,
    target: "≤ 1.5 ×",
    floor: `a bare command: ${floor.toFixed(3)} ms; that script: ${script.toFixed(3)} ms`,
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

/** The same of the bare script: what it keeps is as long as a lease. */
async function twoScripts(client: Client): Promise<number[]> {
  const text = JSON.stringify({ lease: "x".repeat(LEASE_LENGTH) });
  const digest = await client.script("LOAD", COMPARE_AND_SET) as string;
  const times: number[] = [];
  let version = "";
  const write = async () => {
    const next = crypto.randomUUID();
    await client.evalsha(digest, 1, "bare script", version, next, text);
    version = next;
  };
  await client.del("bare script");
  for (let i = 0; i < 2 * TIMES; i++) times.push(await timed(write));
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
