import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { coordinate, type Coordination } from "../src/coordination/coordination.ts";
import { endSession, heal } from "../src/coordination/ending.ts";
import { Locks } from "../src/coordination/locks.ts";
import { lookIntoLapse } from "../src/coordination/returning.ts";
import { Bell } from "../src/coordinator/bell.ts";
import { DEFAULT_LIMITS, type Json } from "../src/domain/json.ts";
import { hostIdIn } from "../src/os/host_id.ts";
import { NO_LOG } from "../src/os/log.ts";
import type { SessionRecord } from "../src/roster/session_record.ts";
import { projectsIn } from "../src/roster/scopes.ts";
import { sessionLease } from "../src/roster/session_lease.ts";
import { type Tier, tierOf } from "../src/roster/standing.ts";
import { MemoryData, MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./support/assert.ts";
import { eventually } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";
import { WrappedStore } from "./support/wrapped_store.ts";

const LIFE = { folder: "/nowhere", id: "0".repeat(36), pid: 1, lease_s: 20 };

/** A store on a network, as one of its machines sees it. */
class Shared extends WrappedStore {
  override readonly place;
  /** Called before the next read of a single record. */
  meddle: (() => Promise<unknown>) | null = null;

  constructor(data: MemoryData, now: () => number, polls = false) {
    super(new MemoryStore(data, DEFAULT_LIMITS, now));
    this.place = { reach: "network", location: "somewhere", folder: null, polls } as const;
  }

  override async retrieve(scope: string, key: string) {
    const { meddle } = this;
    this.meddle = null;
    await meddle?.();
    return await super.retrieve(scope, key);
  }
}

/** Two machines that share a store, whose clock is in the test's hand: whole seconds. */
class World implements Disposable {
  readonly #temp = new TempFolder();
  readonly #data = new MemoryData();
  #ms = 1_800_000_000_000;
  readonly now = () => this.#ms;

  machine(name: string, polls = false): Coordination & { readonly store: Shared } {
    const store = new Shared(this.#data, this.now, polls);
    const machineFolder = this.#temp.join(name);
    const parts = {
      config: DEFAULT_CONFIG,
      machine: name,
      project: "p",
      baseFolder: machineFolder,
    };
    const before = Deno.env.get("XDG_STATE_HOME");
    Deno.env.set("XDG_STATE_HOME", machineFolder);
    try {
      return { ...coordinate({ store, ...parts }), store };
    } finally {
      if (before === undefined) Deno.env.delete("XDG_STATE_HOME");
      else Deno.env.set("XDG_STATE_HOME", before);
    }
  }

  pass(seconds: number): void {
    this.#ms += seconds * 1000;
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

/** Registers a session whose client is this process. */
async function start({ roster }: Coordination, session: string): Promise<void> {
  const place = { worktree: "/project", branch: null, head: null };
  await roster.register({ session, clientPid: Deno.pid, ...place });
}

/** Changes a record as it is stored. */
async function plant(
  { store, scopes }: Coordination,
  session: string,
  change: (record: SessionRecord) => Partial<SessionRecord>,
): Promise<void> {
  const { value } = (await store.retrieve(scopes.sessions, session))!;
  const record = value as unknown as SessionRecord;
  const next = { ...record, ...change(record) } as unknown as Json;
  await store.store(scopes.sessions, session, next);
}

/** Makes a session's last sign of life one of half a minute ago, as its own host sees it. */
function silence(desk: Coordination, session: string): Promise<void> {
  return plant(desk, session, ({ heartbeat }) => (
    { heartbeat: { ...heartbeat, uptime_s: heartbeat.uptime_s - 30 } }
  ));
}

Deno.test("a session with a lease is dead for another machine once its time is over, and not before", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  const seen = async () => (await b.roster.get("ada"))!;
  assertEquals((await seen()).standing, "live");
  world.pass(20);
  assertEquals([(await seen()).standing, (await seen()).quietS], ["live", 20]);
  assertEquals(await b.roster.deadAmong(["ada"]), new Set());
  world.pass(1);
  assertEquals((await seen()).standing, "dead");
  assertEquals(await b.roster.deadAmong(["ada", "nobody"]), new Set(["ada"]));
  assertEquals((await a.roster.get("ada"))!.standing, "unproven", "its own can see its client");
  await a.roster.beat("ada");
  assertEquals((await seen()).standing, "live");
});

Deno.test("a session whose server has ended alone has no lease any more after its next sign of life", async () => {
  using world = new World();
  using temp = new TempFolder();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  Deno.writeTextFileSync(temp.join(LIFE.id), ""); // locked by nobody
  await a.roster.bind("ada", { ...LIFE, folder: temp.path });
  await a.roster.beat("ada");
  world.pass(3600);
  assertEquals((await b.roster.get("ada"))!.standing, "unproven");
});

Deno.test("without a lease age proves nothing to another machine, and the store's clock tells it", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  world.pass(7200);
  const real = Date.now;
  try {
    Date.now = () => real() + 9e9; // a wall clock that is wrong
    const { standing, tier, quietS, isHere } = (await b.roster.get("ada"))!;
    assertEquals([standing, tier, quietS, isHere], ["unproven", "stale", 7200, false]);
  } finally {
    Date.now = real;
  }
});

Deno.test("the tiers follow the time after which silence counts, however short or long it is", () => {
  const DAY_S = 86_400;
  const cases: [timeoutS: number, quietS: number, tier: Tier][] = [
    [7200, 0, "active"],
    [7200, 299, "active"],
    [7200, 300, "idle"],
    [7200, 7199, "idle"],
    [7200, 7200, "stale"],
    [7200, DAY_S - 1, "stale"],
    [7200, DAY_S, "abandoned"],
    [60, 59, "active"],
    [60, 60, "stale"],
    [3 * DAY_S, 3 * DAY_S - 1, "idle"],
    [3 * DAY_S, 3 * DAY_S, "abandoned"],
  ];
  for (const [timeoutS, quietS, tier] of cases) {
    assertEquals(tierOf(quietS, timeoutS), tier, `${quietS} s of ${timeoutS}`);
  }
});

Deno.test("on one machine a session beats as configured, a little early; with a lease as that demands", () => {
  for (const reach of ["process", "machine"] as const) {
    assertEquals(sessionLease({ reach }, 300), { beatMs: 270_000, told: {} });
    assertEquals(sessionLease({ reach }, 1), { beatMs: 900, told: {} });
  }
  for (const heartbeatS of [1, 300, 86_400]) {
    const { beatMs, told } = sessionLease({ reach: "network" }, heartbeatS);
    assertEquals([beatMs, told.lease_s], [5000, 20]);
  }
});

Deno.test("an id counts as open elsewhere until the next sign of life of its session is overdue", async () => {
  const store = new MemoryStore(new MemoryData(), DEFAULT_LIMITS);
  using temp = new TempFolder();
  const config = {
    ...DEFAULT_CONFIG,
    coordination: { ...DEFAULT_CONFIG.coordination, heartbeat_interval: 600 },
  };
  const desk = coordinate({
    store,
    config,
    machine: "a",
    project: "p",
    baseFolder: temp.path,
    machineFolder: temp.path,
  });
  await start(desk, "ada");
  const seenLast = (seconds: number) => {
    const at = new Date(Date.now() - seconds * 1000).toISOString();
    const heartbeat = { at, uptime_s: 0 };
    return plant(desk, "ada", () => ({ host: "elsewhere", heartbeat, last_activity: at }));
  };
  await seenLast(590);
  await assertRejects(() => start(desk, "ada"), Error, "is already open as Session_1");
  await seenLast(670);
  await start(desk, "ada");
});

Deno.test("the projects of a store are those that have sessions, whatever paths look like one", async () => {
  using world = new World();
  const { store } = world.machine("a");
  const scopes = [":b/x:sessions", ":a/x:sessions", ":c/x:locks", "m:d/x:sessions"];
  for (const scope of [...scopes, ":e/x:file:a:sessions", ":e/x:notices:sessions"]) {
    await store.store(scope, "k", {});
  }
  assertEquals(await projectsIn(store, "sessions"), ["a/x", "b/x"]);
  assertEquals(await projectsIn(store, "locks"), ["c/x"]);
});

Deno.test("hosts of one name are told apart by what their sessions share", () => {
  using temp = new TempFolder();
  const [one, other] = [hostIdIn(temp.join("one")), hostIdIn(temp.join("other"))];
  assert(one !== other);
  assertEquals(hostIdIn(temp.join("one")), one);
  Deno.writeTextFileSync(temp.join("one", "host-id"), "torn");
  const again = hostIdIn(temp.join("one"));
  assertEquals(hostIdIn(temp.join("one")), again);
  assertEquals([...Deno.readDirSync(temp.join("one"))].length, 1);
});

Deno.test("whoever judges is late itself: a session that gave a sign meanwhile is not dead", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  world.pass(19);
  b.store.meddle = async () => {
    await a.roster.bind("ada", LIFE);
    world.pass(30); // and then it takes long until this is read
  };
  assertEquals((await b.roster.get("ada"))!.standing, "live");
});

Deno.test("whoever spoke up since it was found dead is not ended, and keeps what it has", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  await new Locks(a).acquire("deploy", { session: "ada" }, 600);
  world.pass(21);
  const seen = (await b.roster.get("ada"))!;
  assertEquals(seen.standing, "dead");
  await a.roster.bind("ada", LIFE);
  assertEquals(await endSession(b, "ada", "test", seen), false);
  assertEquals((await new Locks(b).check("deploy"))?.holder, { session: "ada" });
  assertEquals((await a.roster.get("ada"))!.record.status, "active");
});

