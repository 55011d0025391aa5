import { assert } from "../support/assert.ts";
import { SOUND } from "../support/lease.ts";
import { LeaseWorld } from "../support/lease_world.ts";
import { runningKinds } from "../support/network_store.ts";
import { LEASE_CLAUSES } from "../lease/clauses.ts";
import { sharedPlans } from "../lease/histories/plans.ts";
import { runHistory } from "../lease/histories/run.ts";
import { assertEventful, assertSound, SEED } from "../lease/histories/verdict.ts";
import { STORE_BUGS } from "../lease/planted/stores.ts";

for (const kind of runningKinds()) {
  for (const { name, check, onMemoryOnly } of LEASE_CLAUSES) {
    if (onMemoryOnly) continue;
    Deno.test(`leases on ${kind}: ${name}`, async () => {
      await using world = await LeaseWorld.open(kind, SOUND);
      await check(world);
    });
  }

  for (const { does, caughtBy, Store } of STORE_BUGS) {
    Deno.test(`the suite catches leases on ${kind} that ${does}`, async () => {
      const { check } = LEASE_CLAUSES.find(({ name }) => name === caughtBy)!;
      await using world = await LeaseWorld.open(kind, SOUND, Store);
      const isCaught = await check(world).then(() => false, () => true);
      assert(isCaught, `not noticed by: ${caughtBy}`);
    });
  }

  // One at a time: what kills a server is not to meet another history.
  for (const plan of sharedPlans(kind, SEED)) {
    Deno.test(`a history of processes and their leases: ${plan.name}`, async () => {
      const verdict = await runHistory(plan);
      assertSound(plan, verdict);
      assertEventful(plan, verdict);
    });
  }
}
