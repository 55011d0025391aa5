import { assert, assertEquals } from "../../support/assert.ts";
import { assertFails, type Clause, refusalOf, valueOf } from "./clause.ts";

/** Fencing numbers: who was overtaken cannot write any more. */
export const FENCES: Clause[] = [
  {
    name: "`store()` refuses a lower fence than the key has seen",
    async check({ a, b }) {
      await a.store("s", "k", "new", { fence: 5 });
      const before = await a.retrieve("s", "k");
      const refusal = refusalOf(await b.store("s", "k", "old", { fence: 4 }));
      assertEquals(refusal, { ok: false, reason: "fence", current: before, fence: 5 });
      assertEquals(await a.retrieve("s", "k"), before, "nothing has changed");
    },
  },
  {
    name: "`store()` accepts an equal and a higher fence",
    async check({ a, b }) {
      for (const fence of [0, 0, 5, 5, 6, Number.MAX_SAFE_INTEGER]) {
        assert((await a.store("s", "k", fence, { fence })).ok);
        assertEquals((await b.retrieve("s", "k"))?.fence, fence);
      }
      assert(!(await b.store("s", "k", 0, { fence: 7 })).ok);
    },
  },
  {
    name: "`store()` compares fences as numbers",
    async check({ a, b }) {
      assert((await a.store("s", "k", 1, { fence: 9 })).ok);
      assert((await b.store("s", "k", 2, { fence: 10 })).ok);
      assertEquals(refusalOf(await a.store("s", "k", 3, { fence: 9 })).fence, 10);
    },
  },
  {
    name: "`store()` takes 0 for a fence like any other",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 0 });
      assertEquals((await b.retrieve("s", "k"))?.fence, 0);
      await a.delete("s", "k");
      await a.store("s", "k", 2);
      assertEquals((await b.retrieve("s", "k"))?.fence, 0);
      await a.store("s", "k", 3, { fence: 1 });
      assert(!(await b.store("s", "k", 4, { fence: 0 })).ok);
    },
  },
  {
    name: "`store()` without a fence writes and leaves the fence",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      assert((await b.store("s", "k", 2)).ok);
      assertEquals((await a.retrieve("s", "k"))?.fence, 5);
      assert(!(await a.store("s", "k", 3, { fence: 4 })).ok);
      assertEquals(await valueOf(b, "s", "k"), 2);
    },
  },
  {
    name: "a fence outlives `delete()`",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      assertEquals(await b.delete("s", "k"), { ok: true, existed: true });
      const refusal = refusalOf(await b.store("s", "k", 2, { fence: 4 }));
      assertEquals(refusal, { ok: false, reason: "fence", current: null, fence: 5 });
      assertEquals(await a.listKeys("s"), [], "a remembered fence is no key");
      assertEquals(await a.listScopes(), [], "nor does it hold a scope");
      assertEquals(await a.deleteScope("s"), false);
      assert((await a.store("s", "k", 3, { expected: "absent", fence: 5 })).ok);
    },
  },
  {
    name: "a fence outlives `deleteScope()`",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      await a.store("s", "l", 1);
      assertEquals(await b.deleteScope("s"), true);
      assertEquals(await a.listScopes(), []);
      assertEquals(refusalOf(await b.store("s", "k", 2, { fence: 4 })).reason, "fence");
      assert((await b.store("s", "l", 2, { fence: 0 })).ok);
      assert((await b.store("s", "k", 3, { fence: 5 })).ok);
    },
  },
  {
    name: "a fence outlives expiry",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { fence: 5, ttlMs: 10_000 });
      await advance(11_000);
      assertEquals(await b.retrieve("s", "k"), null);
      assertEquals(refusalOf(await b.store("s", "k", 2, { fence: 4 })).fence, 5);
      await b.store("s", "other", 1); // stores that sweep do it when they write
      assertEquals(refusalOf(await a.store("s", "k", 2, { fence: 4 })).reason, "fence");
      assertEquals(await a.listKeys("s"), ["other"]);
    },
  },
  {
    name: "`delete()` refuses a lower fence and raises it with a higher one",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      assertEquals(refusalOf(await b.delete("s", "k", { fence: 4 })).reason, "fence");
      assertEquals(await valueOf(a, "s", "k"), 1);
      assertEquals(await b.delete("s", "k", { fence: 6 }), { ok: true, existed: true });
      assert(!(await a.store("s", "k", 2, { fence: 5 })).ok);
      assert((await a.store("s", "k", 2, { fence: 6 })).ok);
    },
  },
  {
    name: "`delete()` of an absent key remembers its fence",
    async check({ a, b }) {
      assertEquals(await a.delete("s", "k", { fence: 6 }), { ok: true, existed: false });
      assert(!(await b.store("s", "k", 2, { fence: 5 })).ok);
      assertEquals(await b.listKeys("s"), []);
      assertEquals(await b.listScopes(), []);
    },
  },
  {
    name: "a fence holds for its key only",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      assert((await b.store("s", "l", 2, { fence: 1 })).ok);
      assert((await b.store("t", "k", 3, { fence: 2 })).ok);
      assertEquals((await a.retrieve("s", "k"))?.fence, 5);
      assertEquals((await a.retrieve("s", "l"))?.fence, 1);
    },
  },
  {
    name: "a fence and a version must both hold",
    async check({ a, b }) {
      const first = await a.store("s", "k", 1, { fence: 5 });
      assert(first.ok);
      const { version: expected } = first;
      assert(!(await b.store("s", "k", 2, { expected, fence: 4 })).ok);
      assert((await b.store("s", "k", 3, { expected, fence: 5 })).ok);
      assert(!(await a.store("s", "k", 4, { expected, fence: 6 })).ok);
      assertEquals(await valueOf(a, "s", "k"), 3);
    },
  },
  {
    name: "`store()` and `delete()` refuse what is no fence",
    async check({ a, b }) {
      for (const fence of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
        await assertFails("invalid_argument", () => a.store("s", "k", 1, { fence }), `${fence}`);
        await assertFails("invalid_argument", () => b.delete("s", "k", { fence }), `${fence}`);
      }
      assertEquals(await a.listScopes(), []);
    },
  },
];
