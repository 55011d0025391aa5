import { assertEquals } from "../support/assert.ts";
import { SOUND } from "../support/lease.ts";
import { RULES } from "./rules.ts";

for (const { name, check } of RULES) Deno.test(`lease: ${name}`, () => check(SOUND));

Deno.test("the lease has no two rules of one name", () => {
  assertEquals(new Set(RULES.map(({ name }) => name)).size, RULES.length);
});
