import { CoordinatorError } from "../../src/domain/error.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { fileNames } from "../../src/storage/local/file_name.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { openShared } from "../support/open_store.ts";
import { TempFolder } from "../support/temp.ts";
import { type CallOutcome, race, runWorker, Worker } from "../support/workers.ts";
import { assertFails } from "./contract/clause.ts";

/** A store whose folder is `state`, with what it reports as unreadable. */
async function open(temp: TempFolder, lockTimeoutMs = 60_000) {
  const unreadable: Error[] = [];
  const folder = temp.join("state");
  const store = new LocalStore({
    folder,
    durable: false,
    limits: DEFAULT_LIMITS,
    lockTimeoutMs,
    onUnreadable: (error) => unreadable.push(error as Error),
  });
  await store.store("other", "k", 1);
  return { store, folder, unreadable, [Symbol.asyncDispose]: () => store.close() };
}

const TORN: Record<string, string> = {
  "an empty file": "",
  "a file of blanks": "  \n",
  "half a file": '{\n  "scope": "s",\n  "data": {\n    "k": "val',
  "a file of zeros": "\0".repeat(512),
  "a file that ends in its name": '{\n  "scope": "s',
  "a name with a broken escape": '{"scope":"s\\q","data":{"k":1}}',
  "a foreign object": '{"name":"package","version":"1.0.0"}',
  "a list": "[1,2,3]",
  "a number kept as text": "12345678901234567890",
  "a file without data": '{"scope":"s"}',
  "data that is a list": '{"scope":"s","data":[]}',
  "a scope that is a number": '{"scope":5,"data":{}}',
  "a file that is no UTF-8": "\ufffd{",
};

for (const [what, text] of Object.entries(TORN)) {
  Deno.test(`${what} is reported, left as it is, and harms no other scope`, async () => {
    using temp = new TempFolder();
    await using opened = await open(temp);
    const { store, folder, unreadable } = opened;
    const path = `${folder}/s.json`;
    Deno.writeTextFileSync(path, text);
    for (
      const task of [
        () => store.retrieve("s", "k"),
        () => store.listKeys("s"),
        () => store.store("s", "k", 2),
        () => store.increment("s", "k"),
        () => store.delete("s", "k"),
        () => store.deleteScope("s"),
      ]
    ) {
      const error: unknown = await task().catch((error) => error);
      assert(error instanceof CoordinatorError, `${task}: ${error}`);
      assertEquals(error.code, "store_corrupt");
      assert(error.message.includes(path), error.message);
      assertMatch(error.hint, /untouched/);
    }
    assertEquals(Deno.readTextFileSync(path), text);
    assert((await store.listScopes()).includes("other"));
    for (const error of unreadable) assert(error.message.includes(path), `${error}`);
    assertEquals((await store.retrieve("other", "k"))?.value, 1);
    assert((await store.store("other", "k", 2)).ok);
  });
}

Deno.test("`listScopes()` reports a file that it cannot read", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  Deno.writeTextFileSync(`${opened.folder}/s.json`, "{");
  assertEquals(await opened.store.listScopes(), ["other"]);
  assertEquals(opened.unreadable.length, 1);
  assertMatch(opened.unreadable[0].message, /s\.json/);
});

Deno.test("a torn file of one scope does not block another that has the same seed name", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  const { store, folder } = opened;
  const torn = '{\n  "scope": "a/b",\n  "data": {\n    "k": "val';
  Deno.writeTextFileSync(`${folder}/a__b.json`, torn);
  await assertFails("store_corrupt", () => store.retrieve("a/b", "k"));
  assertEquals(await store.retrieve("a:b", "k"), null);
  assert((await store.store("a:b", "k", 1)).ok);
  assertEquals((await store.retrieve("a:b", "k"))?.value, 1);
  assertEquals(Deno.readTextFileSync(`${folder}/a__b.json`), torn);
});

Deno.test("a scope's file that is a symbolic link is refused, its target untouched", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  const { store, folder } = opened;
  const target = temp.join("target.json");
  const text = '{"scope":"s","data":{"k":"secret"}}';
  Deno.writeTextFileSync(target, text);
  Deno.symlinkSync(target, `${folder}/s.json`);
  Deno.symlinkSync(temp.join("nowhere"), `${folder}/t.json`);
  Deno.symlinkSync(target, `${folder}/not-its-scope.json`);
  for (const scope of ["s", "t", "not-its-scope"]) {
    await assertFails("store_corrupt", () => store.retrieve(scope, "k"), scope);
    await assertFails("store_corrupt", () => store.store(scope, "k", 2), scope);
    await assertFails("store_corrupt", () => store.deleteScope(scope), scope);
  }
  assertEquals(await store.listScopes(), ["other"]);
  assertEquals(Deno.readTextFileSync(target), text);
  assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name).sort(), [
    "state",
    "target.json",
  ]);
});

