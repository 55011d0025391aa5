import type { WaitOutcome } from "../../../src/lease/leases.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { grantOf, holderOf, saidBy } from "../../support/lease.ts";
import {
  asking,
  BOOK,
  type LeaseClause,
  type LeaseWorld,
  queueing,
  refOf,
} from "../../support/lease_world.ts";
import { eventually } from "../../support/project.ts";

const LEASE = refOf("k");

/** Waits until somebody is the last in the queue. */
async function joined(world: LeaseWorld, name: string): Promise<void> {
  await eventually(`${name} waits`, async () => (await world.queue("k")).at(-1) === name);
}

function said(outcome: WaitOutcome): string {
  return outcome.ok ? saidBy(outcome) : outcome.why;
}

async function notes({ store }: LeaseWorld): Promise<string[]> {
  return (await store.listKeys(BOOK)).filter((key) => key.startsWith("waits"));
}

/** `wait()` and `queue()`. */
export const WAITING: LeaseClause[] = [
  {
    name: "`wait()` gets at once what is free, and what one has",
    async check(world) {
      assertEquals(said(await world.a.wait(LEASE, asking("a"), 5_000)), "granted");
      assertEquals(said(await world.a.wait(LEASE, asking("a"), 5_000)), "extended");
      assertEquals(await notes(world), []);
    },
  },
  {
    name: "`settleWaited()` hands on what death has ended, without anybody asking for it",
    async check(world) {
      const { a, b, dead } = world;
      await a.acquire(LEASE, asking("a", 86_400));
      await b.queue(LEASE, { ...asking("b"), wait: { forS: 60, turnS: 60 } });
      await b.settleWaited();
      assertEquals(world.handed, [], "its holder lives");
      dead.add("a");
      await b.settleWaited();
      assertEquals(world.handed.map(({ key, holder }) => [key, holder]), [["k", "b"]]);
      assertEquals(await world.holder("k"), "b");
    },
  },
  {
    name: "`wait()` gets a lease when its holder gives it back",
    async check(world) {
      const { a, b } = world;
      const { token } = grantOf(await a.acquire(LEASE, asking("a")));
      const waiting = b.wait(LEASE, asking("b", 77), 20_000);
      await joined(world, "b");
      await a.release(LEASE, holderOf("a"));
      const outcome = await waiting;
      assertEquals(said(outcome), "granted");
      assert(outcome.record.token > token && !outcome.record.offered);
      assertEquals([outcome.record.ttl_s, await world.queue("k")], [77, []]);
      assertEquals(await notes(world), [], "and leaves no note behind");
    },
  },
  {
    name: "`wait()` gets a lease whose holder has died, and one whose time is over",
    async check(world) {
      const { a, b, dead, clock } = world;
      await a.acquire(LEASE, asking("a", 86_400));
      const first = b.wait(LEASE, asking("b", 10), 20_000);
      await joined(world, "b");
      dead.add("a");
      assertEquals(said(await first), "granted");
      const second = a.wait(LEASE, asking("c"), 20_000);
      await joined(world, "c");
      clock.pass(11);
      assertEquals(said(await second), "granted");
    },
  },
  {
    name: "those who wait get it in the order in which they came",
    async check(world) {
      const { a, b } = world;
      await a.acquire(LEASE, asking("a"));
      const order: string[] = [];
      const waits: Promise<void>[] = [];
      for (const [i, name] of ["b", "c", "d", "e"].entries()) {
        const leases = i % 2 ? a : b;
        waits.push((async () => {
          assertEquals(said(await leases.wait(LEASE, asking(name), 30_000)), "granted");
          order.push(name);
          await leases.release(LEASE, holderOf(name));
        })());
        await joined(world, name);
      }
      await a.release(LEASE, holderOf("a"));
      await Promise.all(waits);
      assertEquals(order, ["b", "c", "d", "e"]);
    },
  },
  {
    name: "`wait()` gives up after its time and leaves the queue",
    async check(world) {
      const { a, b } = world;
      await a.acquire(LEASE, asking("a"));
      const start = performance.now();
      const outcome = await b.wait(LEASE, asking("b"), 250);
      assertEquals(said(outcome), "timed out");
      assert(performance.now() - start >= 240, "not before");
      assertEquals([await world.holder("k"), await world.queue("k")], ["a", []]);
      assertEquals(await notes(world), []);
      await a.release(LEASE, holderOf("a"));
      assertEquals(await world.holder("k"), null, "nothing is kept for who has left");
    },
  },
  {
    name: "`wait()` for no time tries once",
    async check(world) {
      await world.a.acquire(LEASE, asking("a"));
      assertEquals(said(await world.b.wait(LEASE, asking("b"), 0)), "timed out");
      assertEquals([await world.queue("k"), await notes(world)], [[], []]);
    },
  },
  {
    name: "`wait()` that is called off leaves the queue at once",
    async check(world) {
      const { a, b } = world;
      await a.acquire(LEASE, asking("a"));
      const controller = new AbortController();
      const start = performance.now();
      const waiting = b.wait(LEASE, asking("b"), 60_000, controller.signal);
      await joined(world, "b");
      controller.abort();
      assertEquals(said(await waiting), "timed out");
      assert(performance.now() - start < 30_000);
      assertEquals([await world.holder("k"), await world.queue("k")], ["a", []]);
    },
  },
  {
    name: "a turn that comes in the last moment of a wait is taken, not lost",
    async check(world) {
      const { a, over, store } = world;
      await a.acquire(LEASE, asking("a"));
      await a.queue(LEASE, queueing("b"));
      await a.release(LEASE, holderOf("a"));
      assertEquals(await world.holder("k"), "b");
      const outcome = await over(store).wait(LEASE, asking("b", 33), 0);
      assertEquals([said(outcome), outcome.record.ttl_s], ["granted", 33]);
    },
  },
  {
    name: "`queue()` tells the place, and refuses the sixty-fifth",
    async check(world) {
      const { a, b } = world;
      await a.acquire(LEASE, asking("a"));
      for (let i = 1; i <= 64; i++) {
        const outcome = await (i % 2 ? a : b).queue(LEASE, queueing(`w${i}`));
        assert(!outcome.ok && outcome.why === "held" && outcome.place === i);
      }
      const late = await b.queue(LEASE, queueing("late"));
      assert(!late.ok && late.why === "queue full" && late.place === null);
      assertEquals(said(await b.wait(LEASE, asking("late"), 20_000)), "queue full", "at once");
    },
  },
  {
    name: "a turn is told once, to the one who has it, by the one who gave it",
    async check(world) {
      const { a, b, handed, clock } = world;
      await a.acquire(LEASE, asking("a"));
      for (const name of ["b", "c"]) await b.queue(LEASE, queueing(name, 600, 5));
      await a.release(LEASE, holderOf("a"));
      const { token } = (await world.stored("k"))!;
      assertEquals(handed, [{ key: "k", holder: "b", token }]);
      await a.act(LEASE, { op: "settle" });
      await b.inspect(LEASE);
      await b.acquire(LEASE, asking("d"));
      assertEquals(handed.length, 1);
      clock.pass(6);
      await b.inspect(LEASE);
      assertEquals(handed.length, 1, "looking hands nothing over");
      await a.act(LEASE, { op: "settle" });
      assertEquals(handed.map(({ holder }) => holder), ["b", "c"]);
      clock.pass(6);
      assertEquals(saidBy(await a.acquire(LEASE, asking("a"))), "granted");
      assertEquals(handed.length, 2);
    },
  },
  {
    name: "whoever takes its turn itself is not told of it",
    async check({ a, b, handed, clock }) {
      await a.acquire(LEASE, asking("a", 10));
      await b.queue(LEASE, queueing("b"));
      clock.pass(11);
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "granted");
      assertEquals(handed, []);
    },
  },
  {
    name: "however a grant ends, nobody dead is offered the turn",
    async check(world) {
      const { a, b, dead, clock } = world;
      const endings: ((token: number) => Promise<unknown>)[] = [
        () => a.release(LEASE, holderOf("a")),
        (token) =>
          a.act(LEASE, { op: "take over", token, reason: "", onlyEnd: true, ...asking("a") }),
        (token) =>
          b.act(LEASE, { op: "take over", token, reason: "", onlyEnd: true, ...asking("d") }),
        () => (clock.pass(11), a.act(LEASE, { op: "settle" })),
        () => (clock.pass(11), a.leaveQueue(LEASE, holderOf("a"))),
      ];
      for (const [i, end] of endings.entries()) {
        dead.delete("b");
        const { token } = grantOf(await a.acquire(LEASE, asking("a", 10)));
        await b.queue(LEASE, queueing("b", 600));
        await b.queue(LEASE, queueing("c", 600));
        dead.add("b");
        await end(token);
        assertEquals([await world.holder("k"), await world.queue("k")], ["c", []], `${i}`);
        await b.release(LEASE, holderOf("c"));
      }
    },
  },
  {
    name: "leaving the queue tells whether one was in it",
    async check(world) {
      const { a, b } = world;
      await a.acquire(LEASE, asking("a"));
      await b.queue(LEASE, queueing("b"));
      assert((await b.leaveQueue(LEASE, holderOf("b"))).ok);
      assert(!(await b.leaveQueue(LEASE, holderOf("b"))).ok);
      assertEquals([await world.queue("k"), await notes(world)], [[], []]);
    },
  },
];
