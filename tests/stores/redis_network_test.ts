/** What a network does to the answers of a Redis server: no write is lost unnoticed or made twice. */

import type { Change, StorageAdapter } from "../../src/storage/adapter.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { assertFails, caughtUp, nextKey, recovered } from "../support/decided.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { type Fault, Proxy } from "../support/proxy.ts";
import { OwnRedis } from "../support/redis_client.ts";

/** Recognises the request for a script that writes to a key called `target`. */
const isWrite = (request: string) => request.includes("$6\r\ntarget\r\n");

/** A client through a proxy, and one beside it. */
async function through(own: OwnRedis, proxy: Proxy) {
  const store = own.client({}, own.server.urlAt(proxy.port));
  const beside = own.client();
  await store.increment("s", "warm-up"); // connected
  await beside.increment("s", "warm-up");
  return { store, beside };
}

/** Increments a key some times; answers how often it was acknowledged, and how often it is unknown. */
async function count(store: StorageAdapter, times: number) {
  let [acknowledged, unknown] = [0, 0];
  for (let i = 0; i < times; i++) {
    try {
      await store.increment("s", "target");
      acknowledged++;
    } catch (error) {
      assertEquals((error as { code?: string }).code, "outcome_unknown", `${error}`);
      unknown++;
    }
  }
  return { acknowledged, unknown };
}

/** Reads changes in the background. */
function collect(changes: AsyncIterable<Change>): { seen: Change[]; ended: Promise<void> } {
  const seen: Change[] = [];
  const read = async () => {
    for await (const change of changes) seen.push(change);
  };
  return { seen, ended: read() };
}

