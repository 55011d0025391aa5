import type { Version } from "../../../src/storage/adapter.ts";
import { assert, assertEquals, assertNotEquals } from "../../support/assert.ts";
import { type Clause, refusalOf, valueOf, versionOf } from "./clause.ts";

/** Conditional writes: losing a race is an answer. */
export const CONDITIONS: Clause[] = [
  {
    name: "`store()` accepts the version that the key has",
    async check({ a, b }) {
      const first = versionOf(await a.store("s", "k", 1));
      const second = versionOf(await b.store("s", "k", 2, { expected: first }));
      assertNotEquals(second, first);
      assertEquals((await a.retrieve("s", "k"))?.version, second);
      assertEquals(await valueOf(a, "s", "k"), 2);
    },
  },
  {
    name: "`store()` refuses a stale version",
    async check({ a, b }) {
      const first = versionOf(await a.store("s", "k", 1));
      await b.store("s", "k", 2, { author: "claude_2" });
      const before = await b.retrieve("s", "k");
      const refusal = refusalOf(await a.store("s", "k", 3, { expected: first }));
      assertEquals(refusal, { ok: false, reason: "version", current: before, fence: null });
      assertEquals(await b.retrieve("s", "k"), before, "nothing has changed");
    },
  },
  {
    name: '`store()` with "absent" creates a key once',
    async check({ a, b }) {
      const first = versionOf(await a.store("s", "k", 1, { expected: "absent" }));
      const refusal = refusalOf(await b.store("s", "k", 2, { expected: "absent" }));
      assertEquals(refusal.reason, "version");
      assertEquals(refusal.current?.version, first);
      assertEquals(refusal.current?.value, 1);
      assertEquals(await valueOf(b, "s", "k"), 1);
      await a.delete("s", "k");
      assert((await b.store("s", "k", 3, { expected: "absent" })).ok);
    },
  },
  {
    name: "`store()` refuses a version where the key is absent",
    async check({ a, b }) {
      const version = versionOf(await a.store("s", "k", 1));
      await b.delete("s", "k");
      const refusal = refusalOf(await a.store("s", "k", 2, { expected: version }));
      assertEquals(refusal, { ok: false, reason: "version", current: null, fence: null });
      assertEquals(await b.retrieve("s", "k"), null);
      assertEquals(await b.listScopes(), [], "a refused write creates no scope");
      assert(!(await a.store("new", "k", 2, { expected: version })).ok);
    },
  },
  {
    name: "`store()` without a condition always writes",
    async check({ a, b }) {
      for (let i = 0; i < 4; i++) {
        assert((await (i % 2 ? a : b).store("s", "k", i)).ok);
        assertEquals(await valueOf(a, "s", "k"), i);
      }
    },
  },
  {
    name: "`delete()` accepts the version that the key has and refuses a stale one",
    async check({ a, b }) {
      const first = versionOf(await a.store("s", "k", 1));
      const second = versionOf(await b.store("s", "k", 2));
      const refusal = refusalOf(await a.delete("s", "k", { expected: first }));
      assertEquals(refusal.reason, "version");
      assertEquals(refusal.current?.version, second);
      assertEquals(await valueOf(b, "s", "k"), 2);
      assertEquals(await a.delete("s", "k", { expected: second }), { ok: true, existed: true });
      assertEquals(await b.retrieve("s", "k"), null);
      assertEquals(refusalOf(await a.delete("s", "k", { expected: second })).current, null);
    },
  },
  {
    name: '`delete()` with "absent" finds nothing or refuses',
    async check({ a, b }) {
      assertEquals(await a.delete("s", "k", { expected: "absent" }), { ok: true, existed: false });
      await a.store("s", "k", 1);
      assertEquals(refusalOf(await b.delete("s", "k", { expected: "absent" })).current?.value, 1);
      assertEquals(await valueOf(a, "s", "k"), 1);
    },
  },
  {
    name: "a version does not come back with the same value",
    async check({ a, b }) {
      const seen = new Set<Version>();
      for (const value of ["A", "B", "A", "A", "B"]) {
        seen.add(versionOf(await a.store("s", "k", value)));
      }
      assertEquals(seen.size, 5);
      const [first] = seen;
      await b.store("s", "k", "A");
      assert(!(await a.store("s", "k", "C", { expected: first })).ok);
    },
  },
  {
    name: "a version does not come back after `delete()`",
    async check({ a, b }) {
      const seen = new Set<Version>();
      for (let i = 0; i < 4; i++) {
        seen.add(versionOf(await a.store("s", "k", "A")));
        await b.delete("s", "k");
      }
      assertEquals(seen.size, 4);
      await b.store("s", "k", "A");
      for (const version of seen) {
        assert(!(await a.store("s", "k", "C", { expected: version })).ok, "ABA by deletion");
        assert(!(await a.delete("s", "k", { expected: version })).ok, "ABA by deletion");
      }
    },
  },
  {
    name: "a version does not come back after `deleteScope()`",
    async check({ a, b }) {
      const seen = new Set<Version>();
      for (let i = 0; i < 4; i++) {
        seen.add(versionOf(await a.store("s", "k", "A")));
        seen.add(versionOf(await a.store("s", "k", "B")));
        await b.deleteScope("s");
      }
      assertEquals(seen.size, 8);
      await b.store("s", "k", "A");
      for (const version of seen) {
        assert(!(await a.store("s", "k", "C", { expected: version })).ok, "ABA by deletion");
      }
    },
  },
  {
    name: "a race to create a key has one winner, whom the losers learn",
    async check({ a, b }) {
      const attempts = Array.from(
        { length: 20 },
        (_, i) => (i % 2 ? a : b).store("race", "k", i, { expected: "absent" }),
      );
      const results = await Promise.all(attempts);
      const winners = results.flatMap((result, i) => result.ok ? [{ result, i }] : []);
      assertEquals(winners.length, 1);
      const [{ result, i }] = winners;
      const entry = await a.retrieve("race", "k");
      assertEquals(entry?.value, i);
      assertEquals(entry?.version, versionOf(result));
      for (const loser of results) {
        if (!loser.ok) assertEquals(loser.current, entry);
      }
    },
  },
  {
    name: "a race to delete a version has one winner",
    async check({ a, b }) {
      const expected = versionOf(await a.store("race", "k", 1));
      const attempts = Array.from(
        { length: 10 },
        (_, i) => (i % 2 ? a : b).delete("race", "k", { expected }),
      );
      assertEquals((await Promise.all(attempts)).filter(({ ok }) => ok).length, 1);
    },
  },
  {
    name: "clients that retry lost races lose no update",
    async check({ a, b }) {
      await a.store("race", "k", []);
      const append = async (store: typeof a, name: string) => {
        for (;;) {
          const { value, version: expected } = (await store.retrieve("race", "k"))!;
          const next = [...value as string[], name];
          if ((await store.store("race", "k", next, { expected })).ok) return;
        }
      };
      const names = Array.from({ length: 12 }, (_, i) => `${i}`);
      await Promise.all(names.map((name, i) => append(i % 2 ? a : b, name)));
      assertEquals((await valueOf(b, "race", "k") as string[]).sort(), names.sort());
    },
  },
  {
    name: "clients that write different keys of one scope at once lose none",
    async check({ a, b }) {
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      await Promise.all(keys.map((key, i) => (i % 2 ? a : b).store("s", key, i)));
      assertEquals(await a.listKeys("s"), keys.toSorted());
      for (const [i, key] of keys.entries()) assertEquals(await valueOf(b, "s", key), i);
    },
  },
];
