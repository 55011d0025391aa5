/**
 * A Ceph RADOS gateway, brought up by the folder that `CSC_S3_SERVER` names: its `start DIR PORT` prints
 * the endpoint and the keys as shell assignments, its `stop DIR` ends what that started.
 */

import { join } from "@std/path";
import { S3Store } from "../../../src/storage/s3/s3.ts";
import { HttpBucket } from "../../../src/storage/s3/bucket.ts";
import type { S3Options } from "../../../src/storage/s3/s3.ts";
import { ROOT } from "../command.ts";
import type { NetworkOptions, TestServer } from "../network_store.ts";

/** How long a start may take; the first one installs packages. */
const START_MS = 600_000;
/** A test machine may be slow: only tests of the time-out itself set a short one. */
const TIMEOUT_MS = 60_000;

/** How far the clock of a client may be off. */
export const CLOCK_ERROR_MS = 20;

/** A gateway that runs. */
export interface Gateway {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Starts a gateway and makes the bucket `csc-tests`. */
export async function start(folder: string): Promise<TestServer> {
  const scripts = Deno.env.get("CSC_S3_SERVER") ?? join(ROOT, "..", "shared", "s3");
  const said = await run(join(scripts, "start"), [folder, `${twoFreePorts()}`]);
  const stop = async () => void await run(join(scripts, "stop"), [folder]);
  const value = (name: string) => {
    const found = new RegExp(`^${name}=(\\S+)$`, "m").exec(said)?.[1];
    if (!found) throw new Error(`'${scripts}/start' has not said ${name}`);
    return found;
  };
  try {
    const env = {
      CSC_TEST_S3_ENDPOINT: value("S3_ENDPOINT"),
      CSC_TEST_S3_ACCESS_KEY: value("S3_ACCESS_KEY"),
      CSC_TEST_S3_SECRET_KEY: value("S3_SECRET_KEY"),
    };
    await createBucket({
      endpoint: env.CSC_TEST_S3_ENDPOINT,
      accessKeyId: env.CSC_TEST_S3_ACCESS_KEY,
      secretAccessKey: env.CSC_TEST_S3_SECRET_KEY,
    });
    return { env: { ...env, CSC_TEST_S3_FOLDER: folder }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The gateway that the driver has started. */
export function runningGateway(): Gateway {
  const value = (name: string) => {
    const found = Deno.env.get(name);
    if (!found) {
      throw new Error(`${name} is not set: start the tests by \`deno task test:stores s3\``);
    }
    return found;
  };
  return {
    endpoint: value("CSC_TEST_S3_ENDPOINT"),
    accessKeyId: value("CSC_TEST_S3_ACCESS_KEY"),
    secretAccessKey: value("CSC_TEST_S3_SECRET_KEY"),
  };
}

/** Options of a store in a namespace of the running gateway. */
export function optionsOf({ namespace, offsetMs, limits }: NetworkOptions): S3Options {
  const { endpoint, accessKeyId, secretAccessKey } = runningGateway();
  return {
    bucket: BUCKET,
    region: "us-east-1",
    prefix: `${namespace}/`,
    endpoint,
    credentials: () => ({ accessKeyId, secretAccessKey }),
    limits,
    offsetMs,
    timeoutMs: TIMEOUT_MS,
    pollMs: 100,
    clockErrorMs: CLOCK_ERROR_MS,
  };
}

/** The bucket of all tests. */
export const BUCKET = "csc-tests";

/** Opens a client of the gateway that the driver has started. */
export async function open(options: NetworkOptions): Promise<S3Store> {
  return await S3Store.open(optionsOf(options));
}

/** Makes the bucket, and waits until the gateway answers at its usual speed. */
async function createBucket(gateway: Gateway): Promise<void> {
  const place = { bucket: BUCKET, region: "us-east-1", prefix: "", endpoint: gateway.endpoint };
  const bucket = new HttpBucket(place, () => gateway);
  const until = () => performance.now() + 60_000;
  try {
    // A bucket is made like an object without a name.
    await bucket.put("", "", null, until());
    await bucket.put("first", "{}", null, until());
  } finally {
    bucket.close();
  }
}

async function run(script: string, args: string[]): Promise<string> {
  const command = new Deno.Command(script, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(START_MS),
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`'${script}' has failed: ${decoder.decode(stderr).trim()}`);
}

/** A port that is free, as is the one after it. */
function twoFreePorts(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      for (const one of [port, port + 1]) Deno.listen({ hostname: "127.0.0.1", port: one }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
