import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { KvStore } from "../../src/storage/kv/kv.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { ROOT, run } from "../support/command.ts";
import { openShared } from "../support/open_store.ts";
import { TempFolder } from "../support/temp.ts";
import { race, type Task, Worker } from "../support/workers.ts";
import { assertFails, until } from "./contract/clause.ts";

/** A store closed with its scope. */
async function open(temp: TempFolder, now?: () => number) {
  const store = await openShared("kv", temp.path, { now });
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

/** The database as Deno sees it. */
async function inside<T>(temp: TempFolder, task: (kv: Deno.Kv) => Promise<T>): Promise<T> {
  using kv = await Deno.openKv(temp.join("store.kv"));
  return await task(kv);
}

/** What is kept of a key beside its chunks. */
async function headOf(kv: Deno.Kv, scope: string, key: string): Promise<Record<string, unknown>> {
  const { value } = await kv.get<Uint8Array>(["csc", "head", scope, key]);
  return JSON.parse(new TextDecoder().decode(value!));
}

async function setHead(kv: Deno.Kv, scope: string, key: string, head: object): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(head));
  await kv.set(["csc", "head", scope, key], bytes);
}

/** How many chunks there are, by scope and key. */
function countChunks(temp: TempFolder): Promise<number> {
  return inside(
    temp,
    async (kv) => (await Array.fromAsync(kv.list({ prefix: ["csc", "chunk"] }))).length,
  );
}

Deno.test("without `--unstable-kv` the error names the flag", async () => {
  using temp = new TempFolder();
  const script = `
    const { KvStore } = await import(${JSON.stringify(`${ROOT}src/storage/kv/kv.ts`)});
    const limits = { maxValueBytes: 1000 };
    await KvStore.open({ path: ${JSON.stringify(temp.join("store.kv"))}, limits }).then(
      () => console.log("opened"),
      (error) => console.log(error.code, error.message, error.hint),
    );`;
  Deno.writeTextFileSync(temp.join("script.ts"), script);
  // The package's own deno.json would switch it on; of that file only the imports are wanted.
  Deno.writeTextFileSync(temp.join("map.json"), '{"imports":{"@std/path":"node:path"}}');
  const flags = ["-A", "--no-config", "--no-lock", "--import-map", temp.join("map.json")];
  const command = [Deno.execPath(), "run", ...flags, temp.join("script.ts")];
  const { stdout, stderr } = await run(command, { cwd: temp.path });
  assertStringIncludes(stdout, "store_io", stderr);
  assertStringIncludes(stdout, "--unstable-kv");
  assertEquals([...Deno.readDirSync(temp.path)].length, 2, "nothing was created");
});

Deno.test("the database is readable by its owner only", async () => {
  using temp = new TempFolder();
  const path = temp.join("new", "folder", "store.kv");
  const store = await KvStore.open({ path, limits: DEFAULT_LIMITS });
  await store.store("s", "k", "x".repeat(200_000));
  for (const { name } of Deno.readDirSync(temp.join("new", "folder"))) {
    assertEquals(Deno.lstatSync(temp.join("new", "folder", name)).mode! & 0o777, 0o600, name);
  }
  assertEquals(Deno.lstatSync(temp.join("new", "folder")).mode! & 0o777, 0o700);
  await store.close();
  Deno.chmodSync(path, 0o644);
  await (await KvStore.open({ path, limits: DEFAULT_LIMITS })).close();
  assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o600, "one that was readable becomes private");
});

Deno.test("a database that cannot be opened is a clear error", async () => {
  using temp = new TempFolder();
  Deno.writeTextFileSync(temp.join("store.kv"), "no database, ".repeat(1000));
  await assertFails("store_io", () => openShared("kv", temp.path));
  const limits = DEFAULT_LIMITS;
  Deno.mkdirSync(temp.join("folder"));
  await assertFails("store_io", () => KvStore.open({ path: temp.join("folder"), limits }));
  await assertFails(
    "store_io",
    () => KvStore.open({ path: temp.join("store.kv", "below"), limits }),
  );
});

