import fc from "fast-check";
import { hasExpired, type LeaseRecord, type Moment } from "../../src/lease/record.ts";
import { MemoryStore } from "../../src/storage/memory.ts";
import { type HostTimes, ServerClock, serverNow } from "../../src/storage/server_clock.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { acquisition, grantOf, OneLease, SOUND } from "../support/lease.ts";
import { WrappedStore } from "../support/wrapped_store.ts";

/** What befalls a host and its way to the server, in milliseconds. */
type Event =
  | { readonly kind: "passes"; readonly ms: number }
  | { readonly kind: "asks"; readonly thereMs: number; readonly backMs: number }
  /** It sleeps: one of its clocks stands still. */
  | { readonly kind: "sleeps"; readonly ms: number }
  | { readonly kind: "is set"; readonly byMs: number };

const EVENTS = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("passes" as const), ms: fc.nat(1500) }),
    fc.record({
      kind: fc.constant("asks" as const),
      thereMs: fc.nat(200),
      backMs: fc.nat(200),
    }),
    fc.record({ kind: fc.constant("sleeps" as const), ms: fc.integer({ min: 21, max: 9e6 }) }),
    fc.record({
      kind: fc.constant("is set" as const),
      // Not by what a short sleep takes back: then nothing would tell of either.
      byMs: fc.integer({ min: -100, max: 100 }).filter((n) => n !== 0).map((n) => n * 30_000),
    }),
  ),
  { maxLength: 30 },
);

/** One host, one server, and what the host knows of the server's clock. */
class World {
  readonly clock: ServerClock;
  serverMs = 1_800_000_000_000.5;
  #steadyMs = 5000;
  #wallMs = 1_700_000_000_000;
  #sleptMs = 0;

  constructor(Clock: typeof ServerClock = ServerClock) {
    this.clock = new Clock();
  }

