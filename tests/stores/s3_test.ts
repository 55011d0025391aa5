/** What an S3 server, its keys and its clock can do to the store. The gateway is only paused. */

import type { CoordinatorError } from "../../src/domain/error.ts";
import { S3Store } from "../../src/storage/s3/s3.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { assertFails } from "../support/decided.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { Proxy } from "../support/proxy.ts";
import { bucketOf, clientOptions, count, withStores } from "../support/s3_client.ts";
import { runningGateway } from "../support/servers/s3.ts";
import { type Habits, S3StandIn } from "../support/s3_stand_in.ts";

/** Stops the gateway for a task, and lets it go on. */
async function whilePaused(task: () => Promise<void>): Promise<void> {
  const pid = Number(Deno.readTextFileSync(
    `${Deno.env.get("CSC_TEST_S3_FOLDER")}/run/client.rgw.a.pid`,
  ));
  Deno.kill(pid, "SIGSTOP");
  try {
    await task();
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

/** Opens a store that cannot be opened; answers why. */
function refusalOf(options: Parameters<typeof S3Store.open>[0]) {
  return async (code: Parameters<typeof assertFails>[0]): Promise<CoordinatorError> =>
    await assertFails(code, () => S3Store.open(options));
}

if (runningKinds().includes("s3")) {
  Deno.test("s3: a server that is not there is an error that says that nothing was written", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const endpoint = `http://127.0.0.1:${port}`;
    const { message, hint } = await refusalOf(clientOptions({ endpoint }))("store_unreachable");
    assertStringIncludes(message, `s3://csc-tests/`);
    assertStringIncludes(message, endpoint);
    assertMatch(message, /refused.*nothing was written/);
    assertMatch(hint, /csc doctor/);
  });

  Deno.test("s3: a server that takes connections and never answers is one, too", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const held: Deno.Conn[] = [];
    const holding = (async () => {
      for await (const connection of listener) held.push(connection);
    })();
    const endpoint = `http://127.0.0.1:${listener.addr.port}`;
    const { message } = await refusalOf(clientOptions({ endpoint }))("store_unreachable");
    assertMatch(message, /no answer in time; nothing was written/);
    listener.close();
    for (const connection of held) connection.close();
    await holding;
  });

  Deno.test("s3: a paused server is noticed in time, nothing is counted twice, and it comes back", async () => {
    const options = clientOptions();
    await withStores([options, options], async (store, other) => {
      await store.store("s", "k", "before");
      const counting = count(other, 30);
      await whilePaused(async () => {
        await Promise.all([
          assertFails("store_unreachable", () => store.retrieve("s", "k")),
          assertFails("store_unreachable", () => store.store("s", "k", "paused")),
          assertFails("store_unreachable", () => store.listKeys("s")),
          assertFails("store_unreachable", () => S3Store.open(options)),
        ]);
      });
      const { acknowledged, unknown } = await counting;
      await eventually("the store answers again", async () => {
        return (await store.retrieve("s", "k").catch(() => null))?.value === "before";
      });
      const { value } = (await store.retrieve("s", "target"))!;
      const isKept = typeof value === "number" && acknowledged <= value;
      assert(isKept && value <= acknowledged + unknown, `${value}: ${acknowledged}, ${unknown}`);
    });
  });

  Deno.test("s3: a process that must answer by a deadline gets its error before it", async () => {
    const options = clientOptions({ timeoutMs: 60_000 });
    await withStores([options], async () => {
      const store = await S3Store.open({ ...options, deadline: performance.now() + 800 });
      await whilePaused(async () => {
        await assertFails("store_unreachable", () => store.retrieve("s", "k"));
        await assertFails("store_unreachable", () => store.store("s", "k", 1));
        await store.close();
      });
    });
  });

  Deno.test("s3: closing ends what is under way", async () => {
    const store = await S3Store.open(clientOptions({ timeoutMs: 60_000 }));
    await whilePaused(async () => {
      const reading = assertFails("store_unreachable", () => store.retrieve("s", "k"));
      await store.close();
      await reading;
    });
  });

  Deno.test("s3: wrong keys are an error that shows none, and new ones are taken up", async () => {
    const { accessKeyId, secretAccessKey } = runningGateway();
    const wrong = { accessKeyId, secretAccessKey: "not-the-secret" };
    const unknown = { accessKeyId: "nobodys-key", secretAccessKey };
    for (const keys of [wrong, unknown]) {
      const { message, hint } = await refusalOf(clientOptions({ credentials: () => keys }))(
        "store_io",
      );
      assertMatch(hint, /AWS_SECRET_ACCESS_KEY/);
      for (const secret of Object.values(keys)) assert(!`${message}${hint}`.includes(secret));
    }
    let keys = { accessKeyId, secretAccessKey };
    await withStores([clientOptions({ credentials: () => keys })], async (store) => {
      await store.store("s", "k", 1);
      keys = wrong;
      await assertFails("store_io", () => store.store("s", "k", 2));
      keys = { accessKeyId, secretAccessKey };
      assertEquals((await store.retrieve("s", "k"))?.value, 1);
    });
  });

  Deno.test("s3: keys that are replaced while a request is under way are used at once", async () => {
    const { accessKeyId, secretAccessKey } = runningGateway();
    let asked = 0;
    const credentials = () => (
      { accessKeyId, secretAccessKey: asked++ === 0 ? "expired" : secretAccessKey }
    );
    await withStores([clientOptions({ credentials })], async (store) => {
      assert((await store.store("s", "k", 1)).ok);
    });
  });

  Deno.test("s3: a missing bucket is an error that says how to make it", async () => {
    const { message, hint } = await refusalOf(clientOptions({ bucket: "nobody-made-it" }))(
      "store_io",
    );
    assertMatch(message, /there is no bucket 'nobody-made-it'/);
    assertMatch(hint, /aws s3 mb s3:\/\/nobody-made-it/);
  });

  const UNFIT: Record<string, readonly [Habits, RegExp]> = {
    "ignores both conditions": [
      { ifNoneMatch: false, ifMatch: "ignored" },
      /ignores 'If-None-Match: \*'/,
    ],
    "ignores `If-Match`": [{ ifMatch: "ignored" }, /ignores 'If-Match'/],
    "refuses every `If-Match`": [{ ifMatch: "refused" }, /refuses 'If-Match'/],
    "tells no time": [{ date: false }, /tells no time/],
    "is of another time": [{ skewed: true }, /clock and this machine's differ/],
    "is full": [{ full: true }, /no room left/],
  };
  for (const [what, [habits, said]] of Object.entries(UNFIT)) {
    Deno.test(`s3: an endpoint that ${what} is refused, with its name`, async () => {
      await using server = new S3StandIn(habits);
      const { message, hint } = await refusalOf(clientOptions({ endpoint: server.url }))(
        "store_io",
      );
      assertStringIncludes(message, server.url);
      assertMatch(message, said);
      assert(hint !== "");
    });
  }

  for (const form of ["quoted", "bare"] as const) {
    Deno.test(`s3: an endpoint that wants ETags ${form} is used so, and asked once only`, async () => {
      await using server = new S3StandIn({ ifMatch: form });
      const options = clientOptions({ endpoint: server.url });
      await withStores([options], async (store) => {
        assertEquals(await store.increment("s", "k"), 1);
        assertEquals(await store.increment("s", "k"), 2);
      });
      const writes = server.writes;
      await withStores([options], async (store) => {
        assertEquals(await store.increment("s", "k"), 3);
      });
      assertEquals(server.writes - writes, 1, "what was found out is written down");
    });
  }

  Deno.test("s3: an endpoint that begins to want ETags in another form is tried anew", async () => {
    await using server = new S3StandIn({ ifMatch: "bare" });
    const options = clientOptions({ endpoint: server.url });
    await withStores([options], async (store) => {
      assertEquals(await store.increment("s", "k"), 1);
      server.habits = { ifMatch: "quoted" };
      assertEquals(await store.increment("s", "k"), 2);
      assertEquals(await store.increment("s", "k"), 3);
    });
  });

  for (const offMs of [-5 * 3600_000, 5 * 3600_000]) {
    Deno.test(`s3: a machine whose clock is off by ${offMs} ms keeps the server's time`, async () => {
      // Through a port of its own: what this process knows of the gateway's clock is not used.
      await using proxy = new Proxy(Number(new URL(runningGateway().endpoint).port));
      const trueNow = Date.now;
      Date.now = () => trueNow() + offMs;
      try {
        const endpoint = `http://127.0.0.1:${proxy.port}`;
        await withStores([clientOptions({ endpoint })], async (store) => {
          await store.store("s", "k", 1);
          const { storedAtMs } = (await store.retrieve("s", "k"))!;
          assert(Math.abs(storedAtMs - trueNow()) < 60_000, "by the server's clock");
          assert(Math.abs(await store.now() - trueNow()) < 60_000, "by the server's clock");
        });
      } finally {
        Date.now = trueNow;
      }
    });
  }

  Deno.test("s3: an object that is no record is reported and hides no other", async () => {
    const unreadable: unknown[] = [];
    const options = clientOptions({ onUnreadable: (error) => void unreadable.push(error) });
    await withStores([options], async (store) => {
      await store.store("s", "good", 1, { ttlMs: 60_000 });
      const bucket = bucketOf(options);
      await bucket.put(`${options.prefix}s/bad`, "{}  ", null, performance.now() + 5_000);
      await bucket.put(`${options.prefix}a/b/c`, "not ours", null, performance.now() + 5_000);
      bucket.close();
      assertEquals([...(await store.retrieveAll("s")).keys()], ["good"]);
      assertEquals((unreadable[0] as CoordinatorError).code, "store_corrupt");
      await assertFails("store_corrupt", () => store.retrieve("s", "bad"));
      assertEquals(await store.listScopes(), ["s"]);
    });
  });
}