Deno.test("values beyond 64 KiB lie in chunks, of which the old ones are removed", async () => {
  using temp = new TempFolder();
  const chunksAfter = async (text: string) => {
    const { store } = await open(temp);
    assert((await store.store("s", "k", text)).ok);
    assertEquals((await store.retrieve("s", "k"))?.value, text);
    await store.close();
    return await countChunks(temp);
  };
  assertEquals(await chunksAfter("small"), 0);
  assertEquals(await chunksAfter("x".repeat(65_000)), 2);
  assertEquals(await chunksAfter("日".repeat(300_000)), 16);
  assertEquals(await chunksAfter("y".repeat(65_000)), 2);
  assertEquals(await chunksAfter("small"), 0);
  assertEquals(await chunksAfter("x".repeat(900_000)), 16);
  {
    const { store } = await open(temp);
    await store.delete("s", "k");
    await store.close();
  }
  assertEquals(await countChunks(temp), 0);
});

Deno.test("`deleteScope()` removes the chunks of all its keys", async () => {
  using temp = new TempFolder();
  const { store } = await open(temp);
  await store.store("s", "k", "x".repeat(100_000), { fence: 1 });
  await store.store("s", "l", "x".repeat(100_000));
  await store.store("t", "k", "x".repeat(100_000));
  await store.deleteScope("s");
  assertEquals((await store.retrieve("t", "k"))?.value, "x".repeat(100_000));
  await store.close();
  assertEquals(await countChunks(temp), 2);
});

Deno.test("`deleteScope()` takes more keys than one commit", async () => {
  using temp = new TempFolder();
  const opened = await open(temp);
  await opened.store.store("s", "0", 0);
  await opened.store.close();
  await inside(temp, async (kv) => {
    const head = await headOf(kv, "s", "0");
    for (let i = 1; i < 1200; i++) await setHead(kv, "s", `${i}`, { ...head, key: `${i}` });
  });
  await using reopened = await open(temp);
  assertEquals((await reopened.store.listKeys("s")).length, 1200);
  assertEquals(await reopened.store.deleteScope("s"), true);
  assertEquals(await reopened.store.listKeys("s"), []);
});

for (const [size, value] of [["long", "x".repeat(100_000)], ["short", "small"]]) {
  Deno.test(`chunks that a killed writer left are swept by the next ${size} write`, async () => {
    using temp = new TempFolder();
    await (await open(temp)).store.close();
    await inside(temp, async (kv) => {
      for (let i = 0; i < 3; i++) {
        await kv.set(["csc", "chunk", "s", "k", "of-the-killed", i], new Uint8Array(60_000));
      }
    });
    const { store } = await open(temp);
    assertEquals(await store.retrieve("s", "k"), null, "what was not finished is not there");
    await store.store("s", "k", value);
    assertEquals((await store.retrieve("s", "k"))?.value, value);
    await store.close();
    assertEquals(await countChunks(temp), size === "long" ? 2 : 0);
  });
}

Deno.test("8 processes that open, write and list at once see no lock error", async () => {
  using temp = new TempFolder();
  const task = (name: string): Task => ({
    do: "calls",
    kind: "kv",
    folder: temp.path,
    calls: Array.from({ length: 15 }, (_, i) =>
      [
        ["store", `s${i % 3}`, `${name}-${i}`, "x".repeat(i % 5 ? 10 : 100_000)],
        ["increment", "race", "k"],
        ["listScopes"],
        ["deleteScope", `gone-${name}`],
      ] as Extract<Task, { do: "calls" }>["calls"]).flat(),
  });
  const said = await race(Array.from({ length: 8 }, (_, i) => task(`${i}`)));
  for (const lines of said) {
    assertEquals(lines.length, 60);
    for (const line of lines) assert("result" in (line as object), JSON.stringify(line));
  }
  await using opened = await open(temp);
  assertEquals((await opened.store.retrieve("race", "k"))?.value, 120);
  const keys = await Promise.all([0, 1, 2].map((i) => opened.store.listKeys(`s${i}`)));
  assertEquals(keys.flat().length, 120);
});

