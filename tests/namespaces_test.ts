/** Process numbers mean something in one PID namespace only; here each side is told which is its own. */

import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { coordinate, type Coordination } from "../src/coordination/coordination.ts";
import { heal } from "../src/coordination/ending.ts";
import { Locks } from "../src/coordination/locks.ts";
import { readDaemon, runDaemon, stopDaemon } from "../src/coordinator/heartbeat_daemon.ts";
import { DEFAULT_LIMITS, type Json } from "../src/domain/json.ts";
import { LifeFile } from "../src/os/life_file.ts";
import { pidNamespace } from "../src/os/pid_namespace.ts";
import { isRunning } from "../src/roster/standing.ts";
import { MemoryData, MemoryStore } from "../src/storage/memory.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "./support/assert.ts";
import { PERMISSION_FLAGS } from "../src/os/self.ts";
import { run } from "./support/command.ts";
import { eventually } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";
import { WrappedStore } from "./support/wrapped_store.ts";

/** A number that no process has: the system gives none above 2^22. */
const NOBODY = 2 ** 30;
const PLACE = { worktree: "/project", branch: null, head: null };

class Shared extends WrappedStore {
  override readonly place = {
    reach: "network",
    location: "somewhere",
    folder: null,
    polls: false,
  } as const;
}

/** Containers of one host, or hosts of one name, with one store. */
class World implements Disposable {
  readonly #temp = new TempFolder();
  readonly #data = new MemoryData();
  #ms = 1_800_000_000_000;

