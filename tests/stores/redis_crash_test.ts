/** Redis killed under load, again and again. */

import type { CoordinatorError } from "../../src/domain/error.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runningKinds } from "../support/network_store.ts";
import { pause } from "../support/project.ts";
import { OwnRedis } from "../support/redis_client.ts";

const KILLS = 20;
const WRITERS = 4;

/** Writes without a break, each value once, until told to stop. */
class Writer {
  readonly name: string;
  /** The values whose writing was acknowledged. */
  readonly stored: number[] = [];
  /** How often counting was acknowledged, and how often it may have happened besides. */
  readonly counted = { surely: 0, perhaps: 0 };
  readonly #store: StorageAdapter;
  readonly #done: Promise<void>;
  #isEnding = false;

  constructor(name: string, store: StorageAdapter) {
    this.name = name;
    this.#store = store;
    this.#done = this.#run();
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isEnding; i++) {
      try {
        await this.#store.store("load", `${this.name}-${i}`, i);
        this.stored.push(i);
        await this.#store.increment("counts", this.name);
        this.counted.surely++;
      } catch (error) {
        const { code } = error as CoordinatorError;
        assert(code === "outcome_unknown" || code === "store_unreachable", `${error}`);
        if (code === "outcome_unknown") this.counted.perhaps++; // or the value before it
        await pause(5);
      }
    }
  }
}

if (runningKinds().includes("redis")) {
  Deno.test(`redis, killed ${KILLS} times under load: every acknowledged write is there, once`, async () => {
    await using own = await OwnRedis.start({ args: ["--appendfsync", "always"] });
    const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(`w${i}`, own.client()));
    for (let kill = 0; kill < KILLS; kill++) {
      const before = writers.map(({ counted }) => counted.surely);
      while (writers.some(({ counted }, i) => counted.surely < before[i] + 5)) await pause(5);
      await pause(Math.random() * 30);
      await own.server.kill();
      await own.server.restart();
    }
    for (const writer of writers) await writer.end();
    const reader = own.client({ timeoutMs: 20_000 });
    const found = await reader.retrieveAll("load");
    for (const { name, stored, counted } of writers) {
      for (const i of stored) assertEquals(found.get(`${name}-${i}`)?.value, i, `${name}-${i}`);
      const count = (await reader.retrieve("counts", name))?.value as number;
      const { surely, perhaps } = counted;
      assert(count >= surely && count <= surely + perhaps, `${count}: ${surely} + ${perhaps}`);
    }
    assertEquals(await reader.listKeys("load"), [...found.keys()], "no index without its entry");
  });
}
