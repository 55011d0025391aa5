import { type Json, parseJson } from "../../../src/domain/json.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { assertFails, type Clause, refusalOf, valueOf, versionOf } from "./clause.ts";

const MAX = Number.MAX_SAFE_INTEGER;

/** `increment()`. */
export const COUNTERS: Clause[] = [
  {
    name: "`increment()` counts from 0 and answers the sum",
    async check({ a, b }) {
      assertEquals(await a.increment("s", "k"), 1);
      assertEquals(await b.increment("s", "k"), 2);
      assertEquals(await a.increment("s", "k", 40), 42);
      assertEquals(await b.increment("s", "k", -50), -8);
      assertEquals(await valueOf(a, "s", "k"), -8);
      assertEquals(await b.increment("s", "zero", 0), 0);
      assertEquals(await a.listKeys("s"), ["k", "zero"]);
      await a.delete("s", "k");
      assertEquals(await b.increment("s", "k"), 1);
    },
  },
  {
    name: "`increment()` adds to a number that was stored",
    async check({ a, b }) {
      await a.store("s", "k", MAX - 1);
      assertEquals(await b.increment("s", "k"), MAX);
      assertEquals(await valueOf(a, "s", "k"), MAX);
      await a.store("s", "k", -MAX);
      assertEquals(await b.increment("s", "k", MAX), 0);
    },
  },
  {
    name: "`increment()` loses nothing when both clients count at once",
    async check({ a, b }) {
      const sums = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 ? a : b).increment("s", "k")),
      );
      assertEquals(sums.sort((x, y) => x - y), Array.from({ length: 40 }, (_, i) => i + 1));
      assertEquals(await valueOf(a, "s", "k"), 40);
    },
  },
  {
    name: "`increment()` is a write of its own: version, author and time",
    async check({ a, b, advance, clockErrorMs = 0 }) {
      const version = versionOf(await a.store("s", "k", 1, { author: "claude_1" }));
      await advance(5_000);
      const before = await a.now();
      await b.increment("s", "k", 1, "claude_2");
      const entry = (await a.retrieve("s", "k"))!;
      assertEquals(entry.author, "claude_2");
      assert(entry.storedAtMs >= before - clockErrorMs);
      assert(entry.version !== version);
      refusalOf(await a.store("s", "k", 9, { expected: version }));
      assertEquals(await valueOf(b, "s", "k"), 2);
    },
  },
  {
    name: "`increment()` refuses what is no safe integer and changes nothing",
    async check({ a, b }) {
      const values: Json[] = [
        "5",
        1.5,
        null,
        true,
        [],
        {},
        parseJson("12345678901234567890"),
        parseJson("1e400"),
      ];
      for (const value of values) {
        await a.store("s", "k", value, { author: "claude_1" });
        const before = JSON.stringify(await a.retrieve("s", "k"));
        await assertFails("invalid_argument", () => b.increment("s", "k"), JSON.stringify(value));
        assertEquals(JSON.stringify(await a.retrieve("s", "k")), before);
      }
    },
  },
  {
    name: "`increment()` refuses sums and steps that are no safe integers",
    async check({ a, b }) {
      await a.store("s", "k", MAX);
      await assertFails("invalid_argument", () => b.increment("s", "k"));
      await assertFails("invalid_argument", () => a.increment("s", "k", MAX));
      assertEquals(await valueOf(b, "s", "k"), MAX);
      for (const by of [0.5, NaN, Infinity, 2 ** 53]) {
        await assertFails("invalid_argument", () => a.increment("s", "absent", by), `${by}`);
      }
      assertEquals(await b.listKeys("s"), ["k"]);
    },
  },
  {
    name: "`increment()` leaves the expiry as it is",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { ttlMs: 10_000 });
      const { expiresAtMs } = (await a.retrieve("s", "k"))!;
      await advance(5_000);
      assertEquals(await b.increment("s", "k"), 2);
      assertEquals((await b.retrieve("s", "k"))?.expiresAtMs, expiresAtMs);
      await advance(6_000);
      assertEquals(await a.retrieve("s", "k"), null);
    },
  },
  {
    name: "`increment()` of an ended key begins anew, for ever",
    async check({ a, b, advance }) {
      await a.store("s", "k", 7, { ttlMs: 10_000 });
      await advance(11_000);
      assertEquals(await b.increment("s", "k"), 1);
      assertEquals((await a.retrieve("s", "k"))?.expiresAtMs, null);
      await advance(1e9);
      assertEquals(await valueOf(a, "s", "k"), 1);
    },
  },
  {
    name: "`increment()` leaves the fence as it is",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      await b.increment("s", "k");
      assertEquals((await a.retrieve("s", "k"))?.fence, 5);
      await a.delete("s", "k");
      await b.increment("s", "k");
      assertEquals((await a.retrieve("s", "k"))?.fence, 5);
      assert(!(await a.store("s", "k", 0, { fence: 4 })).ok);
    },
  },
];