  /** One container of the host, on a store of one machine. */
  container(namespace: string | null): Coordination {
    const store = new MemoryStore(this.#data);
    return this.#desk(store, () => namespace, this.#temp.join("host"));
  }

  /** The same for who cannot tell, or must not take the time. */
  asksNobody(): Coordination {
    const asked = () => {
      throw new Error("asked");
    };
    return this.#desk(new MemoryStore(this.#data), asked, this.#temp.join("host"));
  }

  /** A container of a host, on a store on the network. */
  far(namespace: string, host = "host"): Coordination {
    const store = new Shared(new MemoryStore(this.#data, DEFAULT_LIMITS, () => this.#ms));
    return this.#desk(store, () => namespace, this.#temp.join(host));
  }

  pass(seconds: number): void {
    this.#ms += seconds * 1000;
  }

  #desk(
    store: Coordination["store"],
    pidNamespace: () => string | null,
    machineFolder: string,
  ) {
    const parts = { config: DEFAULT_CONFIG, machine: "m", project: "p", baseFolder: machineFolder };
    return coordinate({ store, ...parts, machineFolder, pidNamespace });
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

function start({ roster }: Coordination, session: string, clientPid: number) {
  return roster.register({ ...PLACE, session, clientPid });
}

async function standing({ roster }: Coordination, session: string): Promise<string> {
  return (await roster.get(session))!.standing;
}

/** Makes a session one that a csc registered which knew of no namespaces. */
async function makeOld({ store, scopes }: Coordination, session: string): Promise<void> {
  const { value } = (await store.retrieve(scopes.sessions, session))!;
  const { pid_namespace: _, ...old } = value as Record<string, Json>;
  await store.store(scopes.sessions, session, old);
}

Deno.test("whose session a client has is told by its number, where the session's id is known", async () => {
  using world = new World();
  const here = world.container("1");
  await start(here, "ada", 7);
  const hook = world.asksNobody();
  assertEquals(await hook.roster.isNoted("ada", 7), true);
  assertEquals(await hook.roster.isNoted("ada", 17), false);
  assertEquals(await hook.roster.isNoted("bob", 7), false);
  assertThrows(() => hook.roster.sessionOf(7), Error, "asked");
  await start(world.container("2"), "bob", 7);
  assertEquals([await hook.roster.isNoted("ada", 7), await hook.roster.isNoted("bob", 7)], [
    true,
    true,
  ]);
  await start(here, "ada's next", 7);
  assertEquals(await hook.roster.isNoted("ada", 7), false, "its client has gone on");
});

Deno.test("one process number in two namespaces is two clients", async () => {
  using world = new World();
  const [one, two] = [world.container("1"), world.container("2")];
  await start(one, "one", 2);
  assertEquals(await two.roster.sessionOf(2), null);
  assertEquals((await start(two, "two", 2)).others, []);
  assertEquals([await one.roster.sessionOf(2), await two.roster.sessionOf(2)], ["one", "two"]);
  await one.roster.end("one");
  assertEquals([await one.roster.sessionOf(2), await two.roster.sessionOf(2)], [null, "two"]);
});

Deno.test("on hosts of one name as well, whose namespaces are called the same", async () => {
  using world = new World();
  const [one, two] = [world.far("1", "one"), world.far("1", "two")];
  await start(one, "one", 2);
  await start(two, "two", 2);
  assertEquals([await one.roster.sessionOf(2), await two.roster.sessionOf(2)], ["one", "two"]);
});

Deno.test("a process that is missing proves nothing in another namespace", async () => {
  using world = new World();
  const [here, there] = [world.container("1"), world.container("2")];
  await start(there, "ada", NOBODY);
  await new Locks(there).acquire("db", { session: "ada" }, 60);
  assertEquals(await standing(here, "ada"), "unproven");
  assertEquals(await heal(here), []);
  assertEquals((await new Locks(here).check("db"))?.holder, { session: "ada" });
  const { isHere, isInSight } = (await here.roster.get("ada"))!;
  assertEquals([isHere, isInSight], [true, false], "its files are those of this host");
  assertEquals(await standing(there, "ada"), "dead");
  assertEquals((await heal(there)).map(({ session }) => session), ["ada"]);
});

Deno.test("the lock on a server's file proves in every namespace", async () => {
  using world = new World();
  using temp = new TempFolder();
  const [here, there] = [world.container("1"), world.container("2")];
  const life = LifeFile.start(temp.path);
  const proof = { folder: temp.path, id: life.id, pid: 1 };
  await start(there, "served", NOBODY);
  await start(there, "server", 0);
  for (const session of ["served", "server"]) await there.roster.bind(session, proof);
  const seen = async () => [await standing(here, "served"), await standing(here, "server")];
  assertEquals(await seen(), ["live", "live"]);
  life.end();
  Deno.writeTextFileSync(temp.join(life.id), ""); // as a crash leaves it
  assertEquals(await seen(), ["unproven", "dead"], "of the first the client may go on");
});

Deno.test("a record without a namespace, or a host without them, counts as ever", async () => {
  using world = new World();
  const [here, hidden] = [world.container("1"), world.container(null)];
  await start(here, "old", NOBODY);
  await makeOld(here, "old");
  assertEquals(await standing(here, "old"), "dead");
  await start(hidden, "ada", NOBODY);
  assertEquals(await hidden.roster.sessionOf(NOBODY), "ada");
  assertEquals([await standing(hidden, "ada"), await standing(here, "ada")], ["dead", "dead"]);
  await start(here, "bob", NOBODY);
  assertEquals(await standing(hidden, "bob"), "unproven", "who cannot tell proves nothing");
});

Deno.test("a store on the network tells by the lease what another namespace cannot see", async () => {
  using world = new World();
  const [here, there] = [world.far("1"), world.far("2")];
  await start(there, "ada", Deno.pid);
  await there.roster.bind("ada", { folder: "/nowhere", id: "-", pid: 1, lease_s: 20 });
  assertEquals(await standing(here, "ada"), "live");
  world.pass(21);
  assertEquals(await standing(here, "ada"), "dead");
  assertEquals(await standing(there, "ada"), "unproven");
  await heal(here);
  assert((await there.roster.get("ada"))!.record.given_up, "so that its server brings it back");
  assertEquals(await there.roster.sessionOf(Deno.pid), "ada");
});

Deno.test("a session's id in another namespace is another process, whatever its number", async () => {
  using world = new World();
  const [here, there] = [world.container("1"), world.container("2")];
  await start(there, "ada", 2);
  const error = await assertRejects(() => start(here, "ada", 2));
  assertMatch(String(error), /already open as Session_1/);
});

Deno.test("a daemon in another namespace is stopped without a signal to whoever has its number", async () => {
  using world = new World();
  const desk = world.container(pidNamespace());
  await start(desk, "ada", Deno.pid);
  const bystander = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    const { signal } = new AbortController();
    const running = runDaemon(desk, "ada", { intervalS: 60, watchPid: null, signal });
    const daemon = await eventually("it runs", () => readDaemon(desk, "ada"));
    const folder = `${desk.machineFolder}/heartbeat`;
    const [{ name }] = Deno.readDirSync(folder);
    const elsewhere = { ...daemon, pid: bystander.pid, pid_namespace: "elsewhere" };
    Deno.writeTextFileSync(`${folder}/${name}`, JSON.stringify(elsewhere));
    assertEquals(readDaemon(desk, "ada")!.pid, bystander.pid);
    assertEquals(await stopDaemon(desk, "ada"), "stopped");
    assertEquals(await running, "stopped");
    assert(isRunning(bystander.pid));
  } finally {
    bystander.kill("SIGKILL");
    await bystander.status;
  }
});

Deno.test("a daemon does not end a session for a client that only another namespace can see", async () => {
  using world = new World();
  const [here, there] = [world.container("1"), world.container("2")];
  await start(there, "ada", NOBODY);
  const stop = new AbortController();
  const options = { intervalS: 60, watchPid: null, signal: stop.signal };
  const running = runDaemon(here, "ada", options);
  await eventually("it gave a sign, or has ended", async () => {
    const { record } = (await here.roster.get("ada"))!;
    return record.life !== null || record.status === "completed";
  });
  stop.abort();
  assertEquals(await running, "stopped");
  assertEquals((await here.roster.get("ada"))!.record.status, "active");
});

Deno.test("the namespace is told alike with all rights and with the program's own", {
  ignore: Deno.build.os !== "linux", // no other system has them
}, async () => {
  using temp = new TempFolder();
  assertMatch(pidNamespace()!, /^\d+$/);
  const module = new URL("../src/os/pid_namespace.ts", import.meta.url);
  const script = temp.join("told.ts");
  const text = `import { pidNamespace } from ${JSON.stringify(module.href)};`;
  Deno.writeTextFileSync(script, `${text}\nconsole.log(pidNamespace());`);
  const flags = PERMISSION_FLAGS;
  const env = { LD_LIBRARY_PATH: "/nowhere" }; // what a child may not inherit without all rights
  const { stdout, stderr } = await run([Deno.execPath(), "run", ...flags, script], { env });
  assertEquals([stdout.trim(), stderr], [pidNamespace(), ""]);
});
