import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { openShared, type SharedKind } from "../support/open_store.ts";
import { TempFolder } from "../support/temp.ts";
import { type CallOutcome, runWorker, Worker } from "../support/workers.ts";
import { testRaces } from "./races_suite.ts";

const KINDS: readonly SharedKind[] = ["local", "kv"];

/** Names of what lies in a folder and below. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

for (const kind of KINDS) {
  testRaces(kind, { increments: 100, keys: 100, creations: 20 });

  Deno.test(`${kind}: what ${kind === "local" ? 100 : 26} killed writers of MB-sized values acknowledged is there`, async () => {
    using temp = new TempFolder();
    const acknowledged = new Map<string, number>();
    const store = await openShared(kind, temp.path, { limits: { maxValueBytes: 2 ** 24 } });
    const rounds = kind === "local" ? 50 : 13; // two writers each, both killed
    for (let round = 0; round < rounds; round++) {
      const names = [`${round}a`, `${round}b`];
      await using stack = new AsyncDisposableStack();
      const writers = names.map((name) =>
        stack.use(new Worker({ do: "write-large", kind, folder: temp.path, name }))
      );
      await Promise.all(writers.map((writer) => writer.ready()));
      await Promise.all(writers.map((writer) => writer.go()));
      // Killed at a moment that nothing is tied to: some writes further, and a random time.
      for (const writer of writers) await writer.line();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 25));
      for (const writer of writers) writer.kill();
      for (const [i, writer] of writers.entries()) {
        acknowledged.set(names[i], (await writer.rest()).at(-1) as number ?? 1);
      }
      const { i, text } = (await store.retrieve("large", "k"))!.value as {
        i: number;
        text: string;
      };
      assert(text === `${i % 10}`.repeat(1_000_000), "a value in parts");
      for (const [name, last] of acknowledged) {
        const logged = (await store.retrieve("large", `log-${name}`))?.value as number;
        assert(logged === last || logged === last + 1, `${name}: ${logged} after ${last}`);
      }
    }
    assertEquals((await store.listKeys("large")).length, 1 + 2 * rounds);
    assert((await store.store("large", "k", "after")).ok);
    assertEquals((await store.retrieve("large", "k"))?.value, "after");
    await store.close();
  });
}

Deno.test("local: killed writers leave no torn file, and the next opening sweeps", async () => {
  using temp = new TempFolder();
  for (let round = 0; round < 5; round++) {
    await using writer = new Worker(
      { do: "write-large", kind: "local", folder: temp.path, name: "w" },
    );
    await writer.ready();
    await writer.go();
    await writer.line();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
    writer.kill();
    await writer.rest();
    JSON.parse(Deno.readTextFileSync(temp.join("state", "large.json")));
  }
  const store = await openShared("local", temp.path);
  await store.store("other", "k", 1);
  assertEquals([...Deno.readDirSync(temp.join("state", ".csc", "tmp"))], []);
  await store.close();
});

/** Runs calls where no file can grow beyond some KiB: a write is cut short, the next one fails. */
async function onFullDisk(kind: SharedKind, folder: string, calls: [string, ...string[]][]) {
  const blocks = 128; // of 512 bytes (dash) or 1,024 (bash)
  const script = `trap "" XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`;
  // Deno's own caches would run into the limit, too.
  const env = { DENO_DIR: Deno.makeTempDirSync({ dir: folder, prefix: "deno-" }) };
  const said = await runWorker(
    { do: "calls", kind, folder, calls },
    { prefix: ["sh", "-c", script], env },
  );
  return said as CallOutcome[];
}

Deno.test("local: a full disk is an error, and the old value stays", async () => {
  using temp = new TempFolder();
  const store = await openShared("local", temp.path);
  await store.store("s", "k", "old");
  const before = Deno.readTextFileSync(temp.join("state", "s.json"));
  const filesBefore = filesBelow(temp.join("state"));
  const [full, read, small] = await onFullDisk("local", temp.path, [
    ["store", "s", "k", "x".repeat(300_000)],
    ["retrieve", "s", "k"],
    ["store", "t", "k", "small"],
  ]);
  assertEquals(full.error?.code, "store_io", JSON.stringify(full));
  assertMatch(full.error!.message, /s\.json/);
  assert(full.error!.hint !== "");
  assertEquals((read.result as { value: string }).value, "old");
  assert(small.result, "and the store works on");
  assertEquals(Deno.readTextFileSync(temp.join("state", "s.json")), before);
  const added = filesBelow(temp.join("state")).filter((path) => !filesBefore.includes(path));
  assertEquals(added.filter((path) => !/\.csc\/locks\/..$/.test(path)), [
    temp.join("state", "t.json"),
  ]);
  assertEquals((await store.retrieve("s", "k"))?.value, "old");
  await store.close();
});

Deno.test("kv: a full disk is an error, and the old value stays", async () => {
  using temp = new TempFolder();
  const store = await openShared("kv", temp.path);
  await store.store("s", "k", "old");
  await store.close();
  const [full, read] = await onFullDisk("kv", temp.path, [
    ["store", "s", "k", "x".repeat(900_000)],
    ["retrieve", "s", "k"],
  ]);
  assertEquals(full.error?.code, "store_io", JSON.stringify(full));
  assertEquals((read.result as { value: string } | undefined)?.value, "old");
  const after = await openShared("kv", temp.path);
  assertEquals((await after.retrieve("s", "k"))?.value, "old");
  assert((await after.store("s", "k", "x".repeat(900_000))).ok);
  await after.close();
});
