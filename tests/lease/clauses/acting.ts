import type { Outcome } from "../../../src/lease/apply.ts";
import type { Leases } from "../../../src/lease/leases.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { grantOf, holderOf, nameOf, saidBy } from "../../support/lease.ts";
import {
  asking,
  BOOK,
  type LeaseClause,
  queueing,
  refOf,
  SCOPE,
} from "../../support/lease_world.ts";
import { WrappedStore } from "../../support/wrapped_store.ts";

const LEASE = refOf("k");

/** Requests that two clients of one store make. */
export const ACTING: LeaseClause[] = [
  {
    name: "what one client was granted, the other one finds held",
    async check({ a, b }) {
      const { token } = grantOf(await a.acquire(LEASE, asking("a")));
      const refused = await b.acquire(LEASE, asking("b"));
      assertEquals(saidBy(refused), "held");
      assertEquals(
        [nameOf(refused.record.holder), refused.record.token, refused.record.purpose],
        ["a", token, "for a"],
      );
      assertEquals(saidBy(await b.release(LEASE, holderOf("b"))), "not owner");
      assertEquals(
        saidBy(await b.acquire(LEASE, asking("a"))),
        "extended",
        "it is the same holder",
      );
      assertEquals(saidBy(await b.release(LEASE, holderOf("a"))), "granted");
      assert(grantOf(await a.acquire(LEASE, asking("b"))).token > token);
    },
  },
  {
    name: "leases of other keys and scopes are others",
    async check({ a, b }) {
      const refs = [
        ...["k", "K", "k ", "__proto__", "constructor", "a/b", "日本", "x".repeat(1024)].map(refOf),
        { scope: "leases:", key: "k" },
      ];
      for (const [i, ref] of refs.entries()) {
        grantOf(await a.acquire(ref, asking(`a${i}`)));
      }
      for (const [i, ref] of refs.entries()) {
        const { record } = await b.acquire(ref, asking("b"));
        assertEquals(nameOf(record.holder), `a${i}`, ref.key);
      }
    },
  },
  {
    name: "a holder without an agent is one, however its absence is written",
    async check({ a, b, store }) {
      const odd = { session: "a", agent: undefined };
      const empty = { session: "a", agent: "" };
      grantOf(await a.acquire(LEASE, { ...asking("a"), holder: odd }));
      assertEquals(saidBy(await b.acquire(LEASE, { ...asking("a"), holder: empty })), "extended");
      grantOf(await a.acquire(refOf("l"), { ...asking("a"), holder: empty }));
      assertEquals((await store.retrieve(SCOPE, "l"))!.author, "a");
      await b.queue(LEASE, { ...queueing("b"), holder: { session: "b", agent: undefined } });
      const taking = { token: (await a.inspect(LEASE))!.token, reason: "", ...asking("c") };
      const by = { session: "c", agent: undefined };
      grantOf(await b.act(LEASE, { op: "take over", ...taking, holder: by }));
      assertEquals((await a.inspect(LEASE))!.ended!.by, { session: "c" });
      assertEquals(saidBy(await a.acquire(refOf("l"), asking("a/x"))), "granted", "it is a parent");
    },
  },
  {
    name: "the record tells who wrote it to everybody who reads the store",
    async check({ a, other }) {
      await a.acquire(LEASE, asking("a/x"));
      const entry = (await other.retrieve(SCOPE, "k"))!;
      assertEquals(entry.author, "a/x");
      assertEquals((entry.value as { v: number }).v, 1);
    },
  },
  {
    name: "of twenty who ask at once, one gets it",
    async check({ a, b }) {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).acquire(LEASE, asking(`s${i}`))),
      );
      const granted = outcomes.filter(({ ok }) => ok);
      assertEquals(granted.length, 1);
      const { holder, token } = granted[0].record;
      for (const { record } of outcomes) {
        assertEquals([record.holder, record.token], [holder, token]);
      }
    },
  },
  {
    name: "of ten who take over one grant at once, one gets it",
    async check({ a, b }) {
      const { token } = grantOf(await a.acquire(LEASE, asking("victim")));
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          (i % 2 ? a : b).act(LEASE, {
            op: "take over",
            token,
            reason: "r",
            ...asking(`s${i}`),
          })),
      );
      assertEquals(outcomes.filter(({ ok }) => ok).length, 1);
      assertEquals(
        outcomes.filter((one) => !one.ok && one.why === "not owner").length,
        9,
        "the others meant a grant that is over",
      );
    },
  },
  {
    name: "renewals and releases of ten holders on ten leases do not meet",
    async check({ a, b }) {
      const names = Array.from({ length: 10 }, (_, i) => `s${i}`);
      await Promise.all(names.map(async (name, i) => {
        const leases = i % 2 ? a : b;
        const { token } = grantOf(await leases.acquire(refOf(name), asking(name)));
        for (let round = 0; round < 5; round++) {
          const renewal = { op: "renew", holder: holderOf(name), token, ttlS: 10 } as const;
          assertEquals(grantOf(await leases.act(refOf(name), renewal)).token, token);
        }
        grantOf(await leases.release(refOf(name), holderOf(name), token));
      }));
    },
  },
  {
    name: "tokens rise over rounds of races",
    async check({ a, b }) {
      let last = 0;
      for (let round = 0; round < 20; round++) {
        const names = ["x", "y", "z"];
        const outcomes = await Promise.all(
          names.map((name, i) => (i % 2 ? a : b).acquire(LEASE, asking(name))),
        );
        const won = outcomes.filter(({ ok }) => ok);
        assertEquals(won.length, 1);
        assert(won[0].record.token > last, `${won[0].record.token} after ${last}`);
        last = won[0].record.token;
        grantOf(await a.release(LEASE, won[0].record.holder!));
      }
    },
  },
  {
    name: "a holder whose session has died is out at the next request",
    async check({ a, b, dead, asked }) {
      await a.acquire(LEASE, asking("a", 86_400));
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "held");
      dead.add("a");
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "granted");
      assertEquals((await b.inspect(LEASE))!.ended!.why, "dead");
      assert(asked.every((sessions) => sessions.length > 0), "nobody is asked about nobody");
    },
  },
  {
    name: "nobody is asked about the one who asks: it is there",
    async check({ a, dead, asked }) {
      await a.acquire(LEASE, asking("a"));
      dead.add("a");
      asked.length = 0;
      assertEquals(saidBy(await a.acquire(LEASE, asking("a"))), "extended");
      assertEquals(asked, []);
    },
  },
  {
    name: "time ends a grant for every client",
    async check({ a, b, clock }) {
      const { token } = grantOf(await a.acquire(LEASE, asking("a", 10)));
      clock.pass(10);
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "held");
      clock.pass(1);
      const renewal = { op: "renew", holder: holderOf("a"), token, ttlS: 10 } as const;
      assertEquals(saidBy(await a.act(LEASE, renewal)), "expired");
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "granted");
    },
  },
  {
    name: "after `rm -rf` of the store tokens go on rising",
    async check({ a, store, clock }) {
      const { token } = grantOf(await a.acquire(LEASE, asking("a")));
      for (const scope of [SCOPE, BOOK]) await store.deleteScope(scope);
      clock.pass(1);
      assert(grantOf(await a.acquire(LEASE, asking("b"))).token > token);
    },
  },
  {
    name: "a fenced write of a holder that was overtaken is refused",
    async check({ a, b, store, other }) {
      const old = grantOf(await a.acquire(LEASE, asking("a"))).token;
      assert((await store.store("data", "x", 1, { fence: old })).ok);
      const taking = { op: "take over", token: old, reason: "r", ...asking("b") } as const;
      const fresh = grantOf(await b.act(LEASE, taking)).token;
      assert((await other.store("data", "x", 2, { fence: fresh })).ok);
      const late = await store.store("data", "x", 3, { fence: old });
      assert(!late.ok && late.reason === "fence");
      assertEquals((await store.retrieve("data", "x"))?.value, 2);
    },
  },
  {
    name: "who never wins a race is told that the store is busy, in 2 s",
    onMemoryOnly: true,
    async check({ over, store, stored }) {
      const losing = new class extends WrappedStore {
        override async store(...[scope, key]: Parameters<WrappedStore["store"]>) {
          const current = await this.inner.retrieve(scope, key);
          return { ok: false as const, reason: "version" as const, current, fence: null };
        }
      }(store);
      const start = performance.now();
      const error = await over(losing).acquire(LEASE, asking("a")).catch((error) => error);
      assertEquals(error.code, "store_busy", `${error}`);
      assert(performance.now() - start < 2500);
      assertEquals(await stored("k"), null);
    },
  },
];

