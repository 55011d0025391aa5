import fc from "fast-check";
import { DEFAULT_LIMITS, type Json, parseJson } from "../../src/domain/json.ts";
import type { StorageAdapter, StoreOptions, Version } from "../../src/storage/adapter.ts";
import { fileNames } from "../../src/storage/local/file_name.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { MemoryStore } from "../../src/storage/memory.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { TempFolder } from "../support/temp.ts";
import { HOSTILE_NAMES } from "./contract/names.ts";

/** On failure fast-check prints the seed and the path; set both variables to see it again. */
const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);
const SETTINGS = { seed: SEED, path: Deno.env.get("CSC_TEST_PATH") };

const name = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_NAMES) },
).filter((text) => text.isWellFormed() && text.length <= 1024);

const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "\u202eabc"))
  .filter((text) => text.isWellFormed());

const value = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    // -0 is 0 in JSON.
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.bigInt().map((number) => parseJson(`${number}`)),
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries) as Json),
  ),
})).value;

/** What a store must hold, as simple as it gets. */
interface Kept {
  value: number;
  version: Version;
  endsAtMs: number;
}

class Model {
  nowMs = Date.UTC(2026, 0, 1);
  readonly entries = new Map<string, Map<string, Kept>>();
  readonly fences = new Map<string, number>();
  /** Versions that there once were, to be offered again. */
  readonly versions: Version[] = [];

  live(scope: string, key: string): Kept | null {
    const kept = this.entries.get(scope)?.get(key);
    return kept && this.nowMs < kept.endsAtMs ? kept : null;
  }

  keys(scope: string): string[] {
    return [...this.entries.get(scope)?.keys() ?? []].filter((key) => this.live(scope, key)).sort();
  }

  scopes(): string[] {
    return [...this.entries.keys()].filter((scope) => this.keys(scope).length > 0).sort();
  }

  set(scope: string, key: string, kept: Kept) {
    this.versions.push(kept.version);
    if (!this.entries.has(scope)) this.entries.set(scope, new Map());
    this.entries.get(scope)!.set(key, kept);
  }

  /** Whether a write may happen; if so its fence is seen. */
  admits(scope: string, key: string, { expected, fence }: StoreOptions): boolean {
    const id = JSON.stringify([scope, key]);
    const seen = this.fences.get(id) ?? -1;
    if (fence !== undefined && fence < seen) return false;
    const version = this.live(scope, key)?.version ?? "absent";
    if (expected !== undefined && expected !== version) return false;
    if (fence !== undefined) this.fences.set(id, fence);
    return true;
  }
}

const scopeName = fc.constantFrom("a:b", "a/b", "a__b", "A:B", "__proto__", "x".repeat(300));
const keyName = fc.constantFrom("k", "__proto__", "1");
const condition = fc.record({
  expected: fc.option(fc.constantFrom("absent", "current", "older"), { nil: undefined, freq: 2 }),
  fence: fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
});

const command = fc.oneof(
  fc.record({
    do: fc.constant("store" as const),
    scope: scopeName,
    key: keyName,
    value: fc.integer(),
    condition,
    ttlMs: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant("delete" as const), scope: scopeName, key: keyName, condition }),
  fc.record({
    do: fc.constant("increment" as const),
    scope: scopeName,
    key: keyName,
    by: fc.integer({ min: -9, max: 9 }),
  }),
  fc.record({ do: fc.constant("deleteScope" as const), scope: scopeName }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 1000 }) }),
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

async function step(model: Model, store: StorageAdapter, command: Command) {
  if (command.do === "advance") return void (model.nowMs += command.ms);
  const { scope } = command;
  if (command.do === "deleteScope") {
    assertEquals(await store.deleteScope(scope), model.keys(scope).length > 0);
    return void model.entries.delete(scope);
  }
  const { key } = command;
  const before = model.live(scope, key);
  if (command.do === "increment") {
    const sum = (before?.value ?? 0) + command.by;
    assertEquals(await store.increment(scope, key, command.by), sum);
    const { version } = (await store.retrieve(scope, key))!;
    assert(!model.versions.includes(version), "a version came back");
    return model.set(scope, key, { value: sum, version, endsAtMs: before?.endsAtMs ?? Infinity });
  }
  const { fence, expected: which } = command.condition;
  const expected = which === "current"
    ? before?.version ?? "absent"
    : which === "older"
    ? model.versions[0]
    : which as "absent" | undefined;
  const admitted = model.admits(scope, key, { expected, fence });
  if (command.do === "delete") {
    const result = await store.delete(scope, key, { expected, fence });
    assertEquals(result.ok, admitted);
    if (result.ok) {
      assertEquals(result.existed, before !== null);
      model.entries.get(scope)?.delete(key);
    }
    return;
  }
  const { value, ttlMs } = command;
  const result = await store.store(scope, key, value, { expected, fence, ttlMs });
  assertEquals(result.ok, admitted);
  if (!result.ok) return assertEquals(result.current?.version, before?.version);
  assert(!model.versions.includes(result.version), "a version came back");
  const endsAtMs = ttlMs === undefined ? Infinity : model.nowMs + ttlMs;
  model.set(scope, key, { value, version: result.version, endsAtMs });
}

