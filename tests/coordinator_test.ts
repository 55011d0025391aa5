import { ProjectData } from "../src/coordinator/data.ts";
import { InstancePool } from "../src/coordinator/instances.ts";
import { isReserved } from "../src/coordinator/names.ts";
import { Overview } from "../src/coordinator/overview.ts";
import { Session } from "../src/coordinator/session.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import type { Json } from "../src/domain/json.ts";
import { LifeFile } from "../src/os/life_file.ts";
import { type Log, NO_LOG } from "../src/os/log.ts";
import { MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./support/assert.ts";
import { claimOf } from "./support/claim.ts";
import { eventually, pause } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";

const HOST = Deno.hostname();

/** A project in memory: what several servers of one machine share. */
class World implements Disposable {
  readonly store = new MemoryStore();
  readonly #temp = new TempFolder();
  readonly lifeFolder = this.#temp.join("alive");
  readonly warnings: string[] = [];

  pool(options: { maxInstances?: number | null; intervalMs?: number; timeoutMs?: number } = {}) {
    const log: Log = { ...NO_LOG, warn: (event) => this.warnings.push(event) };
    return new InstancePool({
      store: this.store,
      machine: "laptop",
      project: "ada/engine",
      lifeFolder: this.lifeFolder,
      maxInstances: options.maxInstances ?? null,
      heartbeatIntervalMs: options.intervalMs ?? 50,
      heartbeatTimeoutMs: options.timeoutMs ?? 60_000,
      log,
    });
  }

  session(pool = this.pool(), heartbeatIntervalMs = 50_000): Session {
    return new Session({
      pool,
      machine: "laptop",
      project: "ada/engine",
      lifeFolder: this.lifeFolder,
      heartbeatIntervalMs,
      clientSession: null,
      log: NO_LOG,
    });
  }

  data(pool = this.pool()): ProjectData {
    return new ProjectData(this.store, "laptop", "ada/engine", pool);
  }

  /** Puts a claim into the store whose holder nobody can see. */
  async plant(instance: string, claim: object): Promise<void> {
    await this.store.store("laptop:ada/engine:csc:claims", instance, claim as Json);
  }

  claims(): Promise<string[]> {
    return this.store.listKeys("laptop:ada/engine:csc:claims");
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

const live = () => claimOf({ host: HOST, uptime_s: Deno.osUptime() });
const silent = () => claimOf({ host: HOST, uptime_s: Deno.osUptime() - 5 });

Deno.test("a fresh pool has four instances and grows with each claim beyond", async () => {
  using world = new World();
  const pool = world.pool();
  assertEquals(Object.keys((await pool.list()).instances).length, 4);
  for (let i = 1; i <= 10; i++) await world.plant(`claude_${i}`, live());
  const { instances, firstAvailable, held } = await pool.list();
  assertEquals(Object.keys(instances), Array.from({ length: 11 }, (_, i) => `claude_${i + 1}`));
  assertEquals([firstAvailable, held.length], ["claude_11", 10]);
});

Deno.test("the limit also bounds what a pool shows as available", async () => {
  using world = new World();
  assertEquals(Object.keys((await world.pool({ maxInstances: 2 }).list()).instances).length, 2);
  await world.plant("claude_3", live());
  const { instances } = await world.pool({ maxInstances: 2 }).list();
  assertEquals(instances, { claude_1: "available", claude_3: "taken" });
});

Deno.test("many claims at once under a limit end with exactly so many holders", async () => {
  using world = new World();
  const pool = world.pool({ maxInstances: 3 });
  const lives = Array.from({ length: 8 }, () => LifeFile.start(world.lifeFolder));
  const outcomes = await Promise.allSettled(lives.map((life) => pool.claim(life, null)));
  const won = outcomes.filter(({ status }) => status === "fulfilled");
  assertEquals(won.length, 3);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assertEquals(outcome.reason.code, "all_taken");
  }
  assertEquals((await world.claims()).length, 3);
  for (const life of lives) life.end();
});

Deno.test("listing frees what a dead holder left, and publishes it", async () => {
  using world = new World();
  const pool = world.pool();
  const dead = claimOf({ host: HOST, uptime_s: Deno.osUptime() + 1000 });
  await world.plant("claude_2", dead);
  assertEquals((await pool.list()).instances.claude_2, "available");
  assertEquals(await world.claims(), []);
});

Deno.test("a life that ended is dead at once, whatever its heartbeat says", async () => {
  using world = new World();
  const pool = world.pool();
  const life = LifeFile.start(world.lifeFolder);
  await pool.claim(life, null);
  assertEquals((await pool.list()).instances.claude_1, "taken");
  // As the system does when it ends a process: the lock is free, the file is still there.
  const path = `${world.lifeFolder}/${life.id}`;
  life.end();
  Deno.writeTextFileSync(path, "");
  assertEquals((await pool.list()).instances.claude_1, "available");
  assertEquals([...Deno.readDirSync(world.lifeFolder)], [], "the dead are buried");
});

Deno.test("a silent holder that stays silent for one more interval is replaced", async () => {
  using world = new World();
  const pool = world.pool({ timeoutMs: 300 });
  await world.plant("claude_1", silent());
  const life = LifeFile.start(world.lifeFolder);
  const own = await pool.claim(life, null, "claude_1");
  assertEquals(own.claim.life, life.id);
  assert(world.warnings.some((event) => event.includes("taken over from a silent server")));
  life.end();
});

Deno.test("a silent holder that speaks up within that interval keeps its instance", async () => {
  using world = new World();
  const pool = world.pool({ timeoutMs: 300, intervalMs: 300 });
  const planted = silent();
  await world.plant("claude_1", planted);
  const life = LifeFile.start(world.lifeFolder);
  const refusal = assertRejects(() => pool.claim(life, null, "claude_1"), CoordinatorError);
  await pause(50);
  const heartbeat = { ...planted.heartbeat, count: 2, uptime_s: Deno.osUptime() };
  await world.plant("claude_1", { ...planted, heartbeat });
  assertEquals((await refusal).code, "instance_taken");
  life.end();
});

Deno.test("a silent holder is only freed when it was silent at two looks with the same heartbeat", async () => {
  using world = new World();
  const pool = world.pool({ timeoutMs: 300 });
  const planted = silent();
  await world.plant("claude_1", planted);
  await pool.watchOver();
  assertEquals(await world.claims(), ["claude_1"], "the first look frees nobody");
  await world.plant("claude_1", { ...planted, heartbeat: { ...planted.heartbeat, count: 2 } });
  await pool.watchOver();
  assertEquals(await world.claims(), ["claude_1"], "it beat in between");
  await pool.watchOver();
  assertEquals(await world.claims(), []);
});

Deno.test("renewing answers null once another holds the instance, and then releasing leaves it alone", async () => {
  using world = new World();
  const pool = world.pool();
  const life = LifeFile.start(world.lifeFolder);
  const own = await pool.claim(life, null);
  const renewed = await pool.renew(own);
  assertEquals(renewed?.claim.heartbeat.count, 2);
  assertEquals((await pool.renew(own))?.claim.life, life.id, "a lost answer is no take-over");
  await world.plant("claude_1", live());
  assertEquals(await pool.renew(renewed!), null);
  await pool.release(renewed!);
  assertEquals(await world.claims(), ["claude_1"]);
  life.end();
});

const BAD_NAMES = ["", " ", "a b", "../x", "-x", ".x", "a".repeat(65), "claude:1", "ä", "a\n"];
Deno.test("names that are no instance's are refused", async () => {
  using world = new World();
  const life = LifeFile.start(world.lifeFolder);
  for (const name of BAD_NAMES) {
    const error = await assertRejects(
      () => world.pool().claim(life, null, name),
      CoordinatorError,
      "cannot be the name of an instance",
    );
    assertEquals(error.code, "invalid_argument");
  }
  assertEquals(await world.claims(), []);
  life.end();
});

Deno.test("a session moves by claiming the new instance first, and keeps the old one where that fails", async () => {
  using world = new World();
  const session = world.session();
  assertEquals((await session.signOn()).session_id, "claude_1");
  await world.plant("claude_3", live());
  await assertRejects(() => session.signOn("claude_3"), CoordinatorError, "Cannot claim claude_3");
  assertEquals(session.context?.session_id, "claude_1");
  assertEquals((await session.signOn("claude_2")).session_id, "claude_2");
  assertEquals(await world.claims(), ["claude_2", "claude_3"]);
  assertEquals((await session.signOff()).status, "signed off");
  assertEquals(await session.signOff(), { status: "no active session" });
  assertEquals([...Deno.readDirSync(world.lifeFolder)], []);
});

Deno.test("a sign-on that fails leaves no life behind", async () => {
  using world = new World();
  await world.plant("claude_1", live());
  const session = world.session(world.pool({ maxInstances: 1 }));
  await assertRejects(() => session.signOn(), CoordinatorError, "All instances");
  assertEquals([...Deno.readDirSync(world.lifeFolder)], []);
});

Deno.test("a session whose instance was taken over finds out by its heartbeat, and says it once", async () => {
  using world = new World();
  const session = world.session(world.pool(), 20);
  await session.signOn();
  await world.plant("claude_1", live());
  await eventually("it notices", () => session.context === null);
  const loss = await assertRejects(() => session.require(), CoordinatorError);
  assertEquals(loss.code, "identity_lost");
  assertStringIncludes(loss.hint, "sign_on()");
  const next = await assertRejects(() => session.require(), CoordinatorError);
  assertEquals([next.code, next.message], ["not_signed_on", "Must call sign_on() first"]);
});

Deno.test("the coordinator's scopes are its own, and no others", () => {
  const own = ["instances", "csc", "csc:claims", "csc:x:y"];
  const free = ["instances:x", "cscx", "x:csc", "session:claude_1", "instance", "CSC:claims"];
  for (const scope of own) assert(isReserved(scope), scope);
  for (const scope of free) assert(!isReserved(scope), scope);
});

Deno.test("project data carries author and time, and a glob in the prefix means itself", async () => {
  using world = new World();
  const odd = new ProjectData(world.store, "lap*", "a[b]/c", world.pool());
  await odd.store("x:y", "k", [1], "ada");
  await world.data().store("x:y", "k", 2, "bob");
  const { value, author, storedAt } = (await odd.retrieve("x:y", "k"))!;
  assertEquals([value, author], [[1], "ada"]);
  assert(!Number.isNaN(Date.parse(storedAt!)));
  assertEquals(await odd.listScopes(), ["x:y"]);
  assertEquals(await world.data().listScopes("x:?"), ["x:y"]);
  assertEquals(await world.data().retrieve("x:y", "k", "lap*"), null, "another project's");
  assertEquals(await odd.deleteScope("x:y"), true);
  assertEquals(await world.data().listKeys("x:y"), ["k"]);
});

Deno.test("the registry of another machine is the one it published", async () => {
  using world = new World();
  await world.store.store("desktop:ada/engine:instances", "registry", { claude_9: "taken" });
  const stored = await world.data().retrieve("instances", "registry", "desktop");
  assertEquals(stored?.value, { claude_9: "taken" });
  const own = await world.data().retrieve("instances", "registry");
  assertEquals(Object.keys(own?.value as object).length, 4);
});

const TODOS: [value: Json, incomplete: number, count: number][] = [
  [null, 0, 0],
  ["text", 0, 0],
  [{ task: "a" }, 0, 0],
  [[], 0, 0],
  [["a", 5, null], 3, 3],
  [[{ status: "completed" }, { status: "Completed" }, {}], 2, 3],
];
Deno.test("todos are counted whatever a session stored there", async () => {
  using world = new World();
  const pool = world.pool();
  const data = world.data(pool);
  const overview = new Overview({ machine: "laptop", project: "ada/engine" }, pool, data, null);
  for (const [value, incomplete, count] of TODOS) {
    await data.store("session:claude_1", "todos", value, "claude_1");
    const found = await overview.incompleteTodos("claude_1");
    assertEquals(found.todos.length, incomplete, JSON.stringify(value));
    assertEquals((await overview.context()).active_sessions[0].todo_count, count);
  }
  assertEquals(await overview.state("claude_2"), {
    error: "Session not found or not active",
  });
});