Deno.test("what a session takes that has come back is not given back with what it had", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  await new Locks(a).acquire("deploy", { session: "ada" }, 600);
  world.pass(21);
  const seen = (await b.roster.get("ada"))!;
  // It comes back after it was marked as ended, before what it had is given back.
  const all = b.store.retrieveAll.bind(b.store);
  let isBack = false;
  b.store.retrieveAll = async (scope) => {
    if (scope === b.scopes.locks && !isBack) {
      isBack = true;
      await start(a, "ada");
      await new Locks(a).acquire("deploy", { session: "ada" }, 600);
    }
    return await all(scope);
  };
  await endSession(b, "ada", "test", seen);
  assert(isBack);
  assertEquals((await new Locks(b).check("deploy"))?.holder, { session: "ada" });
});

Deno.test("a session that was given up comes back under its name, and is told what others took", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  for (const name of ["deploy", "db", "brief"]) {
    await new Locks(a).acquire(name, { session: "ada" }, name === "brief" ? 1 : 600);
  }
  await start(b, "bob");
  world.pass(21);
  assertEquals((await heal(b)).map(({ session }) => session), ["ada"]);
  assert((await b.roster.get("ada"))!.record.given_up);
  assert((await new Locks(b).acquire("deploy", { session: "bob" }, 600)).outcome.ok);
  await start(a, "ada");
  const { record } = (await b.roster.get("ada"))!;
  assertEquals([record.alias, record.status, record.given_up], ["Session_1", "active", undefined]);
  await lookIntoLapse(a, "ada");
  await lookIntoLapse(a, "ada");
  const notices = await a.notices.take("ada");
  assertEquals(notices.map(({ kind }) => kind), ["lost"], "once");
  assertStringIncludes(notices[0].text, "the lock deploy (now held by Session_2)");
  assertStringIncludes(notices[0].text, "the lock db (free now)");
});

