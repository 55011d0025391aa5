import { shortPlans } from "./histories/plans.ts";
import { runHistory } from "./histories/run.ts";
import { assertEventful, assertSound, SEED } from "./histories/verdict.ts";

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
