/**
 * Whether other scopes make `local` slow.
 *
 * @module
 */

import { DEFAULT_LIMITS, type Json } from "../../src/domain/json.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { type Figure, median } from "./figure.ts";

const FEW = 10;
const MANY = 10_000;
const CALLS = 400;
const ROUNDS = 7;

/** Measures `retrieve`, `store` and `listScopes` beside few and many other scopes. */
export async function benchScopes(): Promise<Figure[]> {
  const few = await filled(FEW, "x");
  const many = await filled(MANY, "x");
  const large = await filled(MANY, "x".repeat(10_000));
  const ratio = async (call: (store: LocalStore) => Promise<unknown>) => {
    const ratios: number[] = [];
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const fewMs = await timed(few.store, call);
      const manyMs = await timed(many.store, call);
      ratios.push(manyMs / fewMs);
      times.push(manyMs / CALLS);
    }
    return { ratio: median(ratios), ms: median(times) };
  };
  const retrieve = await ratio((store) => store.retrieve("bench:own", "key"));
  const store = await ratio((store) => store.store("bench:own", "key", 1));
  const figures: Figure[] = [["retrieve", retrieve] as const, ["store", store] as const].map((
    [name, { ratio, ms }],
  ) => ({
    what: `local: \`${name}\` beside ${MANY} other scopes against ${FEW}`,
    measured: `${ratio.toFixed(2)} (${ms.toFixed(3)} ms)`,
    target: "≤ 1.2",
    floor: "1",
  }));
  for (const [name, { store }] of [["small", many], ["10 kB", large]] as const) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const startedAt = performance.now();
      await store.listScopes();
      times.push(performance.now() - startedAt);
    }
    figures.push({
      what: `local: \`listScopes\` over ${MANY} ${name} scopes`,
      measured: `${median(times).toFixed(0)} ms`,
      target: "< 200 ms",
      floor: `${namesMs(store).toFixed(0)} ms, reading the names`,
    });
  }
  for (const { store, folder } of [few, many, large]) {
    await store.close();
    await Deno.remove(folder, { recursive: true });
  }
  return figures;
}

async function filled(scopes: number, value: Json) {
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  const store = new LocalStore({ folder, durable: false, limits: DEFAULT_LIMITS });
  await store.store("bench:own", "key", 0);
  for (let i = 0; i < scopes; i++) {
    await store.store(`laptop:owner/repo:issue:${i}`, "value", value);
  }
  return { folder, store };
}

async function timed(store: LocalStore, call: (store: LocalStore) => Promise<unknown>) {
  const startedAt = performance.now();
  for (let i = 0; i < CALLS; i++) await call(store);
  return performance.now() - startedAt;
}

function namesMs(store: LocalStore): number {
  const startedAt = performance.now();
  for (const _ of Deno.readDirSync(store.place.location));
  return performance.now() - startedAt;
}
