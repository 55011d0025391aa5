import type { Json } from "../../../src/storage/adapter.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { type Clause, valueOf } from "./clause.ts";

/** The vocabulary of the seeds: what every store always did. */
export const BASICS: Clause[] = [
  {
    name: "`retrieve()` answers null for an unknown scope and for an unknown key",
    async check({ a, b }) {
      assertEquals(await a.retrieve("nowhere", "k"), null);
      await a.store("s", "k", 1);
      assertEquals(await b.retrieve("s", "other"), null);
      assertEquals(await b.retrieve("other", "k"), null);
    },
  },
  {
    name: "`store()` is visible to every client once it resolves",
    async check({ a, b }) {
      for (let i = 0; i < 10; i++) {
        const [writer, reader] = i % 2 ? [b, a] : [a, b];
        await writer.store("s", "k", { round: i });
        assertEquals(await valueOf(reader, "s", "k"), { round: i });
        assertEquals(await valueOf(writer, "s", "k"), { round: i });
      }
    },
  },
  {
    name: "`store()` replaces a value by one of any other type",
    async check({ a, b }) {
      const values: Json[] = [{ a: [1] }, "text", 5, [null], true, { b: {} }, null, 0.5];
      for (const value of values) {
        assert((await a.store("s", "k", value)).ok);
        assertEquals(await valueOf(b, "s", "k"), value);
      }
      assertEquals(await b.listKeys("s"), ["k"]);
    },
  },
  {
    name: "`store()` of null is an entry and keeps its key",
    async check({ a, b }) {
      await a.store("s", "k", null);
      const entry = await b.retrieve("s", "k");
      assert(entry !== null, "a stored null is not nothing");
      assertEquals(entry.value, null);
      assertEquals(await b.listKeys("s"), ["k"]);
      assertEquals(await b.listScopes(), ["s"]);
      const taken = await b.store("s", "k", 1, { expected: "absent" });
      assert(!taken.ok, "a stored null is not absent");
      assertEquals(await b.delete("s", "k"), { ok: true, existed: true });
    },
  },
  {
    name: "`store()` keeps values that are false in JavaScript",
    async check({ a, b }) {
      const values: Record<string, Json> = { zero: 0, no: false, text: "", list: [], object: {} };
      for (const [key, value] of Object.entries(values)) await a.store("s", key, value);
      for (const [key, value] of Object.entries(values)) {
        assertEquals(await valueOf(b, "s", key), value, key);
      }
      assertEquals(await b.listKeys("s"), Object.keys(values).sort());
    },
  },
  {
    name: "`store()` keeps the keys of a scope and the scopes of a key apart",
    async check({ a, b }) {
      await a.store("s", "k", 1);
      await b.store("s", "l", 2);
      await a.store("t", "k", 3);
      await b.delete("s", "l");
      assertEquals(await valueOf(b, "s", "k"), 1);
      assertEquals(await valueOf(b, "t", "k"), 3);
      assertEquals(await a.listKeys("s"), ["k"]);
    },
  },
  {
    name: "`retrieve()` tells version, author, time, expiry and fence of the write",
    async check({ a, b }) {
      const before = await a.now();
      const plain = await a.store("s", "plain", 1);
      const full = await a.store("s", "full", 2, { author: "claude_1", ttlMs: 60_000, fence: 7 });
      const after = await a.now();
      const plainEntry = (await b.retrieve("s", "plain"))!;
      const fullEntry = (await b.retrieve("s", "full"))!;
      for (const entry of [plainEntry, fullEntry]) {
        assert(before <= entry.storedAtMs && entry.storedAtMs <= after, "by the store's clock");
      }
      const { storedAtMs } = fullEntry;
      assert(plain.ok && full.ok);
      assertEquals(plainEntry, {
        value: 1,
        version: plain.version,
        author: null,
        storedAtMs: plainEntry.storedAtMs,
        expiresAtMs: null,
        fence: null,
      });
      assertEquals(fullEntry, {
        value: 2,
        version: full.version,
        author: "claude_1",
        storedAtMs,
        expiresAtMs: storedAtMs + 60_000,
        fence: 7,
      });
    },
  },
  {
    name: "`store()` replaces author and time, also with none",
    async check({ a, b, advance, clockErrorMs = 0 }) {
      await a.store("s", "k", 1, { author: "claude_1" });
      const first = (await b.retrieve("s", "k"))!;
      await advance(5_000);
      await b.store("s", "k", 1);
      const second = (await a.retrieve("s", "k"))!;
      assertEquals(second.author, null);
      const passedMs = second.storedAtMs - first.storedAtMs;
      assert(passedMs >= 5_000 - clockErrorMs, "the time of the latest write");
    },
  },
  {
    name: "`store()` of one key leaves version, author and time of the others",
    async check({ a, b, advance }) {
      await a.store("s", "k", 1, { author: "claude_1" });
      const before = await a.retrieve("s", "k");
      await advance(1_000);
      await b.store("s", "l", 2, { author: "claude_2" });
      assertEquals(await b.retrieve("s", "k"), before);
    },
  },
  {
    name: "`delete()` says whether the key existed",
    async check({ a, b }) {
      assertEquals(await a.delete("s", "k"), { ok: true, existed: false });
      await a.store("s", "k", 1);
      await a.store("s", "l", 2);
      assertEquals(await b.delete("s", "other"), { ok: true, existed: false });
      assertEquals(await b.delete("s", "k"), { ok: true, existed: true });
      assertEquals(await a.delete("s", "k"), { ok: true, existed: false });
      assertEquals(await a.retrieve("s", "k"), null);
      assertEquals(await a.listKeys("s"), ["l"]);
    },
  },
  {
    name: "`listKeys()` sorts by code unit",
    async check({ a, b }) {
      const keys = ["b", "a", "B", "10", "9", "é", "z", "\u{1f600}", "\ufffd", "a b", "-1", "_"];
      for (const key of keys) await a.store("s", key, key);
      // By code unit, so U+1F600 (D83D DE00) comes before U+FFFD: the default order of `sort()`.
      assertEquals(await b.listKeys("s"), keys.toSorted());
    },
  },
  {
    name: "`listKeys()` answers none for an unknown and for an emptied scope",
    async check({ a, b }) {
      assertEquals(await a.listKeys("nowhere"), []);
      await a.store("s", "k", 1);
      await b.delete("s", "k");
      assertEquals(await a.listKeys("s"), []);
    },
  },
  {
    name: "`deleteScope()` removes all keys of the scope and no others",
    async check({ a, b }) {
      const others = ["s:", "s:t", "s/t", "s__t", "st", "S", "t:s", "*", "?"];
      for (const scope of ["s", ...others]) {
        await a.store(scope, "k", scope);
        await a.store(scope, "l", scope);
      }
      assertEquals(await b.deleteScope("s"), true);
      assertEquals(await a.listKeys("s"), []);
      assertEquals(await a.retrieve("s", "k"), null);
      assertEquals(await a.retrieve("s", "l"), null);
      for (const scope of others) assertEquals(await a.listKeys(scope), ["k", "l"], scope);
      assertEquals(await a.listScopes(), others.toSorted());
      assertEquals(await a.deleteScope("*"), true, "a scope, not a glob");
      assertEquals(await b.listScopes(), others.filter((scope) => scope !== "*").sort());
    },
  },
  {
    name: "`deleteScope()` answers false where there was no key",
    async check({ a, b }) {
      assertEquals(await a.deleteScope("nowhere"), false);
      await a.store("s", "k", 1);
      assertEquals(await a.deleteScope("s"), true);
      assertEquals(await b.deleteScope("s"), false);
      await a.store("t", "k", 1);
      await a.delete("t", "k");
      assertEquals(await b.deleteScope("t"), false);
    },
  },
  {
    name: "`deleteScope()` leaves room for new keys",
    async check({ a, b }) {
      await a.store("s", "k", 1);
      await a.deleteScope("s");
      assert((await b.store("s", "k", 2, { expected: "absent" })).ok);
      assertEquals(await valueOf(a, "s", "k"), 2);
      assertEquals(await a.listScopes(), ["s"]);
    },
  },
  {
    name: "`now()` tells one time to both clients, and time passes for both",
    async check({ a, b, advance, clockErrorMs = 0 }) {
      const before = await a.now();
      await advance(3_600_000);
      for (const store of [a, b]) {
        const passedMs = await store.now() - before;
        const isMore = passedMs >= 3_600_000 - clockErrorMs;
        assert(isMore && passedMs < 3_660_000, `${passedMs} ms have passed`);
      }
    },
  },
  {
    name: "`close()` can be called twice and leaves the other client alone",
    async check({ a, b }) {
      await a.store("s", "k", 1);
      await a.close();
      await a.close();
      assertEquals(await valueOf(b, "s", "k"), 1);
      await b.store("s", "k", 2);
      assertEquals(await valueOf(b, "s", "k"), 2);
      await Promise.all([b.close(), b.close()]);
    },
  },
  {
    name: "`place` tells where the store is and who shares it",
    // deno-lint-ignore require-await
    async check({ a, b }) {
      assert(["process", "machine", "network"].includes(a.place.reach));
      assert(a.place.location !== "");
      assertEquals(a.place, b.place);
      if (a.place.reach === "network") assertEquals(a.place.folder, null);
    },
  },
];
