import fc from "fast-check";
import { DEFAULT_LIMITS } from "../src/domain/json.ts";
import { LocalStore } from "../src/storage/local/local.ts";
import type { Change, StorageAdapter } from "../src/storage/adapter.ts";
import { MemoryData, MemoryStore } from "../src/storage/memory.ts";
import { TenantStore } from "../src/storage/tenant.ts";
import { CONTRACT } from "./storage/contract.ts";
import { HOSTILE_NAMES } from "./storage/contract/names.ts";
import { check, here } from "./storage/contract_suite.ts";
import { assert, assertEquals, assertThrows } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";

const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);
const SETTINGS = { seed: SEED, path: Deno.env.get("CSC_TEST_PATH") };

const TENANTS = ["default", "ada", "a", "long", "csc-tenant"];

/** Scopes that look like the form in which those of tenants are kept. */
const LOOKALIKES = [
  "csc-tenant",
  "csc-tenant:",
  "csc-tenant:ada:s",
  "csc-tenant:a:s",
  "csc-tenant::s",
  "csc-tenant::csc-tenant::s",
  "csc-tenant~long:ada:s",
  "csc-tenant~names:ada",
  "csc-tenant~names:",
  ":ada:s",
  "ada:s",
  "s",
  `csc-tenant:ada:${"x".repeat(1000)}`,
  "x".repeat(1010),
  "x".repeat(1011),
  "x".repeat(1024),
  `${"x".repeat(1023)}y`,
  `csc-tenant${"x".repeat(1014)}`,
];

for (const tenant of ["default", "ada"]) {
  for (const clause of CONTRACT) {
    Deno.test(`the tenant ${tenant}: ${clause.name}`, async () => {
      const data = new MemoryData();
      const open = () =>
        here((now) => new TenantStore(new MemoryStore(data, DEFAULT_LIMITS, now), tenant));
      // Others have the same scopes and keys, which nobody may see.
      const others = TENANTS.filter((one) => one !== tenant);
      for (const other of others) {
        const store = new TenantStore(new MemoryStore(data, DEFAULT_LIMITS), other);
        for (const scope of ["s", "t", "x".repeat(1024)]) {
          await store.store(scope, "k", "another's", { fence: 99 });
        }
      }
      await check(clause, await open(), await open());
    });
  }
}

/** All that can be asked of a store, as one text. */
async function seen(store: StorageAdapter, patterns: readonly string[]): Promise<string> {
  const scopes = await store.listScopes();
  const parts: unknown[] = [scopes];
  for (const pattern of patterns) parts.push(await store.listScopes(pattern));
  for (const scope of scopes) {
    parts.push(await store.listKeys(scope));
    for (const [key, { value, author, fence }] of await store.retrieveAll(scope)) {
      parts.push([key, value, author, fence]);
    }
  }
  return JSON.stringify(parts);
}

Deno.test("tenants with the same names never meet, whatever scopes are called", async () => {
  const scope = fc.constantFrom(...LOOKALIKES, ...HOSTILE_NAMES);
  const step = fc.record({
    tenant: fc.constantFrom(...TENANTS),
    op: fc.constantFrom("store", "store", "store", "delete", "increment", "deleteScope"),
    scope,
    key: fc.constantFrom("k", "l", "csc-tenant"),
  });
  const pattern = fc.constantFrom("*", "csc-tenant*", "csc*", "x*", "*y", "[c]sc-*", "?", "*:s");
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(pattern, { maxLength: 4 }),
      async (steps, patterns) => {
        const data = new MemoryData();
        const shared = new Map(
          TENANTS.map((name) => [name, new TenantStore(new MemoryStore(data), name)]),
        );
        const alone = new Map(TENANTS.map((name) => [name, new MemoryStore()]));
        for (const [i, { tenant, op, scope, key }] of steps.entries()) {
          const answers = [shared, alone].map(async (stores) => {
            const store = stores.get(tenant)!;
            switch (op) {
              case "store":
                return (await store.store(scope, key, i, { author: tenant, fence: i })).ok;
              case "delete":
                return await store.delete(scope, key);
              case "increment":
                return await store.increment(scope, key, i);
              default:
                return await store.deleteScope(scope);
            }
          });
          assertEquals(await answers[0], await answers[1]);
        }
        for (const name of TENANTS) {
          const own = await seen(shared.get(name)!, patterns);
          assertEquals(own, await seen(alone.get(name)!, patterns), name);
        }
      },
    ),
    { ...SETTINGS, numRuns: 150 },
  );
});

Deno.test("a watch tells a tenant of its own changes only, by its own names", async () => {
  for (const pattern of ["*", "csc-tenant*", "x*"]) {
    const data = new MemoryData();
    const stores = TENANTS.map((name) => new TenantStore(new MemoryStore(data), name));
    const told = await Promise.all(stores.map(async (store) => {
      const changes = await store.watch(pattern);
      const list: Change[] = [];
      const reading = (async () => {
        for await (const change of changes) list.push(change);
      })();
      return { list, reading };
    }));
    for (const [i, store] of stores.entries()) {
      for (const scope of LOOKALIKES) await store.store(scope, `by ${TENANTS[i]}`, 1);
    }
    for (const store of stores) await store.close();
    const start = pattern.slice(0, -1);
    const expected = LOOKALIKES.filter((scope) => scope.startsWith(start));
    for (const [i, { list, reading }] of told.entries()) {
      await reading;
      assertEquals(list.map(({ scope }) => scope), expected);
      assert(list.every(({ key }) => key === `by ${TENANTS[i]}`), TENANTS[i]);
    }
  }
});

Deno.test("the tenant default has the plain scopes, which local sessions have too", async () => {
  using temp = new TempFolder();
  const local = new LocalStore({
    folder: temp.join("state"),
    durable: false,
    limits: DEFAULT_LIMITS,
  });
  const [clients, others] = ["default", "ada"].map((name) => new TenantStore(local, name));
  await local.store(":acme/shop:locks", "deploy", 1);
  assertEquals((await clients.retrieve(":acme/shop:locks", "deploy"))?.value, 1);
  await clients.store("laptop:acme/shop:issue:1", "k", 2);
  assertEquals((await local.retrieve("laptop:acme/shop:issue:1", "k"))?.value, 2);
  assertEquals(await others.listScopes(), []);
  await others.store(":acme/shop:locks", "deploy", "another");
  assertEquals(await clients.listScopes(), [":acme/shop:locks", "laptop:acme/shop:issue:1"]);
  assertEquals((await local.retrieve(":acme/shop:locks", "deploy"))?.value, 1);
  await clients.close();
  assertEquals((await local.retrieve(":acme/shop:locks", "deploy"))?.value, 1, "still open");
  await local.close();
});

Deno.test("a name that could be mistaken for another tenant's is none", () => {
  for (const name of ["", "a:b", "A", "a b", "~names", ":", "-a"]) {
    assertThrows(() => new TenantStore(new MemoryStore(), name), TypeError);
  }
});
