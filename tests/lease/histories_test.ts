import { assert, assertEquals } from "../support/assert.ts";
import { shortPlans } from "./histories/plans.ts";
import type { Plan } from "./histories/plan.ts";
import { countsOf, runHistory, type Verdict } from "./histories/run.ts";

const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? Math.floor(Math.random() * 1e6));

/** Fails with what the checkers found, and what makes it happen again, more or less. */
function assertSound(plan: Plan, verdict: Verdict): void {
  const faults = Object.entries(verdict.faults).flatMap(([checker, faults]) =>
    faults.slice(0, 3).map((fault) => `${checker}: ${fault}`)
  );
  const again = `CSC_TEST_SEED=${plan.seed}; deno task soak tries longer`;
  assertEquals(
    faults,
    [],
    `${plan.name} is no history of a sound lease (${again}; ${verdict.evidence})`,
  );
}

/** A history in which nothing happens proves nothing. */
function assertEventful(plan: Plan, { history, kills, longPauses }: Verdict): void {
  const counts = countsOf(history);
  const told = JSON.stringify({ ...counts, kills, longPauses });
  assert(history.operations.length >= plan.minOperations, told);
  assert(!plan.kills || kills > 0, told);
  assert(!plan.pauses || longPauses > 0, told);
  const isGranted = plan.profile === "queue" ? counts["wait: ok"] : counts["acquire: ok"];
  assert(isGranted > 0, told);
}

Deno.test("histories of processes that are killed, stopped and given other times", async (test) => {
  const plans = shortPlans(SEED);
  // Two at a time: more would have to share two cores with each other, and do little.
  for (let at = 0; at < plans.length; at += 2) {
    const some = plans.slice(at, at + 2);
    const verdicts = await Promise.all(some.map((plan) => runHistory(plan)));
    for (const [i, plan] of some.entries()) {
      await test.step(plan.name, () => {
        assertSound(plan, verdicts[i]);
        assertEventful(plan, verdicts[i]);
      });
    }
  }
});
