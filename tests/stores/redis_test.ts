/** What a Redis server can suffer, and what its clients then say and do. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { assertDecides, assertFails, recovered } from "../support/decided.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { Proxy } from "../support/proxy.ts";
import { OwnRedis } from "../support/redis_client.ts";

/** A write that takes place again and again until the server has it. */
async function works(store: { increment(scope: string, key: string): Promise<number> }) {
  await recovered(() => store.increment("s", "again"));
}

if (runningKinds().includes("redis")) {
  Deno.test("redis, restarted in order: all is there, and clients find it again", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", "kept", { fence: 7 });
    await own.server.restart();
    await works(store);
    const { value, fence } = (await store.retrieve("s", "k"))!;
    assertEquals([value, fence], ["kept", 7]);
  });

  Deno.test("redis, killed: it is unreachable until it is back, with all that it acknowledged", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", "kept");
    await own.server.kill();
    // The first of these may have been sent before the end of the connection was seen.
    await assertFails(["store_unreachable", "outcome_unknown"], () => store.store("s", "l", 1));
    const error = await assertFails("store_unreachable", () => store.store("s", "l", 1));
    assertMatch(error.message, /Redis at redis:\/\/127\.0\.0\.1:\d+: .*; nothing was written/);
    await assertFails("store_unreachable", () => store.retrieve("s", "k"));
    await own.server.restart();
    await works(store);
    assertEquals((await store.retrieve("s", "k"))?.value, "kept");
    assertEquals(await store.retrieve("s", "l"), null, "what was refused was not written");
  });

  Deno.test("redis, stopped: each operation decides in time, and later goes on", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", 1);
    own.server.pause();
    const error = await assertFails("outcome_unknown", () => store.store("s", "k", 2));
    assertStringIncludes(error.message, "key 'k' of scope 's'");
    await assertFails("store_unreachable", () => store.retrieve("s", "k"));
    await assertFails("store_unreachable", () => store.store("s", "k", 3)); // not even connected
    const closing = own.client();
    const pending = closing.retrieve("s", "k").catch(() => null);
    await assertDecides(() => closing.close());
    await pending;
    own.server.resume();
    await works(store);
    assert([1, 2].includes((await store.retrieve("s", "k"))?.value as number));
  });

  Deno.test("redis, unreachable at the start: opening it says nothing, using it does", async () => {
    await using own = await OwnRedis.start();
    await own.server.kill();
    const store = own.client();
    const error = await assertFails("store_unreachable", () => store.listScopes());
    assertMatch(error.message, /ECONNREFUSED/);
    await assertFails("store_unreachable", () => store.watch());
    await own.server.restart();
    await works(store);
  });

  Deno.test("redis at a name that nobody has is unreachable", async () => {
    await using own = await OwnRedis.start();
    const store = own.client({}, "redis://no-such-host.invalid:1");
    const error = await assertFails("store_unreachable", () => store.store("s", "k", 1));
    assertStringIncludes(error.message, "redis://no-such-host.invalid:1");
  });

  Deno.test("redis, slow: it is waited for up to the limit", async () => {
    await using own = await OwnRedis.start();
    await using proxy = new Proxy(own.server.port);
    const store = own.client({}, own.server.urlAt(proxy.port));
    proxy.delayMs = 200;
    assert((await store.store("s", "k", 1)).ok);
    assertEquals((await store.retrieve("s", "k"))?.value, 1);
    proxy.delayMs = 4_000;
    await assertFails("outcome_unknown", () => store.store("s", "k", 2));
    await assertFails("store_unreachable", () => store.retrieve("s", "k"));
    proxy.delayMs = 0;
    proxy.breakAll();
    await works(store);
  });

  Deno.test("redis keeps to a deadline that is nearer than its limit", async () => {
    await using own = await OwnRedis.start();
    await own.client().store("s", "k", 1);
    own.server.pause();
    const startedAt = performance.now();
    const store = own.client({ deadline: startedAt + 300 });
    await assertFails("store_unreachable", () => store.store("s", "k", 2));
    assert(performance.now() - startedAt < 1800, "not after its usual time");
    await assertFails("store_unreachable", () => store.store("s", "k", 3));
    own.server.resume();
    assertEquals((await own.client().retrieve("s", "k"))?.value, 1);
  });

  Deno.test("redis, out of memory: writes are refused as a whole, reads and deletions work", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", "old", { fence: 3 });
    await store.store("s", "gone", 1);
    await own.server.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await own.server.command("CONFIG", "SET", "maxmemory", "1000");
    const writes = [
      () => store.store("s", "k", "new", { fence: 4 }),
      () => store.store("new", "k", 1),
      () => store.increment("s", "n"),
      () => store.delete("s", "k", { fence: 4 }),
    ];
    for (const write of writes) {
      const error = await assertFails("store_io", write);
      assertMatch(error.message, /out of memory.*nothing was written/);
      assertMatch(error.hint, /maxmemory/);
    }
    const entry = (await store.retrieve("s", "k"))!;
    assertEquals([entry.value, entry.fence], ["old", 3]);
    assertEquals(await store.listKeys("s"), ["gone", "k"]);
    assertEquals(await store.listScopes(), ["s"]);
    assertEquals(await store.delete("s", "gone"), { ok: true, existed: true });
    assertEquals(await store.listKeys("s"), ["k"]);
    await own.server.command("CONFIG", "SET", "maxmemory", "0");
    assert((await store.store("s", "k", "new", { fence: 3 })).ok, "no fence was left behind");
  });

  Deno.test("redis that cannot save to its disk refuses writes, and says why", async () => {
    await using own = await OwnRedis.start({ args: ["--save", "3600 1"] });
    const store = own.client();
    await store.store("s", "k", "old");
    Deno.mkdirSync(`${own.server.folder}/dump.rdb`); // nothing can take this name
    await own.server.command("BGSAVE");
    const isRefused = () => store.store("s", "probe", 1).then(() => false, () => true);
    await eventually("its attempt to save has failed", isRefused);
    const error = await assertFails("store_io", () => store.store("s", "k", "new"));
    assertMatch(error.message, /cannot write to its disk.*nothing was written/);
    assertEquals((await store.retrieve("s", "k"))?.value, "old");
    Deno.removeSync(`${own.server.folder}/dump.rdb`);
    await own.server.command("BGSAVE");
    await works(store);
  });

  Deno.test("redis with another password now: the error names the settings", async () => {
    await using own = await OwnRedis.start();
    const oldUrl = own.server.url;
    const store = own.client();
    await store.store("s", "k", 1);
    await own.server.changePassword("new-password");
    await eventually("the connection has gone", async () => {
      const error = await store.retrieve("s", "k").then(() => null, (error) => error);
      return error?.code === "store_io";
    });
    for (const url of [oldUrl, oldUrl.replace(/:[^:]*@/, "")]) {
      const denied = own.client({}, url);
      const error = await assertFails("store_io", () => denied.store("s", "k", 2));
      assertMatch(error.message, /refuses the user or the password.*nothing was written/);
      assertMatch(error.hint, /'storage\.config\.url'.*CSC_REDIS_PASSWORD/);
      await assertFails("store_io", () => denied.watch());
    }
    assertEquals((await own.client().retrieve("s", "k"))?.value, 1);
  });

  Deno.test("redis, a replica now: the error says so, and the primary is found again", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", 1);
    await own.server.command("REPLICAOF", "127.0.0.1", "1");
    const error = await assertFails("store_io", () => store.store("s", "k", 2));
    assertMatch(error.message, /replica.*nothing was written/);
    assertMatch(error.hint, /storage\.config\.sentinels/);
    await own.server.command("REPLICAOF", "NO", "ONE");
    await works(store);
    assertEquals((await store.retrieve("s", "k"))?.value, 1);
  });

  Deno.test("redis that has forgotten its scripts gets them again", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    for (let i = 1; i <= 3; i++) assertEquals(await store.increment("s", "n"), i);
    await own.server.command("SCRIPT", "FLUSH");
    for (let i = 4; i <= 6; i++) assertEquals(await store.increment("s", "n"), i);
    assertEquals(await store.listKeys("s"), ["n"]);
  });

  Deno.test("redis, busy with a script that does not end, is not waited for", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", 1);
    const busy = own.server.command("EVAL", "while true do end", "0");
    await eventually(
      "it is busy",
      () => store.retrieve("s", "k").then(() => false, () => true),
    );
    await assertFails(["store_unreachable", "outcome_unknown"], () => store.store("s", "l", 2));
    await eventually("the script is killed", async () => {
      return /OK|NOTBUSY/.test(await own.server.command("SCRIPT", "KILL"));
    });
    await busy;
    await works(store);
  });
}
