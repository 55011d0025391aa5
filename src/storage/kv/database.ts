/**
 * Deno KV's own part: opening a database, waiting for other processes, and errors that name it.
 *
 * @module
 */

import { dirname } from "../../os/path.ts";
import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { FileLock } from "../../os/file_lock.ts";
import { ioError, withFile } from "../../os/io_error.ts";
import {
  ensurePrivateFolder,
  hideFolder,
  lstatOrNull,
  makePrivate,
} from "../../os/private_folder.ts";
import { sleep } from "../../os/sleep.ts";
import { within } from "../../os/within.ts";
import type { StorePlace } from "../adapter.ts";
import { type Endpoint, outcomeUnknown, unreachable } from "../network_error.ts";

/** An open database. */
export class Database {
  readonly place: StorePlace;
  readonly #kv: Deno.Kv;
  /** Writers take turns; a KV Connect server needs no turns. */
  readonly #turns: FileLock | null;
  readonly #timeoutMs: number;

  private constructor(kv: Deno.Kv, turns: FileLock | null, path: string, timeoutMs: number) {
    this.#kv = kv;
    this.#turns = turns;
    this.#timeoutMs = timeoutMs;
    this.place = turns
      ? { reach: "machine", location: path, folder: `${path}.csc` }
      : { reach: "network", location: new URL(path).origin, folder: null, polls: true };
  }

  /**
   * Opens a file, or connects to the URL of a KV Connect server.
   *
   * @throws {CoordinatorError} `store_unreachable` where a server does not answer in time, `store_io`
   * where this Deno runs without `--unstable-kv`, or the database cannot be opened.
   */
  static async open(path: string, timeoutMs: number): Promise<Database> {
    if (typeof Deno.openKv !== "function") {
      throw new CoordinatorError(
        "store_io",
        "The storage adapter 'kv' needs Deno KV, which this Deno was started without",
        "Start it with `deno run --unstable-kv …`, use the csc executable, or set 'storage.adapter' to \"local\".",
      );
    }
    if (isUrl(path)) return new Database(await connect(path, timeoutMs), null, path, timeoutMs);
    createPrivately(path);
    const turns = new FileLock(`${path}.lock`, timeoutMs);
    try {
      const kv = await turns.hold(() => retryWhileLocked(() => Deno.openKv(path), timeoutMs));
      return new Database(kv, turns, path, timeoutMs);
    } catch (error) {
      await turns.close();
      throw ioError("open", path, error);
    }
  }

  /** Runs a task while no other process writes. */
  inTurn<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns ? this.#turns.hold(task) : task();
  }

  get(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<unknown>> {
    return this.#try(() => this.#kv.get(key));
  }

  list(prefix: Deno.KvKey): Promise<Deno.KvEntry<unknown>[]> {
    return this.#try(() => Array.fromAsync(this.#kv.list({ prefix }, { batchSize: 500 })));
  }

  delete(key: Deno.KvKey): Promise<void> {
    return this.#try(() => this.#kv.delete(key), "the change");
  }

  /** Begins a set of changes, for {@linkcode commit}. */
  atomic(): Deno.AtomicOperation {
    return this.#kv.atomic();
  }

  /** Makes all changes, or none; answers whether the checks held. */
  async commit(atomic: Deno.AtomicOperation): Promise<boolean> {
    return (await this.#try(() => atomic.commit(), "the change")).ok;
  }

  /** Closes it, once the tasks that wait for their turn have ended. */
  async close(): Promise<void> {
    await this.#turns?.close();
    this.#kv.close();
  }

  /**
   * Runs one statement, again while another process has the database locked.
   *
   * @param writes What it writes, where it does.
   */
  async #try<T>(statement: () => Promise<T>, writes?: string): Promise<T> {
    try {
      if (this.#turns) return await retryWhileLocked(statement, this.#timeoutMs);
      return await inTime(statement(), this.#timeoutMs, endpointOf(this.place.location), writes);
    } catch (error) {
      throw ioError("use", this.place.location, error);
    }
  }
}

/** Whether a path names a KV Connect server. */
export function isUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

function endpointOf(location: string): Endpoint {
  return { what: "the KV Connect server", location };
}

/** Waits for an answer of a KV Connect server, which Deno itself would ask again for ever. */
async function inTime<T>(
  answer: Promise<T>,
  timeoutMs: number,
  endpoint: Endpoint,
  writes?: string,
): Promise<T> {
  const reason = `no answer within ${timeoutMs} ms`;
  return await within(timeoutMs, answer, () => {
    throw writes ? outcomeUnknown(endpoint, writes, reason) : unreachable(endpoint, reason);
  });
}

/** Connects to a KV Connect server. What Deno prints and throws would show the URL with its secrets. */
async function connect(url: string, timeoutMs: number): Promise<Deno.Kv> {
  const plain = new URL(url);
  plain.username = plain.password = ""; // the protocol has a token instead
  try {
    return await inTime(Deno.openKv(plain.href), timeoutMs, endpointOf(plain.origin));
  } catch (error) {
    if (error instanceof CoordinatorError) throw error;
    const token = "DENO_KV_ACCESS_TOKEN";
    throw new CoordinatorError(
      "store_io",
      `Cannot connect to the KV Connect server at '${new URL(url).origin}'`,
      messageOf(error).includes(token)
        ? `Set the variable ${token}.`
        : "Check the URL in 'storage.config.path', and that the server is up.",
    );
  }
}

/** Deno KV would create it readable by everybody. */
function createPrivately(path: string): void {
  withFile("create", path, () => {
    const folder = dirname(path);
    if (!lstatOrNull(folder)) {
      ensurePrivateFolder(folder);
      hideFolder(folder);
    }
    if (!lstatOrNull(path)) Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
    else makePrivate(path, 0o600);
  });
}

/** A locked statement left nothing behind: our `atomic()` calls only set, delete and check. */
async function retryWhileLocked<T>(statement: () => Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      if (!/database is locked/.test(messageOf(error))) throw error;
      if (performance.now() > deadline) {
        throw new CoordinatorError(
          "store_busy",
          `Deno KV stayed locked for ${timeoutMs} ms`,
          "Another program may hold the database open in a transaction: end it, then try again.",
          { cause: error },
        );
      }
      await sleep(5 + Math.random() * 20);
    }
  }
}
