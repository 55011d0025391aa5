import { assert, assertEquals } from "../../support/assert.ts";
import { type Check, grantOf, holderOf, OneLease, saidBy, START_MS } from "../../support/lease.ts";

/** Tokens, deadlines, and that a holder enters again. */
export const GRANTS: Check[] = [
  {
    name: "each grant has a higher token than every grant before it",
    check(modules) {
      const lease = new OneLease(modules);
      const tokens = [
        () => lease.acquire("a"),
        () => (lease.release("a"), lease.acquire("b")),
        () => (lease.pass(11), lease.acquire("c")),
        () => lease.takeOver("a"),
        () => (lease.dead.add("a"), lease.acquire("b")),
        () => lease.takeOver("b"),
        () => (lease.release("b"), lease.acquire("b")),
        () => lease.acquire("b/x"),
        () => lease.release("b/x"),
      ].map((grant) => grantOf(grant()).token);
      for (const [i, token] of tokens.entries()) {
        assert(Number.isSafeInteger(token) && token > (tokens[i - 1] ?? 0), `${tokens}`);
      }
    },
  },
  {
    name: "a token is at least the time of day, so that it rises where the store was lost",
    check(modules) {
      const lease = new OneLease(modules);
      const first = grantOf(lease.acquire("a")).token;
      assert(first >= START_MS);
      lease.record = null; // rm -rf
      lease.pass(1);
      assert(grantOf(lease.acquire("a")).token > first);
    },
  },
  {
    name: "a token rises also while the wall clock stands still or is set back",
    check(modules) {
      const lease = new OneLease(modules);
      const first = grantOf(lease.acquire("a")).token;
      lease.release("a");
      const second = grantOf(lease.acquire("a")).token;
      lease.release("a");
      lease.wallMs -= 3_600_000;
      const third = grantOf(lease.acquire("a")).token;
      assert(first < second && second < third, `${[first, second, third]}`);
    },
  },
  {
    name: "the first token is above the floor of those that were collected",
    check(modules) {
      const lease = new OneLease(modules);
      lease.floor = START_MS + 5_000;
      assertEquals(grantOf(lease.acquire("a")).token, START_MS + 5_001);
    },
  },
  {
    name: "acquiring again keeps the token",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a"));
      lease.pass(5);
      const again = lease.acquire("a");
      assertEquals(saidBy(again), "extended");
      assertEquals(grantOf(again).token, token);
      assertEquals(lease.record!.ended, null, "nothing has ended");
    },
  },
  {
    name: "acquiring again never shortens what is left",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 100);
      lease.pass(10);
      lease.acquire("a", 5);
      lease.pass(90);
      assertEquals(saidBy(lease.acquire("b")), "held", "a hundred seconds were promised");
      lease.pass(1);
      assertEquals(saidBy(lease.acquire("b")), "granted");
    },
  },
  {
    name: "acquiring again lengthens what is left",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10);
      lease.pass(8);
      lease.acquire("a", 10);
      lease.pass(10);
      assertEquals(saidBy(lease.acquire("b")), "held");
      lease.pass(1);
      assertEquals(saidBy(lease.acquire("b")), "granted");
    },
  },
  {
    name: "renewing keeps the token, lengthens, and never shortens",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a", 10));
      lease.pass(10);
      assertEquals(grantOf(lease.renew("a", token, 30)).token, token);
      lease.pass(30);
      assertEquals(grantOf(lease.renew("a", token, 20)).token, token);
      lease.pass(1);
      lease.renew("a", token, 1);
      lease.pass(19);
      assertEquals(saidBy(lease.acquire("b")), "held");
      lease.pass(1);
      assertEquals(saidBy(lease.acquire("b")), "granted");
    },
  },
  {
    name: "renewing needs the token of this very grant",
    check(modules) {
      const lease = new OneLease(modules);
      const { token } = grantOf(lease.acquire("a"));
      lease.release("a");
      lease.acquire("a");
      const before = lease.record;
      lease.pass(5);
      for (const wrong of [token, token - 1, lease.token + 1, 0]) {
        assert(!lease.renew("a", wrong).ok, `${wrong} of ${lease.token}`);
      }
      assertEquals(lease.record, before);
    },
  },
  {
    name: "renewing never revives: not what expired, was released, was taken over or died",
    check(modules) {
      const ends: ((lease: OneLease) => void)[] = [
        (lease) => lease.pass(11),
        (lease) => lease.pass(1_000_000),
        (lease) => lease.release("a"),
        (lease) => lease.takeOver("b"),
        (lease) => lease.dead.add("a"),
        (lease) => lease.s = 0,
      ];
      for (const [i, end] of ends.entries()) {
        const lease = new OneLease(modules);
        const { token } = grantOf(lease.acquire("a", 10));
        end(lease);
        const answer = lease.renew("a", token);
        assert(!answer.ok, `${i}`);
        assert(lease.holder !== "a", `${i}`);
      }
    },
  },
  {
    name: "a grant lasts ttl and one more whole second, to the second",
    check(modules) {
      for (const ttlS of [1, 2, 10, 3600]) {
        const lease = new OneLease(modules);
        lease.acquire("a", ttlS);
        lease.pass(ttlS);
        assertEquals(saidBy(lease.acquire("b")), "held", `${ttlS} s may be ${ttlS - 1}.001 s`);
        lease.pass(1);
        assertEquals(saidBy(lease.acquire("b")), "granted", `${ttlS + 1} s`);
      }
    },
  },
  {
    name: "a jump of the wall clock ends nothing and lengthens nothing",
    check(modules) {
      for (const jumpMs of [-1e10, -60_000, 60_000, 1e10]) {
        const lease = new OneLease(modules);
        lease.acquire("a", 10);
        lease.wallMs += jumpMs;
        assertEquals(saidBy(lease.acquire("b")), "held", `${jumpMs}`);
        lease.s += 11;
        assertEquals(saidBy(lease.acquire("b")), "granted", `${jumpMs}`);
      }
    },
  },
  {
    name: "where another clock measures, the latest renewal counts, not the first grant",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10);
      for (let i = 0; i < 10; i++) {
        lease.pass(10);
        grantOf(lease.renew("a"));
      }
      lease.clock = "store";
      lease.s = Math.floor(lease.wallMs / 1000);
      assertEquals(saidBy(lease.acquire("b")), "held");
      lease.pass(10);
      assertEquals(saidBy(lease.acquire("b")), "held");
      lease.pass(2);
      assertEquals(saidBy(lease.acquire("b")), "granted");
      assertEquals(lease.record!.clock, "store");
    },
  },
  {
    name: "a reboot ends what was held and drops who waited",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 3600);
      lease.wait("b", 1_000_000);
      lease.s = 20;
      const { record } = lease.settle();
      assertEquals(record.holder, null, "whoever waited then is gone, too");
      assertEquals(record.waiters, []);
      assertEquals(record.ended!.why, "expired");
      assertEquals(saidBy(lease.acquire("c")), "granted");
    },
  },
  {
    name: "death ends a grant at once, and age alone does not",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 86_400);
      lease.pass(86_400);
      assertEquals(saidBy(lease.acquire("b")), "held", "a day old, and in its time");
      lease.dead.add("a");
      assertEquals(saidBy(lease.acquire("b")), "granted");
    },
  },
  {
    name: "purpose and detail are those of the latest who asked",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10, { purpose: "build", detail: { n: 1 } });
      lease.acquire("a", 10, { detail: { n: 2 } });
      assertEquals([lease.record!.purpose, lease.record!.detail], ["build", { n: 2 }]);
      lease.acquire("a", 10, { purpose: "test", detail: null });
      assertEquals([lease.record!.purpose, lease.record!.detail], ["test", null]);
      lease.release("a");
      lease.acquire("b", 10);
      assertEquals(lease.record!.purpose, "");
    },
  },
  {
    name: "uses are counted for the grant, and an operation is under way until it is marked",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a", 10, { busy: true });
      assertEquals([lease.record!.busy_s, lease.record!.uses], [1000, 0]);
      lease.mark("a", "unused");
      assertEquals([lease.record!.busy_s, lease.record!.uses], [null, 0]);
      lease.pass(1).acquire("a", 10, { busy: true });
      assertEquals(lease.record!.busy_s, 1001);
      lease.mark("a");
      lease.acquire("a", 10);
      assertEquals([lease.record!.busy_s, lease.record!.uses], [null, 1]);
      lease.release("a");
      lease.acquire("a");
      assertEquals(lease.record!.uses, 0, "a new grant");
    },
  },
  {
    name: "a refusal writes nothing where nothing has changed",
    check(modules) {
      const lease = new OneLease(modules);
      assert(!lease.renew("a", 1).ok && lease.step!.next === null, "of what was never used");
      assert(!lease.release("a").ok && lease.step!.next === null);
      lease.settle();
      assertEquals(lease.step!.next, null);
      lease.acquire("a");
      const refusals = [
        () => lease.acquire("b"),
        () => lease.renew("b"),
        () => lease.release("b"),
        () => lease.takeOver("b", lease.token - 1),
        () => lease.leave("b"),
        () => lease.mark("b"),
        () => lease.settle(),
      ];
      for (const [i, refusal] of refusals.entries()) {
        refusal();
        assertEquals(lease.step!.next, null, `${i}`);
      }
    },
  },
  {
    name: "what is written names its request",
    check(modules) {
      const lease = new OneLease(modules);
      lease.acquire("a");
      assertEquals(lease.record!.request, "request-1");
      lease.renew("a");
      assertEquals(lease.record!.request, "request-2");
      lease.acquire("b");
      assertEquals(lease.record!.request, "request-2", "a refusal wrote nothing");
    },
  },
  {
    name: "a session and its sub-agents are different holders",
    check({ record: { isSame, holderKey } }) {
      const names = ["a", "b", "a/x", "a/y", "b/x"];
      for (const one of names) {
        for (const other of names) {
          assertEquals(isSame(holderOf(one), holderOf(other)), one === other, `${one} ${other}`);
        }
      }
      assertEquals(isSame(null, null), false, "nobody is not one and the same");
      assertEquals(isSame({ session: "a", agent: undefined }, { session: "a" }), true);
      assertEquals(new Set(names.map((name) => holderKey(holderOf(name)))).size, names.length);
    },
  },
  {
    name: "the time that is left is told to the second, and none for what is over",
    check(modules) {
      const { secondsLeft, expiresAt } = modules.record;
      const lease = new OneLease(modules);
      lease.acquire("a", 10);
      const record = lease.record!;
      assertEquals(secondsLeft(record, lease.moment), 10);
      assertEquals(expiresAt(record, lease.moment), new Date(START_MS + 10_000).toISOString());
      lease.pass(4);
      assertEquals(secondsLeft(record, lease.moment), 6);
      assertEquals(expiresAt(record, lease.moment), new Date(START_MS + 10_000).toISOString());
      lease.pass(6);
      assertEquals(secondsLeft(record, lease.moment), 0);
      lease.pass(100);
      assertEquals(secondsLeft(record, lease.moment), 0);
      lease.release("a");
      assertEquals(secondsLeft(lease.record!, lease.moment), 0);
    },
  },
];