Deno.test("expiry is judged when reading, not when Deno KV gets round to it", async () => {
  using temp = new TempFolder();
  let nowMs = Date.now();
  await using opened = await open(temp, () => nowMs);
  const { store } = opened;
  await store.store("s", "k", "x".repeat(100_000), { ttlMs: 1 });
  assert(await store.retrieve("s", "k"));
  nowMs += 1;
  assertEquals(await store.retrieve("s", "k"), null);
  assertEquals(await store.listScopes(), []);
  nowMs -= 1;
  assert(await store.retrieve("s", "k"), "the store's clock decides, nothing else");
});

Deno.test("`watch()` sees the writes of another process", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  const { store } = opened;
  const changes = await store.watch("s*");
  await using worker = new Worker({
    do: "calls",
    kind: "kv",
    folder: temp.path,
    calls: [["store", "other", "k", 1], ["store", "s", "k", "x".repeat(100_000)]],
  });
  await worker.ready();
  await worker.go();
  const world = { a: store, b: store, advance() {} };
  const [change] = await until(world, changes, ({ key }) => key === "k");
  assertEquals(change, {
    scope: "s",
    key: "k",
    version: (await store.retrieve("s", "k"))!.version,
  });
  await worker.rest();
});

Deno.test("a KV Connect server that does not answer is told in time, and no secret of its URL", async () => {
  using temp = new TempFolder();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }); // nobody takes what comes
  const { port } = listener.addr as Deno.NetAddr;
  const script = `
    const { KvStore } = await import(${JSON.stringify(`${ROOT}src/storage/kv/kv.ts`)});
    const path = "http://ada:hunter2@127.0.0.1:${port}/";
    const told = (error) => console.log(error.code, error.message);
    await KvStore.open({ path, limits: { maxValueBytes: 1000 }, timeoutMs: 1000 }).then(
      (store) => store.retrieve("s", "k").then(() => console.log("answered"), told),
      told,
    );
    Deno.exit(0);`;
  Deno.writeTextFileSync(temp.join("script.ts"), script);
  const config = `${ROOT}deno.json`;
  const { code, stdout, stderr } = await run(
    [Deno.execPath(), "run", "-A", "--no-check", "--config", config, temp.join("script.ts")],
    { env: { DENO_KV_ACCESS_TOKEN: "token" } },
  );
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^store_unreachable Cannot use the KV Connect server at http:\/\/127/);
  assert(!`${stdout}${stderr}`.includes("hunter2"), stderr);
});

Deno.test("all is kept as bytes, which every version of Deno reads", async () => {
  using temp = new TempFolder();
  const opened = await open(temp);
  await opened.store.store("s", "short", { n: 1 }, { author: "ada", ttlMs: 60_000 });
  await opened.store.store("s", "long", "x".repeat(100_000));
  await opened.store.close();
  const values = await inside(
    temp,
    (kv) => Array.fromAsync(kv.list({ prefix: [] }), ({ key, value }) => ({ key, value })),
  );
  assert(values.length > 4);
  for (const { key, value } of values) assert(value instanceof Uint8Array, key.join(" "));
});

Deno.test("a newer format is refused with the version to install", async () => {
  using temp = new TempFolder();
  const opened = await open(temp);
  await opened.store.store("s", "k", 1);
  await opened.store.close();
  await inside(temp, async (kv) => {
    await setHead(kv, "s", "k", { ...await headOf(kv, "s", "k"), schema: 2, csc: "9.8.7" });
  });
  await using reopened = await open(temp);
  const { store } = reopened;
  await assertFails("store_newer", () => store.retrieve("s", "k"));
  await assertFails("store_newer", () => store.store("s", "k", 2));
  const error = await store.delete("s", "k").catch((error) => error);
  assertMatch(`${error.message} ${error.hint}`, /'k'.*'s'.*Install csc 9\.8\.7/);
  assert((await store.store("t", "k", 1)).ok, "other scopes work");
});

