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

/** One round of the histories of `deno task soak`. */
export function longPlans(seed: number, faketime: string | undefined): Plan[] {
  const seconds = 20;
  const plans = (["local", "kv"] as const).flatMap((kind): Plan[] => [
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
  if (!faketime) return plans;
  // What the process is told by the system is another time for each, instead of our own jumps.
  return plans.map((plan) => ({ ...plan, name: `${plan.name}, faketime`, jumps: false, faketime }));
}
