import { assert, assertEquals } from "../support/assert.ts";
import { type Check, type LeaseModules, SOUND } from "../support/lease.ts";
import { LeaseWorld } from "../support/lease_world.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { LEASE_CLAUSES } from "./clauses.ts";
import { LEASE_BUGS } from "./planted/bugs.ts";
import { patchedLease } from "./planted/patched.ts";
import { STORE_BUGS } from "./planted/stores.ts";
import { RULES } from "./rules.ts";
import { PROPERTIES } from "./rules/properties.ts";

type Wrap = new (inner: StorageAdapter) => StorageAdapter;

/** Runs a rule or a clause by its name. */
async function run(name: string, modules: LeaseModules, Store?: Wrap): Promise<void> {
  const rule = RULES.find((one) => one.name === name);
  if (rule) return await rule.check(modules);
  const clause = LEASE_CLAUSES.find((one) => one.name === name);
  assert(clause, `there is no check of this name: ${name}`);
  await using world = await LeaseWorld.open("memory", modules, Store);
  await clause.check(world);
}

/** Whether a check fails. */
async function fails(name: string, modules: LeaseModules, Store?: Wrap): Promise<boolean> {
  return await run(name, modules, Store).then(() => false, () => true);
}

const QUICK_RULES = RULES.filter((rule) => !PROPERTIES.includes(rule));

async function keeps(check: Check["check"], modules: LeaseModules): Promise<boolean> {
  try {
    await check(modules);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a copy of the lease without a bug keeps the rules", async () => {
  const copy = await patchedLease([]);
  assert(copy.apply.apply !== SOUND.apply.apply, "it is a copy");
  for (const { check } of RULES) await check(copy);
});

for (const { does, caughtBy, patches } of LEASE_BUGS) {
  Deno.test(`the suite catches a lease that ${does}`, async () => {
    const broken = await patchedLease(patches);
    assert(await fails(caughtBy, broken), `not noticed by: ${caughtBy}`);
    let kept = 0;
    for (const { check } of QUICK_RULES) if (await keeps(check, broken)) kept++;
    assert(kept > QUICK_RULES.length / 2, "the lease is not just unusable");
  });
}

for (const { does, caughtBy, Store } of STORE_BUGS) {
  Deno.test(`the suite catches leases on a store that ${does}`, async () => {
    assert(await fails(caughtBy, SOUND, Store), `not noticed by: ${caughtBy}`);
  });
}

Deno.test("each planted bug is another one", () => {
  const all = [...LEASE_BUGS, ...STORE_BUGS].map(({ does }) => does);
  assertEquals(new Set(all).size, all.length);
});
