/**
 * PostgreSQL fails in every way that it can on one machine: what a client is told, and what is kept.
 */

import type { CoordinatorError } from "../../src/domain/error.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import type { Change } from "../../src/storage/adapter.ts";
import { type PostgresOptions, PostgresStore } from "../../src/storage/postgres/postgres.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { failureOf, recovered } from "../support/decided.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { PostgresServer } from "../support/servers/postgres.ts";

/** A test of a server of its own; the client is closed after it. */
type Check = (server: PostgresServer, open: Opener) => Promise<void>;
type Opener = (options?: Partial<PostgresOptions>) => PostgresStore;

/** Tests that share a server, which each leaves up. */
function testServer(name: string, checks: Readonly<Record<string, Check>>): void {
  if (!runningKinds().includes("postgres")) return;
  Deno.test(`postgres, ${name}`, async (test) => {
    await using server = await PostgresServer.create();
    for (const [what, check] of Object.entries(checks)) {
      await test.step(what, async () => {
        const stores: PostgresStore[] = [];
        const open: Opener = (options = {}) => {
          const store = new PostgresStore({ url: server.url, limits: DEFAULT_LIMITS, ...options });
          stores.push(store);
          return store;
        };
        try {
          await check(server, open);
        } finally {
          for (const store of stores) await store.close();
        }
      });
    }
  });
}

const NOTHING = "nothing was written";

/** Asserts a code, and that the message says whether anything was written. */
function assertError(error: CoordinatorError, code: string, said: RegExp): void {
  assertEquals(error.code, code, error.message);
  assertMatch(`${error.message}\n${error.hint}`, said);
  if (code !== "outcome_unknown") assertStringIncludes(error.message, NOTHING);
}

