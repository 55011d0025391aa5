import { DEFAULT_LIMITS, type Json } from "../../src/domain/json.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { VERSION } from "../../src/version.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { TempFolder } from "../support/temp.ts";
import { assertFails } from "./contract/clause.ts";
import { HOSTILE_NAMES } from "./contract/names.ts";

const SCOPE = "my-laptop:BANCS-Norway/claude_session_cordinator:session:claude_1";
const FILE = "my-laptop__BANCS-Norway__claude_session_cordinator__session__claude_1.json";
const START_MS = Date.UTC(2026, 0, 1);

/** A store in a folder, closed with its scope, with a clock to set. */
class Opened implements AsyncDisposable {
  nowMs = START_MS;
  readonly store: LocalStore;
  readonly unreadable: unknown[] = [];

  constructor(readonly folder: string, durable = false) {
    this.store = new LocalStore({
      folder,
      durable,
      limits: DEFAULT_LIMITS,
      now: () => this.nowMs,
      onUnreadable: (error) => this.unreadable.push(error),
    });
  }

  async [Symbol.asyncDispose]() {
    await this.store.close();
  }
}

/** The reading half of seed 002's LocalFileAdapter. */
function seedRetrieve(folder: string, scope: string, key: string): unknown {
  const name = scope.replaceAll(":", "__").replaceAll("/", "__");
  try {
    const file = JSON.parse(Deno.readTextFileSync(`${folder}/${name}.json`));
    return file.data[key] ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The writing half. */
function seedStore(folder: string, scope: string, data: Json, times = ["2025-10-31T09:00:00Z"]) {
  const name = scope.replaceAll(":", "__").replaceAll("/", "__");
  const metadata = { updated_at: times.at(-1), created_at: times[0] };
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(
    `${folder}/${name}.json`,
    JSON.stringify({ scope, data, metadata }, null, 2),
  );
}

/** The names of the scopes' files. */
function scopeFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".json")).sort();
}

const mode = (path: string) => Deno.lstatSync(path).mode! & 0o777;

Deno.test("`store()` writes the seed's file, and on update keeps `created_at`", async () => {
  using temp = new TempFolder();
  await using opened = new Opened(temp.join("state"));
  const { store } = opened;
  const first = await store.store(SCOPE, "current_issue", 15, { author: "claude_1" });
  opened.nowMs += 1000;
  const second = await store.store(SCOPE, "todos", [{ task: "Write tests", status: "pending" }]);
  assert(first.ok && second.ok);
  assertEquals(scopeFiles(opened.folder), [FILE]);
  const text = Deno.readTextFileSync(`${opened.folder}/${FILE}`);
  assertEquals(
    text,
    `{
  "scope": "${SCOPE}",
  "data": {
    "current_issue": 15,
    "todos": [
      {
        "task": "Write tests",
        "status": "pending"
      }
    ]
  },
  "metadata": {
    "created_at": "2026-01-01T00:00:00.000Z",
    "updated_at": "2026-01-01T00:00:01.000Z",
    "schema_version": 1,
    "csc_version": "${VERSION}",
    "keys": {
      "current_issue": {
        "version": "${first.version}",
        "updated_at": "2026-01-01T00:00:00.000Z",
        "author": "claude_1"
      },
      "todos": {
        "version": "${second.version}",
        "updated_at": "2026-01-01T00:00:01.000Z"
      }
    }
  }
}
`,
  );
});

Deno.test("`delete()` of the last key removes the file, and with a fence keeps it", async () => {
  using temp = new TempFolder();
  await using opened = new Opened(temp.join("state"));
  const { store } = opened;
  await store.store("s", "k", 1);
  await store.store("s", "l", 1);
  await store.delete("s", "k");
  assertEquals(scopeFiles(opened.folder), ["s.json"]);
  await store.delete("s", "l");
  assertEquals(scopeFiles(opened.folder), []);
  await store.store("s", "k", 1);
  await store.deleteScope("s");
  assertEquals(scopeFiles(opened.folder), []);
  await store.store("s", "k", 1, { fence: 1 });
  await store.delete("s", "k");
  assertEquals(scopeFiles(opened.folder), ["s.json"]);
});

