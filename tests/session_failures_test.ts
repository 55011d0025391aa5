/** What becomes of a session's instance when the store fails, or somebody else meddles with it. */

import { InstancePool } from "../src/coordinator/instances.ts";
import { Session } from "../src/coordinator/session.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import { NO_LOG } from "../src/os/log.ts";
import type { StorageAdapter } from "../src/storage/adapter.ts";
import { MemoryData, MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals, assertRejects } from "./support/assert.ts";
import { heldIn } from "./support/claim.ts";
import { eventually } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";

const CLAIMS = "laptop:ada/engine:csc:claims";
const REGISTRY = "laptop:ada/engine:instances";

/** A store of which calls can be made to fail. */
class Failing extends MemoryStore {
  fails: (method: keyof StorageAdapter, scope: string, key: string) => boolean = () => false;

  override retrieve(...args: Parameters<StorageAdapter["retrieve"]>) {
    this.#fail("retrieve", ...args);
    return super.retrieve(...args);
  }

  override store(...args: Parameters<MemoryStore["store"]>) {
    this.#fail("store", ...args);
    return super.store(...args);
  }

  #fail(method: keyof StorageAdapter, scope: string, key: string, ..._more: unknown[]): void {
    if (this.fails(method, scope, key)) throw new CoordinatorError("store_busy", "busy", "later");
  }
}

/** Sessions of one project, each with a store of its own on shared data. */
class World implements Disposable {
  readonly #temp = new TempFolder();
  readonly #data = new MemoryData();
  readonly look = new MemoryStore(this.#data);

  session(intervalMs = 50_000) {
    const store = new Failing(this.#data);
    const place = { machine: "laptop", project: "ada/engine" };
    const shared = { ...place, lifeFolder: this.#temp.join("alive"), log: NO_LOG };
    const heartbeats = { heartbeatIntervalMs: intervalMs, heartbeatTimeoutMs: 60_000 };
    const pool = new InstancePool({ ...shared, ...heartbeats, store, maxInstances: null });
    const session = new Session({ ...shared, ...heartbeats, pool, clientSession: null });
    return { store, pool, session };
  }

  claims(): Promise<string[]> {
    return heldIn(this.look, CLAIMS);
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

Deno.test("a sign-off that the store refuses keeps the instance, and can be repeated", async () => {
  using world = new World();
  const { store, session } = world.session();
  await session.signOn();
  store.fails = (method, scope) => method === "store" && scope === CLAIMS;
  await assertRejects(() => session.signOff(), CoordinatorError, "busy");
  assertEquals(session.context?.session_id, "claude_1");
  store.fails = () => false;
  assertEquals((await session.signOff()).status, "signed off");
  assertEquals(await world.claims(), []);
});

Deno.test("a list of instances that cannot be read or written stops nobody", async () => {
  using world = new World();
  const { store, session } = world.session();
  store.fails = (_method, scope) => scope === REGISTRY;
  assertEquals((await session.signOn()).session_id, "claude_1");
  assertEquals((await session.signOn("claude_3")).session_id, "claude_3");
  assertEquals(await world.claims(), ["claude_3"]);
  assertEquals((await session.signOff()).status, "signed off");
});

Deno.test("a session whose claim was removed puts it back, unless another was faster", async () => {
  using world = new World();
  const [ours, theirs] = [world.session(50), world.session()];
  await ours.session.signOn();
  await world.look.delete(CLAIMS, "claude_1");
  await eventually("the claim is back", async () => (await world.claims()).length === 1);
  assertEquals((await ours.session.require()).session_id, "claude_1");

  ours.store.fails = () => true; // its heartbeats come too late now
  await world.look.delete(CLAIMS, "claude_1");
  assertEquals((await theirs.session.signOn("claude_1")).session_id, "claude_1");
  ours.store.fails = () => false;
  await eventually("the loss is seen", () => ours.session.context === null);
  const loss = await assertRejects(() => ours.session.require(), CoordinatorError);
  assertEquals(loss.code, "identity_lost");
  await theirs.session.signOff();
});

Deno.test("no heartbeat brings a claim back after its sign-off", async () => {
  using world = new World();
  for (let round = 0; round < 20; round++) {
    const { session } = world.session(1);
    await session.signOn();
    await new Promise((resolve) => setTimeout(resolve, round % 4));
    await session.signOff();
    assertEquals(await world.claims(), [], `round ${round}`);
  }
});

Deno.test("two sign-ons of one session at the same moment claim one instance", async () => {
  using world = new World();
  const { session } = world.session();
  const contexts = await Promise.all([session.signOn(), session.signOn(), session.signOn()]);
  assertEquals(new Set(contexts.map(({ session_id }) => session_id)).size, 1);
  assertEquals((await world.claims()).length, 1);
  await session.signOff();
});

Deno.test("a name that somebody chose once is not given to those who ask for none", async () => {
  using world = new World();
  const first = world.session();
  await first.session.signOn("alpha");
  await first.session.signOff();
  const { session, pool } = world.session();
  assertEquals((await session.signOn()).session_id, "claude_1");
  assert("alpha" in (await pool.list()).instances, "it stays known");
  await session.signOff();
});

Deno.test("a move to another instance stands, also where the old one cannot be given back", async () => {
  using world = new World();
  const { store, session } = world.session();
  await session.signOn();
  store.fails = (_method, scope, key) => scope === CLAIMS && key === "claude_1";
  assertEquals((await session.signOn("claude_3")).session_id, "claude_3");
  assertEquals((await session.require()).session_id, "claude_3");
  store.fails = () => false;
  await session.signOff();
});
