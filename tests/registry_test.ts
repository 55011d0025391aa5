import { join } from "@std/path";
import type { AdapterContext } from "../src/storage/registry.ts";
import { adapterNames, openStore, registerAdapter } from "../src/storage/registry.ts";
import "../src/storage/builtin.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import { DEFAULT_LIMITS } from "../src/domain/json.ts";
import { MemoryStore } from "../src/storage/memory.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../src/os/self.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "./support/assert.ts";
import { ROOT } from "./support/command.ts";
import { TestProject } from "./support/project.ts";

const CONTEXT: AdapterContext = {
  baseFolder: "/nonexistent",
  limits: DEFAULT_LIMITS,
  onUnreadable: () => {},
};

const BAD_NAMES = ["", "My-Store", "my store", "-x", "1x", "a_b", "a.b", "../x", "a\n"];
for (const name of BAD_NAMES) {
  Deno.test(`the adapter's name ${JSON.stringify(name)} is refused`, () => {
    assertThrows(() => registerAdapter(name, () => new MemoryStore()), TypeError, "lower-case");
    assert(!adapterNames().includes(name));
  });
}

Deno.test("a name that is taken is refused, also one of ours", () => {
  const factory = () => new MemoryStore();
  registerAdapter("taken-once", factory);
  for (const name of ["taken-once", "local", "kv", "memory"]) {
    assertThrows(() => registerAdapter(name, factory), TypeError, "the name is taken");
  }
});

Deno.test("a factory that is no function is refused", () => {
  for (const factory of [null, undefined, {}, new MemoryStore(), "x"]) {
    assertThrows(
      // deno-lint-ignore no-explicit-any
      () => registerAdapter("no-function", factory as any),
      TypeError,
      "its factory is no function",
    );
  }
  assert(!adapterNames().includes("no-function"));
});

Deno.test("a store that lacks a part of the contract is refused, and the parts are named", async () => {
  class Half {
    readonly place = { reach: "process", location: "x", folder: null };
    store() {}
    retrieve() {}
    close() {}
  }
  // deno-lint-ignore no-explicit-any
  registerAdapter("half", () => new Half() as any);
  const error = await assertRejects(() => openStore("half", {}, CONTEXT), TypeError);
  assertMatch(error.message, /The adapter 'half' does not fulfil the contract/);
  const missing = ["delete", "increment", "retrieveAll", "listKeys", "listScopes", "deleteScope"];
  for (const method of [...missing, "watch", "now"]) {
    assertMatch(error.message, new RegExp(`\\b${method}\\(\\)`));
  }
  assert(!/store\(\)|retrieve\(\)|close\(\)/.test(error.message));
});

Deno.test("a factory that answers nothing, or a store without a place, is refused", async () => {
  // deno-lint-ignore no-explicit-any
  const answers: any[] = [undefined, null, 5, {}];
  for (const [i, answer] of answers.entries()) {
    registerAdapter(`nothing-${i}`, () => answer);
    await assertRejects(() => openStore(`nothing-${i}`, {}, CONTEXT), TypeError, "does not fulfil");
  }
  for (const [i, place] of [undefined, null].entries()) {
    const store = Object.defineProperty(new MemoryStore(), "place", { value: place });
    registerAdapter(`nowhere-${i}`, () => store);
    await assertRejects(() => openStore(`nowhere-${i}`, {}, CONTEXT), TypeError, "place");
  }
});