Deno.test("a read creates nothing", async () => {
  using temp = new TempFolder();
  await using opened = new Opened(temp.join("state"));
  assertEquals(await opened.store.retrieve("s", "k"), null);
  assertEquals(await opened.store.listKeys("s"), []);
  assertEquals(await opened.store.listScopes(), []);
  assertEquals([...Deno.readDirSync(temp.path)], []);
});

Deno.test("files are readable by their owner only", async () => {
  using temp = new TempFolder();
  const folder = temp.join("parent", "state");
  await using opened = new Opened(folder);
  await opened.store.store("s", "k", 1);
  await opened.store.store("s", "k", 2);
  for (const path of [temp.join("parent"), folder, `${folder}/.csc`, `${folder}/.csc/locks`]) {
    assertEquals(mode(path), 0o700, path);
  }
  assertEquals(mode(`${folder}/s.json`), 0o600);
  for (const { name } of Deno.readDirSync(`${folder}/.csc/locks`)) {
    assertEquals(mode(`${folder}/.csc/locks/${name}`), 0o600);
  }
});

Deno.test("a folder of the seed becomes private, and a fresh one is ignored by git", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  seedStore(folder, "s", { k: 1 });
  Deno.chmodSync(folder, 0o755);
  await using opened = new Opened(folder);
  await opened.store.store("s", "k", 2);
  assertEquals(mode(folder), 0o700);
  assertEquals(mode(`${folder}/s.json`), 0o600);
  assertEquals(Deno.readTextFileSync(`${folder}/.gitignore`), "*\n");
});

Deno.test("a folder with other things in it is not hidden from git or from others", async () => {
  using temp = new TempFolder();
  const folder = temp.join("project");
  Deno.mkdirSync(folder, { mode: 0o755 });
  Deno.chmodSync(folder, 0o755);
  Deno.writeTextFileSync(`${folder}/main.ts`, "");
  for (let opening = 1; opening <= 2; opening++) {
    await using opened = new Opened(folder);
    await opened.store.store("s", "k", opening);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, [".csc", "main.ts", "s.json"], `opening ${opening}`);
    assertEquals(mode(folder), 0o755, `opening ${opening}`);
  }
});

