import { assert, assertEquals } from "../../support/assert.ts";
import { type Check, grantOf, holderOf, nameOf, OneLease, saidBy } from "../../support/lease.ts";

/** Releasing, taking over, and what those who lost it are told. */
export const ENDINGS: Check[] = [
  {
    name: "releasing by anybody but the holder changes nothing",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a"));
      const before = lease.record;
      for (const name of ["b", "a/x", "b/x"]) {
        assertEquals(saidBy(lease.release(name)), "not owner", name);
        assertEquals(saidBy(lease.release(name, token)), "not owner", name);
      }
      assertEquals(lease.record, before);
    },
  },
  {
    name: "releasing an earlier grant leaves the present one",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a"));
      lease.release("a");
      lease.acquire("a");
      const before = lease.record;
      assertEquals(saidBy(lease.release("a", token)), "released");
      assertEquals(lease.record, before);
      assertEquals(saidBy(lease.release("a", before!.token)), "granted");
    },
  },
  {
    name: "a released lease is free, keeps its token, and forgets what it was held for",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10, { busy: true });
      const { token } = lease.record!;
      lease.release("a");
      const { holder, busy_s, uses, offered, lent_by } = lease.record!;
      assertEquals({ holder, busy_s, uses, offered, lent_by }, {
        ...{ holder: null, busy_s: null, uses: 0, offered: false, lent_by: null },
      });
      assertEquals(lease.token, token);
    },
  },
  {
    name: "releasing to a named holder gives it a grant of its own, whoever waits",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a/x", 10);
      lease.mark("a/x");
      lease.wait("b");
      lease.wait("a");
      const { token } = lease.record!;
      lease.pass(3);
      const outcome = lease.ask({ op: "release", holder: holderOf("a/x"), to: holderOf("a") });
      assertEquals(saidBy(outcome), "granted");
      assertEquals([lease.holder, lease.queue], ["a", ["b"]]);
      assert(lease.token > token);
      assertEquals([lease.record!.uses, lease.record!.renewed_s], [1, 1003]);
      assertEquals(lease.step!.handedTo, null);
    },
  },
  {
    name: "taking over needs the token of the grant that it ends",
    check(modules) {
      const lease = new OneLease(modules);
      const first = grantOf(lease.acquire("a")).token;
      lease.release("a");
      const second = grantOf(lease.acquire("b")).token;
      const before = lease.record;
      for (const wrong of [first, second - 1, second + 1, 0]) {
        if (wrong === second) continue;
        assertEquals(saidBy(lease.takeOver("c", wrong)), "not owner", `${wrong}`);
        assertEquals(saidBy(lease.takeOver("c", wrong, true)), "not owner", `${wrong}`);
      }
      assertEquals(lease.record, before);
      const taken = lease.takeOver("c", second);
      assert(taken.ok && nameOf(taken.overridden) === "b");
      assert(grantOf(taken).token > second);
    },
  },
  {
    name: "taking over does not touch what has just passed to somebody who waited",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a", 10));
      lease.wait("b");
      lease.pass(11);
      assertEquals(saidBy(lease.takeOver("c", token)), "not owner");
      assertEquals(lease.holder, "b");
    },
  },
  {
    name: "only ending a grant lets whoever waits go first",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      lease.wait("b");
      const outcome = lease.takeOver("c", lease.token, true);
      assertEquals(saidBy(outcome), "granted");
      assertEquals([lease.holder, lease.record!.offered], ["b", true]);
      const { holder, why, by, reason } = lease.record!.ended!;
      assertEquals([nameOf(holder), why, nameOf(by), reason], [
        ...["a", "taken over", "c", "it has to be"],
      ]);
      lease.release("b");
      lease.acquire("a");
      lease.takeOver("c", lease.token, true);
      assertEquals(lease.holder, null);
    },
  },
  {
    name: "`ended` tells the victim why: what, when, by whom and what for",
    check(modules) {
      const cases: Record<string, [end: (lease: OneLease) => void, by: string | null, string]> = {
        "released": [(lease) => lease.release("a"), null, ""],
        "expired": [(lease) => lease.pass(11).settle(), null, ""],
        "dead": [(lease) => (lease.dead.add("a"), lease.settle()), null, ""],
        "taken over": [(lease) => lease.takeOver("b"), "b", "it has to be"],
        "lent": [(lease) => lease.acquire("a/x"), "a/x", ""],
      };
      for (const [why, [end, by, reason]] of Object.entries(cases)) {
        const lease = new OneLease(modules);
        const { token } = grantOf(lease.acquire("a", 10));
        end(lease.pass(0));
        const { ended } = lease.record!;
        assertEquals(ended, {
          ...{ holder: { session: "a" }, token, why: why as "dead", reason },
          by: by === null ? null : holderOf(by),
          at: new Date(lease.wallMs).toISOString(),
        });
        assertEquals(saidBy(lease.renew("a", token)), why);
        assertEquals(saidBy(lease.mark("a")), why);
      }
    },
  },
  {
    name: "an overridden holder learns by whom",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a", 1000));
      const outcome = lease.acquire("b", 10, { mayOverride: true });
      assert(outcome.ok && nameOf(outcome.overridden) === "a" && !outcome.extended);
      assert(lease.token > token);
      assertEquals(saidBy(lease.renew("a", token)), "taken over");
      assertEquals(nameOf(lease.record!.ended!.by), "b");
      const own = lease.acquire("b", 10, { mayOverride: true });
      assert(own.ok && own.overridden === null && own.extended, "nobody overrides himself");
    },
  },
  {
    name: "the loss is told as long as nobody else's grant has ended since",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a", 10));
      lease.pass(11).acquire("b");
      assertEquals(saidBy(lease.renew("a", token)), "expired");
      lease.release("b");
      assertEquals(saidBy(lease.renew("a", token)), "not held");
    },
  },
];
