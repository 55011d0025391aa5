import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { coordinate, type Coordination } from "../src/coordination/coordination.ts";
import { endSession } from "../src/coordination/ending.ts";
import { Locks } from "../src/coordination/locks.ts";
import { Reservations, type ReserveOptions } from "../src/coordination/reservations.ts";
import type { Json } from "../src/domain/json.ts";
import { readLease } from "../src/lease/record.ts";
import type { StorageAdapter, StoreOptions } from "../src/storage/adapter.ts";
import { MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";
import { WrappedStore } from "./support/wrapped_store.ts";

const FILE = { tree: "/project", path: "a.txt" };
const OPTIONS: ReserveOptions = { ttlS: 3600, purpose: "", before: null, tool: "Write" };
const IN_LINE: ReserveOptions = { ...OPTIONS, wait: { forS: 1800, turnS: 120 } };

/** A store beside whose writes something else may happen, and a folder for what is not in it. */
class Meddled extends WrappedStore {
  override readonly place: StorageAdapter["place"];
  /** Called once, before the first write of a lease. */
  meddle: (() => Promise<unknown>) | null = null;

  constructor(folder: string) {
    const memory = new MemoryStore();
    super(memory);
    this.place = { ...memory.place, folder };
  }

  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const { meddle } = this;
    if (meddle && scope.includes(":file:")) {
      this.meddle = null;
      await meddle();
    }
    return await super.store(scope, key, value, options);
  }
}

/** A project with these sessions, none of which has a process that could be gone. */
async function projectWith(
  folder: string,
  ...sessions: string[]
): Promise<{ desk: Coordination; store: Meddled }> {
  const store = new Meddled(folder);
  const parts = { config: DEFAULT_CONFIG, machine: "here", project: "p", baseFolder: folder };
  const desk = coordinate({ store, ...parts });
  for (const session of sessions) {
    await desk.roster.register({
      session,
      clientPid: 0,
      worktree: FILE.tree,
      branch: null,
      head: null,
    });
  }
  return { desk, store };
}

/** Who has the file as it is stored: not who has it once time and death are taken into account. */
async function storedHolder({ store }: Coordination, reservations: Reservations) {
  const { scope, key } = reservations.refOf(FILE);
  const entry = await store.retrieve(scope, key);
  assert(entry);
  return readLease(entry.value, key).holder?.session ?? null;
}

Deno.test("the end of a session hands what it held to whoever waits, and tells them", async () => {
  using temp = new TempFolder();
  const { desk } = await projectWith(temp.path, "ada", "bob");
  const reservations = new Reservations(desk);
  const locks = new Locks(desk);
  await reservations.reserve(FILE, { session: "ada" }, OPTIONS);
  await reservations.reserve(FILE, { session: "bob" }, IN_LINE);
  await locks.acquire("issue:1", { session: "ada" }, 600);
  await endSession(desk, "ada", "test");
  assertEquals(await storedHolder(desk, reservations), "bob");
  const [entry] = (await desk.store.retrieveAll(desk.scopes.locks)).values();
  assertEquals(readLease(entry.value, "issue:1").holder, null);
  const notices = await desk.notices.take("bob");
  assertEquals(notices.map(({ kind }) => kind), ["turn"]);
});

Deno.test("what a sub-agent borrowed is free too when its session ends", async () => {
  using temp = new TempFolder();
  const { desk } = await projectWith(temp.path, "ada");
  const reservations = new Reservations(desk);
  await reservations.reserve(FILE, { session: "ada" }, OPTIONS);
  await reservations.used(FILE, { session: "ada" });
  const { ok } = await reservations.reserve(FILE, { session: "ada", agent: "x" }, OPTIONS);
  assert(ok, "it waits for its sub-agent");
  await endSession(desk, "ada", "test");
  assertEquals(await storedHolder(desk, reservations), null);
});

Deno.test("of two that end at once, neither is left with what the other hands over", async () => {
  using temp = new TempFolder();
  const { desk, store } = await projectWith(temp.path, "ada", "bob", "eve");
  const reservations = new Reservations(desk);
  await reservations.reserve(FILE, { session: "ada" }, OPTIONS);
  for (const session of ["bob", "eve"]) await reservations.reserve(FILE, { session }, IN_LINE);
  store.meddle = () => endSession(desk, "bob", "test"); // after it was found to be next
  await endSession(desk, "ada", "test");
  assertEquals(await storedHolder(desk, reservations), "eve");
  assertEquals((await desk.notices.take("eve")).map(({ kind }) => kind), ["turn"]);
  assertEquals(await desk.notices.countUnseen("bob"), 0);
});

Deno.test("a sub-agent is told of its own turn, and its session is not", async () => {
  using temp = new TempFolder();
  const { desk } = await projectWith(temp.path, "ada", "bob");
  const reservations = new Reservations(desk);
  await reservations.reserve(FILE, { session: "ada" }, OPTIONS);
  await reservations.reserve(FILE, { session: "bob", agent: "x" }, IN_LINE);
  await endSession(desk, "ada", "test");
  assertEquals(await desk.notices.take("bob"), []);
  assertEquals((await desk.notices.take("bob", "x")).map(({ kind }) => kind), ["turn"]);
});
