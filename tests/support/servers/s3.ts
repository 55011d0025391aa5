/**
 * A Ceph RADOS gateway, brought up by the folder that `CSC_S3_SERVER` names: its `start DIR PORT` prints
 * the endpoint and the keys as shell assignments, its `stop DIR` ends what that started.
 */

import { join } from "@std/path";
import { HttpBucket } from "../../../src/storage/s3/bucket.ts";
import { type S3Options, S3Store } from "../../../src/storage/s3/s3.ts";
import { ROOT } from "../command.ts";
import type { NetworkOptions, TestServer } from "../network_store.ts";

/** How long a start may take; the first one installs packages. */
const START_MS = 600_000;
const STOP_MS = 60_000;
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
  const { place, said } = await bringUp(scripts, folder);
  const stop = () => bringDown(scripts, place);
  try {
    const value = (name: string) => {
      const found = new RegExp(`^${name}=(\\S+)$`, "m").exec(said)?.[1];
      if (!found) throw new Error(`'${scripts}/start' has not said ${name}`);
      return found;
    };
    const env = {
      CSC_TEST_S3_FOLDER: place,
      CSC_TEST_S3_ENDPOINT: value("S3_ENDPOINT"),
      CSC_TEST_S3_ACCESS_KEY: value("S3_ACCESS_KEY"),
      CSC_TEST_S3_SECRET_KEY: value("S3_SECRET_KEY"),
    };
    await createBucket({
      endpoint: env.CSC_TEST_S3_ENDPOINT,
      accessKeyId: env.CSC_TEST_S3_ACCESS_KEY,
      secretAccessKey: env.CSC_TEST_S3_SECRET_KEY,
    });
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the server, once more where its store ended at its first breath, as it now and then does. */
async function bringUp(scripts: string, folder: string): Promise<{ place: string; said: string }> {
  for (let tries = 1;; tries++) {
    const place = join(folder, `${tries}`);
    await Deno.mkdir(place);
    const failed = new AbortController();
    const looking = setInterval(() => {
      if (hasStoreFailed(place)) failed.abort();
    }, 500);
    try {
      const signal = AbortSignal.any([failed.signal, AbortSignal.timeout(START_MS)]);
      return {
        place,
        said: await run(join(scripts, "start"), [place, `${twoFreePorts()}`], signal),
      };
    } catch (error) {
      await bringDown(scripts, place);
      if (tries === 3) throw error;
    } finally {
      clearInterval(looking);
    }
  }
}

/** Whether the store beneath the gateway has said that it ends; the gateway would wait for it. */
function hasStoreFailed(place: string): boolean {
  try {
    const log = Deno.readTextFileSync(join(place, "start.log"));
    return log.includes("init unable to update_crush_device_class");
  } catch {
    return false; // nothing is written yet
  }
}

/** Ends the server, and what a start that failed has left: whatever runs in its folder. */
async function bringDown(scripts: string, place: string): Promise<void> {
  await run(join(scripts, "stop"), [place], AbortSignal.timeout(STOP_MS));
  for (const { name } of Deno.readDirSync("/proc")) {
    try {
      if (Deno.readLinkSync(`/proc/${name}/cwd`) === place) Deno.kill(Number(name), "SIGKILL");
    } catch {
      // No process, or not ours, or it has ended.
    }
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

async function run(script: string, args: string[], signal: AbortSignal): Promise<string> {
  const command = new Deno.Command(script, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
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
