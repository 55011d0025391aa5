import { assert, assertEquals } from "../../support/assert.ts";
import { assertFails, type Clause, refusalOf, valueOf, versionOf } from "./clause.ts";

/** Values that end. */
export const EXPIRY: Clause[] = [
  {
    name: "`ttlMs` ends a value by the store's clock",
    async check({ a, b, advance }) {
      const stored = await a.store("s", "k", 1, { ttlMs: 10_000 });
      assert(stored.ok);
      await advance(9_000);
      const entry = (await b.retrieve("s", "k"))!;
      assertEquals(entry.value, 1);
      assertEquals(entry.expiresAtMs, entry.storedAtMs + 10_000);
      await advance(1_500);
      assertEquals(await a.retrieve("s", "k"), null);
      assertEquals(await b.retrieve("s", "k"), null);
    },
  },
  {
    name: "`listKeys()` leaves out what has ended",
    async check({ a, b, advance }) {
      await a.store("s", "short", 1, { ttlMs: 10_000 });
      await a.store("s", "long", 2, { ttlMs: 60_000 });
      await a.store("s", "ever", 3);
      assertEquals(await b.listKeys("s"), ["ever", "long", "short"]);
      await advance(11_000);
      assertEquals(await b.listKeys("s"), ["ever", "long"]);
      await advance(60_000);
      assertEquals(await a.listKeys("s"), ["ever"]);
    },
  },
  {
    name: "`listScopes()` leaves out scopes of which all keys have ended",
    async check({ a, b, advance }) {
      await a.store("ended", "k", 1, { ttlMs: 10_000 });
      await a.store("ended", "l", 1, { ttlMs: 5_000 });
      await a.store("mixed", "k", 1, { ttlMs: 10_000 });
      await a.store("mixed", "l", 1, { ttlMs: 60_000 });
      await a.store("kept", "k", 1, { ttlMs: 10_000 });
      await a.store("kept", "l", 1);
      assertEquals(await b.listScopes(), ["ended", "kept", "mixed"]);
      await advance(11_000);
      assertEquals(await b.listScopes(), ["kept", "mixed"]);
      await advance(60_000);
      assertEquals(await a.listScopes(), ["kept"]);
    },
  },
  {
    name: "`store()` takes an ended key for absent",
    async check({ a, b, advance }) {
      const version = versionOf(await a.store("s", "k", 1, { ttlMs: 10_000 }));
      assert(!(await b.store("s", "k", 2, { expected: "absent" })).ok);
      await advance(11_000);
      assertEquals(refusalOf(await b.store("s", "k", 2, { expected: version })).current, null);
      const renewed = versionOf(await b.store("s", "k", 3, { expected: "absent" }));
      assert(renewed !== version);
      assertEquals(await valueOf(a, "s", "k"), 3);
    },
  },
  {
    name: "a race to create an ended key has one winner",
    async check({ a, b, advance }) {
      await a.store("race", "k", 0, { ttlMs: 10_000 });
      await advance(11_000);
      const attempts = Array.from(
        { length: 10 },
        (_, i) => (i % 2 ? a : b).store("race", "k", i, { expected: "absent", ttlMs: 10_000 }),
      );
      assertEquals((await Promise.all(attempts)).filter(({ ok }) => ok).length, 1);
    },
  },
  {
    name: "`delete()` and `deleteScope()` find nothing in what has ended",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { ttlMs: 10_000 });
      await a.store("s", "l", 1, { ttlMs: 10_000 });
      await advance(11_000);
      assertEquals(await b.delete("s", "k"), { ok: true, existed: false });
      assertEquals(await b.deleteScope("s"), false);
      assertEquals(await b.listKeys("s"), []);
    },
  },
  {
    name: "`store()` without `ttlMs` makes a value last",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { ttlMs: 10_000 });
      await b.store("s", "k", 2);
      assertEquals((await a.retrieve("s", "k"))?.expiresAtMs, null);
      await advance(1e9);
      assertEquals(await valueOf(a, "s", "k"), 2);
      assertEquals(await b.listKeys("s"), ["k"]);
      assertEquals(await b.listScopes(), ["s"]);
    },
  },
  {
    name: "`store()` with a new `ttlMs` replaces the old one",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { ttlMs: 10_000 });
      await advance(5_000);
      await b.store("s", "k", 2, { ttlMs: 60_000 });
      await advance(50_000);
      assertEquals(await valueOf(a, "s", "k"), 2);
      await b.store("s", "k", 3, { ttlMs: 1_000 });
      await advance(2_000);
      assertEquals(await a.retrieve("s", "k"), null);
    },
  },
  {
    name: "a value that has ended stays ended when its scope is written",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { ttlMs: 10_000 });
      await advance(11_000);
      await b.store("s", "other", 2);
      assertEquals(await a.retrieve("s", "k"), null);
      assertEquals(await a.listKeys("s"), ["other"]);
    },
  },
  {
    name: "`store()` refuses what is no `ttlMs`",
    async check({ a, b }) {
      for (const ttlMs of [0, -1, 1.5, NaN, Infinity, 1e300]) {
        await assertFails("invalid_argument", () => a.store("s", "k", 1, { ttlMs }), `${ttlMs}`);
      }
      assertEquals(await b.listScopes(), []);
    },
  },
];
