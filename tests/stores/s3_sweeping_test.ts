/** What keys leave behind is removed, and no delete that comes late takes what was written since. */

import { Reader } from "../../src/storage/s3/listing.ts";
import { DELETE_WITHIN_S, encodeBody } from "../../src/storage/s3/layout.ts";
import { proveConditions } from "../../src/storage/s3/proof.ts";
import { readObject } from "../../src/storage/s3/reading.ts";
import type { S3Options, S3Store } from "../../src/storage/s3/s3.ts";
import { Sweeper } from "../../src/storage/s3/sweeping.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { assertFails } from "../support/decided.ts";
import { eventually } from "../support/project.ts";
import { runningKinds } from "../support/network_store.ts";
import { bucketOf, clientOptions, withStores } from "../support/s3_client.ts";

const soon = () => performance.now() + 10_000;

/** A store, and its bucket for a look beneath it. */
async function withBucket(
  task: (store: S3Store, bucket: ReturnType<typeof bucketOf>, options: S3Options) => Promise<void>,
): Promise<void> {
  const options = clientOptions();
  const bucket = bucketOf(options);
  try {
    await withStores([options], async (store) => {
      await proveConditions(bucket, options.prefix, soon());
      await task(store, bucket, options);
    });
  } finally {
    bucket.close();
  }
}

if (runningKinds().includes("s3")) {
  Deno.test("s3: what deleted and ended keys left goes after its time, fences stay", async () => {
    await withBucket(async (store, bucket, { prefix }) => {
      await store.store("s", "deleted", 1);
      await store.delete("s", "deleted");
      await store.store("s", "fenced", 1, { fence: 5 });
      await store.delete("s", "fenced");
      await store.store("s", "ended", 1, { ttlMs: 1 });
      await store.store("s", "lasting", 1);
      await store.store("s", "ending", 1, { ttlMs: 3600_000 });
      const reader = new Reader(bucket, prefix);
      const names = async () =>
        (await reader.list("s/", soon)).map(({ parts }) => parts.key).sort();
      const all = ["deleted", "ended", "ending", "fenced", "lasting"];
      const sweep = async (keepMs: number) =>
        await new Sweeper(bucket, keepMs).sweep(await reader.list("s/", soon), soon);
      for (let i = 0; i < 10; i++) await sweep(3600_000);
      assertEquals(await names(), all, "nothing is old enough");
      // S3 tells the time in seconds, and a sweep takes any one of what is old.
      await eventually("what is old has gone", async () => {
        await sweep(0);
        return (await names()).join() === "ending,fenced,lasting";
      });
      const fenced = await store.store("s", "fenced", 2, { fence: 4 });
      assert(!fenced.ok && fenced.reason === "fence");
      assert((await store.store("s", "deleted", 2, { expected: "absent" })).ok);
      assertEquals(await store.listKeys("s"), ["deleted", "ending", "lasting"]);
    });
  });

  Deno.test("s3: the server refuses a delete that comes late", async () => {
    await withBucket(async (store, bucket, { prefix }) => {
      await store.store("s", "k", "new");
      const { etag } = (await bucket.get(`${prefix}s/k`, soon()))!;
      const lateMs = bucket.clock.nowMs! - (DELETE_WITHIN_S + 2) * 1000;
      await assertFails("store_io", () => bucket.remove(`${prefix}s/k`, etag, lateMs, soon()));
      assertEquals((await store.retrieve("s", "k"))?.value, "new");
      await bucket.remove(`${prefix}s/k`, etag, bucket.clock.nowMs!, soon());
      assertEquals(await store.retrieve("s", "k"), null, "in time it is carried out");
    });
  });

  Deno.test("s3: nobody writes over an object that is about to be deleted", async () => {
    await withBucket(async (store, bucket, { prefix }) => {
      const name = `${prefix}s/k`;
      await store.store("s", "k", 1);
      await store.delete("s", "k");
      const condemn = async (atMs: number) => {
        const { etag, body } = (await readObject(bucket, name, soon()))!;
        const text = encodeBody({ ...body, condemnedAtMs: atMs });
        const put = await bucket.put(name, text, { etag }, soon());
        assert(put.did === "write");
        return put.etag;
      };
      const etag = await condemn(bucket.clock.nowMs!);
      await assertFails("store_busy", () => store.store("s", "k", 2));
      assertEquals(await store.retrieve("s", "k"), null, "reading is free");
      assertEquals(await store.listKeys("s"), []);
      const writing = store.store("s", "k", 3, { expected: "absent" });
      await bucket.remove(name, etag, bucket.clock.nowMs!, soon());
      assert((await writing).ok, "it waited for the delete");
      assertEquals((await store.retrieve("s", "k"))?.value, 3);
      await store.delete("s", "k");
      await condemn(bucket.clock.nowMs! - 60_000);
      assert((await store.store("s", "k", 4)).ok, "whoever condemned it has gone");
    });
  });

  Deno.test("s3: a watch sweeps, and says nothing of it", async () => {
    await withBucket(async (store, _bucket, options) => {
      await store.store("s", "k", 1);
      await store.delete("s", "k");
      const stop = new AbortController();
      const changes = await store.watch("*", stop.signal);
      const seen: string[] = [];
      const watching = (async () => {
        for await (const { key } of changes) seen.push(key);
      })();
      await store.store("s", "other", 1);
      await eventually("the change is reported", () => seen.includes("other"));
      stop.abort();
      await watching;
      assertEquals(seen, ["other"]);
      const bucket = bucketOf(options);
      assert(await bucket.get(`${options.prefix}s/k`, soon()), "it is not a day old");
      bucket.close();
    });
  });
}
