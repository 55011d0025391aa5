/**
 * The long form of the lease's histories: `deno task soak [minutes] [KIND…]`, 10 minutes by default, on
 * the stores that need no server, or on those named, whose servers it starts: `redis`, `postgres`,
 * `s3`. Processes acquire, renew, release, take over and write while they are killed, stopped beyond
 * their leases' time and given other times of day, and while the store's server is killed and stopped;
 * checkers judge what they noted. Prints each history's seed, and exits with 1 on an anomaly.
 *
 * With the path of libfaketime in `CSC_FAKETIME` the processes' time is faked from outside.
 *
 * @module
 */

import type { Plan } from "../tests/lease/histories/plan.ts";
import { longPlans, shortPlans } from "../tests/lease/histories/plans.ts";
import { countsOf, runHistory, type Verdict } from "../tests/lease/histories/run.ts";
import { LEASE_BUGS } from "../tests/lease/planted/bugs.ts";
import { writePatched } from "../tests/lease/planted/patched.ts";
import { type NetworkKind, SERVERS } from "../tests/support/network_store.ts";
import { startServers } from "../tests/support/servers/run.ts";

/** Planted bugs that show in what processes do, and which of the short plans shows each. */
const SELF_TEST: readonly [does: string, plan: string][] = [
  ["writes without `expected`", "five on local"],
  ["measures with the wall clock", "five on local"],
  ["ends a grant a second early", "five on local"],
  ["never frees a dead holder", "five on kv"],
  ["revives by renewing", "one on local"],
];
const MAX_TRIES = 5;

function faultsOf({ faults }: Verdict): string[] {
  return Object.entries(faults).flatMap(([checker, found]) =>
    found.map((fault) => `${checker}: ${fault}`)
  );
}

/** Whether the checkers still see what they are for. */
async function seesBugs(seed: number): Promise<boolean> {
  let seesAll = true;
  const planted: [string, Partial<Plan>, string][] = [
    ["a store that ignores fences", { ignoresFences: true }, "five on local"],
  ];
  const folders: string[] = [];
  for (const [does, plan] of SELF_TEST) {
    const lease = await Deno.makeTempDir({ prefix: "csc-soak-" });
    folders.push(lease);
    writePatched(lease, LEASE_BUGS.find((bug) => bug.does === does)!.patches);
    planted.push([`a lease that ${does}`, { lease }, plan]);
  }
  for (const [name, change, planName] of planted) {
    const caughtBy = await firstCatch(planName, change, seed);
    seesAll &&= caughtBy !== null;
    console.log(`planted: ${name}: ${caughtBy ? `caught by ${caughtBy}` : "NOT CAUGHT"}`);
  }
  for (const folder of folders) await Deno.remove(folder, { recursive: true });
  return seesAll;
}

/** The checkers that caught a planted bug, or null after some tries: what happens is up to chance. */
async function firstCatch(name: string, change: Partial<Plan>, seed: number) {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const plan = shortPlans(seed + tries).find((one) => one.name === name)!;
    const { faults, evidence } = await runHistory({ ...plan, ...change });
    if (evidence) await Deno.remove(evidence);
    const checkers = Object.entries(faults).filter(([, found]) => found.length > 0);
    if (checkers.length > 0) return checkers.map(([checker]) => checker).join(", ");
  }
  return null;
}

/** Runs a plan and tells of it; answers how many operations there were and how many faults. */
async function soak(plan: Plan): Promise<{ operations: number; faults: number }> {
  const verdict = await runHistory(plan);
  const faults = faultsOf(verdict);
  const operations = verdict.history.operations.length;
  const { kills, longPauses, strikes, seconds } = verdict;
  const rate = Math.round(operations / seconds);
  const counts = countsOf(verdict.history);
  const refused = (counts["write: fence"] ?? 0) + (counts["write: version"] ?? 0);
  console.log(
    `${plan.kind}, ${plan.name}, seed ${plan.seed}: ${operations} operations (${rate}/s), ` +
      `${kills} kills, ${longPauses} pauses beyond the TTL, ${
        plan.server ? `its server struck ${strikes} times, ` : ""
      }${refused} writes of overtaken holders ` +
      `refused: ${faults.length} anomalies`,
  );
  if (faults.length > 0) console.log(JSON.stringify(counts));
  for (const fault of faults.slice(0, 20)) console.log(`  ${fault}`);
  if (verdict.evidence) console.log(`  what was noted: ${verdict.evidence}`);
  return { operations, faults: faults.length };
}

/** Runs histories for some minutes; answers whether they and their checkers are as they should be. */
async function soakFor(minutes: number, kinds: readonly NetworkKind[]): Promise<boolean> {
  const end = performance.now() + minutes * 60_000;
  const first = Number(Deno.env.get("CSC_TEST_SEED") ?? Math.floor(Math.random() * 1e6));
  const seesAll = await seesBugs(first);
  let [histories, operations, faults] = [0, 0, 0];
  for (let seed = first; performance.now() < end || histories === 0; seed++) {
    for (const plan of longPlans(kinds, seed, Deno.env.get("CSC_FAKETIME"))) {
      if (performance.now() >= end && histories > 0) break;
      const found = await soak(plan);
      histories++;
      operations += found.operations;
      faults += found.faults;
    }
  }
  console.log(
    `${histories} histories, ${operations} operations, ${faults} anomalies; ` +
      `planted bugs: ${seesAll ? "all caught" : "NOT all caught"}`,
  );
  return faults === 0 && seesAll;
}

if (import.meta.main) {
  const [minutes, ...words] = Deno.args.length > 0 ? Deno.args : ["10"];
  const kinds = words as NetworkKind[];
  const unknown = kinds.find((kind) => !Object.hasOwn(SERVERS, kind));
  if (!(Number(minutes) > 0) || unknown !== undefined) {
    console.error(`Usage: deno task soak [minutes] [${Object.keys(SERVERS).join("|")}…]`);
    Deno.exit(2);
  }
  const servers = kinds.length > 0 ? await startServers(kinds) : null;
  for (const [name, value] of Object.entries(servers?.env ?? {})) Deno.env.set(name, value);
  let isSound = false;
  try {
    isSound = await soakFor(Number(minutes), kinds);
  } finally {
    await servers?.stop();
  }
  Deno.exit(isSound ? 0 : 1);
}