Deno.test("scopes and keys of 1,024 three-byte characters fit", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  const { store } = opened;
  const names = ["日", "本"].flatMap((last) => ["", "x"].map((first) => first + last.repeat(1023)));
  for (const scope of names) {
    for (const key of names) await store.store(scope, key, `${scope} ${key}`.repeat(20));
  }
  for (const scope of names) {
    assertEquals(await store.listKeys(scope), names.toSorted());
    for (const key of names) {
      assertEquals((await store.retrieve(scope, key))?.value, `${scope} ${key}`.repeat(20));
    }
  }
  assertEquals(await store.listScopes(), names.toSorted());
});

Deno.test("opening again finds everything", async () => {
  using temp = new TempFolder();
  const first = await open(temp);
  const stored = await first.store.store("s", "k", { a: "x".repeat(200_000) }, {
    author: "claude_1",
    fence: 3,
    ttlMs: 3_600_000,
  });
  assert(stored.ok);
  const before = await first.store.retrieve("s", "k");
  await first.store.close();
  await using second = await open(temp);
  assertEquals(await second.store.retrieve("s", "k"), before);
  assert((await second.store.store("s", "k", 2, { expected: stored.version })).ok);
});

Deno.test("a lock that another process holds makes the store busy, in time", async () => {
  using temp = new TempFolder();
  const options = { path: temp.join("store.kv"), limits: DEFAULT_LIMITS, timeoutMs: 200 };
  const store = await KvStore.open(options);
  await store.store("s", "k", 1);
  await using holder = new Worker({ do: "hold", path: temp.join("store.kv.lock") });
  await holder.ready();
  const start = performance.now();
  await assertFails("store_busy", () => store.store("s", "k", 2));
  await assertFails("store_busy", () => KvStore.open(options));
  const ms = performance.now() - start;
  assert(300 < ms && ms < 4_000, `${ms} ms`);
  assertEquals((await store.retrieve("s", "k"))?.value, 1, "readers do not wait");
  holder.kill();
  await holder.rest();
  assert((await store.store("s", "k", 3)).ok, "the lock dies with its holder");
  await store.close();
});

Deno.test("a KV Connect server that cannot be reached is an error without its secrets", async () => {
  using temp = new TempFolder();
  const path = "http://user:secret@127.0.0.1:1/path?token=secret";
  const script = `
    import { KvStore } from ${JSON.stringify(`${ROOT}src/storage/kv/kv.ts`)};
    const options = { path: ${JSON.stringify(path)}, limits: { maxValueBytes: 1000 } };
    await KvStore.open({ ...options, timeoutMs: 500 }).then(
      (store) => console.log(store.place),
      (error) => console.log(error.code, error.message, error.hint),
    );`;
  Deno.writeTextFileSync(temp.join("script.ts"), script);
  const flags = ["-A", "--unstable-kv", "--no-lock", "--config", `${ROOT}deno.json`];
  const command = [Deno.execPath(), "run", ...flags, temp.join("script.ts")];
  for (const env of [{ DENO_KV_ACCESS_TOKEN: "secret" }, { DENO_KV_ACCESS_TOKEN: "" }]) {
    const { stdout, stderr } = await run(command, { env });
    assert(!(stdout + stderr).includes("secret"), stdout + stderr);
    assertStringIncludes(stdout, "store_io", stderr);
  }
});

Deno.test("a value of which a part is missing is an error, not an endless search", async () => {
  using temp = new TempFolder();
  {
    await using opened = await open(temp);
    await opened.store.store("s", "k", "x".repeat(200_000));
  }
  await inside(temp, async (kv) => {
    for await (const { key } of kv.list({ prefix: ["csc", "chunk"] }, { limit: 1 })) {
      await kv.delete(key);
    }
  });
  await using opened = await open(temp);
  await assertFails("store_corrupt", () => opened.store.retrieve("s", "k"));
  assertEquals(await opened.store.listKeys("s"), ["k"]);
});