  get times(): HostTimes {
    const uptimeS = Math.floor((this.#steadyMs + this.#sleptMs) / 1000);
    return { steadyMs: this.#steadyMs, wallMs: this.#wallMs, uptimeS };
  }

  befall(event: Event): void {
    switch (event.kind) {
      case "passes":
        return this.#pass(event.ms);
      case "asks": {
        const sentAt = this.times;
        this.#pass(event.thereMs);
        const answer = this.serverMs;
        this.#pass(event.backMs);
        return this.clock.observe(answer, sentAt, this.times);
      }
      case "sleeps":
        this.serverMs += event.ms;
        this.#wallMs += event.ms;
        this.#sleptMs += event.ms;
        return;
      case "is set":
        this.#wallMs += event.byMs;
    }
  }

  #pass(ms: number): void {
    this.serverMs += ms;
    this.#steadyMs += ms;
    this.#wallMs += ms;
  }
}

/** Lets things befall hosts, and looks whether what they are told is true; answers how often they were. */
function checkTold(Clock: typeof ServerClock): number {
  let told = 0;
  const property = fc.property(EVENTS, (events) => {
    const world = new World(Clock);
    for (const event of events) {
      world.befall(event);
      const known = world.clock.read(world.times);
      if (known === null) continue;
      told++;
      const behindMs = world.serverMs - known.ms;
      assert(behindMs >= 0 && behindMs <= known.boundMs, `${behindMs} of ${known.boundMs}`);
      assert(known.boundMs <= 250);
    }
  });
  fc.assert(property, { seed: 20260101, numRuns: 5000 });
  return told;
}

Deno.test("what is told of a server's clock is never ahead of it, and behind by no more than it says", () => {
  const told = checkTold(ServerClock);
  assert(told > 5000, `${told}`);
});

/** Clocks that are wrong. */
const BROKEN: Readonly<Record<string, typeof ServerClock>> = {
  "counts from when it asked": class extends ServerClock {
    override observe(serverMs: number, sentAt: HostTimes) {
      super.observe(serverMs, sentAt, sentAt);
    }
  },
  "takes an answer for fresh however long it was on its way": class extends ServerClock {
    override observe(serverMs: number, _sentAt: HostTimes, receivedAt: HostTimes) {
      super.observe(serverMs, receivedAt, receivedAt);
    }
  },
  "does not notice that the host slept": class extends ServerClock {
    #at: HostTimes | null = null;
    override observe(serverMs: number, sentAt: HostTimes, receivedAt: HostTimes) {
      this.#at = receivedAt;
      super.observe(serverMs, sentAt, receivedAt);
    }
    override read({ steadyMs }: HostTimes) {
      if (this.#at === null) return null;
      const passedMs = steadyMs - this.#at.steadyMs;
      const wallMs = this.#at.wallMs + passedMs;
      return super.read({ steadyMs, wallMs, uptimeS: this.#at.uptimeS + passedMs / 1000 });
    }
  },
};

for (const [does, Clock] of Object.entries(BROKEN)) {
  Deno.test(`the suite catches a clock that ${does}`, () => {
    let isCaught = false;
    try {
      checkTold(Clock);
    } catch {
      isCaught = true;
    }
    assert(isCaught);
  });
}

Deno.test("two that go by what they are told never both believe in a lease", () => {
  const delays = fc.record({ thereMs: fc.nat(100), backMs: fc.nat(100) });
  const schedule = fc.array(fc.record({ who: fc.nat(1), waitMs: fc.nat(1200), delays }), {
    minLength: 4,
    maxLength: 20,
  });
  let takeOvers = 0;
  const property = fc.property(schedule, (steps) => {
    const lease = new OneLease(SOUND);
    lease.clock = "store";
    const world = new World();
    /** Each host asks for itself; both see the same server. */
    const clocks = [new ServerClock(), new ServerClock()];
    const held: { who: number; record: LeaseRecord }[] = [];
    for (const { who, waitMs, delays } of steps) {
      world.befall({ kind: "passes", ms: waitMs });
      const moments = clocks.map((clock) => momentOf(clock, world, delays));
      Object.assign(lease, { s: moments[who].s, wallMs: moments[who].wallMs });
      const before = held.at(-1);
      const outcome = lease.ask(acquisition(`host ${who}`, 2));
      if (!outcome.ok) continue;
      if (before && before.who !== who) {
        takeOvers++;
        assert(!believes(before.record, moments[before.who]), "the other one believes in it still");
      }
      held.push({ who, record: grantOf(outcome) });
    }
  });
  fc.assert(property, { seed: 20260102, numRuns: 3000 });
  assert(takeOvers > 500, `${takeOvers}`);
});

/** The moment as a host knows it; it asks where it has to. */
function momentOf(
  clock: ServerClock,
  world: World,
  { thereMs, backMs }: { thereMs: number; backMs: number },
): Moment {
  let known = clock.read(world.times);
  if (known === null) {
    const sentAt = world.times;
    world.befall({ kind: "passes", ms: thereMs });
    const answer = world.serverMs;
    world.befall({ kind: "passes", ms: backMs });
    clock.observe(answer, sentAt, world.times);
    known = clock.read(world.times) ?? { ms: answer, boundMs: 0 };
  }
  const wallMs = Math.floor(known.ms);
  return { clock: "store", s: Math.floor(wallMs / 1000), wallMs };
}

/** Whether a holder that goes by its own look at the clock counts on its lease. */
function believes(record: LeaseRecord, moment: Moment): boolean {
  return !hasExpired(record, moment) && moment.s < record.renewed_s + record.ttl_s;
}

Deno.test("after some time, a long way, a sleep or a set clock the server is asked again", () => {
  const at = (steadyMs: number, wallMs = steadyMs, uptimeS = Math.floor(steadyMs / 1000)) => (
    { steadyMs, wallMs, uptimeS }
  );
  const clock = new ServerClock();
  assertEquals(clock.read(at(0)), null, "it was never asked");
  clock.observe(5000.5, at(100), at(110));
  assertEquals(clock.read(at(110)), { ms: 5000.5, boundMs: 10 });
  assertEquals(clock.read(at(1110)), { ms: 6000.5, boundMs: 10 });
  assertEquals(clock.read(at(2111)), null, "too long ago");
  assertEquals(clock.read(at(210, 3_600_210)), null, "it slept, or was set forward");
  assertEquals(clock.read(at(210, 100)), null, "it was set back");
  assertEquals(
    clock.read(at(210, 210, 3600)),
    null,
    "it slept, and its clock was set back by that",
  );
  assertEquals(clock.read(at(109)), null);
  clock.observe(5000.5, at(100), at(351));
  assertEquals(clock.read(at(351)), null, "the answer was too long on its way");
  clock.observe(5000.5, at(100), at(110, 200));
  assertEquals(clock.read(at(110, 200)), null, "it slept while it waited");
  clock.observe(5000, at(100), at(110));
  assertEquals(clock.read(at(110)), null, "a clock of whole seconds is not known well enough");
});

Deno.test("a store is asked for its time once, and again where this host's clocks disagree", async () => {
  const real = Date.now;
  const store = new class extends WrappedStore {
    asked = 0;
    override now() {
      this.asked++;
      return Promise.resolve(1_234_567_890_123.25);
    }
  }(new MemoryStore());
  const first = await serverNow(store);
  const second = await serverNow(store);
  assertEquals([first, store.asked], [1_234_567_890_123.25, 1]);
  assert(second >= first && second < first + 2000);
  try {
    Date.now = () => real() + 60_000;
    await serverNow(store);
    await serverNow(store);
    assertEquals(store.asked, 2);
  } finally {
    Date.now = real;
  }
});
