/**
 * One of several processes that race for one lease: `lease_worker.ts FOLDER NAME`. For each line on
 * standard input it does what that says (`acquire`, `release`, or `alone N`: both, N times), and
 * answers in a line.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { clockOf } from "../../src/lease/clock.ts";
import { Leases } from "../../src/lease/leases.ts";
import { LocalStore } from "../../src/storage/local/local.ts";

const [folder, session] = Deno.args;
const limits = DEFAULT_LIMITS;
const store = new LocalStore({ folder, durable: false, limits, lockTimeoutMs: 60_000 });
const leases = new Leases({
  store,
  clock: clockOf(store),
  witness: () => Promise.resolve(new Set<string>()),
  bookScope: "book",
});
const holder = { session };
const request = { holder, ttlS: 60, purpose: "bench", detail: null };
const race = { scope: "race", key: "lease" };

/** The token that it was granted, or 0 where another has it. */
async function acquire(ref = race): Promise<number> {
  const outcome = await leases.acquire(ref, request);
  return outcome.ok ? outcome.record.token : 0;
}

/** Milliseconds that so many grants of a lease of its own take. */
async function alone(times: number): Promise<number> {
  const ref = { scope: `alone ${session}`, key: "lease" };
  const startedAt = performance.now();
  for (let i = 0; i < times; i++) {
    await acquire(ref);
    await leases.release(ref, holder);
  }
  return performance.now() - startedAt;
}

async function answer(line: string): Promise<number> {
  const [what, times] = line.split(" ");
  if (what === "acquire") return await acquire();
  if (what === "alone") return await alone(Number(times));
  return (await leases.release(race, holder)).ok ? 1 : 0;
}

await alone(50); // what is measured runs compiled
console.log("ready");
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  for (const line of text.split("\n").filter(Boolean)) console.log(await answer(line));
}
