import { assert, assertEquals } from "../../support/assert.ts";
import { type Check, grantOf, nameOf, OneLease, saidBy } from "../../support/lease.ts";

/** A session and its sub-agents. */
export const LENDING: Check[] = [
  {
    name: "a sub-agent borrows from its waiting parent, and gives back under a new token",
    check(modules) {
      const lease = new OneLease(modules);
      const parent = grantOf(lease.acquire("a", 100)).token;
      const child = grantOf(lease.acquire("a/x", 10)).token;
      assertEquals([lease.holder, nameOf(lease.record!.lent_by)], ["a/x", "a"]);
      assertEquals(saidBy(lease.acquire("a")), "held", "the parent has lent it");
      assertEquals(saidBy(lease.renew("a", parent)), "lent");
      lease.pass(3);
      const back = grantOf(lease.release("a/x"));
      assertEquals([nameOf(back.holder), back.lent_by, back.renewed_s], ["a", null, 1003]);
      assert(parent < child && child < back.token);
      assert(!lease.renew("a/x", child).ok);
      assert(!lease.renew("a", parent).ok, "the parent has to read what its agent wrote");
      assertEquals(saidBy(lease.acquire("a")), "extended");
    },
  },
  {
    name: "siblings exclude each other",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a/x");
      assertEquals(saidBy(lease.acquire("a/y")), "held");
      lease.release("a/x");
      lease.acquire("a");
      lease.acquire("a/x");
      assertEquals(saidBy(lease.acquire("a/y")), "held", "also where it is borrowed");
      lease.release("a/x");
      assertEquals(
        saidBy(lease.acquire("a/y")),
        "granted",
        "the parent has it again, and lends it",
      );
    },
  },
  {
    name: "a busy parent does not lend",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10, { busy: true });
      assertEquals(saidBy(lease.acquire("a/x")), "held");
      lease.mark("a");
      assertEquals(saidBy(lease.acquire("a/x")), "granted");
    },
  },
  {
    name: "nobody borrows from another session, from a sibling, or upwards",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("b");
      assertEquals(saidBy(lease.acquire("a/x")), "held");
      lease.release("b");
      lease.acquire("a/x");
      for (const name of ["a", "a/y", "b/x", "b"]) {
        assertEquals(saidBy(lease.acquire(name)), "held", name);
      }
    },
  },
  {
    name: "what a parent has changed is still its own when it gets it back",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.mark("a");
      lease.acquire("a/x");
      lease.release("a/x");
      assertEquals([lease.holder, lease.record!.uses], ["a", 1]);
      lease.acquire("a/x", 10, { busy: true });
      lease.mark("a/x");
      lease.release("a/x");
      assertEquals([lease.holder, lease.record!.uses], ["a", 2]);
    },
  },
  {
    name: "a parent that waits for what it has lent is not offered it twice",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.acquire("a/x");
      lease.wait("b", 600);
      lease.wait("a", 600);
      lease.release("a/x");
      assertEquals([lease.holder, lease.queue], ["a", ["b"]]);
      lease.release("a");
      assertEquals([lease.holder, lease.queue], ["b", []]);
      lease.release("b");
      assertEquals(lease.holder, null, "nobody waits any more");
    },
  },
  {
    name: "what a sub-agent let expire goes back to its parent",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 100);
      const { token } = grantOf(lease.acquire("a/x", 10));
      lease.wait("b", 600);
      lease.pass(11).settle();
      assertEquals([lease.holder, lease.queue], ["a", ["b"]]);
      assert(lease.token > token);
      assertEquals([nameOf(lease.record!.ended!.holder), lease.record!.ended!.why], [
        ...["a/x", "expired"],
      ]);
      assertEquals(lease.record!.renewed_s, lease.s);
    },
  },
  {
    name: "what was lent ends with the session, and with the host",
    check(modules) {
      const ends: [string, (lease: OneLease) => void][] = [
        ["dead", (lease) => lease.dead.add("a")],
        ["expired", (lease) => lease.s = 5],
      ];
      for (const [why, end] of ends) {
        const lease = new OneLease(modules);
        lease.acquire("a", 100);
        lease.acquire("a/x", 100);
        end(lease);
        lease.settle();
        assertEquals([lease.holder, lease.record!.ended!.why], [null, why]);
      }
    },
  },
  {
    name: "a sub-agent that borrows leaves the queue",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 100, { busy: true });
      lease.wait("b", 600);
      lease.wait("a/x", 600);
      lease.mark("a");
      assertEquals(saidBy(lease.acquire("a/x")), "granted");
      assertEquals(lease.queue, ["b"]);
    },
  },
  {
    name: "what is taken over from a sub-agent does not go back to its parent",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.acquire("a/x");
      lease.takeOver("b");
      assertEquals([lease.holder, lease.record!.lent_by], ["b", null]);
      lease.release("b");
      assertEquals(lease.holder, null);
    },
  },
];