Deno.test("an unknown name is refused with the known ones and the nearest", async () => {
  const error = await assertRejects(() => openStore("memroy", {}, CONTEXT), CoordinatorError);
  assertEquals(error.code, "unknown_adapter");
  assertMatch(error.message, /^Unknown adapter type: memroy\. Available: \[local, kv, memory/);
  assertMatch(error.message, /did you mean 'memory'\?/);
});

Deno.test("a factory gets its configuration and the context, and may be asynchronous", async () => {
  const got: unknown[] = [];
  registerAdapter("async-store", async (config, context) => {
    got.push(config, context);
    return await Promise.resolve(new MemoryStore());
  });
  const store = await openStore("async-store", { url: "x" }, CONTEXT);
  assert(store instanceof MemoryStore);
  assertEquals(got, [{ url: "x" }, CONTEXT]);
});

/** A program of a user that brings a store of its own. */
function userProgram(project: TestProject, adapter: string): string[] {
  const path = join(project.folder, "my-csc.ts");
  const source = `
    import { main } from "${ROOT}main.ts";
    import { registerAdapter } from "${ROOT}src/storage/mod.ts";
    ${adapter}
    await main(Deno.args);
  `;
  Deno.writeTextFileSync(path, source);
  const config = `--config=${ROOT}deno.json`;
  return [
    Deno.execPath(),
    "run",
    "--no-check",
    config,
    ...PERMISSION_FLAGS,
    ...UNSTABLE_FLAGS,
    path,
  ];
}

const MAP_STORE = `
  class MapStore {
    place = { reach: "process", location: "a map", folder: null };
    #map = new Map();
    #version = 0;
    constructor(config) { this.greeting = config.greeting; }
    #of(scope) { return this.#map.get(scope) ?? new Map(); }
    async store(scope, key, value, { expected, author = null } = {}) {
      const current = this.#of(scope).get(key) ?? null;
      const wanted = expected === "absent" ? null : expected;
      if (expected !== undefined && (current?.version ?? null) !== wanted) {
        return { ok: false, reason: "version", current, fence: null };
      }
      const version = String(++this.#version);
      const entry = { value, version, author, storedAtMs: Date.now(), expiresAtMs: null, fence: null };
      this.#map.set(scope, this.#of(scope).set(key, entry));
      return { ok: true, version };
    }
    async retrieve(scope, key) {
      if (key === "greeting") {
        return { value: this.greeting, version: "0", author: null, storedAtMs: 0, expiresAtMs: null, fence: null };
      }
      return this.#of(scope).get(key) ?? null;
    }
    async delete(scope, key) { return { ok: true, existed: this.#of(scope).delete(key) }; }
    async increment() { return 0; }
    async retrieveAll(scope) { return new Map([...this.#of(scope)].sort()); }
    async listKeys(scope) { return [...this.#of(scope).keys()].sort(); }
    async listScopes() { return [...this.#map.keys()].filter((s) => this.#of(s).size > 0).sort(); }
    async deleteScope(scope) { return this.#map.delete(scope); }
    async watch(_pattern, _signal) { return new ReadableStream(); }
    async now() { return Date.now(); }
    async close() {}
  }
  registerAdapter("my-store", (config) => new MapStore(config));
`;

Deno.test("a user's own program serves with the store that it registered", async () => {
  await using project = new TestProject({
    storage: { adapter: "my-store", config: { greeting: "hello" } },
  });
  const client = await project.connect({ command: userProgram(project, MAP_STORE) });
  assertEquals((await client.tool("sign_on")).session_id, "claude_1");
  assertEquals(await client.tool("retrieve_data", { scope: "a", key: "greeting" }), "hello");
  await client.tool("store_data", { scope: "a", key: "k", value: [1] });
  assertEquals(await client.tool("retrieve_data", { scope: "a", key: "k" }), [1]);
  assertEquals(await client.tool("list_scopes"), ["a"]);
  assertEquals(await client.close(), { code: 0, stderr: "" });
});

Deno.test("a user's store that breaks the contract is told in two lines, without a stack", async () => {
  await using project = new TestProject({ storage: { adapter: "my-store", config: {} } });
  const program = userProgram(project, `registerAdapter("my-store", () => ({ store() {} }));`);
  const client = await project.connect({ command: program });
  const { isError, texts } = await client.call("sign_on");
  assert(isError);
  assertMatch(texts[0], /The adapter 'my-store' does not fulfil the contract: .*retrieve\(\)/);
  assertEquals(texts[0].split("\n").length, 2);
  const { stderr } = await client.close();
  assert(!/\n\s+at /.test(stderr), stderr);
});

Deno.test("a user's store that cannot be opened is told by its own message", async () => {
  await using project = new TestProject({ storage: { adapter: "my-store", config: {} } });
  const program = userProgram(
    project,
    `registerAdapter("my-store", () => { throw new Error("the database is away"); });`,
  );
  const client = await project.connect({ command: program });
  const { isError, texts } = await client.call("sign_on");
  assertEquals([isError, texts[0].split("\n").length], [true, 2]);
  assertMatch(texts[0], /the database is away/);
  await client.close();
});
