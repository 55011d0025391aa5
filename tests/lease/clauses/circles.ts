import type { WaitOutcome } from "../../../src/lease/leases.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { holderOf, saidBy } from "../../support/lease.ts";
import {
  asking,
  type LeaseClause,
  type LeaseWorld,
  queueing,
  refOf,
} from "../../support/lease_world.ts";
import { eventually } from "../../support/project.ts";
import { WrappedStore } from "../../support/wrapped_store.ts";

function said(outcome: WaitOutcome): string {
  return outcome.ok ? saidBy(outcome) : outcome.why;
}

/** Gives each of some holders the lease of its name. */
async function eachHolds({ a, b }: LeaseWorld, names: readonly string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    await (i % 2 ? a : b).acquire(refOf(name.replace("/", "-")), asking(name, 3600));
  }
}

/** Those who would wait for each other for ever. */
export const CIRCLES: LeaseClause[] = [
  {
    name: "a circle of two is refused to the one who closes it",
    async check(world) {
      await eachHolds(world, ["a", "b"]);
      assertEquals(said(await world.a.queue(refOf("b"), queueing("a"))), "held");
      assertEquals(said(await world.b.queue(refOf("a"), queueing("b"))), "deadlock");
      assertEquals([await world.queue("a"), await world.queue("b")], [[], ["a"]]);
      await world.b.release(refOf("b"), holderOf("b"));
      assertEquals(await world.holder("b"), "a", "the other one gets what it waits for");
    },
  },
  {
    name: "a circle of three is refused to the one who closes it",
    async check(world) {
      const { a, b } = world;
      await eachHolds(world, ["a", "b", "c"]);
      assertEquals(said(await a.queue(refOf("b"), queueing("a"))), "held");
      assertEquals(said(await b.queue(refOf("c"), queueing("b"))), "held");
      assertEquals(said(await a.queue(refOf("a"), queueing("c"))), "deadlock");
      assertEquals(await Promise.all(["a", "b", "c"].map((key) => world.queue(key))), [
        ...[[], ["a"], ["b"]],
      ]);
    },
  },
  {
    name: "a chain without a circle is refused to nobody",
    async check(world) {
      const { a, b } = world;
      await eachHolds(world, ["a", "b", "c", "d"]);
      for (const [who, what] of [["a", "b"], ["b", "c"], ["c", "d"], ["e", "a"], ["f", "a"]]) {
        assertEquals(said(await (who < "c" ? a : b).queue(refOf(what), queueing(who))), "held");
      }
    },
  },
  {
    name: "a circle is found also by the second of several things one waits for",
    async check(world) {
      const { a, b } = world;
      await eachHolds(world, ["a", "b", "c"]);
      await a.queue(refOf("b"), queueing("a"));
      await a.queue(refOf("c"), queueing("a"));
      assertEquals(said(await b.queue(refOf("a"), queueing("b"))), "deadlock");
      assertEquals(said(await b.queue(refOf("a"), queueing("c"))), "deadlock");
      assertEquals([await world.queue("b"), await world.queue("c")], [["a"], ["a"]]);
    },
  },
  {
    name: "who has stopped waiting closes no circle",
    async check(world) {
      const { a, b, clock } = world;
      await eachHolds(world, ["a", "b"]);
      await a.queue(refOf("b"), queueing("a"));
      await a.leaveQueue(refOf("b"), holderOf("a"));
      assertEquals(said(await b.queue(refOf("a"), queueing("b"))), "held");
      await b.leaveQueue(refOf("a"), holderOf("b"));
      await a.queue(refOf("b"), queueing("a", 10));
      clock.pass(12); // the wait is over, the note on it is not
      assertEquals(said(await b.queue(refOf("a"), queueing("b"))), "held");
    },
  },
  {
    name: "a session that only shares a name's beginning closes no circle",
    async check(world) {
      const { a, b } = world;
      // The agent `x` of the session `a`, and a session that calls itself `a/x`.
      const odd = { session: "a/x" };
      await eachHolds(world, ["b"]);
      await a.acquire(refOf("odd"), { ...asking("b"), holder: odd, ttlS: 3600 });
      await a.queue(refOf("b"), queueing("a/x"));
      assertEquals(said(await b.queue(refOf("odd"), queueing("b"))), "held");
    },
  },
  {
    name: "siblings that wait for each other are a circle",
    async check(world) {
      await eachHolds(world, ["a/x", "a/y"]);
      assertEquals(said(await world.a.queue(refOf("a-y"), queueing("a/x"))), "held");
      assertEquals(said(await world.b.queue(refOf("a-x"), queueing("a/y"))), "deadlock");
    },
  },
  {
    name: "two that wait for each other with `wait()`: one gives way, the other gets it",
    async check(world) {
      const { a, b } = world;
      await eachHolds(world, ["a", "b"]);
      const first = a.wait(refOf("b"), asking("a"), 20_000);
      await eventually("a waits", async () => (await world.queue("b")).length === 1);
      assertEquals(said(await b.wait(refOf("a"), asking("b"), 20_000)), "deadlock");
      await b.release(refOf("b"), holderOf("b"));
      assertEquals(said(await first), "granted");
    },
  },
  {
    name: "of three that close a circle at once, one is refused and two get theirs",
    async check(world) {
      const { a, b } = world;
      const names = ["a", "b", "c"];
      await eachHolds(world, names);
      const outcomes = await Promise.all(names.map(async (name, i) => {
        const leases = i % 2 ? a : b;
        const wanted = refOf(names[(i + 1) % 3]);
        const outcome = await leases.wait(wanted, asking(name), 20_000);
        // Whoever has to give way lets go of what it has, and the others come through.
        await leases.release(refOf(name), holderOf(name));
        return said(outcome);
      }));
      assertEquals(outcomes.filter((one) => one === "granted").length, 2, `${outcomes}`);
      assertEquals(outcomes.filter((one) => one === "deadlock").length, 1, `${outcomes}`);
    },
  },
  {
    name: "who finds a circle while its own turn comes takes the turn",
    async check(world) {
      const { a, b, over, store } = world;
      await eachHolds(world, ["a", "b"]);
      await a.queue(refOf("b"), queueing("a"));
      // The holder gives way in the very moment in which the circle has been found.
      let hasFound = false;
      const leases = over(
        new class extends WrappedStore {
          override async delete(...args: Parameters<WrappedStore["delete"]>) {
            if (!hasFound) {
              hasFound = true;
              await a.release(refOf("a"), holderOf("a"));
            }
            return await this.inner.delete(...args);
          }
        }(store),
      );
      const outcome = await leases.queue(refOf("a"), queueing("b"));
      assert(hasFound);
      assertEquals([said(outcome), await world.holder("a")], ["granted", "b"]);
      assertEquals((await world.stored("a"))!.offered, false);
      await b.release(refOf("a"), holderOf("b"));
    },
  },
];
