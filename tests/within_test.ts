import { within } from "../src/os/within.ts";
import { assertEquals, assertRejects } from "./support/assert.ts";

const never = new Promise<never>(() => {});
const toThrow = () => {
  throw new RangeError("late");
};

Deno.test("what comes in time counts, and its timer is gone", async () => {
  assertEquals(await within(60_000, Promise.resolve(1), () => 2), 1);
  await assertRejects(
    () => within(60_000, Promise.reject(new TypeError("no")), () => 2),
    TypeError,
  );
});

Deno.test("what does not come in time is answered, or thrown, by the caller", async () => {
  assertEquals(await within(1, never, () => 2), 2);
  assertEquals(await within(-1, never, () => null), null);
  await assertRejects(() => within(1, never, toThrow), RangeError);
});

Deno.test("a failure that comes too late is nobody's, and ends no process", async () => {
  const { promise, reject } = Promise.withResolvers<number>();
  assertEquals(await within(1, promise, () => 2), 2);
  reject(new TypeError("no"));
  await new Promise((resolve) => setTimeout(resolve, 1));
});