/** Holds the row of a key for a time, from a session of its own; tells when, by the server's clock, it ends. */
async function holdRow(server: PostgresServer, key: string, seconds: number) {
  const ended = server.sql(
    `BEGIN; SELECT 1 FROM csc.entry WHERE key = '${key}' FOR UPDATE; SELECT pg_sleep(${seconds}); SELECT csc.now_ms()`,
  );
  ended.catch(() => {}); // where the server is killed meanwhile
  await eventually(
    "the row is held",
    async () =>
      (await server.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0,
  );
  return { ended };
}

testServer("a server that goes and comes back", {
  "it is not there at first": async (server, open) => {
    await server.stop();
    const store = open();
    for (const task of [() => store.store("s", "k", 1), () => store.retrieve("s", "k")]) {
      assertError(await failureOf(task), "store_unreachable", /nothing listens there/);
    }
    assertError(await failureOf(() => store.watch()), "store_unreachable", /nothing listens/);
    await server.start();
    assert((await recovered(() => store.store("s", "k", 1, { fence: 3 }))).ok);
    assertEquals((await store.retrieve("s", "k"))?.value, 1);
  },

  "it is restarted: what was there is there, and a watch tells what it missed": async (
    server,
    open,
  ) => {
    const [store, other] = [open(), open()];
    await store.store("s", "gone", 1);
    const changes = (await store.watch("s"))[Symbol.asyncIterator]();
    await server.stop();
    await server.start();
    // The other client may well be faster than the watch that has to listen anew.
    const result = await recovered(() => other.store("s", "missed", 2));
    await other.delete("s", "gone");
    const seen: Change[] = [];
    while (seen.length < 2) seen.push((await changes.next()).value);
    const version = result.ok ? result.version : null;
    assertEquals(
      seen.sort((a, b) => a.key < b.key ? -1 : 1),
      [{ scope: "s", key: "gone", version: null }, { scope: "s", key: "missed", version }],
    );
    await changes.return?.();
    assertEquals((await store.retrieve("s", "k"))?.fence, 3, "from the test before");
  },

  "its processes are killed in the middle of a write": async (server, open) => {
    const store = open();
    await store.store("s", "held", 1);
    await holdRow(server, "held", 30);
    const [backend] = await server.backends();
    const failure = failureOf(() => store.increment("s", "held"));
    await eventually(
      "the write waits for the row",
      async () => (await server.sql("SELECT 1 FROM pg_locks WHERE NOT granted")).length > 0,
    );
    Deno.kill(backend, "SIGKILL"); // all others then leave, too, and the server recovers
    assertError(await failure, "outcome_unknown", /Read it before you write it again/);
    assertEquals((await recovered(() => store.retrieve("s", "held")))?.value, 1);
    assertEquals(await recovered(() => store.increment("s", "held")), 2);
  },

  "all of it is killed": async (server, open) => {
    const store = open();
    await store.store("s", "kept", "acknowledged", { fence: 9 });
    await server.stop("SIGKILL");
    assertError(await failureOf(() => store.store("s", "kept", 2)), "store_unreachable", /listens/);
    await server.start();
    const entry = await recovered(() => store.retrieve("s", "kept"));
    assertEquals([entry?.value, entry?.fence], ["acknowledged", 9]);
  },

  "it is stopped": async (server, open) => {
    const [store, closed] = [open(), open()];
    const before = await store.increment("s", "stopped");
    await closed.now();
    server.signal("SIGSTOP");
    try {
      const error = await failureOf(() => store.increment("s", "stopped"));
      assertError(error, "outcome_unknown", /gave no answer .*no answer within \d+ ms/);
      const read = await failureOf(() => store.retrieve("s", "stopped"));
      assertError(read, "store_unreachable", /did not answer|no answer within/);
      const startedAt = performance.now();
      await closed.close();
      assert(performance.now() - startedAt < 3000, "close() does not wait for it");
    } finally {
      server.signal("SIGCONT");
    }
    // The write waits in the server's socket, and may come about now.
    const settled = async () => {
      const sum = await recovered(() => store.increment("s", "stopped"));
      return sum - before;
    };
    const first = await settled();
    assert(first === 1 || first === 2, `once or not at all, and not ${first - 1} times`);
    assert([1, 2].includes(await settled() - first), "nor twice later");
  },
});

testServer("a server that refuses", {
  "another client holds the key": async (server, open) => {
    const store = open();
    await store.store("s", "held", 1);
    const { ended } = await holdRow(server, "held", 4);
    assertError(await failureOf(() => store.store("s", "held", 2)), "store_busy", /others were at/);
    assertError(await failureOf(() => store.increment("s", "held")), "store_busy", /others were/);
    assert((await store.store("s", "free", 1)).ok, "other keys are free");
    await ended;
    assertEquals((await store.retrieve("s", "held"))?.value, 1, "nothing was written");
  },

  "who waits for a key is judged by the time it gets it": async (server, open) => {
    const store = open();
    await store.store("s", "waited", 1);
    const { ended } = await holdRow(server, "waited", 1);
    await store.store("s", "waited", 2);
    const endedAtMs = Number((await ended).at(-1));
    const { storedAtMs } = (await store.retrieve("s", "waited"))!;
    assert(storedAtMs >= endedAtMs, `${endedAtMs - storedAtMs} ms before it got it`);
  },

  "its disk takes no more": async (server, open) => {
    const store = open();
    await store.store("s", "small", "before");
    await server.limit("fsize", 20_000_000);
    let error: CoordinatorError | null = null;
    for (let i = 0; i < 60 && !error; i++) {
      const value = crypto.getRandomValues(new Uint8Array(40_000)).toHex().repeat(10);
      error = await store.store("disk", `${i}`, value).then(() => null, (error) => error);
    }
    await server.limit("fsize", null);
    assert(error, "it was never full");
    assertError(error, "store_io", /no disk space left|File too large/);
    const keys = await store.listKeys("disk");
    for (const key of keys) assert((await store.retrieve("disk", key))?.value, key);
    assertEquals((await store.retrieve("s", "small"))?.value, "before");
    assert((await store.store("disk", "after", 1)).ok, "it works on once there is room");
  },

  "its memory takes no more": async (server, open) => {
    const store = open({ pool: 1, limits: { maxValueBytes: 32 * 1024 * 1024 } });
    await store.store("s", "memory", "before");
    await server.limit("as", 64 * 1024 * 1024);
    const error = await failureOf(() => store.store("s", "memory", "x".repeat(20_000_000)));
    await server.limit("as", null);
    assertError(error, "store_io", /out of memory/);
    assertEquals((await store.retrieve("s", "memory"))?.value, "before");
  },

  "the password is wrong, or changed": async (server, open) => {
    const wrong = open({ url: server.url.replace(/:[^:@]+@/, ":wrong@") });
    const refusal = await failureOf(() => wrong.store("s", "k", 1));
    assertError(refusal, "store_io", /CSC_POSTGRES_PASSWORD/);
    assert(!JSON.stringify(refusal).includes("wrong@"), "no password is shown");

    const store = open();
    await store.store("s", "k", 1);
    await server.changePassword();
    assertEquals((await store.retrieve("s", "k"))?.value, 1, "what is open stays open");
    for (const pid of await server.backends()) {
      await server.sql(`SELECT pg_terminate_backend(${pid})`);
    }
    const error = await recoveredFailure(() => store.retrieve("s", "k"));
    assertError(error, "store_io", /storage\.config\.url/);
    assertEquals((await open().retrieve("s", "k"))?.value, 1, "with the new one");
  },

  "a role may not make the schema, or use it, until an administrator says so": async (
    server,
    open,
  ) => {
    await server.sql("CREATE ROLE guest LOGIN PASSWORD 'guest' CONNECTION LIMIT 1");
    const url = `postgres://guest:guest@127.0.0.1:${server.port}/postgres`;
    const store = open({ url, schema: "theirs" });
    const error = await failureOf(() => store.store("s", "k", 1));
    assertError(error, "store_io", /CREATE SCHEMA theirs AUTHORIZATION guest;/);
    await server.sql("CREATE SCHEMA theirs AUTHORIZATION guest");
    assert((await store.store("s", "k", 1)).ok);

    const busy = await failureOf(() => open({ url, schema: "theirs" }).now());
    assertError(busy, "store_io", /no connection left.*max_connections/s);
    await store.close();

    await open().store("s", "k", 1);
    const ours = open({ url });
    const refused = await recoveredFailure(() => ours.store("s", "k", 2), /permission denied/);
    assertError(refused, "store_io", /GRANT USAGE ON SCHEMA csc TO guest; GRANT SELECT/);
    await server.sql(/GRANT .*;/.exec(refused.hint)![0]);
    assert((await ours.store("s", "k", 2)).ok);
  },

  "there is no such database": async (server, open) => {
    const store = open({ url: server.url.replace(/postgres$/, "nowhere") });
    const error = await failureOf(() => store.now());
    assertError(error, "store_io", /CREATE DATABASE nowhere OWNER csc ENCODING 'UTF8'/);
  },

  "the database has another encoding": async (server, open) => {
    await server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const store = open({ url: server.url.replace(/postgres$/, "latin") });
    assertError(await failureOf(() => store.now()), "store_io", /LATIN1.*UTF8/s);
  },

  "a newer csc has changed the format": async (server, open) => {
    await open({ schema: "newer" }).store("s", "k", 1);
    await server.sql("UPDATE newer.meta SET format = 99, csc = '9.8.7'");
    const error = await failureOf(() => open({ schema: "newer" }).retrieve("s", "k"));
    assertEquals(error.code, "store_newer");
    assertStringIncludes(error.hint, "Install csc 9.8.7 or newer");
  },

  "the schema is dropped while it is used": async (server, open) => {
    const store = open({ schema: "dropped" });
    await store.store("s", "k", 1);
    await server.sql("DROP SCHEMA dropped CASCADE");
    assertEquals(await store.retrieve("s", "k"), null);
    await server.sql("DROP SCHEMA dropped CASCADE");
    assert((await store.store("s", "k", 2, { expected: "absent" })).ok);
  },

  "many clients make the schema at once": async (_server, open) => {
    const stores = Array.from({ length: 20 }, () => open({ schema: "together", pool: 1 }));
    const sums = await Promise.all(stores.map((store) => store.increment("s", "k")));
    assertEquals(sums.sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 1));
  },

  "statements are not prepared, as behind a pooler": async (server, open) => {
    const store = open({ url: `${server.url}?prepare=false`, schema: "pooled" });
    await store.store("s", "k\0", [1], { ttlMs: 60_000, fence: 1, author: "a" });
    assertEquals(await store.increment("s", "n"), 1);
    assertEquals(await store.listKeys("s"), ["k\0", "n"]);
    // Notices get lost in a pooler: this one is not even sent.
    const changes = (await store.watch("s"))[Symbol.asyncIterator]();
    await server.sql("UPDATE pooled.entry SET version = 'unheard' WHERE key = 'n'");
    assertEquals((await changes.next()).value?.version, "unheard");
    await changes.return?.();
  },

  "its settings are weak": async (server, open) => {
    const store = open();
    assertEquals(await store.weaknesses(), []);
    await server.sql("ALTER ROLE csc SET synchronous_commit = off");
    const [weakness, ...others] = await open().weaknesses();
    assertEquals(others, []);
    assertMatch(weakness.fact, /synchronous_commit is not on.*two sessions can hold one/);
    await server.sql("ALTER ROLE csc RESET synchronous_commit");
  },
});

