/** Moving data between stores: that everything arrives, whatever happens on the way. */

import fc from "fast-check";
import { CoordinatorError } from "../src/domain/error.ts";
import { DEFAULT_LIMITS, type Json, parseJson } from "../src/domain/json.ts";
import { FLOOR_KEY } from "../src/lease/token_floor.ts";
import { canonical } from "../src/migrate/content.ts";
import { bookOf, kindOf } from "../src/migrate/kinds.ts";
import { migrate, type MigrateOptions } from "../src/migrate/migrate.ts";
import { isDone, type Report, sumOf } from "../src/migrate/report.ts";
import type { Entry, StorageAdapter, StoreOptions } from "../src/storage/adapter.ts";
import { KvStore } from "../src/storage/kv/kv.ts";
import { LocalStore } from "../src/storage/local/local.ts";
import { MemoryData, MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals, assertRejects } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";
import { WrappedStore } from "./support/wrapped_store.ts";
import { HOSTILE_NAMES } from "./storage/contract/names.ts";

const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);
const SETTINGS = { seed: SEED, path: Deno.env.get("CSC_TEST_PATH") };
const BIG = parseJson("12345678901234567890");

function move(
  from: StorageAdapter,
  to: StorageAdapter,
  options: Partial<MigrateOptions> = {},
): Promise<Report> {
  return migrate(from, to, { isDryRun: false, overwrite: false, ...options });
}

const countsOf = (report: Report) => sumOf(report.scopes.map(({ counts }) => counts));

Deno.test("what goes on is told from what is shared by the scope's name alone", () => {
  const state = [
    "m:o/r:csc",
    "m:o/r:csc:claims",
    "m:o/r:csc:clients",
    "m:o/r:instances",
    ":o/r:sessions",
    ":o/r:locks",
    ":o/r:book",
    ":o/r:file:a/b.py",
    ":o/r:notices:abc",
  ];
  const data = [
    "m:o/r:session:claude_1",
    "m:o/r:issue:csc:1",
    "m:o/r:instances:old",
    "m:o/r:cscx",
    ":o/r:items",
    "a",
    "a:b",
    "::",
    "csc",
    "csc:claims",
    "x:\ny:z\n:csc",
  ];
  for (const scope of state) assertEquals(kindOf(scope), "state", scope);
  for (const scope of data) assertEquals(kindOf(scope), "data", scope);
  assertEquals(bookOf("m:o/r:session:claude_1"), "m:o/r:csc:book");
  assertEquals(bookOf("m:o/r:csc:claims"), "m:o/r:csc:book");
  assertEquals(bookOf(":o/r:file:x"), ":o/r:book");
  assertEquals(bookOf("m:o/r:issue:1"), null);
  assertEquals(bookOf("a"), null);
});

Deno.test("a value is compared digit by digit, whatever the order of its keys", () => {
  assertEquals(
    canonical(parseJson('{"b":[1,{"d":2,"c":3}],"a":null}')),
    '{"a":null,"b":[1,{"c":3,"d":2}]}',
  );
  assertEquals(canonical(BIG), "12345678901234567890");
  assert(canonical(BIG) !== canonical(parseJson("12345678901234567891")));
  assert(canonical("1") !== canonical(1));
});

Deno.test("value, author, expiry and fence arrive; clocks need not agree", async () => {
  let sourceMs = Date.UTC(2026, 0, 1);
  const from = new MemoryStore(undefined, DEFAULT_LIMITS, () => sourceMs);
  const to = new MemoryStore(undefined, DEFAULT_LIMITS, () => Date.UTC(2031, 5, 5));
  await from.store("s", "a", { n: BIG, t: "ü" }, { author: "ada" });
  await from.store("s", "b", null, { fence: 7, ttlMs: 600_000 });
  await from.store("s", "gone", 1, { ttlMs: 1000 });
  sourceMs += 60_000;
  const report = await move(from, to);
  assert(isDone(report), JSON.stringify(report));
  const a = (await to.retrieve("s", "a"))!;
  assertEquals([canonical(a.value), a.author, a.expiresAtMs, a.fence], [
    '{"n":12345678901234567890,"t":"ü"}',
    "ada",
    null,
    null,
  ]);
  const b = (await to.retrieve("s", "b"))!;
  assertEquals([b.value, b.author, b.fence], [null, null, 7]);
  const leftMs = b.expiresAtMs! - await to.now();
  assert(leftMs > 535_000 && leftMs <= 540_000, String(leftMs));
  assertEquals(await to.listKeys("s"), ["a", "b"]);
  assertEquals(report.verification?.keys, { source: 2, target: 2 });
});