Deno.test("a session that was silent keeps what nobody took: who found it dead before cannot take it any more", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  await new Locks(a).acquire("deploy", { session: "ada" }, 600);
  await silence(a, "ada");
  world.pass(21);
  // Found dead just now; before the lock is taken from it, it comes back.
  const write = b.store.store.bind(b.store);
  let isBack = false;
  b.store.store = async (scope, key, value, options) => {
    if (scope === b.scopes.locks && !isBack) {
      isBack = true;
      assert((await a.roster.bind("ada", LIFE))!.lapsed);
      await lookIntoLapse(a, "ada");
    }
    return await write(scope, key, value, options);
  };
  const { outcome } = await new Locks(b).acquire("deploy", { session: "bob" }, 600);
  assert(isBack && !outcome.ok);
  assertEquals(await a.notices.take("ada"), [], "it lost nothing");
  assertEquals((await new Locks(a).check("deploy"))?.holder, { session: "ada" });
});

Deno.test("a renewal in time leaves no mark; one that is late does, until it was looked into", async () => {
  using world = new World();
  const a = world.machine("a");
  await start(a, "ada");
  await a.roster.bind("ada", LIFE);
  assertEquals((await a.roster.update("ada", () => ({ idle: true })))!.lapsed, undefined);
  await silence(a, "ada");
  assertEquals((await a.roster.update("ada", () => ({ idle: true })))!.lapsed, true);
  assertEquals(await a.roster.lookInto("ada"), true);
  assertEquals(await a.roster.lookInto("ada"), false);
  assertEquals((await a.roster.get("ada"))!.record.lapsed, undefined);
});

Deno.test("a notice from another machine rings at once where the store announces it, and costs nothing where it does not", async () => {
  using world = new World();
  const [a, b] = [world.machine("a"), world.machine("b")];
  const polling = world.machine("polling", true);
  for (const desk of [a, polling]) {
    const inbox = desk.notices.openInbox("ada");
    const bell = new Bell(desk, NO_LOG);
    bell.listenFor("ada");
    await desk.store.now();
    const send = () => b.notices.send("ada", { kind: "forced", from: "bob", text: "t" });
    const hasRung = () => Deno.readTextFileSync(inbox) !== "";
    await send();
    if (desk === a) await eventually("it has rung", hasRung);
    else assertEquals(hasRung(), false);
    await bell.stop();
    Deno.writeTextFileSync(inbox, "");
    await send();
    assertEquals(hasRung(), false, "nobody listens any more");
  }
});