async function compare(model: Model, store: StorageAdapter) {
  assertEquals(await store.listScopes(), model.scopes());
  for (const scope of model.scopes()) {
    assertEquals(await store.listKeys(scope), model.keys(scope));
    for (const key of model.keys(scope)) {
      const entry = (await store.retrieve(scope, key))!;
      const { value, version, endsAtMs } = model.live(scope, key)!;
      const endsAt = entry.expiresAtMs ?? Infinity;
      const fence = model.fences.get(JSON.stringify([scope, key])) ?? null;
      assertEquals([entry.value, entry.version, endsAt], [value, version, endsAtMs]);
      assertEquals(entry.fence, fence);
    }
  }
}

function open(kind: string, folder: string, now: () => number): StorageAdapter {
  return kind === "memory"
    ? new MemoryStore(undefined, DEFAULT_LIMITS, now)
    : new LocalStore({ folder, durable: false, limits: DEFAULT_LIMITS, now });
}

for (const kind of ["memory", "local"]) {
  Deno.test(`${kind}: any sequence of commands does what a map does`, async () => {
    const property = fc.asyncProperty(
      fc.array(command, { maxLength: 30, size: "max" }),
      async (commands) => {
        using temp = new TempFolder();
        const model = new Model();
        const store = open(kind, temp.join("state"), () => model.nowMs);
        try {
          for (const command of commands) await step(model, store, command);
          await compare(model, store);
        } finally {
          await store.close();
        }
      },
    );
    await fc.assert(property, { ...SETTINGS, numRuns: kind === "memory" ? 400 : 100 });
  });

  Deno.test(`${kind}: any name and any JSON value comes back`, async () => {
    using temp = new TempFolder();
    const store = open(kind, temp.join("state"), Date.now);
    const property = fc.asyncProperty(
      name,
      name,
      text,
      value,
      async (scope, key, author, value) => {
        assert((await store.store(scope, key, value, { author })).ok);
        const entry = (await store.retrieve(scope, key))!;
        assertEquals(JSON.stringify(entry.value), JSON.stringify(value));
        assertEquals(entry.author, author);
        assert((await store.listKeys(scope)).includes(key));
      },
    );
    await fc.assert(property, { ...SETTINGS, numRuns: 300 });
    await store.close();
  });
}

Deno.test("two scopes never have one file", async () => {
  const property = fc.asyncProperty(name, name, async (a, b) => {
    fc.pre(a !== b);

    const [namesA, namesB] = [fileNames(a), fileNames(b)];
    const hashedB = await namesB.hashed();
    assert(await namesA.hashed() !== hashedB);
    if (namesA.seed !== null && namesA.seed === namesB.seed) {
      assertEquals(namesA.bucket, namesB.bucket, "who competes for a name takes one lock");
    }
    if (namesA.seedIsSafe) assert(namesA.seed !== hashedB);
    if (namesA.seedIsSafe && namesB.seedIsSafe && namesA.seed !== namesB.seed) {
      const fold = (text: string) => text.normalize("NFC").toLowerCase();
      if (fold(namesA.seed!) === fold(namesB.seed!)) assertEquals(namesA.bucket, namesB.bucket);
    }
  });
  const examples: [string, string][] = [["a:b", "a/b"], ["a:b", "A:B"], ["é", "e\u0301"]];
  await fc.assert(property, { ...SETTINGS, numRuns: 2000, examples });
});

Deno.test("a scope's file has a name that every file system takes", async () => {
  const property = fc.asyncProperty(name, async (scope) => {
    const { seed, seedIsSafe, hashed } = fileNames(scope);
    for (const file of [await hashed(), ...(seedIsSafe ? [seed!] : [])]) {
      assert(new TextEncoder().encode(file).length <= 255);
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u001f\u007f"*/:<>?\\|]|[. ]$/.test(file), file);
      assert(!/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(file), file);
      assert(!/^\.|^~/.test(file), file);
    }
  });
  await fc.assert(property, { ...SETTINGS, numRuns: 2000 });
});