for (const link of ["state", "state/.csc", "state/.csc/locks", "state/.csc/tmp"]) {
  Deno.test(`a symbolic link in place of the folder ${link} is refused`, async () => {
    using temp = new TempFolder();
    Deno.mkdirSync(temp.join("elsewhere"));
    Deno.mkdirSync(temp.join(link, ".."), { recursive: true });
    Deno.symlinkSync(temp.join("elsewhere"), temp.join(link));
    const store = await openShared("local", temp.path);
    await assertFails("store_io", () => store.store("s", "k", 1));
    assertEquals([...Deno.readDirSync(temp.join("elsewhere"))], []);
    await store.close();
  });
}

/** Runs calls in a process of their own, which is killed where it does not come back. */
async function callsInTime(folder: string, calls: [string, ...string[]][]): Promise<CallOutcome[]> {
  await using worker = new Worker({ do: "calls", kind: "local", folder, calls });
  const timer = setTimeout(() => worker.kill(), 5_000);
  try {
    await worker.ready();
    await worker.go();
    return await worker.rest() as CallOutcome[];
  } finally {
    clearTimeout(timer);
  }
}

Deno.test("a symbolic link in place of a lock is refused and does not stop the process", async () => {
  using temp = new TempFolder();
  await (await open(temp)).store.close();
  const lock = (await fileNames("s")).bucket.toString(16).padStart(2, "0");
  Deno.symlinkSync(temp.join("elsewhere"), temp.join("state", ".csc", "locks", lock));
  const said = await callsInTime(temp.path, [["store", "s", "k", "v"]]);
  assertEquals(said.length, 1, "the process hangs");
  assertEquals(said[0].error?.code, "store_io", JSON.stringify(said[0]));
  assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["state"]);
});

Deno.test("a named pipe in place of a scope's file does not stop the process", async () => {
  using temp = new TempFolder();
  await (await open(temp)).store.close();
  const made = await new Deno.Command("mkfifo", { args: [temp.join("state", "s.json")] }).output();
  assert(made.success);
  const said = await callsInTime(temp.path, [["retrieve", "s", "k"], ["listScopes"]]);
  assertEquals(said.length, 2, "the process hangs");
  assertEquals(said[0].error?.code, "store_corrupt", JSON.stringify(said[0]));
  assertEquals(said[1].result, ["other"]);
});

Deno.test("a folder in place of a scope's file is refused", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  Deno.mkdirSync(`${opened.folder}/s.json`);
  await assertFails("store_corrupt", () => opened.store.retrieve("s", "k"));
  await assertFails("store_corrupt", () => opened.store.store("s", "k", 1));
  assertEquals(await opened.store.listScopes(), ["other"]);
});

Deno.test("a store works on after its folder was removed, and still excludes others", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  const { store, folder } = opened;
  for (let round = 0; round < 3; round++) {
    await store.increment("race", "k");
    Deno.removeSync(folder, { recursive: true });
    assertEquals(await store.retrieve("race", "k"), null);
    assertEquals(await store.listScopes(), []);
    const here = async () => {
      for (let i = 0; i < 100; i++) await store.increment("race", "k");
    };
    const task = { do: "increment", kind: "local", folder: temp.path, times: 100 } as const;
    await Promise.all([here(), race([task, task])]);
    assertEquals((await store.retrieve("race", "k"))?.value, 300);
  }
});

Deno.test("left-over lock files do not matter", async () => {
  using temp = new TempFolder();
  const locks = temp.join("state", ".csc", "locks");
  Deno.mkdirSync(locks, { recursive: true });
  for (let i = 0; i < 64; i++) {
    Deno.writeTextFileSync(`${locks}/${i.toString(16).padStart(2, "0")}`, "12345");
  }
  await using opened = await open(temp, 1_000);
  assert((await opened.store.store("s", "k", 1)).ok);
});

