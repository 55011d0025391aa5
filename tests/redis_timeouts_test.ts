/** One timer for all that a connection to Redis waits for: each is given up at its own time. */

import { Timeouts, TooLate } from "../src/storage/redis/timeouts.ts";
import { assert, assertEquals } from "./support/assert.ts";

const never = () => new Promise<never>(() => {});
const FAR_MS = 600_000;
const soon = () => performance.now() + 10;

/** What becomes of a wait. */
async function outcomeOf(wait: Promise<unknown>): Promise<unknown> {
  return await wait.catch((error) => error instanceof TooLate ? "too late" : error);
}

Deno.test({
  name: "redis timeouts: answers and errors come through, and leave no timer behind",
  sanitizeOps: true,
  fn: async () => {
    const timeouts = new Timeouts();
    const until = performance.now() + FAR_MS;
    assertEquals(await timeouts.inTime(until, Promise.resolve(1)), 1);
    assertEquals(await outcomeOf(timeouts.inTime(until, Promise.reject("lost"))), "lost");
    timeouts.end();
  },
});

Deno.test("redis timeouts: what ends soon does not wait for what ends late", async () => {
  const timeouts = new Timeouts();
  const { promise, resolve } = Promise.withResolvers<string>();
  const late = timeouts.inTime(performance.now() + FAR_MS, promise);
  const hold = setTimeout(() => {}, FAR_MS); // a connection keeps the process otherwise
  assertEquals(await outcomeOf(timeouts.inTime(soon(), never())), "too late");
  resolve("answer");
  assertEquals(await late, "answer");
  timeouts.end();
  clearTimeout(hold);
});

Deno.test("redis timeouts: each is given up at its own time, also after the connection's end", async () => {
  const timeouts = new Timeouts();
  const hold = setTimeout(() => {}, FAR_MS);
  const start = performance.now();
  const waits = [30, 10, 20].map(async (ms) => {
    const outcome = await outcomeOf(timeouts.inTime(start + ms, never()));
    return { outcome, isInTime: performance.now() >= start + ms };
  });
  timeouts.end();
  for (const { outcome, isInTime } of await Promise.all(waits)) {
    assertEquals(outcome, "too late");
    assert(isInTime, "it was given up too early");
  }
  clearTimeout(hold);
});

Deno.test("redis timeouts: without a deadline nothing is given up", async () => {
  const timeouts = new Timeouts();
  assertEquals(await timeouts.inTime(Infinity, Promise.resolve("answer")), "answer");
  timeouts.end();
});

Deno.test("redis timeouts: what was given up may still fail", async () => {
  const timeouts = new Timeouts();
  const { promise, reject } = Promise.withResolvers<never>();
  const hold = setTimeout(() => {}, FAR_MS);
  assertEquals(await outcomeOf(timeouts.inTime(soon(), promise)), "too late");
  reject(new Error("the connection is gone"));
  await promise.catch(() => {});
  timeouts.end();
  clearTimeout(hold);
});
