import type { Change, StorageAdapter } from "../../../src/storage/adapter.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { type Clause, until, valueOf, versionOf, within, type World } from "./clause.ts";

/** Reads a watch to its end. */
async function drain(changes: AsyncIterable<Change>): Promise<number> {
  let count = 0;
  for await (const _ of changes) count++;
  return count;
}

async function seesWrite(world: World, watcher: StorageAdapter, writer: StorageAdapter) {
  const changes = await watcher.watch();
  const version = versionOf(await writer.store("a:b/c", "k", 1));
  const seen = await until(world, changes, (change) => change.version === version);
  assertEquals(seen.at(-1), { scope: "a:b/c", key: "k", version });
}

/** `watch()`: changes by whomever. */
export const WATCHING: Clause[] = [
  {
    name: "`watch()` reports a write of the other client",
    async check(world) {
      await seesWrite(world, world.a, world.b);
      await seesWrite(world, world.b, world.a);
    },
  },
  {
    name: "`watch()` reports a write of the same client",
    async check(world) {
      await seesWrite(world, world.a, world.a);
      await seesWrite(world, world.b, world.b);
    },
  },
  {
    name: "`watch()` reports what happens before its loop begins",
    async check(world) {
      const { a, b } = world;
      await b.store("s", "before", 1);
      const changes = await a.watch();
      const first = versionOf(await b.store("s", "first", 1));
      assertEquals(await valueOf(a, "s", "first"), 1);
      const seen = await until(world, changes, ({ key }) => key === "first");
      assertEquals(seen, [{ scope: "s", key: "first", version: first }], "and nothing older");
    },
  },
  {
    name: "`watch()` reports `delete()` as gone",
    async check(world) {
      const { a, b } = world;
      await a.store("s", "k", 1);
      await a.store("s", "l", 1);
      const changes = await a.watch();
      await b.delete("s", "k");
      const seen = await until(world, changes, ({ version }) => version === null);
      assertEquals(seen, [{ scope: "s", key: "k", version: null }]);
    },
  },
  {
    name: "`watch()` reports the deletion of a scope's last key",
    async check(world) {
      const { a, b } = world;
      await a.store("s", "k", 1);
      const changes = await b.watch();
      await a.delete("s", "k");
      const seen = await until(world, changes, ({ version }) => version === null);
      assertEquals(seen, [{ scope: "s", key: "k", version: null }]);
    },
  },
  {
    name: "`watch()` reports `deleteScope()` for each key",
    async check(world) {
      const { a, b } = world;
      await a.store("s", "k", 1);
      await a.store("s", "l", 1, { fence: 1 });
      await a.store("t", "k", 1);
      const changes = await a.watch();
      await b.deleteScope("s");
      const gone = new Set<string>();
      await until(world, changes, ({ scope, key, version }) => {
        assertEquals([scope, version], ["s", null]);
        return gone.add(key).size === 2;
      });
      assertEquals([...gone].sort(), ["k", "l"]);
    },
  },
  {
    name: "`watch()` reports `increment()`",
    async check(world) {
      const { a, b } = world;
      const changes = await a.watch();
      await b.increment("s", "k");
      const { version } = (await b.retrieve("s", "k"))!;
      const seen = await until(world, changes, ({ key }) => key === "k");
      assertEquals(seen.at(-1), { scope: "s", key: "k", version });
    },
  },
  {
    name: "`watch()` reports the scopes that match its glob only",
    async check(world) {
      const { a, b } = world;
      await b.store("m:other", "old", 1);
      const changes = await a.watch("m:*:session");
      await b.store("m:p:instances", "k", 1);
      await b.store("n:p/q:session", "k", 1);
      await b.delete("m:other", "old");
      await b.store("m:p/q:session", "k", 1);
      const seen = await until(world, changes, ({ scope }) => scope === "m:p/q:session");
      assertEquals(seen.map(({ scope }) => scope), ["m:p/q:session"]);
    },
  },
  {
    name: "`watch()` ends up at the last of quick successions",
    async check(world) {
      const { a, b } = world;
      const changes = await a.watch();
      for (let i = 0; i < 20; i++) await b.store("s", "k", i);
      const last = versionOf(await b.store("s", "k", "last"));
      const seen = await until(world, changes, ({ version }) => version === last);
      assert(seen.every(({ scope, key }) => scope === "s" && key === "k"));
      const versions = seen.map(({ version }) => version);
      assertEquals(new Set(versions).size, versions.length, "each version is reported once");
    },
  },
  {
    name: "`watch()` reports no refused write",
    async check(world) {
      const { a, b } = world;
      await a.store("s", "k", 1, { fence: 5 });
      const changes = await a.watch();
      await b.store("s", "k", 2, { expected: "absent" });
      await b.store("s", "k", 2, { fence: 4 });
      await b.delete("s", "other");
      await b.store("s", "last", 1);
      const seen = await until(world, changes, ({ key }) => key === "last");
      assertEquals(seen.map(({ key }) => key), ["last"]);
    },
  },
  {
    name: "`watch()` does not report expiry alone",
    async check(world) {
      const { a, b } = world;
      await a.store("s", "k", 1, { ttlMs: 10_000 });
      const changes = await a.watch();
      await world.advance(11_000);
      assertEquals(await b.retrieve("s", "k"), null);
      await b.store("t", "last", 1);
      const seen = await until(world, changes, ({ key }) => key === "last");
      assertEquals(seen.map(({ key }) => key), ["last"]);
    },
  },
  {
    name: "`watch()` can be called several times at once",
    async check(world) {
      const { a, b } = world;
      const watches = [await a.watch("s"), await a.watch("*"), await b.watch("[s]")];
      const version = versionOf(await b.store("s", "k", 1));
      for (const changes of watches) {
        await until(world, changes, (change) => change.version === version);
      }
    },
  },
  {
    name: "`watch()` ends when its signal aborts",
    async check(world) {
      const { a, b } = world;
      const controller = new AbortController();
      const changes = await a.watch("*", controller.signal);
      const other = await a.watch();
      const end = drain(changes);
      controller.abort();
      assertEquals(await within(world, "the end by the signal", end), 0);
      const version = versionOf(await b.store("s", "k", 1));
      await until(world, other, (change) => change.version === version, "the other watch");
    },
  },
  {
    name: "`watch()` ends at once when its signal has aborted before",
    async check(world) {
      const changes = await world.a.watch("*", AbortSignal.abort());
      assertEquals(await within(world, "the end by the signal", drain(changes)), 0);
    },
  },
  {
    name: "`close()` ends the watches of its client, not those of the other",
    async check(world) {
      const { a, b } = world;
      const ends = [drain(await a.watch()), drain(await a.watch("s"))];
      const other = await b.watch();
      await a.close();
      await within(world, "the end by close()", Promise.all(ends));
      const version = versionOf(await b.store("s", "k", 1));
      await until(world, other, (change) => change.version === version, "the other watch");
    },
  },
  {
    name: "`watch()` ends when its loop is left, and the store works on",
    async check(world) {
      const { a, b } = world;
      for (let round = 0; round < 3; round++) {
        const changes = await a.watch();
        await b.increment("s", "k");
        await within(
          world,
          "the first change",
          (async () => {
            for await (const { key } of changes) {
              assertEquals(key, "k");
              break;
            }
          })(),
        );
      }
      assertEquals(await valueOf(a, "s", "k"), 3);
    },
  },
];
