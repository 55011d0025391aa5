/**
 * What an S3 endpoint gives: conditional writes of one client and of four that contend for one key, and
 * what a read and a write take. Only where an endpoint is named: `CSC_BENCH_S3_ENDPOINT` and
 * `CSC_BENCH_S3_BUCKET`, with AWS's own variables for the keys; or `CSC_S3_SERVER`, the folder whose
 * `start` brings up a gateway.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { type S3Options, S3Store, userCredentials } from "../../src/storage/s3/s3.ts";
import { BUCKET, start } from "../../tests/support/servers/s3.ts";
import { type Figure, median } from "./figure.ts";

const ALONE = 200;
const CLIENTS = 4;
const EACH = 25;

/** Measures the endpoint that is named; nothing where none is. */
export async function benchS3(): Promise<Figure[]> {
  const endpoint = Deno.env.get("CSC_BENCH_S3_ENDPOINT");
  const bucket = Deno.env.get("CSC_BENCH_S3_BUCKET");
  if (endpoint && bucket) return await measure({ endpoint, bucket, credentials: userCredentials });
  if (!Deno.env.get("CSC_S3_SERVER")) return [];
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  const { env, stop } = await start(folder);
  try {
    const accessKeyId = env.CSC_TEST_S3_ACCESS_KEY;
    const secretAccessKey = env.CSC_TEST_S3_SECRET_KEY;
    return await measure({
      endpoint: env.CSC_TEST_S3_ENDPOINT,
      bucket: BUCKET,
      credentials: () => ({ accessKeyId, secretAccessKey }),
    });
  } finally {
    await stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(
  place: Pick<S3Options, "endpoint" | "bucket" | "credentials">,
): Promise<Figure[]> {
  const region = Deno.env.get("AWS_REGION") ?? "us-east-1";
  const options = {
    ...place,
    region,
    prefix: `csc-bench-${crypto.randomUUID()}/`,
    limits: DEFAULT_LIMITS,
    timeoutMs: 60_000,
  };
  const stores = await Promise.all(Array.from({ length: CLIENTS }, () => S3Store.open(options)));
  try {
    const [store] = stores;
    const reads: number[] = [];
    const writes: number[] = [];
    await store.increment("bench", "alone");
    const startedAt = performance.now();
    for (let i = 0; i < ALONE; i++) {
      writes.push(await timeOf(() => store.increment("bench", "alone")));
    }
    const alone = ALONE / (performance.now() - startedAt) * 1000;
    for (let i = 0; i < ALONE; i++) {
      reads.push(await timeOf(() => store.retrieve("bench", "alone")));
    }
    const racedAt = performance.now();
    await Promise.all(stores.map(async (one) => {
      for (let i = 0; i < EACH; i++) await one.increment("bench", "raced");
    }));
    const raced = CLIENTS * EACH / (performance.now() - racedAt) * 1000;
    const sum = (await store.retrieve("bench", "raced"))?.value;
    const ms = (times: number[]) => `${median(times).toFixed(1)} ms`;
    return [
      {
        what: "S3: increments of one client; p50 of an increment and of a read",
        measured: `${alone.toFixed(0)}/s; ${ms(writes)}, ${ms(reads)}`,
        target: "",
        floor: "a read and a conditional write",
      },
      {
        what: `S3: ${CLIENTS} clients × ${EACH} increments of one key`,
        measured: `${sum} of ${CLIENTS * EACH}; ${raced.toFixed(0)}/s`,
        target: `${CLIENTS * EACH} of ${CLIENTS * EACH}`,
        floor: "",
      },
    ];
  } finally {
    for (const store of stores) await store.close();
  }
}

async function timeOf(task: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await task();
  return performance.now() - startedAt;
}
