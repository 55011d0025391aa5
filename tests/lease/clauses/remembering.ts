import { assertEquals } from "../../support/assert.ts";
import { grantOf, holderOf, nameOf, saidBy } from "../../support/lease.ts";
import { asking, type LeaseClause, queueing, refOf } from "../../support/lease_world.ts";
import { WrappedStore } from "../../support/wrapped_store.ts";

const LEASE = refOf("k");

/** A store that counts what it is asked. */
class Counting extends WrappedStore {
  reads = 0;
  writes = 0;

  override retrieve(scope: string, key: string) {
    this.reads++;
    return super.retrieve(scope, key);
  }

  override store(...args: Parameters<WrappedStore["store"]>) {
    this.writes++;
    return super.store(...args);
  }

  /** How often it was asked since it was last asked this. */
  counts(): [reads: number, writes: number] {
    const { reads, writes } = this;
    [this.reads, this.writes] = [0, 0];
    return [reads, writes];
  }
}

/** What a client does with what it wrote itself. */
export const REMEMBERING: LeaseClause[] = [
  {
    name: "who goes on with a lease of its own writes at once, and reads nothing",
    async check({ over, store, stored }) {
      const counting = new Counting(store);
      const leases = over(counting);
      await leases.acquire(LEASE, asking("a"));
      assertEquals(counting.counts(), [2, 1], "the lease, and the floor of its tokens");
      for (let round = 0; round < 3; round++) {
        const { token } = grantOf(await leases.acquire(LEASE, asking("a")));
        const renewal = { op: "renew", holder: holderOf("a"), token, ttlS: 10 } as const;
        grantOf(await leases.act(LEASE, renewal));
        grantOf(await leases.release(LEASE, holderOf("a"), token));
        const outcome = await leases.acquire(LEASE, asking("b"));
        assertEquals(saidBy(outcome), "granted");
        assertEquals(outcome.record, (await stored("k"))!, "and it is told as it is stored");
        grantOf(await leases.release(LEASE, holderOf("b")));
      }
      assertEquals(counting.counts(), [0, 15]);
    },
  },
  {
    name: "what was written since by another is seen, though one remembers",
    async check({ over, store, b }) {
      const counting = new Counting(store);
      const leases = over(counting);
      grantOf(await leases.acquire(LEASE, asking("a")));
      grantOf(await leases.release(LEASE, holderOf("a")));
      const { token } = grantOf(await b.acquire(LEASE, asking("b")));
      counting.counts();
      const refused = await leases.acquire(LEASE, asking("a"));
      assertEquals([saidBy(refused), nameOf(refused.record.holder)], ["held", "b"]);
      assertEquals(counting.counts(), [0, 1], "the refused write tells what is there instead");
      grantOf(await b.release(LEASE, holderOf("b"), token));
      assertEquals(saidBy(await leases.acquire(LEASE, asking("a"))), "granted");
    },
  },
  {
    name: "a holder that was overtaken learns it, though it remembers that it holds",
    async check({ a, b }) {
      const { token } = grantOf(await a.acquire(LEASE, asking("a")));
      const taking = { op: "take over", token, reason: "r", ...asking("b") } as const;
      grantOf(await b.act(LEASE, taking));
      const renewal = { op: "renew", holder: holderOf("a"), token, ttlS: 10 } as const;
      assertEquals(saidBy(await a.act(LEASE, renewal)), "taken over");
      const used = { op: "mark", holder: holderOf("a"), mark: "used" } as const;
      assertEquals(saidBy(await a.act(LEASE, used)), "taken over");
      assertEquals(saidBy(await a.release(LEASE, holderOf("a"), token)), "taken over");
      assertEquals(nameOf((await b.inspect(LEASE))!.holder), "b");
    },
  },
  {
    name: "nobody is refused from memory",
    async check({ a, b }) {
      grantOf(await b.acquire(LEASE, asking("b")));
      assertEquals(saidBy(await a.acquire(LEASE, queueing("a"))), "held"); // its own write
      grantOf(await b.release(LEASE, holderOf("b")));
      assertEquals(saidBy(await a.acquire(LEASE, asking("a"))), "granted", "its turn has come");
    },
  },
  {
    name: "what one remembers of a lease that is gone since is no lease",
    async check({ a, store }) {
      const { token } = grantOf(await a.acquire(LEASE, asking("a")));
      await store.deleteScope(LEASE.scope);
      const renewal = { op: "renew", holder: holderOf("a"), token, ttlS: 10 } as const;
      assertEquals(saidBy(await a.act(LEASE, renewal)), "not held");
      assertEquals(saidBy(await a.acquire(LEASE, asking("b"))), "granted");
    },
  },
];