Deno.test("what is there already is left out; what differs is left alone, unless it is to be replaced", async () => {
  const [from, to] = [new MemoryStore(), new MemoryStore()];
  for (const key of ["same", "value", "author", "ends", "new"]) {
    await from.store("s", key, { k: key }, { author: "ada" });
  }
  await to.store("s", "same", { k: "same" }, { author: "ada", fence: 3 });
  await to.store("s", "value", { k: "other" }, { author: "ada", fence: 9 });
  await to.store("s", "author", { k: "author" }, { author: "bob" });
  await to.store("s", "ends", { k: "ends" }, { author: "ada", ttlMs: 1e6 });
  await to.store("s", "only there", 1);
  const before = (await to.retrieve("s", "same"))!.version;
  const dry = await move(from, to, { isDryRun: true });
  assertEquals([countsOf(dry).moved, dry.verification, await to.retrieve("s", "new")], [
    1,
    null,
    null,
  ]);

  const report = await move(from, to);
  const { moved, same, conflict, overwritten } = countsOf(report);
  assertEquals([moved, same, conflict, overwritten], [1, 1, 3, 0]);
  assertEquals(report.conflicts.map(({ key, why }) => [key, why]), [
    ["author", "another author"],
    ["ends", "another expiry"],
    ["value", "another value"],
  ]);
  assert(report.verification?.ok && !isDone(report), "what was moved is right, but it is not all");
  assertEquals((await to.retrieve("s", "value"))!.value, { k: "other" });
  assertEquals((await to.retrieve("s", "same"))!.version, before, "it was not written again");

  const forced = await move(from, to, { overwrite: true });
  assertEquals([countsOf(forced).overwritten, isDone(forced)], [3, true]);
  const value = (await to.retrieve("s", "value"))!;
  assertEquals([value.value, value.fence], [{ k: "value" }, 9], "a fence never falls");
  assertEquals((await to.retrieve("s", "only there"))?.value, 1);
});

Deno.test("a fence is raised where the content is the same, and respected where it is higher", async () => {
  const [from, to] = [new MemoryStore(), new MemoryStore()];
  await from.store("s", "low", 1, { fence: 5 });
  await to.store("s", "low", 1, { fence: 4 });
  await from.store("s", "removed there", 1, { fence: 5 });
  await to.store("s", "removed there", 1, { fence: 6 });
  await to.delete("s", "removed there", { fence: 6 });
  const report = await move(from, to);
  assertEquals((await to.retrieve("s", "low"))!.fence, 5);
  assertEquals(report.conflicts, [{ scope: "s", key: "removed there", why: "a higher fence" }]);
  assert(isDone(await move(from, to, { overwrite: true })));
  assertEquals((await to.retrieve("s", "removed there"))!.fence, 6);
});

Deno.test("the coordinator's records stay behind, and its tokens go on rising", async () => {
  const [from, to] = [new MemoryStore(), new MemoryStore()];
  await from.store("m:p:session:claude_1", "todo", 1, { fence: 1000 });
  await from.store("m:p:csc:claims", "claude_1", { v: 1, token: 2000, holder: null });
  await from.store(":p:locks", "resource:x", { v: 1, token: 500, holder: null });
  await from.store(":p:file:a.py", "tree", { v: 1, token: 700, holder: null });
  await from.store(":p:book", FLOOR_KEY, 600);
  await from.store("m:q:session:claude_1", "todo", 1, { fence: 50 });
  await to.store("m:q:csc:book", FLOOR_KEY, 60);
  const dry = await move(from, to, { isDryRun: true });
  assertEquals(await to.retrieve(":p:book", FLOOR_KEY), null, "not in a dry run");
  const report = await move(from, to);
  assertEquals(report.left, [":p:book", ":p:file:a.py", ":p:locks", "m:p:csc:claims"]);
  assertEquals(dry.left, report.left);
  const floor = async (scope: string) => (await to.retrieve(scope, FLOOR_KEY))?.value;
  assertEquals(await floor("m:p:csc:book"), 2000);
  assertEquals(await floor(":p:book"), 700);
  assertEquals(await floor("m:q:csc:book"), 60);
  assertEquals(await to.listScopes(), [
    ":p:book",
    "m:p:csc:book",
    "m:p:session:claude_1",
    "m:q:csc:book",
    "m:q:session:claude_1",
  ]);
});

Deno.test("a glob chooses scopes by their full names", async () => {
  const [from, to] = [new MemoryStore(), new MemoryStore()];
  for (const scope of ["m:p:issue:1", "m:q:issue:1", "m:p:issue:2"]) {
    await from.store(scope, "k", 1);
  }
  assert(isDone(await move(from, to, { scope: "m:p:*" })));
  assertEquals(await to.listScopes(), ["m:p:issue:1", "m:p:issue:2"]);
});

