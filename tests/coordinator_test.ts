import { ProjectData } from "../src/coordinator/data.ts";
import { InstancePool } from "../src/coordinator/instances.ts";
import { isReserved } from "../src/coordinator/names.ts";
import { Overview } from "../src/coordinator/overview.ts";
import { Session } from "../src/coordinator/session.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import type { Json } from "../src/domain/json.ts";
import { LifeFile } from "../src/os/life_file.ts";
import { type Log, NO_LOG } from "../src/os/log.ts";
import { MemoryData, MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./support/assert.ts";
import { claimOf, heldIn, oldClaimOf } from "./support/claim.ts";
import { eventually, pause } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";

const HOST = Deno.hostname();

/** A project in memory: what several servers of one machine share. */
class World implements Disposable {
  readonly memory = new MemoryData();
  readonly store = new MemoryStore(this.memory);
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
    return heldIn(this.store, "laptop:ada/engine:csc:claims");
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

const LIVE = () => ({ host: HOST, uptime_s: Deno.osUptime() });
const live = () => claimOf(LIVE());
const silent = () => claimOf({ host: HOST, uptime_s: Deno.osUptime() - 5, ttl_s: 1 });

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
  assertEquals(own.holder.session, life.id);
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
  await world.plant("claude_1", { ...planted, renewed_s: Deno.osUptime() });
  assertEquals((await refusal).code, "instance_taken");
  life.end();
});

Deno.test("a silent holder is only freed when it was silent at two looks with the same heartbeat", async () => {
  using world = new World();
  const pool = world.pool({ timeoutMs: 300, intervalMs: 20 });
  const planted = silent();
  await world.plant("claude_1", planted);
  await pool.watchOver();
  assertEquals(await world.claims(), ["claude_1"], "the first look frees nobody");
  await pause(25);
  await world.plant("claude_1", planted);
  await pool.watchOver();
  assertEquals(await world.claims(), ["claude_1"], "it beat in between");
  await pause(25);
  await pool.watchOver();
  assertEquals(await world.claims(), []);
});

Deno.test("many looks at a silent holder do not stand for an interval", async () => {
  using world = new World();
  const pool = world.pool({ timeoutMs: 300, intervalMs: 50_000 });
  await world.plant("claude_1", silent());
  for (let looks = 0; looks < 5; looks++) await pool.watchOver();
  assertEquals((await pool.list()).held.map(({ standing }) => standing), ["silent"]);
  assertEquals(await world.claims(), ["claude_1"]);
});

Deno.test("renewing answers null once another holds the instance, and then releasing leaves it alone", async () => {
  using world = new World();
  const pool = world.pool();
  const life = LifeFile.start(world.lifeFolder);
  const own = await pool.claim(life, null);
  const renewed = await pool.renew(own);
  assertEquals(renewed?.token, own.token);
  assertEquals((await pool.renew(own))?.holder.session, life.id, "a lost answer is no take-over");
  await world.plant("claude_1", live());
  assertEquals(await pool.renew(renewed!), null);
  await pool.release(renewed!);
  assertEquals(await world.claims(), ["claude_1"]);
  life.end();
});

Deno.test("a claim of an older csc is held while its holder lives, and free when it is dead", async () => {
  using world = new World();
  const [theirs, ours] = [LifeFile.start(world.lifeFolder), LifeFile.start(world.lifeFolder)];
  const pool = world.pool();
  await world.plant("claude_1", oldClaimOf({ ...LIVE(), life: theirs.id }));
  await assertRejects(() => pool.claim(ours, null, "claude_1"), CoordinatorError, "process 1 on");
  assertEquals((await pool.claim(ours, null)).instance, "claude_2");
  const path = `${world.lifeFolder}/${theirs.id}`;
  theirs.end();
  Deno.writeTextFileSync(path, "");
  assertEquals((await pool.claim(ours, null, "claude_1")).instance, "claude_1");
  assert((await pool.list()).held.every(({ token }) => token > 0), "it is a lease now");
  ours.end();
});