/** A store whose answers get lost, before or after it has written. */
class Losing extends WrappedStore {
  /** What happens at the next write. */
  next: "written, lost" | "not written" | "written, tried again" | null = null;
  isBlind = false;

  override async store(...args: Parameters<WrappedStore["store"]>) {
    const { next } = this;
    this.next = null;
    if (next === null) return await this.inner.store(...args);
    if (next !== "not written") await this.inner.store(...args);
    if (next === "written, tried again") return await this.inner.store(...args);
    throw new Error("the connection was lost");
  }

  override async retrieve(scope: string, key: string) {
    if (this.isBlind && this.next === null) throw new Error("there is no connection");
    return await this.inner.retrieve(scope, key);
  }
}

type Ask = (leases: Leases) => Promise<Outcome>;

/** Replies that are lost on their way. */
export const LOST_REPLIES: LeaseClause[] = [
  {
    name: "a write whose answer was lost is recognised as one's own",
    async check({ over, store, b, stored }) {
      const losing = new Losing(store);
      const leases = over(losing);
      const token = async () => (await stored("k"))!.token;
      const asks: [ask: Ask, said: string][] = [
        [(leases) => leases.acquire(LEASE, asking("a")), "granted"],
        [(leases) => leases.acquire(LEASE, asking("a")), "extended"],
        [
          async (leases) =>
            leases.act(LEASE, {
              op: "renew",
              holder: holderOf("a"),
              token: await token(),
              ttlS: 99,
            }),
          "extended",
        ],
        [(leases) => leases.release(LEASE, holderOf("a")), "granted"],
      ];
      for (const next of ["written, lost", "written, tried again"] as const) {
        for (const [ask, said] of asks) {
          losing.next = next;
          const outcome = await ask(leases);
          assertEquals(saidBy(outcome), said, next);
          assertEquals(outcome.record, (await stored("k"))!, "and it is told as it is stored");
        }
      }
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "granted");
    },
  },
  {
    name: "a lost answer turns no refusal into a grant",
    async check({ over, store, b, holder, queue }) {
      await b.acquire(LEASE, asking("b"));
      const losing = new Losing(store);
      for (const next of ["written, lost", "written, tried again"] as const) {
        losing.next = next;
        const wait = { forS: 60, turnS: 5 };
        const outcome = await over(losing).acquire(LEASE, { ...asking("a"), wait });
        assertEquals(saidBy(outcome), "held", next);
        assert(!outcome.ok && outcome.place === 1);
      }
      assertEquals([await holder("k"), await queue("k")], ["b", ["a"]]);
    },
  },
  {
    name: "whoever got a turn by a write whose answer was lost is told of it",
    async check({ over, store, a, b, handed, clock }) {
      await b.acquire(LEASE, asking("b", 10));
      await a.queue(LEASE, { ...asking("a"), wait: { forS: 60, turnS: 5 } });
      clock.pass(11);
      const losing = new Losing(store);
      losing.next = "written, tried again";
      await over(losing).act(LEASE, { op: "settle" });
      assertEquals(handed.map(({ holder }) => holder), ["a"]);
    },
  },
  {
    name: "a write that did not happen is an error, and grants nothing",
    async check({ over, store, stored, b }) {
      const losing = new Losing(store);
      losing.next = "not written";
      const error = await over(losing).acquire(LEASE, asking("a")).catch((error) => error);
      assertEquals(error.message, "the connection was lost");
      assertEquals(await stored("k"), null);
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "granted");
      losing.next = "not written";
      await over(losing).acquire(LEASE, asking("b")).catch(() => {});
      assertEquals(saidBy(await b.acquire(LEASE, asking("b"))), "extended");
    },
  },
  {
    name: "where nothing can be read after a lost answer, the first error is told",
    async check({ over, store }) {
      const losing = new Losing(store);
      const leases = over(losing);
      losing.next = "written, lost";
      losing.isBlind = true;
      const error = await leases.acquire(LEASE, asking("a")).catch((error) => error);
      assertEquals(error.message, "the connection was lost");
      losing.isBlind = false;
      assertEquals(saidBy(await leases.acquire(LEASE, asking("a"))), "extended", "asked again");
    },
  },
];
