/**
 * One of several processes that increment the same key: `counter_worker.ts KIND FOLDER TIMES`. Waits
 * for a line on standard input, prints what it took in milliseconds.
 *
 * @module
 */

import { join } from "@std/path";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { KvStore } from "../../src/storage/kv/kv.ts";
import { LocalStore } from "../../src/storage/local/local.ts";

const [kind, folder, times] = Deno.args;

/** How often each counts a key of its own first, so that what is measured runs compiled. */
const WARM_UP = 300;

/** Opens a store and answers what increments a key of it. */
const counters: Record<string, () => Promise<(scope: string) => Promise<unknown>>> = {
  local: () => {
    const store = new LocalStore({
      folder,
      durable: false,
      limits: DEFAULT_LIMITS,
      lockTimeoutMs: 60_000,
    });
    return Promise.resolve((scope) => store.increment(scope, "n"));
  },
  kv: async () => {
    const path = join(folder, "store.kv");
    const store = await KvStore.open({ path, limits: DEFAULT_LIMITS, timeoutMs: 60_000 });
    return (scope) => store.increment(scope, "n");
  },
  bare: () => bareLoop((lock) => lock.lockSync(true)),
  polling: () =>
    bareLoop(async (lock) => {
      while (!lock.tryLockSync(true)) await new Promise((resolve) => setTimeout(resolve, 1));
    }),
};

/** The least that keeps a scope's file safe: lock, read, write a complete new file, rename. */
function bareLoop(acquire: (lock: Deno.FsFile) => void | Promise<void>) {
  const lock = Deno.openSync(join(folder, "lock"), { read: true, write: true, create: true });
  const temporary = join(folder, `temporary.${Deno.pid}`);
  return Promise.resolve(async (name: string) => {
    const path = `${folder}/${name}.json`;
    await acquire(lock);
    const scope = JSON.parse(Deno.readTextFileSync(path));
    scope.data.n++;
    scope.metadata.updated_at = new Date().toISOString();
    const text = JSON.stringify(scope, null, 2);
    Deno.writeTextFileSync(temporary, text, { createNew: true, mode: 0o600 });
    Deno.renameSync(temporary, path);
    lock.unlockSync();
  });
}

const increment = await counters[kind]();
const own = `warm-up-${Deno.pid}`;
const isBare = kind === "bare" || kind === "polling";
if (isBare) Deno.copyFileSync(join(folder, "counter.json"), join(folder, `${own}.json`));
for (let i = 0; i < WARM_UP; i++) await increment(own);
console.log("ready");
await Deno.stdin.read(new Uint8Array(1));
const startedAt = performance.now();
for (let i = 0; i < Number(times); i++) await increment("counter");
console.log(performance.now() - startedAt);
Deno.exit(0);
