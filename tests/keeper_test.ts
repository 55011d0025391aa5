/** Locks that are held while something goes on, and stores that fail meanwhile. */

import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { coordinate, type Coordination } from "../src/coordination/coordination.ts";
import { Keeper, type Loss } from "../src/coordination/keeper.ts";
import { Locks } from "../src/coordination/locks.ts";
import type { Json } from "../src/domain/json.ts";
import type { StorageAdapter, StoreOptions } from "../src/storage/adapter.ts";
import { MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { eventually } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";
import { WrappedStore } from "./support/wrapped_store.ts";

const HOLDER = { session: "me" };

/** A store that can be away, and counts how often somebody wrote a lock. */
class Failing extends WrappedStore {
  override readonly place: StorageAdapter["place"];
  isAway = false;
  writes = 0;

  constructor(folder: string) {
    const memory = new MemoryStore();
    super(memory);
    this.place = { ...memory.place, folder };
  }

  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    if (this.isAway) throw new Error("the store is away");
    if (scope.endsWith(":locks")) this.writes++;
    return await super.store(scope, key, value, options);
  }

  override async retrieve(scope: string, key: string) {
    if (this.isAway) throw new Error("the store is away");
    return await super.retrieve(scope, key);
  }
}

interface Scene {
  readonly store: Failing;
  readonly desk: Coordination;
  readonly locks: Locks;
  readonly keeper: Keeper;
  readonly lost: Loss[];
}

/** Runs a test with a lock that is kept. */
async function keeping(
  ttlS: number,
  isOwn: boolean,
  test: (scene: Scene) => Promise<void>,
): Promise<void> {
  using temp = new TempFolder();
  const store = new Failing(temp.path);
  const project = { machine: "m", project: "p", baseFolder: temp.path };
  const desk = coordinate({ store, config: DEFAULT_CONFIG, ...project });
  const locks = new Locks(desk);
  const lost: Loss[] = [];
  const keeper = new Keeper(desk, (loss) => lost.push(loss));
  const askedAt = performance.now();
  const { outcome } = await locks.acquire("a", HOLDER, ttlS);
  const { token } = outcome.record;
  keeper.keep({ name: "a", holder: HOLDER, token, ttlS, isOwn }, askedAt);
  try {
    await test({ store, desk, locks, keeper, lost });
  } finally {
    store.isAway = false;
    await keeper.end();
  }
}

Deno.test("a lock is extended again and again, and given back in the end", async () => {
  await keeping(2, true, async ({ store, locks, keeper, lost }) => {
    await eventually("it was extended three times", () => store.writes >= 4);
    assert(await locks.check("a"));
    await keeper.end();
    assertEquals([await locks.check("a"), lost], [null, []]);
  });
});

Deno.test("a lock that was held before is left to its holder", async () => {
  await keeping(60, false, async ({ locks, keeper }) => {
    await keeper.end();
    assertEquals((await locks.check("a"))?.holder, HOLDER);
  });
});

Deno.test("a store that is away for a moment costs nothing", async () => {
  await keeping(4, true, async ({ store, locks, lost }) => {
    store.isAway = true;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    store.isAway = false;
    const before = store.writes;
    await eventually("it is extended again", () => store.writes > before);
    assertEquals([(await locks.check("a"))?.holder, lost], [HOLDER, []]);
  });
});

Deno.test("a store that is away for longer than the lock lasts has lost it", async () => {
  await keeping(1, true, async ({ store, lost }) => {
    store.isAway = true;
    await eventually("it is told", () => lost.length > 0);
    assertEquals(lost.map(({ lock, why }) => [lock.name, why]), [["a", "unreachable"]]);
  });
});

Deno.test("a lock that somebody took is told once, and not given back for them", async () => {
  await keeping(2, true, async ({ locks, keeper, lost }) => {
    await locks.force("a", { session: "a person" }, "a fire");
    await locks.acquire("a", { session: "other" }, 60);
    await eventually("it is told", () => lost.length > 0);
    await keeper.end();
    const [{ record, why }] = lost;
    assertEquals([lost.length, record?.holder?.session], [1, "other"]);
    assert(why === "taken over" || why === "not owner", why);
    assertEquals((await locks.check("a"))?.holder.session, "other");
  });
});
