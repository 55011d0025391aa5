import type { Json } from "../../../src/domain/json.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { grantOf, holderOf, nameOf, saidBy, START_MS } from "../../support/lease.ts";
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
const FIVE_MINUTES_S = 300;

/** What is found, and what is left of it after long. */
export const READING: LeaseClause[] = [
  {
    name: "`inspect()` tells what time and death have ended, and writes nothing",
    async check({ a, b, clock, dead, store }) {
      assertEquals(await a.inspect(LEASE), null);
      await a.acquire(LEASE, asking("a", 10));
      await a.acquire(refOf("l"), asking("b", 10));
      const before = (await store.retrieve(SCOPE, "k"))!.version;
      assertEquals(nameOf((await b.inspect(LEASE))!.holder), "a");
      clock.pass(11);
      const ended = (await b.inspect(LEASE))!;
      assertEquals([ended.holder, ended.ended!.why], [null, "expired"]);
      dead.add("b");
      assertEquals((await b.inspect(refOf("l")))!.ended!.why, "dead");
      assertEquals((await store.retrieve(SCOPE, "k"))!.version, before);
    },
  },
  {
    name: "`list()` gives what is held or waited for, in order, as it stands",
    async check({ a, b, clock, dead, asked }) {
      for (const name of ["d", "c", "b", "a"]) await a.acquire(refOf(name), asking(name, 100));
      await a.acquire(refOf("short"), asking("e", 10));
      await a.acquire(refOf("queued"), asking("f", 10));
      await b.queue(refOf("queued"), queueing("g", 600));
      await a.release(refOf("b"), holderOf("b"));
      dead.add("c");
      clock.pass(11);
      asked.length = 0;
      const found = await b.list(SCOPE);
      assertEquals(
        found.map(({ ref, record }) => [ref.scope, ref.key, nameOf(record.holder)]),
        [["leases", "a", "a"], ["leases", "d", "d"], ["leases", "queued", "g"]],
      );
      assertEquals(asked.length, 1, "the witness is asked once for all");
      assertEquals(new Set(asked[0]), new Set(["a", "c", "d", "e", "f", "g"]));
      assertEquals(await b.list("nowhere"), []);
    },
  },
  {
    name: "`list()` gives versions that the store takes",
    async check({ a, store }) {
      await a.acquire(LEASE, asking("a"));
      const [{ version }] = await a.list(SCOPE);
      assertEquals((await store.retrieve(SCOPE, "k"))!.version, version);
    },
  },
  {
    name: "`collect()` removes what has been free for five minutes, and nothing else",
    async check({ a, b, clock, store }) {
      for (const key of ["held", "old", "young", "waited"]) {
        await a.acquire(refOf(key), asking("a", 86_400));
      }
      await a.release(refOf("old"), holderOf("a"));
      await b.queue(refOf("waited"), queueing("b", 86_400));
      clock.pass(FIVE_MINUTES_S - 1);
      assertEquals(await b.collect(SCOPE), 0);
      await a.release(refOf("young"), holderOf("a"));
      clock.pass(1);
      assertEquals(await b.collect(SCOPE), 1);
      assertEquals(await store.listKeys(SCOPE), ["held", "waited", "young"]);
      assertEquals(await b.collect(SCOPE), 0);
      clock.pass(FIVE_MINUTES_S);
      assertEquals(await b.collect(SCOPE), 1);
      assertEquals(await store.listKeys(SCOPE), ["held", "waited"]);
    },
  },
  {
    name:
      "`collect()` also ends and removes what nobody has touched since it expired or its holder died",
    async check({ a, b, clock, dead, store, stored }) {
      await a.acquire(refOf("expired"), asking("a", 10));
      await a.acquire(refOf("dead"), asking("b", 86_400));
      clock.pass(3600);
      dead.add("b");
      assertEquals(await b.collect(SCOPE), 0);
      assertEquals((await stored("expired"))!.ended!.why, "expired", "those who lost it learn why");
      assertEquals((await stored("dead"))!.ended!.why, "dead");
      clock.pass(FIVE_MINUTES_S);
      assertEquals(await b.collect(SCOPE), 2);
      assertEquals(await store.listKeys(SCOPE), []);
    },
  },
  {
    name: "`collect()` hands over what somebody waits for",
    async check({ a, b, clock, handed, holder }) {
      await a.acquire(LEASE, asking("a", 10));
      await b.queue(LEASE, queueing("b", 86_400));
      clock.pass(11);
      await a.collect(SCOPE);
      assertEquals([await holder("k"), handed.length], ["b", 1]);
    },
  },
  {
    name: "tokens go on rising after `collect()`, also with the wall clock set back",
    async check({ a, b, clock, store }) {
      const old = grantOf(await a.acquire(LEASE, asking("a"))).token;
      await a.release(LEASE, holderOf("a"));
      clock.pass(FIVE_MINUTES_S);
      assertEquals(await b.collect(SCOPE), 1);
      clock.wallMs = START_MS - 86_400_000;
      const fresh = grantOf(await b.acquire(LEASE, asking("b"))).token;
      assert(fresh > old, `${fresh} after ${old}`);
      const other = grantOf(await b.acquire(refOf("never seen"), asking("b"))).token;
      assert(other > old, "one floor for all");
      await b.release(LEASE, holderOf("b"));
      clock.pass(2 * 86_400);
      await a.collect(SCOPE);
      assertEquals(await store.listKeys(SCOPE), ["never seen"]);
      clock.wallMs = START_MS - 86_400_000;
      assert(grantOf(await a.acquire(LEASE, asking("a"))).token > fresh, "the floor rises with it");
    },
  },
  {
    name: "`collect()` leaves alone what is taken in that very moment",
    async check({ a, b, clock, over, store, holder }) {
      await a.acquire(LEASE, asking("a"));
      await a.release(LEASE, holderOf("a"));
      clock.pass(FIVE_MINUTES_S);
      const late = over(
        new class extends WrappedStore {
          override async delete(...args: Parameters<WrappedStore["delete"]>) {
            await b.acquire(LEASE, asking("b"));
            return await this.inner.delete(...args);
          }
        }(store),
      );
      assertEquals(await late.collect(SCOPE), 0);
      assertEquals(await holder("k"), "b");
    },
  },
];