if (runningKinds().includes("redis")) {
  for (const fault of ["cut", "drop", "swallow"] satisfies Fault[]) {
    Deno.test(`redis: 40 increments, the answer to one of them is lost (${fault})`, async () => {
      await using own = await OwnRedis.start();
      await using proxy = new Proxy(own.server.port);
      const { store, beside } = await through(own, proxy);
      const before = await count(store, 20);
      const struck = proxy.strike(fault, isWrite);
      const after = await count(store, 20);
      await struck;
      assertEquals([before.unknown, after.unknown], [0, 1]);
      const acknowledged = before.acknowledged + after.acknowledged;
      const { value } = (await beside.retrieve("s", "target"))!;
      assertEquals([acknowledged, value], [39, 40], "it was executed, and once");
    });

    Deno.test(`redis: a write whose answer is lost (${fault}) is declared unknown, and is there`, async () => {
      await using own = await OwnRedis.start();
      await using proxy = new Proxy(own.server.port);
      const { store, beside } = await through(own, proxy);
      void proxy.strike(fault, isWrite);
      await assertFails("outcome_unknown", () => store.store("s", "target", "written"));
      assertEquals((await beside.retrieve("s", "target"))?.value, "written");
      void proxy.strike(fault, isWrite);
      await assertFails("outcome_unknown", () => store.delete("s", "target"));
      assertEquals(await store.retrieve("s", "target"), null);
    });
  }

  Deno.test("redis: a read whose answer is lost is asked again", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    const { store } = await through(own, proxy);
    await store.store("s", "k", "kept");
    for (const fault of ["cut", "drop"] satisfies Fault[]) {
      const struck = proxy.strike(fault);
      assertEquals((await store.retrieve("s", "k"))?.value, "kept");
      await struck;
    }
    const struck = proxy.strike("swallow");
    await assertFails("store_unreachable", () => store.retrieve("s", "k"));
    await struck;
  });

  Deno.test("redis: an answer that comes twice is never taken for another's", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    const { store, beside } = await through(own, proxy);
    for (let i = 0; i < 10; i++) await beside.store("s", `k${i}`, i);
    let unknown = 0;
    for (let round = 0; round < 10; round++) {
      const struck = proxy.strike("double");
      assertEquals((await store.retrieve("s", `k${round}`))?.value, round);
      await struck;
      // The answer that comes first now is the one from before.
      if (round % 2) await store.increment("s", "target").catch(() => void unknown++);
      const reads = Array.from({ length: 10 }, async (_, i) => {
        const value = (await store.retrieve("s", `k${i}`))?.value;
        assertEquals(value, i, "the answer of another read");
      });
      await Promise.all(reads);
    }
    const value = (await beside.retrieve("s", "target"))!.value as number;
    assert(value <= 5 && value >= 5 - unknown, `${value}, ${unknown} of them unknown`);
    assertEquals(await store.listKeys("s"), await beside.listKeys("s"));
  });

  Deno.test("redis: a request that arrives twice is carried out once", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    for (let i = 1; i <= 5; i++) {
      const { store, beside } = await through(own, proxy);
      const struck = proxy.strike("repeat", isWrite);
      await store.increment("s", "target");
      await struck;
      assertEquals((await beside.retrieve("s", "target"))?.value, i);
    }
    const { store, beside } = await through(own, proxy);
    await store.delete("s", "target");
    const struck = proxy.strike("repeat", isWrite);
    assert((await store.store("s", "target", 1, { expected: "absent" })).ok);
    await struck;
    assertEquals((await beside.retrieve("s", "target"))?.value, 1);
  });

  Deno.test("redis: a broken network is an error at once, and over as soon as it is mended", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    const { store, beside } = await through(own, proxy);
    proxy.refuses = true;
    proxy.breakAll();
    await assertFails(["store_unreachable", "outcome_unknown"], () => store.store("s", "k", 1));
    await assertFails("store_unreachable", () => store.store("s", "k", 1));
    proxy.refuses = false;
    await recovered(() => store.store("s", "k", 2));
    assertEquals((await beside.retrieve("s", "k"))?.value, 2);
  });

  Deno.test("redis: `watch()` goes on after its connection broke, and tells what it missed", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    const { store, beside } = await through(own, proxy);
    await beside.store("s", "changed", 1);
    await beside.store("s", "deleted", 1);
    await beside.store("s", "same", 1);
    await beside.store("other", "changed", 1);
    const { seen, ended } = collect(await store.watch("s"));
    const first = await beside.store("s", "first", 1);
    assert(first.ok);
    await eventually("the first change", () => seen.length === 1);
    proxy.refuses = true;
    proxy.breakAll();
    await eventually("the links have gone", () => proxy.connections === 0);
    const changed = await beside.store("s", "changed", 2);
    const created = await beside.store("s", "created", 1);
    assert(changed.ok && created.ok);
    await beside.store("other", "changed", 2);
    await beside.delete("s", "deleted");
    proxy.refuses = false;
    await caughtUp("what it missed", () => seen.length >= 4);
    const last = await beside.store("s", "last", 1);
    assert(last.ok);
    await eventually("it listens again", () => seen.some(({ key }) => key === "last"));
    const sorted = seen.toSorted((a, b) => a.key < b.key ? -1 : 1);
    assertEquals(sorted, [
      { scope: "s", key: "changed", version: changed.version },
      { scope: "s", key: "created", version: created.version },
      { scope: "s", key: "deleted", version: null },
      { scope: "s", key: "first", version: first.version },
      { scope: "s", key: "last", version: last.version },
    ]);
    await store.close();
    await ended;
  });

  Deno.test("redis: a watch whose connection is dead, though not closed, listens anew within 5 s", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    const { store, beside } = await through(own, proxy);
    const changes = (await store.watch("s"))[Symbol.asyncIterator]();
    assertEquals(proxy.connections, 2, "one to ask with, one to listen with");
    proxy.muteAll();
    await beside.store("s", "missed", 1);
    assertEquals(await nextKey(changes), "missed");
    await beside.store("s", "told", 1);
    assertEquals(await nextKey(changes), "told");
  });

  Deno.test("redis: `watch()` goes on after the server was killed", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    const { seen, ended } = collect(await store.watch());
    await own.server.kill();
    await own.server.restart();
    const beside = own.client();
    await caughtUp("it listens again", async () => {
      await beside.increment("s", "n");
      return seen.length > 0;
    });
    await store.close();
    await ended;
  });
}