Deno.test("a silent claim of an older csc is freed after one more interval of silence", async () => {
  using world = new World();
  const pool = world.pool({ timeoutMs: 300, intervalMs: 20 });
  const life = LifeFile.start(world.lifeFolder);
  await world.plant("claude_1", oldClaimOf({ host: HOST, uptime_s: Deno.osUptime() - 5 }));
  await pool.watchOver();
  assertEquals(await world.claims(), ["claude_1"]);
  assertEquals((await pool.claim(life, null, "claude_1")).holder.session, life.id);
  life.end();
});

Deno.test("an older csc finds its claim in a lease that is held, renewed with it, and none in a free one", async () => {
  using world = new World();
  const [pool, life] = [world.pool(), LifeFile.start(world.lifeFolder)];
  const stored = async () => {
    const entry = await world.store.retrieve("laptop:ada/engine:csc:claims", "claude_1");
    return entry!.value as unknown as ReturnType<typeof oldClaimOf>;
  };
  const own = await pool.claim(life, "0b7e-session");
  const { heartbeat, signed_on_at, ...claim } = await stored();
  const { host, pid, client_session } = claim;
  assertEquals([claim.life, host, pid], [life.id, HOST, Deno.pid]);
  assertEquals(client_session, "0b7e-session");
  assert(!Number.isNaN(Date.parse(signed_on_at as string)));
  const beat = async () => (await stored()).heartbeat as Record<string, Json>;
  assertEquals(heartbeat, await beat());
  const { count, uptime_s, at } = await beat();
  assert(Math.abs(uptime_s as number - Deno.osUptime()) <= 1);
  assert(Math.abs(Date.parse(at as string) - Date.now()) < 2000);
  await eventually("it beats", async () => await pool.renew(own) && (await beat()).count !== count);
  await pool.release(own);
  assertEquals((await stored()).heartbeat, null);
  life.end();
});

Deno.test("who takes up a dead claim of an older csc first keeps it", async () => {
  using world = new World();
  const dead = oldClaimOf({ host: HOST, uptime_s: Deno.osUptime() + 1000 });
  await world.plant("claude_1", dead);
  const read = world.store.retrieveAll.bind(world.store);
  let isRaced = false;
  world.store.retrieveAll = async (scope) => {
    const entries = await read(scope);
    if (!isRaced) await world.plant("claude_1", oldClaimOf(LIVE()));
    isRaced = true;
    return entries;
  };
  await world.pool().watchOver();
  assertEquals(await world.claims(), ["claude_1"]);
});

Deno.test("an instance that an older csc took is lost, and given back to nobody", async () => {
  using world = new World();
  const pool = world.pool();
  const life = LifeFile.start(world.lifeFolder);
  const own = await pool.claim(life, null);
  await world.plant("claude_1", oldClaimOf(LIVE()));
  await pool.release(own);
  assertEquals(await pool.renew(own), null);
  assertEquals((await pool.list()).held[0].token, 0, "the older one's claim stands");
  life.end();
});

Deno.test("an instance that was freed in its holder's silence is still its own, unless another had it", async () => {
  using world = new World();
  const [pool, life] = [world.pool(), LifeFile.start(world.lifeFolder)];
  const own = await pool.claim(life, null);
  const lapsed = claimOf({ host: HOST, life: life.id, uptime_s: Deno.osUptime() - 90 });
  await world.plant("claude_1", { ...lapsed, token: own.token });
  const again = (await pool.renew(own))!;
  assert(again.token > own.token, "under a new token");
  await world.plant("claude_1", { ...lapsed, token: again.token });
  const other = LifeFile.start(world.lifeFolder);
  const [theirs, heir] = [world.pool(), world.pool()];
  await theirs.release(await heir.claim(other, null, "claude_1"));
  assertEquals(await pool.renew(again), null, "what another did there meanwhile has to be told");
  life.end();
  other.end();
});

Deno.test("who claims and leaves under a limit leaves no room for a sleeper's return", async () => {
  using world = new World();
  const [pool, heir] = [world.pool({ maxInstances: 1 }), world.pool({ maxInstances: 1 })];
  const lives = [LifeFile.start(world.lifeFolder), LifeFile.start(world.lifeFolder)];
  const own = await pool.claim(lives[0], null);
  await world.store.delete("laptop:ada/engine:csc:claims", "claude_1");
  await heir.claim(lives[1], null, "boss");
  assertEquals(await pool.renew(own), null);
  assertEquals(await world.claims(), ["boss"]);
  for (const life of lives) life.end();
});

