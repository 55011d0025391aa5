/** What the settings of the Redis store do, on real servers. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertFails } from "../support/decided.ts";
import { ROOT } from "../support/command.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { OwnRedis, useAll } from "../support/redis_client.ts";
import type { RedisServer } from "../support/servers/redis.ts";

/** The names in a server's database. */
async function names(server: RedisServer): Promise<string[]> {
  return (await server.command("KEYS", "*")).split("\n").filter(Boolean).sort();
}

/** The command that docs/stores.md names. */
function documentedRights(): string[] {
  const docs = Deno.readTextFileSync(`${ROOT}docs/stores.md`);
  const [text] = /^ACL SETUSER [^`]*/m.exec(docs)!;
  return text.replaceAll("\\\n", " ").trim().split(/\s+/);
}

if (runningKinds().includes("redis")) {
  Deno.test("redis: names are those of the docs, and nothing is left of a deleted scope", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("m:o/r:session", "k", { a: 1 });
    await store.store("m:o/r:session", "a:b%c", 1, { fence: 3 });
    const scope = "claude-sessions:m:o/r:session:";
    assertEquals(await names(own.server), [
      "claude-sessions:%format",
      "claude-sessions:%scopes",
      `${scope}%fences`,
      `${scope}%keys`,
      `${scope}a%3Ab%25c`,
      `${scope}k`,
    ]);
    assertEquals(await own.server.command("HGET", `${scope}k`, "value"), '{"a":1}');
    await store.deleteScope("m:o/r:session");
    assertEquals(await names(own.server), ["claude-sessions:%format", `${scope}%fences`]);
  });

  Deno.test("redis: what has ended goes by itself, its fence stays", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", 1, { ttlMs: 300, fence: 5 });
    await store.store("t", "l", 1);
    const left = ["%format", "%scopes", "s:%fences", "t:%keys", "t:l"];
    await eventually("it has gone", async () => {
      return (await names(own.server)).join() === left.map((n) => `claude-sessions:${n}`).join();
    });
    assertEquals(await store.listScopes(), ["t"]);
    const refused = await store.store("s", "k", 2, { fence: 4 });
    assertEquals(refused, { ok: false, reason: "fence", current: null, fence: 5 });
  });

  Deno.test("redis: `ttl` ends values that have no end, but none of csc's own", async () => {
    await using own = await OwnRedis.start();
    const store = own.client({ settings: { ttl: 1 } });
    const scopes = ["m:o/r:session:x", ":o/r:locks", "m:o/r:csc:claims", "m:o/r:instances"];
    for (const scope of scopes) await store.store(scope, "k", 1);
    await store.increment("m:o/r:session:x", "n");
    await store.store("m:o/r:session:x", "longer", 1, { ttlMs: 60_000 });
    const { expiresAtMs, storedAtMs } = (await store.retrieve(scopes[0], "k"))!;
    assertEquals(expiresAtMs! - storedAtMs, 1000);
    await eventually("it has ended", async () => (await store.listKeys(scopes[0])).length === 1);
    assertEquals(await store.listKeys(scopes[0]), ["longer"]);
    for (const scope of scopes.slice(1)) {
      assertEquals((await store.retrieve(scope, "k"))?.expiresAtMs, null, scope);
    }
  });

  Deno.test("redis: prefixes and databases are worlds of their own", async () => {
    await using own = await OwnRedis.start();
    const one = own.client({ settings: { prefix: "one:" } });
    const two = own.client({ settings: { prefix: "two:" } });
    const third = own.client({ settings: { prefix: "one:" } }, `${own.server.url}/3`);
    for (const [i, store] of [one, two, third].entries()) await store.store("s", "k", i);
    for (const [i, store] of [one, two, third].entries()) {
      assertEquals((await store.retrieve("s", "k"))?.value, i);
    }
    await two.deleteScope("s");
    assertEquals(await one.listScopes(), ["s"]);
    assertMatch(third.place.location, /^redis:\/\/127\.0\.0\.1:\d+\/3$/);
    const none = own.client({}, `${own.server.url}/999`);
    await assertFails("store_io", () => none.store("s", "k", 1));
  });

  Deno.test("redis: a newer csc's format is refused, by reads and by writes", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await store.store("s", "k", 1);
    assertMatch(await own.server.command("GET", "claude-sessions:%format"), /^1 \d+\.\d+\.\d+$/);
    await own.server.command("SET", "claude-sessions:%format", "2 9.9.9");
    for (const task of [() => store.retrieve("s", "k"), () => store.store("s", "k", 2)]) {
      const error = await assertFails("store_newer", task);
      assertMatch(error.hint, /9\.9\.9/);
    }
    await own.server.command("SET", "claude-sessions:%format", "1 0.1.0");
    assertEquals((await store.retrieve("s", "k"))?.value, 1);
  });

  Deno.test("redis: what another program keeps under our names is an error, and stays", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    await own.server.command("SET", "claude-sessions:s:k", "theirs");
    await assertFails("store_corrupt", () => store.retrieve("s", "k"));
    await assertFails("store_corrupt", () => store.store("s", "k", 1));
    assertEquals(await own.server.command("GET", "claude-sessions:s:k"), "theirs");
    await store.store("s", "l", 1);
    await own.server.command("HSET", "claude-sessions:s:l", "value", "{broken");
    const error = await assertFails("store_corrupt", () => store.retrieve("s", "l"));
    assertMatch(error.message, /the key 'l' of the scope 's'/);
    assert(!error.message.includes("broken"), "no stored value in an error");
  });

  Deno.test("redis: what others say on the channel of changes is not listened to", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    const changes = (await store.watch())[Symbol.asyncIterator]();
    for (const text of ["{", "null", "7", "[1, 2]", '"text"', "[]", '{"scope":"s"}']) {
      const heard = await own.server.command("PUBLISH", "claude-sessions:%changes", text);
      assertEquals(heard, "1");
    }
    await store.store("s", "k", 1);
    assertEquals((await changes.next()).value?.key, "k");
  });

  Deno.test("redis: user and password of the URL or the environment; what a user may not do", async () => {
    await using own = await OwnRedis.start();
    assertEquals(await own.server.command(...documentedRights()), "OK");
    await own.server.command("ACL", "SETUSER", "csc", "resetpass", ">it:s @me");
    const host = `127.0.0.1:${own.server.port}`;
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    const store = own.client({ onWarning }, `redis://csc:it%3As%20%40me@${host}`);
    await useAll(store);
    assertEquals(warnings, [], "nothing is said of what cannot be read");
    assertEquals(store.place.location, `redis://${host}`);
    const stranger = own.client(
      { settings: { prefix: "other:" } },
      `redis://csc:it%3As%20%40me@${host}`,
    );
    const error = await assertFails("store_io", () => stranger.store("s", "k", 1));
    assertMatch(error.message, /its user may not do that/);
    Deno.env.set("CSC_REDIS_PASSWORD", "it:s @me");
    Deno.env.set("REDIS_URL", `redis://csc@${host}`);
    try {
      await useAll(own.client({ settings: { url: undefined } }));
    } finally {
      Deno.env.delete("CSC_REDIS_PASSWORD");
      Deno.env.delete("REDIS_URL");
    }
  });

  Deno.test("redis: who listens is pinged, and has answered also where that is forbidden", async () => {
    await using own = await OwnRedis.start();
    const { server } = own;
    await server.command(...documentedRights());
    await server.command("ACL", "SETUSER", "csc", "resetpass", ">secret");
    const store = own.client({}, `redis://csc:secret@127.0.0.1:${server.port}`);
    const changes = (await store.watch())[Symbol.asyncIterator]();
    const listener = async () => {
      const listed = await server.command("CLIENT", "LIST", "TYPE", "pubsub");
      const [, id, last] = /^id=(\d+) .* cmd=(\S+)/m.exec(listed)!;
      return { id, last };
    };
    const { id } = await listener();
    await eventually("it is pinged", async () => (await listener()).last === "ping");
    assertEquals(await server.command("ACL", "LOG"), "", "the rights of the docs suffice");
    await server.command("ACL", "SETUSER", "csc", "-ping");
    const denied = async () => (await server.command("ACL", "LOG")).includes("ping");
    await eventually("it is refused", denied);
    await store.store("s", "k", 1);
    assertEquals((await changes.next()).value?.key, "k");
    assertEquals((await listener()).id, id, "and goes on all the same");
  });

  Deno.test("redis: who opens it is warned once of a server that forgets", async () => {
    await using own = await OwnRedis.start({ args: ["--appendonly", "no"] });
    const warnings: string[] = [];
    const store = own.client({ onWarning: (text) => void warnings.push(text) });
    await store.store("s", "k", 1);
    await eventually("it is warned", () => warnings.length === 1);
    assertMatch(warnings[0], /no append-only file.*`csc doctor`/);
    const [{ remedy }] = await store.weaknesses();
    assertMatch(remedy, /^redis-cli CONFIG SET appendonly yes/);
    await own.server.restart();
    await eventually("it works again", () => store.increment("s", "n").catch(() => null));
    assertEquals(warnings.length, 1);
    await own.server.command("CONFIG", "SET", "appendonly", "yes");
    assertEquals(await store.weaknesses(), []);
  });

  Deno.test("redis: a server that makes room by dropping values is weak once its memory has a limit", async () => {
    await using own = await OwnRedis.start();
    const store = own.client();
    const set = (name: string, value: string) => own.server.command("CONFIG", "SET", name, value);
    const policies: [policy: string, fact: RegExp][] = [
      ["allkeys-lru", /drops any value, leases too,.*allkeys-lru/],
      ["allkeys-random", /drops any value, leases too,.*allkeys-random/],
      ["volatile-lru", /drops early what has an end,.*leases stay.*volatile-lru/],
      ["volatile-ttl", /drops early what has an end,.*leases stay.*volatile-ttl/],
    ];
    for (const [policy, fact] of policies) {
      await set("maxmemory-policy", policy);
      await set("maxmemory", "0");
      assertEquals(await store.weaknesses(), [], policy);
      await set("maxmemory", "100mb");
      const [weakness, ...others] = await store.weaknesses();
      assertMatch(weakness?.fact ?? "", fact);
      assertMatch(weakness.remedy, /^redis-cli CONFIG SET maxmemory-policy noeviction/);
      assertEquals(others, []);
    }
    await set("maxmemory-policy", "noeviction");
    assertEquals(await store.weaknesses(), []);
  });
}
