/** What a network does to the answers of an S3 server: no write is lost unnoticed or made twice. */

import type { S3Store } from "../../src/storage/s3/s3.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { assertFails } from "../support/decided.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { type Fault, Proxy } from "../support/proxy.ts";
import { clientOptions, count, withStores } from "../support/s3_client.ts";
import { runningGateway } from "../support/servers/s3.ts";

const FAULTS = ["cut", "drop", "double", "swallow", "repeat"] satisfies Fault[];

const isWrite = (request: string) => /^PUT \S+\/target /.test(request);
const isRead = (request: string) => /^GET \S+\/target /.test(request);

/** A client through a proxy, and one beside it. */
async function throughProxy(
  task: (store: S3Store, beside: S3Store, proxy: Proxy) => Promise<void>,
  timeoutMs?: number,
) {
  await using proxy = new Proxy(Number(new URL(runningGateway().endpoint).port));
  const options = clientOptions({ timeoutMs });
  const through = { ...options, endpoint: `http://127.0.0.1:${proxy.port}` };
  await withStores([through, options], (store, beside) => task(store, beside, proxy));
}

if (runningKinds().includes("s3")) {
  for (const fault of FAULTS) {
    Deno.test(`s3: an increment whose answer is hit (${fault}) is made once, and acknowledged`, async () => {
      await throughProxy(async (store, beside, proxy) => {
        for (let round = 1; round <= 4; round++) {
          const struck = proxy.strike(fault, isWrite);
          assertEquals(await store.increment("s", "target"), 2 * round - 1);
          await struck;
          assertEquals(await beside.increment("s", "target"), 2 * round);
        }
      });
    });

    Deno.test(`s3: a key that is created once although the answer is hit (${fault}) has one creator`, async () => {
      await throughProxy(async (store, beside, proxy) => {
        void proxy.strike(fault, isWrite);
        const created = await store.store("s", "target", "mine", { expected: "absent" });
        assert(created.ok, "it was this write, and not somebody else's");
        const entry = (await beside.retrieve("s", "target"))!;
        assertEquals([entry.value, entry.version], ["mine", created.version]);
        void proxy.strike(fault, isWrite);
        assertEquals(await store.delete("s", "target"), { ok: true, existed: true });
        assertEquals(await beside.retrieve("s", "target"), null);
      });
    });
  }

  for (const fault of ["cut", "drop", "double"] satisfies Fault[]) {
    Deno.test(`s3: a read whose answer is hit (${fault}) is asked again`, async () => {
      await throughProxy(async (store, beside, proxy) => {
        await beside.store("s", "target", "kept");
        for (let round = 0; round < 4; round++) {
          const struck = proxy.strike(fault, isRead);
          assertEquals((await store.retrieve("s", "target"))?.value, "kept");
          await struck;
          assertEquals((await store.retrieveAll("s")).get("target")?.value, "kept");
        }
      });
    });
  }

  Deno.test("s3: an answer that comes when others have written since is still found", async () => {
    await throughProxy(async (store, beside, proxy) => {
      await store.increment("s", "target");
      const struck = proxy.strike("swallow", isWrite);
      const counting = store.increment("s", "target");
      await struck;
      for (let i = 0; i < 5; i++) await beside.increment("s", "target");
      assertEquals(await counting, 2, "its own sum, although the key has another one now");
      assertEquals((await beside.retrieve("s", "target"))?.value, 7);
    });
  });

  Deno.test("s3: a write whose answer is lost while the server cannot be asked is unknown", async () => {
    await throughProxy(async (store, beside, proxy) => {
      await store.increment("s", "target");
      const struck = proxy.strike("drop", isWrite).then(() => proxy.refuses = true);
      const error = await assertFails("outcome_unknown", () => store.increment("s", "target"));
      await struck;
      assert(error.message.includes("key 'target' of scope 's'"), error.message);
      assertEquals((await beside.retrieve("s", "target"))?.value, 2, "it was written");
      await assertFails("store_unreachable", () => store.increment("s", "target"));
      proxy.refuses = false;
      assertEquals(await store.increment("s", "target"), 3);
    });
  });

  Deno.test("s3: slow answers are waited for, slower ones are not", async () => {
    await throughProxy(async (store, beside, proxy) => {
      await store.increment("s", "target");
      proxy.delayMs = 100;
      assertEquals(await store.increment("s", "target"), 2);
      proxy.delayMs = 6_000;
      await assertFails("store_unreachable", () => store.increment("s", "target"));
      proxy.breakAll();
      proxy.delayMs = 0;
      assertEquals((await beside.retrieve("s", "target"))?.value, 2, "nothing was written");
      assertEquals(await store.increment("s", "target"), 3);
    });
  });

  Deno.test("s3: a network that breaks again and again loses and doubles nothing", async () => {
    await throughProxy(async (store, beside, proxy) => {
      const faults: Fault[] = ["cut", "drop", "repeat", "double"];
      let isOver = false;
      const harm = async () => {
        for (let i = 0; !isOver; i++) {
          void proxy.strike(faults[i % faults.length], i % 3 ? isWrite : isRead);
          await new Promise((resolve) => setTimeout(resolve, 15));
        }
      };
      const harming = harm();
      const sums = await Promise.all([count(store, 40), count(store, 40), count(beside, 40)]);
      isOver = true;
      await harming;
      const total = (name: "acknowledged" | "unknown") =>
        sums.reduce((sum, one) => sum + one[name], 0);
      const { value } = (await beside.retrieve("s", "target"))!;
      const [least, most] = [total("acknowledged"), total("acknowledged") + total("unknown")];
      assert(least <= (value as number) && (value as number) <= most, `${least} ${value} ${most}`);
      assert(least > 60, `${least} of 120 were acknowledged`);
    }, 30_000);
  });

  Deno.test("s3: a watch outlives a server that is away, and reports what it missed", async () => {
    await throughProxy(async (store, beside, proxy) => {
      const stop = new AbortController();
      const seen = new Set<string>();
      const changes = await store.watch("*", stop.signal);
      const watching = (async () => {
        for await (const { key } of changes) seen.add(key);
      })();
      await beside.store("s", "before", 1);
      await eventually("the first change", () => seen.has("before"));
      proxy.refuses = true;
      proxy.breakAll();
      await assertFails("store_unreachable", () => store.retrieve("s", "before"));
      await beside.store("s", "missed", 1);
      proxy.refuses = false;
      await eventually("the change that it missed", () => seen.has("missed"));
      stop.abort();
      await watching;
    });
  });
}