/** A store in which one scope cannot be read. */
class DamagedStore extends WrappedStore {
  constructor(inner: StorageAdapter, private readonly damaged: string) {
    super(inner);
  }
  override retrieveAll(scope: string) {
    if (scope !== this.damaged) return super.retrieveAll(scope);
    return Promise.reject(new CoordinatorError("store_corrupt", "Cannot read it", "Repair it."));
  }
}

Deno.test("a scope that cannot be read, and a key that is refused, do not stop the others", async () => {
  const [inner, to] = [
    new MemoryStore(),
    new MemoryStore(undefined, { maxValueBytes: 1024 }),
  ];
  for (const scope of ["a", "bad", "c"]) await inner.store(scope, "k", scope);
  await inner.store("c", "large", "x".repeat(2000));
  const report = await move(new DamagedStore(inner, "bad"), to);
  assertEquals(report.failures.map(({ scope, key }) => [scope, key]).sort(), [
    ["bad", null],
    ["c", "large"],
  ]);
  assertEquals(await to.listScopes(), ["a", "c"]);
  assert(!isDone(report) && !report.verification!.ok);
});

/** A store that now and then fails, before or after it has done what it was asked to do. */
class ShakyStore extends WrappedStore {
  #calls = 0;
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const turn = this.#calls++ % 4;
    if (turn === 0) throw new CoordinatorError("store_unreachable", "down", "Wait.");
    const result = await super.store(scope, key, value, options);
    if (turn === 2) throw new CoordinatorError("outcome_unknown", "lost", "Look.");
    return result;
  }
  override retrieveAll(scope: string) {
    if (this.#calls++ % 3 > 0) return super.retrieveAll(scope);
    return Promise.reject(new CoordinatorError("store_busy", "busy", "Wait."));
  }
}

Deno.test("failures that pass are waited for, and a lost answer is no conflict", async () => {
  const [from, inner] = [new MemoryStore(), new MemoryStore()];
  for (let n = 0; n < 20; n++) await from.store(`s${n % 3}`, `k${n}`, n, { author: "ada" });
  const report = await move(from, new ShakyStore(inner));
  assert(isDone(report), JSON.stringify(report));
  assertEquals([countsOf(report).moved, countsOf(report).conflict], [20, 0]);
});

Deno.test("what another writes in the target meanwhile is not lost", async () => {
  const [from, inner] = [new MemoryStore(), new MemoryStore()];
  await from.store("s", "k", "ours");
  const to = new class extends WrappedStore {
    override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
      await inner.store(scope, key, "theirs");
      return await super.store(scope, key, value, options);
    }
  }(inner);
  const report = await move(from, to);
  assertEquals(report.conflicts.map(({ why }) => why), ["another value"]);
  assertEquals((await inner.retrieve("s", "k"))!.value, "theirs");
});

Deno.test("what is written in the source meanwhile is found by the comparison", async () => {
  const from = new MemoryStore();
  for (let n = 0; n < 3; n++) await from.store("s", `k${n}`, n);
  const to = new MemoryStore();
  let isChanged = false;
  const onProgress: MigrateOptions["onProgress"] = ({ step }) => {
    if (step !== "moving" || isChanged) return;
    isChanged = true;
    from.store("s", "k0", "changed");
    from.store("late", "k", 1);
  };
  const report = await move(from, to, { onProgress });
  assertEquals(report.verification?.wrong.map(({ scope, key, why }) => [scope, key, why]).sort(), [
    ["late", "k", "nothing"],
    ["s", "k0", "another value"],
  ]);
  const { checksum } = report.verification!;
  assert(!report.verification!.ok && checksum.source !== checksum.target);
});

Deno.test("a source whose scopes cannot be listed is an error", async () => {
  const from = new class extends WrappedStore {
    override listScopes(): Promise<string[]> {
      return Promise.reject(new CoordinatorError("store_io", "no", "Look."));
    }
  }(new MemoryStore());
  await assertRejects(() => move(from, new MemoryStore()), CoordinatorError);
});

Deno.test("a folder that the Python reference wrote is moved as it is", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  Deno.mkdirSync(folder);
  const file = (scope: string, data: object) =>
    Deno.writeTextFileSync(
      `${folder}/${scope.replaceAll(/[:/]/g, "__")}.json`,
      JSON.stringify({
        scope,
        data,
        metadata: { created_at: "2025-01-01T00:00:00Z", updated_at: "2025-01-01T00:00:00Z" },
      }),
    );
  file("laptop:ada/shop:session:claude_1", { current_issue: 15, todos: ["a", "b"] });
  file("laptop:ada/shop:instances", { registry: { claude_1: "taken" } });
  const before = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const from = new LocalStore({ folder, durable: false, limits: DEFAULT_LIMITS });
  const to = new MemoryStore();
  const report = await move(from, to);
  assert(isDone(report));
  assertEquals(report.left, ["laptop:ada/shop:instances"]);
  assertEquals((await to.retrieve("laptop:ada/shop:session:claude_1", "todos"))!.value, ["a", "b"]);
  assertEquals(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    before,
    "it is only read",
  );
  await from.close();
});

