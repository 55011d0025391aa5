import { assert, assertEquals } from "../../support/assert.ts";
import { type Check, grantOf, nameOf, OneLease, saidBy } from "../../support/lease.ts";

/** Who waits, and whose turn it is. */
export const QUEUE: Check[] = [
  {
    name: "the queue is first in, first out",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      const places = ["b", "c", "d"].map((name) => {
        const outcome = lease.wait(name);
        return outcome.ok ? 0 : outcome.place;
      });
      assertEquals(places, [1, 2, 3]);
      for (const [name, next] of [["a", "b"], ["b", "c"], ["c", "d"]]) {
        const { handedTo } = (lease.release(name), lease.step!);
        assertEquals([nameOf(handedTo!.holder), lease.holder], [next, next]);
        assertEquals(saidBy(lease.acquire(next)), "granted");
      }
      lease.release("d");
      assertEquals([lease.holder, lease.queue], [null, []]);
    },
  },
  {
    name: "asking again keeps one's place and prolongs the wait",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 1000);
      lease.wait("b", 10);
      lease.pass(1).wait("c", 10);
      const { since } = lease.record!.waiters[0];
      lease.pass(8);
      const again = lease.wait("b", 10);
      assert(!again.ok && again.place === 1);
      assertEquals(lease.queue, ["b", "c"]);
      assertEquals(lease.record!.waiters[0].since, since);
      lease.pass(9).settle();
      assertEquals(lease.queue, ["b"], "`c` did not ask again");
    },
  },
  {
    name: "whoever asks without waiting is told the place that he has, and gets none",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.wait("b");
      const b = lease.acquire("b");
      const c = lease.acquire("c");
      assert(!b.ok && b.place === 1);
      assert(!c.ok && c.place === null);
      assertEquals(lease.queue, ["b"]);
    },
  },
  {
    name: "nobody overtakes the queue",
    check(modules) {
      const lease = new OneLease(modules);
      const frees: ((lease: OneLease) => void)[] = [
        (lease) => lease.release("a"),
        (lease) => lease.pass(11),
        (lease) => lease.dead.add("a"),
        (lease) => lease.takeOver("c", lease.token, true),
      ];
      for (const [i, free] of frees.entries()) {
        const lease = new OneLease(modules);
        lease.acquire("a");
        lease.wait("b");
        free(lease);
        assertEquals(saidBy(lease.acquire("c")), "held", `${i}`);
        assertEquals(lease.holder, "b", `${i}`);
        assertEquals(saidBy(lease.acquire("b")), "granted", `${i}`);
      }
      assertEquals(lease.record, null);
    },
  },
  {
    name: "the queue holds 64 and no more",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 1000);
      for (let i = 1; i <= 64; i++) {
        const outcome = lease.wait(`w${i}`, 600);
        assert(!outcome.ok && outcome.place === i, `${i}`);
      }
      assertEquals(saidBy(lease.wait("late")), "queue full");
      assertEquals(lease.step!.next, null);
      assertEquals(lease.queue.length, 64);
      const again = lease.wait("w64");
      assert(!again.ok && again.place === 64, "who is in it stays in it");
      lease.leave("w1");
      const late = lease.wait("late");
      assert(!late.ok && late.place === 64);
    },
  },
  {
    name: "those who have given up or are dead fill no place",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 1000);
      for (let i = 1; i <= 32; i++) lease.wait(`gone${i}`, 10);
      for (let i = 1; i <= 31; i++) lease.wait(`dead${i}`, 600);
      lease.wait("b", 600);
      assertEquals(saidBy(lease.wait("c")), "queue full");
      lease.pass(12);
      for (let i = 1; i <= 31; i++) lease.dead.add(`dead${i}`);
      const c = lease.wait("c");
      assert(!c.ok && c.place === 2, saidBy(c));
      assertEquals(lease.queue, ["b", "c"]);
    },
  },
  {
    name: "a turn is offered for its time, under a token of its own, and is no use yet",
    check(modules) {
      const lease = new OneLease(modules);
      const first = grantOf(lease.acquire("a", 1000)).token;
      lease.acquire("b", 300, { purpose: "mine", detail: 7, wait: { forS: 60, turnS: 5 } });
      lease.pass(2).release("a");
      const { handedTo } = lease.step!;
      assertEquals(nameOf(handedTo!.holder), "b");
      const { offered, ttl_s, renewed_s, purpose, detail, token } = lease.record!;
      assertEquals({ offered, ttl_s, renewed_s, purpose, detail }, {
        ...{ offered: true, ttl_s: 5, renewed_s: 1002, purpose: "mine", detail: 7 },
      });
      assert(token > first);
      const taken = grantOf(lease.acquire("b", 300));
      assertEquals([taken.offered, taken.ttl_s, taken.token], [false, 300, token]);
    },
  },
  {
    name: "a turn that is not taken up passes on after its time",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      for (const name of ["b", "c"]) lease.wait(name, 600, 5);
      lease.release("a");
      lease.pass(5).settle();
      assertEquals(lease.holder, "b", "five seconds may be four");
      lease.pass(1).settle();
      assertEquals(nameOf(lease.step!.handedTo!.holder), "c");
      assertEquals([lease.holder, lease.queue], ["c", []]);
      assertEquals([nameOf(lease.record!.ended!.holder), lease.record!.ended!.why], [
        "b",
        "expired",
      ]);
      lease.pass(6).settle();
      assertEquals([lease.holder, lease.queue], [null, []]);
    },
  },
  {
    name: "renewing all that a session has does not take up its turn",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      for (const name of ["b", "c"]) lease.wait(name, 600, 5);
      lease.release("a");
      for (let i = 0; i < 3; i++) lease.pass(2).renew("b");
      assertEquals(lease.holder, "c", "the turn has passed on");
    },
  },
  {
    name: "an offer's short time is replaced when it is taken up, not kept as the least",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.wait("b", 600, 120);
      lease.release("a");
      grantOf(lease.acquire("b", 10));
      lease.pass(11);
      assertEquals(saidBy(lease.acquire("c")), "granted");
    },
  },
  {
    name: "those who died while waiting are skipped, and those whose time is over",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 1000);
      lease.wait("b", 600);
      lease.wait("c", 10);
      lease.wait("d", 600);
      lease.dead.add("b");
      lease.pass(12).release("a");
      assertEquals([lease.holder, lease.queue], ["d", []]);
    },
  },
  {
    name: "a wait is not given up a second early",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 1000);
      lease.wait("b", 10);
      lease.pass(10).release("a");
      assertEquals(lease.holder, "b");
    },
  },
  {
    name: "whoever is offered a turn and dies passes it on at once",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.wait("b", 600, 100);
      lease.wait("c", 600, 100);
      lease.release("a");
      lease.dead.add("b");
      lease.settle();
      assertEquals([lease.holder, lease.record!.ended!.why], ["c", "dead"]);
    },
  },
  {
    name: "one grant is given at a hand-over, and one is told of it",
    check(modules) {
      const lease = new OneLease(modules);
      const first = grantOf(lease.acquire("a")).token;
      for (const name of ["b", "c", "d"]) lease.wait(name);
      lease.release("a");
      assertEquals([lease.holder, lease.queue], ["b", ["c", "d"]]);
      assertEquals(lease.record!.ended!.token, first, "the grant before this one is that of `a`");
      const { token } = lease.record!;
      lease.settle();
      assertEquals([lease.step!.next, lease.step!.handedTo, lease.token], [null, null, token]);
    },
  },
  {
    name: "whoever asks in the moment of its own turn has it, and is not told of it",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10);
      lease.wait("b");
      lease.pass(11);
      const outcome = lease.acquire("b");
      assertEquals(saidBy(outcome), "granted");
      assertEquals([lease.holder, lease.record!.offered], ["b", false]);
      assertEquals(lease.step!.handedTo, null);
    },
  },
  {
    name: "leaving the queue leaves the others in order",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      for (const name of ["b", "c", "d"]) lease.wait(name);
      assertEquals(saidBy(lease.leave("c")), "granted");
      assertEquals(lease.queue, ["b", "d"]);
      assertEquals(saidBy(lease.leave("c")), "not held");
      assertEquals(lease.queue, ["b", "d"]);
      assertEquals(lease.holder, "a");
    },
  },
  {
    name: "who takes over leaves the queue, and the others wait on",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      for (const name of ["b", "c", "d"]) lease.wait(name);
      lease.takeOver("c");
      assertEquals([lease.holder, lease.queue], ["c", ["b", "d"]]);
      lease.acquire("e", 10, { mayOverride: true });
      assertEquals([lease.holder, lease.queue], ["e", ["b", "d"]]);
    },
  },
  {
    name: "whoever is only offered a turn is not overridden as silent",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("silent", 10);
      lease.wait("b", 600, 60);
      lease.pass(11);
      assertEquals(saidBy(lease.acquire("c", 10, { mayOverride: true })), "held");
      assertEquals(lease.holder, "b");
    },
  },
];