/** Records that are no leases, by what is wrong with them. */
const DAMAGED: Record<string, (record: Record<string, Json>) => Json> = {
  "text": () => "held",
  "a list": () => [],
  "null": () => null,
  "no version": ({ v: _, ...rest }) => rest,
  "version 0": (record) => ({ ...record, v: 0 }),
  "no token": ({ token: _, ...rest }) => rest,
  "a token of text": (record) => ({ ...record, token: "7" }),
  "a token that cannot rise": (record) => ({ ...record, token: 1e300 }),
  "a fraction for a token": (record) => ({ ...record, token: 1.5 }),
  "no ttl": ({ ttl_s: _, ...rest }) => rest,
  "no clock": (record) => ({ ...record, clock: "sundial" }),
  "no time": (record) => ({ ...record, renewed_s: null }),
  "no date": (record) => ({ ...record, renewed_at: "soon" }),
  "a holder without a session": (record) => ({ ...record, holder: { agent: "x" } }),
  "a holder of text": (record) => ({ ...record, holder: "a" }),
  "no holder": ({ holder: _, ...rest }) => rest,
  "a lender of text": (record) => ({ ...record, lent_by: "a" }),
  "no queue": ({ waiters: _, ...rest }) => rest,
  "nobody in the queue": (record) => ({ ...record, waiters: [null] }),
  "a waiter without an end": (record) => (
    { ...record, waiters: [{ holder: { session: "b" }, turn_s: 5 }] }
  ),
  "a waiter without a name": (record) => (
    { ...record, waiters: [{ holder: {}, turn_s: 5, until_s: 1e9 }] }
  ),
  "an end without a holder": (record) => ({ ...record, ended: { why: "expired" } }),
};

/** Records that cannot be used. */
export const UNUSABLE: LeaseClause[] = [
  {
    name: "a record that a newer csc wrote is refused by every request, and left alone",
    async check({ a, store }) {
      const newer = { v: 2, somebody: "else" };
      await store.store(SCOPE, "k", newer);
      const asks = [
        () => a.acquire(LEASE, asking("a")),
        () => a.release(LEASE, holderOf("a")),
        () => a.act(LEASE, { op: "settle" }),
        () => a.queue(LEASE, queueing("a")),
        () => a.wait(LEASE, asking("a"), 1000),
        () => a.leaveQueue(LEASE, holderOf("a")),
        () => a.inspect(LEASE),
        () => a.list(SCOPE),
      ];
      for (const ask of asks) {
        const error = await ask().then(() => null, (error) => error);
        assertEquals(error?.code, "store_newer");
        assert(error.hint !== "" && /newer csc/.test(error.message));
      }
      assertEquals(await a.collect(SCOPE), 0);
      assertEquals((await store.retrieve(SCOPE, "k"))!.value, newer);
    },
  },
  {
    name: "a damaged record is told as such, and neither freed nor overwritten",
    async check({ a, store, stored }) {
      await a.acquire(LEASE, asking("a"));
      await a.queue(LEASE, queueing("b"));
      const sound = await stored("k") as unknown as Record<string, Json>;
      for (const [what, damage] of Object.entries(DAMAGED)) {
        const damaged = damage(sound);
        await store.store(SCOPE, "k", damaged);
        for (
          const ask of [
            () => a.acquire(LEASE, asking("c")),
            () => a.release(LEASE, holderOf("a")),
            () => a.inspect(LEASE),
            () => a.list(SCOPE),
          ]
        ) {
          const error = await ask().then(() => null, (error) => error);
          assertEquals(error?.code, "store_corrupt", `${what}: ${error}`);
          assert(/csc cleanup/.test(error.hint), what);
        }
        assertEquals(await a.collect(SCOPE), 0);
        const { value } = (await store.retrieve(SCOPE, "k"))!;
        assertEquals(JSON.stringify(value), JSON.stringify(damaged), what);
      }
      await store.store(SCOPE, "k", sound);
      assertEquals(saidBy(await a.acquire(LEASE, asking("a"))), "extended");
    },
  },
  {
    name: "a damaged record does not keep the others from being collected",
    async check({ a, store, clock }) {
      await store.store(SCOPE, "damaged", { v: 1 });
      await a.acquire(LEASE, asking("a"));
      await a.release(LEASE, holderOf("a"));
      clock.pass(FIVE_MINUTES_S);
      assertEquals(await a.collect(SCOPE), 1);
      assertEquals(await store.listKeys(SCOPE), ["damaged"]);
    },
  },
  {
    name: "a damaged book keeps nobody from acquiring and waiting",
    async check({ a, b, store }) {
      await store.store(BOOK, "floor", "high");
      await store.store(BOOK, "waits 1 a", { scope: 5 });
      await store.store(BOOK, "waits 1 b", ["x", null, { scope: SCOPE }]);
      grantOf(await a.acquire(LEASE, asking("a")));
      grantOf(await b.acquire(refOf("l"), asking("b")));
      assertEquals(saidBy(await a.acquire(refOf("l"), asking("a"))), "held");
      const first = await a.queue(refOf("l"), queueing("a"));
      assert(!first.ok && first.why === "held");
      const second = await b.queue(LEASE, queueing("b"));
      assert(!second.ok && second.why === "deadlock");
    },
  },
];
