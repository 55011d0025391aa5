import { assert, assertEquals } from "../../support/assert.ts";
import type { Plan } from "./plan.ts";
import { countsOf, type Verdict } from "./run.ts";

/** What the histories of this run are made from. */
export const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? Math.floor(Math.random() * 1e6));

/** Fails with what the checkers found, and what makes it happen again, more or less. */
export function assertSound(plan: Plan, verdict: Verdict): void {
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
export function assertEventful(plan: Plan, { history, kills, longPauses, strikes }: Verdict): void {
  const counts = countsOf(history);
  const told = JSON.stringify({ ...counts, kills, longPauses, strikes });
  assert(history.operations.length >= plan.minOperations, told);
  assert(!plan.kills || kills > 0, told);
  assert(!plan.pauses || longPauses > 0, told);
  assert(strikes >= (plan.server?.minTimes ?? 0), told);
  const isGranted = plan.profile === "queue" ? counts["wait: ok"] : counts["acquire: ok"];
  assert(isGranted > 0, told);
}
