import type { Entry, StorageAdapter } from "../../../src/storage/adapter.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { assertFails, type Clause, refusalOf, valueOf } from "./clause.ts";
import { HOSTILE_NAMES } from "./names.ts";

/** What `retrieveAll()` must answer, key by key. */
async function oneByOne(store: StorageAdapter, scope: string): Promise<[string, Entry][]> {
  const entries: [string, Entry][] = [];
  for (const key of await store.listKeys(scope)) {
    entries.push([key, (await store.retrieve(scope, key))!]);
  }
  return entries;
}

/** The keys and values of a scope, in the order they come in. */
async function pairs(store: StorageAdapter, scope: string) {
  return [...await store.retrieveAll(scope)].map(([key, { value }]) => [key, value]);
}

/** `retrieveAll()`: a whole scope at once. */
export const ENTRIES: Clause[] = [
  {
    name: "`retrieveAll()` answers none for an unknown and for an emptied scope",
    async check({ a, b }) {
      assertEquals([...await a.retrieveAll("nowhere")], []);
      await a.store("s", "k", 1);
      await b.delete("s", "k");
      assertEquals([...await a.retrieveAll("s")], []);
      assertEquals(await b.listScopes(), [], "looking creates no scope");
    },
  },
  {
    name: "`retrieveAll()` gives each entry as `retrieve()` does",
    async check({ a, b }) {
      await a.store("s", "plain", 1);
      await b.store("s", "full", { list: [1] }, { author: "claude_1", ttlMs: 60_000, fence: 7 });
      await a.store("s", "null", null);
      await b.store("s", "false", false);
      await a.increment("s", "count", 3, "claude_2");
      await a.store("s", "replaced", "before");
      await b.store("s", "replaced", "after");
      for (const store of [a, b]) {
        assertEquals([...await store.retrieveAll("s")], await oneByOne(store, "s"));
      }
      assertEquals((await a.retrieveAll("s")).size, 6);
    },
  },
  {
    name: "`retrieveAll()` gives versions that a write accepts, and that a write changes",
    async check({ a, b }) {
      for (const key of ["k", "l"]) await a.store("s", key, 1);
      const before = await b.retrieveAll("s");
      const expected = before.get("k")!.version;
      assert((await a.store("s", "k", 2, { expected })).ok, "it is the version of `retrieve()`");
      assertEquals(refusalOf(await b.store("s", "k", 3, { expected })).reason, "version");
      const after = await b.retrieveAll("s");
      assert(after.get("k")!.version !== expected, "a write gives a new version");
      assertEquals(after.get("l"), before.get("l"), "and leaves the other key alone");
    },
  },
  {
    name: "`retrieveAll()` sorts by code unit",
    async check({ a, b }) {
      const keys = ["b", "a", "B", "10", "9", "é", "z", "\u{1f600}", "\ufffd", "a b", "-1", "_"];
      for (const key of keys) await a.store("s", key, key);
      assertEquals([...(await b.retrieveAll("s")).keys()], keys.toSorted());
    },
  },
  {
    name: "`retrieveAll()` leaves out what has ended and what was deleted",
    async check({ a, b, advance }) {
      await a.store("s", "short", 1, { ttlMs: 10_000 });
      await a.store("s", "long", 2, { ttlMs: 60_000 });
      await a.store("s", "ever", 3);
      await a.store("s", "deleted", 4, { fence: 1 });
      await b.delete("s", "deleted");
      assertEquals(await pairs(b, "s"), [["ever", 3], ["long", 2], ["short", 1]]);
      await advance(11_000);
      assertEquals(await pairs(a, "s"), [["ever", 3], ["long", 2]]);
      await b.store("s", "short", 5);
      assertEquals(await pairs(a, "s"), [["ever", 3], ["long", 2], ["short", 5]]);
      await advance(60_000);
      assertEquals(await pairs(b, "s"), [["ever", 3], ["short", 5]]);
    },
  },
  {
    name: "`retrieveAll()` gives none after `deleteScope()`, and what came since",
    async check({ a, b }) {
      await a.store("s", "k", 1, { fence: 5 });
      await a.store("s", "l", 2);
      await a.store("s:", "k", 3);
      await b.deleteScope("s");
      assertEquals([...await a.retrieveAll("s")], [], "a remembered fence is no entry");
      assertEquals(await pairs(b, "s:"), [["k", 3]]);
      await b.store("s", "m", 4);
      assertEquals(await pairs(a, "s"), [["m", 4]]);
    },
  },
  {
    name: "`retrieveAll()` keeps scopes and keys of any text apart",
    async check({ a, b }) {
      for (const key of HOSTILE_NAMES) await a.store("s", key, key);
      assertEquals(
        await pairs(b, "s"),
        HOSTILE_NAMES.toSorted().map((key) => [key, key]),
      );
      for (const scope of ["a:b", "a/b", "a__b", "A:B", "*", "?", "[ab]", "__proto__"]) {
        await a.store(scope, "constructor", scope);
        assertEquals(await pairs(b, scope), [["constructor", scope]]);
      }
      assertEquals([...await b.retrieveAll("[*]")], [], "a scope, not a glob");
      assertEquals((await b.retrieveAll("s")).get("toString")?.value, "toString");
      assertEquals((await b.retrieveAll("*")).get("hasOwnProperty"), undefined);
    },
  },
  {
    name: "`retrieveAll()` gives a large value whole beside 1,000 others",
    async check({ a, b }) {
      const names = Array.from({ length: 1000 }, (_, i) => `${i}`);
      const large = "large ".repeat(20_000);
      // A few at a time: a thousand waiting writers would prove nothing but patience.
      for (let at = 0; at < names.length; at += 20) {
        const some = names.slice(at, at + 20);
        await Promise.all(some.map((name) => a.store("s", name, { name })));
      }
      await b.store("s", "large", large);
      const entries = await b.retrieveAll("s");
      assertEquals([...entries.keys()], [...names, "large"].sort());
      for (const name of names) assertEquals(entries.get(name)!.value, { name });
      assert(entries.get("large")!.value === large);
    },
  },
  {
    name: "`retrieveAll()` gives a copy: changing it changes nothing",
    async check({ a, b }) {
      await a.store("s", "k", { list: [1] });
      for (const store of [a, b]) {
        const entries = await store.retrieveAll("s");
        (entries.get("k")!.value as { list: number[] }).list.push(2);
        (entries as Map<string, Entry>).clear();
      }
      assertEquals(await valueOf(a, "s", "k"), { list: [1] });
      assertEquals(await pairs(b, "s"), [["k", { list: [1] }]]);
    },
  },
  {
    name: "`retrieveAll()` among writers gives each key once, with a value it had",
    async check({ a, b }) {
      const keys = ["k", "l", "m"];
      for (const key of keys) await a.store("s", key, 0);
      const write = async () => {
        for (let i = 1; i <= 30; i++) await a.store("s", keys[i % 3], i);
      };
      const seen = new Map(keys.map((key) => [key, 0]));
      const read = async () => {
        for (let i = 0; i < 30; i++) {
          const entries = await b.retrieveAll("s");
          assertEquals([...entries.keys()], keys);
          for (const [key, { value }] of entries) {
            assert((value as number) >= seen.get(key)!, "a value never goes back");
            seen.set(key, value as number);
          }
        }
      };
      await Promise.all([write(), read()]);
      assertEquals(await pairs(b, "s"), [["k", 30], ["l", 28], ["m", 29]]);
    },
  },
  {
    name: "`retrieveAll()` refuses what is no name",
    async check({ a, b }) {
      for (const [i, scope] of ["", "x".repeat(1025), "a\ud800", "\udc00a"].entries()) {
        await assertFails("invalid_argument", () => (i % 2 ? a : b).retrieveAll(scope));
      }
    },
  },
];