Deno.test("what is long free is forgotten, and tokens go on rising", async () => {
  using world = new World();
  const [pool, life] = [world.pool(), LifeFile.start(world.lifeFolder)];
  const scope = "laptop:ada/engine:csc:claims";
  const token = Date.now() + 3_600_000;
  const anHourAgo = new MemoryStore(world.memory, undefined, () => Date.now() - 3_600_000);
  await anHourAgo.store(
    scope,
    "claude_1",
    { ...claimOf(), holder: null, token } as unknown as Json,
  );
  await pool.watchOver();
  assertEquals(await world.store.listKeys(scope), []);
  assertEquals((await pool.claim(life, null)).token, token + 1);
  life.end();
});

/** Two servers of which the first believes to hold what the second holds. */
async function succession(world: World) {
  const [pool, heirs] = [world.pool(), world.pool()];
  const lives = [LifeFile.start(world.lifeFolder), LifeFile.start(world.lifeFolder)];
  const own = await pool.claim(lives[0], null);
  const lapsed = claimOf({ host: HOST, uptime_s: Deno.osUptime() + 1000 }); // before a reboot
  await world.plant("claude_1", { ...lapsed, token: own.token });
  await heirs.claim(lives[1], null, "claude_1");
  const end = () => lives.forEach((life) => life.end());
  return { pool, own, before: world.data(pool), heir: world.data(heirs), end };
}

Deno.test("a write under an instance that is another's is refused where that one has written", async () => {
  using world = new World();
  const { pool, before, heir, end } = await succession(world);
  const scope = "session:claude_1";
  await heir.store(scope, "status", "heir's", "claude_1");
  const lost = await assertRejects(
    () => before.store(scope, "status", "late", "claude_1"),
    CoordinatorError,
    "no longer claude_1",
  );
  assertEquals([lost.code, pool.own, pool.takeLoss()], ["identity_lost", null, null], "told once");
  assertEquals((await heir.retrieve(scope, "status"))?.value, "heir's");
  end();
});

for (const what of ["delete", "deleteScope"] as const) {
  Deno.test(`a late ${what} under an instance that is another's is refused`, async () => {
    using world = new World();
    const { before, heir, end } = await succession(world);
    const scope = "session:claude_1";
    await heir.store(scope, "status", "heir's", "claude_1");
    const lost = await assertRejects(() => before[what](scope, "status"), CoordinatorError);
    assertEquals(lost.code, "identity_lost");
    assertEquals((await heir.retrieve(scope, "status"))?.value, "heir's");
    end();
  });
}

Deno.test("a write that came after a pause under an instance that is another's is told afterwards", async () => {
  using world = new World();
  const { own, before, end } = await succession(world);
  await eventually("the pause shows", () => Deno.osUptime() > own.renewedS);
  const lost = await assertRejects(
    () => before.store("session:claude_1", "status", "late", "claude_1"),
    CoordinatorError,
  );
  assertEquals(lost.code, "identity_lost");
  end();
});

Deno.test("scopes that all share are written by all in turn, and so is another's session scope", async () => {
  using world = new World();
  const pools = [world.pool(), world.pool()];
  const lives = pools.map(() => LifeFile.start(world.lifeFolder));
  const data = pools.map((pool) => world.data(pool));
  for (const [i, pool] of pools.entries()) await pool.claim(lives[i], null);
  for (const scope of ["issue:15", "session:claude_1"]) {
    for (const i of [1, 0, 1, 0]) {
      await data[i].store(scope, "k", i, `claude_${i + 1}`);
      assertEquals((await data[0].retrieve(scope, "k"))?.value, i);
    }
  }
  await data[0].store("session:claude_1", "l", 1, "claude_1");
  assertEquals(await data[0].deleteScope("session:claude_1"), true);
  assertEquals(await data[0].deleteScope("session:claude_1"), false);
  for (const life of lives) life.end();
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