Deno.test("a lock that another process holds makes the store busy, in time", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp, 200);
  const { store, folder } = opened;
  await store.store("s", "k", 1);
  const lock = (await fileNames("s")).bucket.toString(16).padStart(2, "0");
  await using holder = new Worker({ do: "hold", path: `${folder}/.csc/locks/${lock}` });
  await holder.ready();
  const start = performance.now();
  await assertFails("store_busy", () => store.store("s", "k", 2));
  const ms = performance.now() - start;
  assert(150 < ms && ms < 2_000, `${ms} ms`);
  assertEquals((await store.retrieve("s", "k"))?.value, 1, "readers do not wait");
  holder.kill();
  await holder.rest();
  assert((await store.store("s", "k", 3)).ok, "the lock dies with its holder");
});

Deno.test("a writer waits for a lock that is held for a while", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  const { store, folder } = opened;
  await store.store("s", "k", 1);
  const lock = (await fileNames("s")).bucket.toString(16).padStart(2, "0");
  await using holder = new Worker({ do: "hold", path: `${folder}/.csc/locks/${lock}` });
  await holder.ready();
  let isDone = false;
  const write = store.store("s", "k", 2).finally(() => isDone = true);
  assertEquals((await store.retrieve("s", "k"))?.value, 1);
  assert(!isDone);
  await holder.go();
  assert((await write).ok);
});

/** Runs calls as a user who owns nothing here; a super-user would be refused nothing. */
async function callsAsNobody(temp: TempFolder, calls: [string, ...string[]][]) {
  const home = Deno.makeTempDirSync({ prefix: "csc-test-nobody-" });
  try {
    const env = { HOME: home, DENO_DIR: home };
    if (Deno.uid() !== 0) {
      return await runWorker({ do: "calls", kind: "local", folder: temp.path, calls }, { env });
    }
    Deno.chownSync(home, 65534, 65534);
    const prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    return await runWorker(
      { do: "calls", kind: "local", folder: temp.path, calls },
      { prefix, env },
    );
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
}

const CALLS: [string, ...string[]][] = [["store", "s", "k", "new"], ["retrieve", "s", "k"]];

function assertNoRight(outcome: CallOutcome, path: string) {
  assertEquals(outcome.error?.code, "store_io", JSON.stringify(outcome));
  assert(outcome.error!.message.includes(path), outcome.error!.message);
  assertMatch(outcome.error!.hint, /owns|modes/);
}

Deno.test("a folder that cannot be created is a clear error", async () => {
  using temp = new TempFolder();
  Deno.chmodSync(temp.path, 0o555);
  const [stored, retrieved] = await callsAsNobody(temp, CALLS) as CallOutcome[];
  Deno.chmodSync(temp.path, 0o755);
  assertNoRight(stored, temp.join("state"));
  assertEquals(retrieved.result, null);
});

Deno.test("a folder that can be read only is a clear error for writers", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  await opened.store.store("s", "k", "old");
  const chmod = async (mode: string) =>
    assert((await new Deno.Command("chmod", { args: ["-R", mode, temp.path] }).output()).success);
  await chmod("a+rX,a-w");
  const [stored, retrieved] = await callsAsNobody(temp, CALLS) as CallOutcome[];
  await chmod("u+w");
  assertNoRight(stored, temp.join("state"));
  assertEquals((retrieved.result as { value: string }).value, "old");
});

Deno.test("a private folder of another user is a clear error", async () => {
  using temp = new TempFolder();
  await using opened = await open(temp);
  await opened.store.store("s", "k", "old");
  Deno.chmodSync(temp.path, 0o755);
  Deno.chmodSync(opened.folder, 0o000);
  const [stored, retrieved] = await callsAsNobody(temp, CALLS) as CallOutcome[];
  Deno.chmodSync(opened.folder, 0o700);
  assertNoRight(stored, temp.join("state"));
  assertNoRight(retrieved, temp.join("state", "s.json"));
});

Deno.test("a leftover whose lock another process holds keeps nobody from other scopes", async () => {
  using temp = new TempFolder();
  const { bucket } = await fileNames("held");
  await using opened = await open(temp, 300);
  const { store, folder } = opened;
  Deno.mkdirSync(`${folder}/.csc/tmp`, { recursive: true });
  Deno.mkdirSync(`${folder}/.csc/locks`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/.csc/tmp/${bucket}.left`, "half");
  const lock = `${folder}/.csc/locks/${bucket.toString(16).padStart(2, "0")}`;
  Deno.writeTextFileSync(lock, "");
  await using holder = new Worker({ do: "hold", path: lock });
  await holder.ready();
  assert((await store.store("other", "k", 1)).ok);
  holder.kill();
  await holder.rest();
});
