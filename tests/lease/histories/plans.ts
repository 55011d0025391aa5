import type { NetworkKind } from "../../support/network_store.ts";
import type { SharedKind } from "../../support/open_store.ts";
import type { Plan } from "./plan.ts";

/** What every plan has, unless it says otherwise. */
const USUAL = {
  profile: "work",
  workers: 5,
  keys: ["k", "l"],
  ttlsS: [1],
  minOperations: 40,
  kills: true,
  pauses: true,
  jumps: true,
} as const;

/** One who is alone: nobody else's request ends a grant whose time is over. */
const ALONE = {
  workers: 1,
  minOperations: 10,
  keys: ["a", "b", "c", "d", "e", "f", "g", "h"],
  kills: false,
} as const;

/** The histories of `deno task test`: all nemeses at once, for some seconds. */
export function shortPlans(seed: number): Plan[] {
  return [
    { ...USUAL, name: "five on local", kind: "local", seconds: 3.5, seed },
    { ...USUAL, ...ALONE, name: "one on local", kind: "local", seconds: 3.5, seed },
    { ...USUAL, name: "five on kv", kind: "kv", seconds: 3.5, seed },
    {
      ...USUAL,
      profile: "queue",
      workers: 4,
      name: "in line on local",
      kind: "local",
      seconds: 3.5,
      seed,
    },
  ];
}

/** Between machines, leases are measured by the store's clock; what waits for it takes longer. */
const SHARED = { ...USUAL, ttlsS: [2], seconds: 6 } as const;
/** The S3 gateway of the tests takes some twenty contended writes a second. */
const SLOW = { workers: 2, restMs: 150, minOperations: 20, seconds: 10 } as const;

/** The kinds whose servers can be killed. */
const KILLABLE: readonly SharedKind[] = ["redis", "postgres"];

/** The histories of a store on the network in `deno task test:stores`. */
export function sharedPlans(kind: NetworkKind, seed: number): Plan[] {
  const usual = { ...SHARED, ...(kind === "s3" && SLOW), kind, seed };
  const plans: Plan[] = [
    { ...usual, name: `several on ${kind}`, workers: kind === "s3" ? 2 : 5 },
    { ...usual, ...ALONE, ttlsS: [2], name: `one on ${kind}` },
    { ...usual, profile: "queue", workers: kind === "s3" ? 2 : 4, name: `in line on ${kind}` },
  ];
  if (!KILLABLE.includes(kind)) return plans;
  const struck = { ...usual, kills: false, seconds: 8 };
  return [
    ...plans,
    {
      ...struck,
      server: { is: "killed", minTimes: 20 },
      name: `several on ${kind}, whose server is killed 20 times`,
    },
    {
      ...struck,
      server: { is: "stopped", minTimes: 2 },
      name: `several on ${kind}, whose server stops`,
    },
    {
      ...struck,
      profile: "queue",
      server: { is: "killed", minTimes: 2 },
      name: `in line on ${kind}, whose server is killed`,
    },
  ];
}

/** One round of the histories of `deno task soak`, on the stores that need no server or on others. */
export function longPlans(
  kinds: readonly NetworkKind[],
  seed: number,
  faketime: string | undefined,
): Plan[] {
  const plans = kinds.length > 0
    ? kinds.flatMap((kind) => sharedPlans(kind, seed).map((plan) => ({ ...plan, seconds: 30 })))
    : embeddedPlans(seed);
  if (!faketime) return plans;
  // What the process is told by the system is another time for each, instead of our own jumps.
  return plans.map((plan) => ({ ...plan, name: `${plan.name}, faketime`, jumps: false, faketime }));
}

function embeddedPlans(seed: number): Plan[] {
  const seconds = 20;
  return (["local", "kv"] as const).flatMap((kind): Plan[] => [
    {
      ...USUAL,
      name: `eight, three leases`,
      kind,
      workers: 8,
      keys: ["k", "l", "m"],
      ttlsS: [1, 2],
      seconds,
      seed,
    },
    { ...USUAL, name: `four, one lease`, kind, workers: 4, keys: ["k"], seconds, seed },
    { ...USUAL, name: `six, never stopped`, kind, workers: 6, pauses: false, seconds, seed },
    { ...USUAL, name: `six, never killed`, kind, workers: 6, kills: false, seconds, seed },
    { ...USUAL, ...ALONE, name: `one`, kind, ttlsS: [1, 2], seconds, seed },
    { ...USUAL, profile: "queue", name: `six in line`, kind, workers: 6, seconds, seed },
  ]);
}