interface Planned {
  readonly scope: string;
  readonly key: string;
  readonly value: Json;
  readonly author: string | undefined;
  readonly ttlMs: number | undefined;
  readonly fence: number | undefined;
}

const name = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.constantFrom(...HOSTILE_NAMES, "m:p:session:claude_1", "m:p:issue:1"),
).filter((text) => text.isWellFormed() && text.length <= 1024);
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((one) => parseJson(JSON.stringify(one).toWellFormed())),
  fc.bigInt().map((number) => parseJson(`${number}`)),
);
const planned: fc.Arbitrary<Planned> = fc.record({
  scope: name.filter((scope) => kindOf(scope) === "data"),
  key: name,
  value,
  author: fc.option(name, { nil: undefined }),
  ttlMs: fc.option(fc.constantFrom(60_000, 86_400_000), { nil: undefined }),
  fence: fc.option(fc.nat(), { nil: undefined }),
}).filter(({ value }) => JSON.stringify(value).isWellFormed());

async function fill(store: StorageAdapter, plan: readonly Planned[]): Promise<void> {
  for (const { scope, key, value, ...options } of plan) {
    await store.store(scope, key, value, options);
  }
}

/** Everything that must be the same, by scope and key. */
async function contentOf(store: StorageAdapter): Promise<Map<string, unknown>> {
  const content = new Map<string, unknown>();
  const view = ({ value, author, expiresAtMs, fence }: Entry) => ({
    value: canonical(value),
    author,
    fence,
    endsInMinutes: expiresAtMs === null ? null : Math.round((expiresAtMs - Date.now()) / 60_000),
  });
  for (const scope of (await store.listScopes()).filter((one) => kindOf(one) === "data")) {
    for (const [key, entry] of await store.retrieveAll(scope)) {
      content.set(JSON.stringify([scope, key]), view(entry));
    }
  }
  return content;
}

/** A store that ends the migration, or fails for good, after some writes. */
class EndingStore extends WrappedStore {
  constructor(inner: StorageAdapter, private left: number, private readonly end: () => void) {
    super(inner);
  }
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    if (this.left-- === 0) this.end();
    return await super.store(scope, key, value, options);
  }
}

Deno.test("migrate(A -> B) keeps everything, and any interruption and a second run end the same", async () => {
  const property = fc.asyncProperty(
    fc.array(planned, { maxLength: 30 }),
    fc.nat({ max: 30 }),
    fc.boolean(),
    async (plan, writes, fails) => {
      const [from, data] = [new MemoryStore(), new MemoryData()];
      await fill(from, plan);
      const wanted = await contentOf(from);
      const stop = new AbortController();
      const to = new EndingStore(new MemoryStore(data), writes, () => {
        if (fails) throw new CoordinatorError("store_io", "full", "Free some.");
        stop.abort();
      });
      const first = await move(from, to, { signal: stop.signal });
      if (!first.isInterrupted && first.failures.length === 0) assert(isDone(first));
      const second = await move(from, new MemoryStore(data));
      assert(isDone(second), JSON.stringify(second));
      assertEquals(await contentOf(new MemoryStore(data)), wanted);
      assertEquals(await contentOf(from), wanted, "the source is as it was");
    },
  );
  await fc.assert(property, { ...SETTINGS, numRuns: 200 });
});

Deno.test("the same through files and a database: memory -> local -> kv -> local", async () => {
  const property = fc.asyncProperty(fc.array(planned, { maxLength: 12 }), async (plan) => {
    using temp = new TempFolder();
    const local = (folder: string) =>
      new LocalStore({ folder: temp.join(folder), durable: false, limits: DEFAULT_LIMITS });
    const kv = await KvStore.open({ path: temp.join("store.kv"), limits: DEFAULT_LIMITS });
    const stores = [new MemoryStore(), local("a"), kv, local("b")];
    await fill(stores[0], plan);
    const wanted = await contentOf(stores[0]);
    for (let n = 1; n < stores.length; n++) {
      const report = await move(stores[n - 1], stores[n]);
      assert(isDone(report), JSON.stringify(report));
      assertEquals(await contentOf(stores[n]), wanted, `store ${n}`);
    }
    for (const store of stores) await store.close();
  });
  await fc.assert(property, { ...SETTINGS, numRuns: 15 });
});