/** The error of an operation that succeeds for a while yet. */
async function recoveredFailure(
  task: () => Promise<unknown>,
  said = /./,
): Promise<CoordinatorError> {
  return await recovered(async () => {
    const error = await failureOf(task);
    if (!said.test(error.message)) throw error;
    return error;
  });
}

if (runningKinds().includes("postgres")) {
  Deno.test("postgres: of several servers, the one that writes is used", async () => {
    await using reader = await PostgresServer.create();
    await using writer = await PostgresServer.create();
    const login = /\/\/(.*)@/.exec(writer.url)![1];
    await reader.usePassword(login.split(":")[1]);
    await reader.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    await reader.sql("SELECT pg_reload_conf()");
    await eventually(
      "it only reads",
      async () => (await reader.sql("SHOW default_transaction_read_only"))[0] === "on",
    );
    const url = `postgres://${login}@127.0.0.1:${reader.port},127.0.0.1:${writer.port}/postgres`;
    const open = (parameters: string) =>
      new PostgresStore({ url: url + parameters, limits: DEFAULT_LIMITS });

    const first = open("");
    assertError(await failureOf(() => first.store("s", "k", 1)), "store_io", /only reads/);
    await first.close();

    const store = open("?target_session_attrs=read-write");
    assert((await store.store("s", "k", 1)).ok);
    assertEquals(await writer.sql("SELECT key FROM csc.entry"), ["k"]);
    await reader.stop();
    assertEquals((await recovered(() => store.retrieve("s", "k")))?.value, 1);
    await writer.stop();
    assertEquals((await failureOf(() => store.retrieve("s", "k"))).code, "store_unreachable");
    await writer.start();
    assertEquals((await recovered(() => store.retrieve("s", "k")))?.value, 1);
    await store.close();
  });
}