Deno.test("a `.gitignore` that is there stays as it is", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/.gitignore`, "!shared.json\n");
  await using opened = new Opened(folder);
  await opened.store.store("s", "k", 1);
  assertEquals(Deno.readTextFileSync(`${folder}/.gitignore`), "!shared.json\n");
});

Deno.test("a folder that the Python reference wrote is read, updated and readable for it", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  const data = { current_issue: 15, status: null, "__proto__x": "é", big: 2 ** 40 };
  seedStore(folder, SCOPE, data, ["2025-10-31T09:00:00Z", "2025-10-31T10:23:45.123456Z"]);
  seedStore(folder, "m:empty", {});
  await using opened = new Opened(folder);
  const { store } = opened;
  assertEquals(await store.listScopes(), [SCOPE]);
  assertEquals(await store.listKeys(SCOPE), Object.keys(data).sort());
  const entry = (await store.retrieve(SCOPE, "current_issue"))!;
  assertEquals(entry.value, 15);
  assertEquals(entry.storedAtMs, Date.UTC(2025, 9, 31, 10, 23, 45, 123));
  assertEquals([entry.author, entry.expiresAtMs, entry.fence], [null, null, null]);
  assertEquals((await store.retrieve(SCOPE, "status"))?.value, null);

  assert((await store.store(SCOPE, "current_issue", 16, { expected: entry.version })).ok);
  assert(!(await store.store(SCOPE, "current_issue", 17, { expected: entry.version })).ok);
  assert(!(await store.store(SCOPE, "status", 1, { expected: "absent" })).ok);
  await store.store("m:p/q:new", "k", "ours");
  assertEquals(seedRetrieve(folder, SCOPE, "current_issue"), 16);
  assertEquals(seedRetrieve(folder, SCOPE, "__proto__x"), "é");
  assertEquals(seedRetrieve(folder, "m:p/q:new", "k"), "ours");
  const { metadata } = JSON.parse(Deno.readTextFileSync(`${folder}/${FILE}`));
  assertEquals(metadata.created_at, "2025-10-31T09:00:00Z");
});

Deno.test("a value of the Python reference has a version that changes with it", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  seedStore(folder, "s", { k: 1, l: 1 }, ["2025-10-31T09:00:00Z"]);
  await using opened = new Opened(folder);
  const { store } = opened;
  const { version: expected } = (await store.retrieve("s", "k"))!;
  await store.store("s", "l", 2);
  assertEquals((await store.retrieve("s", "k"))?.version, expected, "another key's write");
  seedStore(folder, "s", { k: 2, l: 1 }, ["2025-10-31T09:00:00Z", "2025-10-31T09:00:01Z"]);
  assert(!(await store.store("s", "k", 3, { expected })).ok);
});

Deno.test("scopes that share the seed's name get files of their own", async () => {
  using temp = new TempFolder();
  await using opened = new Opened(temp.join("state"));
  const { store, folder } = opened;
  await store.store("a:b", "k", 1);
  await store.store("a/b", "k", 2);
  await store.store("a__b", "k", 3);
  const names = scopeFiles(folder);
  assertEquals(names.length, 3);
  assert(names.includes("a__b.json"), "the first has the seed's");
  assertEquals(names.filter((name) => /^a__b~[0-9a-f]{32}\.json$/.test(name)).length, 2);
  assertEquals(seedRetrieve(folder, "a:b", "k"), 1);
});

Deno.test("no scope's file leaves the folder or bears a name that a file system rejects", async () => {
  using temp = new TempFolder();
  await using opened = new Opened(temp.join("parent", "state"));
  const { store, folder } = opened;
  for (const scope of HOSTILE_NAMES) await store.store(scope, "k", scope);
  assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["parent"]);
  assertEquals([...Deno.readDirSync(temp.join("parent"))].map(({ name }) => name), ["state"]);
  const others = [...Deno.readDirSync(folder)].filter(({ name }) => !name.endsWith(".json"));
  assertEquals(others.map(({ name }) => name).sort(), [".csc", ".gitignore"]);
  const names = scopeFiles(folder);
  assertEquals(names.length, HOSTILE_NAMES.length);
  for (const name of names) {
    assert(new TextEncoder().encode(name).length <= 255, name);
    assert(!/^(con|prn|aux|nul|com\d|lpt\d)\./i.test(name), name);
    assertMatch(name, /^[\p{L}\p{N}_-][^\p{C}"*:<>?|\\]*[^. ]\.json$|^[\p{L}\p{N}_]\.json$/u);
  }
});

Deno.test("a newer format is refused with the version to install, and left as it is", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  Deno.mkdirSync(folder);
  const newer = JSON.stringify({
    scope: "s",
    data: { k: 1 },
    metadata: { schema_version: 2, csc_version: "9.8.7" },
  });
  Deno.writeTextFileSync(`${folder}/s.json`, newer);
  await using opened = new Opened(folder);
  const { store } = opened;
  await assertFails("store_newer", () => store.retrieve("s", "k"));
  await assertFails("store_newer", () => store.store("s", "k", 2));
  await assertFails("store_newer", () => store.deleteScope("s"));
  const error = await store.listKeys("s").catch((error) => error);
  assertMatch(`${error.message} ${error.hint}`, /s\.json.*Install csc 9\.8\.7/);
  assertEquals(Deno.readTextFileSync(`${folder}/s.json`), newer);
  assert((await store.store("t", "k", 1)).ok, "other scopes work");
});

Deno.test("`durable` writes what is written without it", async () => {
  using temp = new TempFolder();
  await using durable = new Opened(temp.join("state"), true);
  await using other = new Opened(temp.join("state"));
  assert((await durable.store.store("s", "k", { a: 1 })).ok);
  assertEquals((await other.store.retrieve("s", "k"))?.value, { a: 1 });
  assertEquals(await durable.store.increment("s", "n"), 1);
  assertEquals(await durable.store.deleteScope("s"), true);
  assertEquals(await other.store.listScopes(), []);
});

Deno.test("left-over temporary files are swept when a store first writes", async () => {
  using temp = new TempFolder();
  const folder = temp.join("state");
  {
    await using opened = new Opened(folder);
    await opened.store.store("s", "k", 1);
  }
  const left = [`5.${crypto.randomUUID()}`, `63.${crypto.randomUUID()}`];
  for (const name of left) Deno.writeTextFileSync(`${folder}/.csc/tmp/${name}`, "{");
  await using opened = new Opened(folder);
  assertEquals((await opened.store.retrieve("s", "k"))?.value, 1);
  await opened.store.store("t", "k", 1);
  assertEquals([...Deno.readDirSync(`${folder}/.csc/tmp`)], []);
});
