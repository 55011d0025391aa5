/** The snapshot of a configuration that hooks read, and what hooks evaluate for it. */

import { dirname, join, relative } from "@std/path";
import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { candidatePaths, configPlaces } from "../src/config/places.ts";
import { readSnapshot, type Snapshot, stampsFor, writeSnapshot } from "../src/config/snapshot.ts";
import type { Config } from "../src/config/types.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { ROOT } from "./support/command.ts";
import { TempFolder } from "./support/temp.ts";

/** A folder with a file, and a state folder of the user's beside it. */
class Setup implements Disposable {
  readonly #temp = new TempFolder();
  readonly #state = Deno.env.get("XDG_STATE_HOME");
  readonly folder = this.#temp.join("state/claude-session-coordinator/snapshots");
  readonly file = this.path("config.json");
  readonly paths = [this.file, this.path("none.yaml"), this.path("no-folder/none.json")];

  constructor() {
    Deno.env.set("XDG_STATE_HOME", this.#temp.join("state"));
    this.change("one");
  }

  path(name: string): string {
    return this.#temp.join(name);
  }

  /** Writes the file, as if some time ago: what has just changed is not kept. */
  change(text: string, ageMs = 60_000): void {
    Deno.writeTextFileSync(this.file, text);
    this.age(ageMs);
  }

  age(ageMs: number): void {
    const time = new Date(Date.now() - ageMs);
    Deno.utimeSync(this.file, time, time);
  }

  write(key = "/project", snapshot: Snapshot = SNAPSHOT): boolean {
    return writeSnapshot(key, stampsFor(this.paths), snapshot);
  }

  read(key = "/project"): Snapshot | null {
    return readSnapshot(key, stampsFor(this.paths));
  }

  /** The only file of the snapshots' folder. */
  stored(): string {
    const names = [...Deno.readDirSync(this.folder)].map(({ name }) => name);
    assertEquals(names.length, 1);
    return join(this.folder, names[0]);
  }

  [Symbol.dispose](): void {
    if (this.#state === undefined) Deno.env.delete("XDG_STATE_HOME");
    else Deno.env.set("XDG_STATE_HOME", this.#state);
    this.#temp[Symbol.dispose]();
  }
}

const SNAPSHOT: Snapshot = {
  config: DEFAULT_CONFIG,
  place: { layer: "project", path: "/p/é\n.json" },
  project: { id: "ada/engine", foundBy: "git" },
};

Deno.test("what is written is read again, privately stored", () => {
  using setup = new Setup();
  assertEquals(setup.read(), null);
  assertEquals(setup.write(), true);
  assertEquals(setup.read(), SNAPSHOT);
  assertEquals(setup.read("/other"), null);
  assertEquals(Deno.statSync(setup.stored()).mode! & 0o777, 0o600);
  assertEquals(Deno.statSync(setup.folder).mode! & 0o777, 0o700);
});

Deno.test("each project has its own", () => {
  using setup = new Setup();
  const other: Snapshot = { ...SNAPSHOT, place: null, project: { id: "b", foundBy: "directory" } };
  assert(setup.write("/a") && setup.write("/b", other));
  assertEquals([setup.read("/a"), setup.read("/b")], [SNAPSHOT, other]);
});

const CHANGES: [what: string, change: (setup: Setup) => void][] = [
  ["a file is longer", (setup) => setup.change("three")],
  ["a file has changed at the same length", (setup) => setup.change("two", 30_000)],
  ["a file is gone", (setup) => Deno.removeSync(setup.file)],
  ["a file is there now", (setup) => Deno.writeTextFileSync(setup.paths[1], "")],
  ["a folder is there now, with a file", (setup) => {
    Deno.mkdirSync(dirname(setup.paths[2]));
    Deno.writeTextFileSync(setup.paths[2], "");
  }],
  ["others can write it", (setup) => Deno.chmodSync(setup.stored(), 0o622)],
  ["it is a link", (setup) => {
    const path = setup.stored();
    Deno.renameSync(path, setup.path("elsewhere"));
    Deno.symlinkSync(setup.path("elsewhere"), path);
  }],
  ["it is empty", (setup) => Deno.truncateSync(setup.stored())],
  ["it is cut off", (setup) => Deno.truncateSync(setup.stored(), 500)],
  ["it is null", (setup) => Deno.writeTextFileSync(setup.stored(), "null")],
  ["another version wrote it", (setup) => edit(setup, { version: "0.0.0" })],
  ["another build of this version wrote it", (setup) => edit(setup, { defaults: "{}" })],
  ["it is another project's, by a name's collision", (setup) => edit(setup, { key: "/other" })],
  ["it has no stamps", (setup) => edit(setup, { stamps: [] })],
  ["a file fewer has a say", (setup) => setup.paths.pop()],
  ["a file more has a say", (setup) => setup.paths.push(setup.path("x"))],
];
for (const [what, change] of CHANGES) {
  Deno.test(`there is no snapshot where ${what}`, () => {
    using setup = new Setup();
    assert(setup.write());
    change(setup);
    assertEquals(setup.read(), null);
  });
}

function edit(setup: Setup, said: object): void {
  const path = setup.stored();
  const stored = JSON.parse(Deno.readTextFileSync(path));
  Deno.writeTextFileSync(path, JSON.stringify({ ...stored, ...said }));
}

Deno.test("a link's target has a say, too", () => {
  using setup = new Setup();
  Deno.symlinkSync(setup.file, setup.paths[1]);
  assert(setup.write());
  assertEquals(setup.read(), SNAPSHOT);
  setup.change("three");
  assertEquals(setup.read(), null);
});

Deno.test("a file that has just changed could change unseen: no snapshot is kept of it", () => {
  using setup = new Setup();
  setup.age(0);
  assertEquals(setup.write(), false);
  setup.age(-3_600_000); // from a clock that is ahead
  assertEquals(setup.write(), true);
});

Deno.test("where nothing can be stored there is no snapshot, and no error", () => {
  using setup = new Setup();
  Deno.mkdirSync(dirname(dirname(setup.folder)), { recursive: true });
  Deno.writeTextFileSync(dirname(setup.folder), "a file in the folder's place");
  assertEquals([setup.write(), setup.read()], [false, null]);
  Deno.removeSync(dirname(setup.folder));
  Deno.mkdirSync(setup.path("elsewhere"));
  Deno.symlinkSync(setup.path("elsewhere"), dirname(setup.folder));
  assertEquals([setup.write(), setup.read()], [false, null]);
  assertEquals([...Deno.readDirSync(setup.path("elsewhere"))], []);
});

Deno.test("without a home there is no snapshot, and no error", () => {
  const script = `import { readSnapshot, writeSnapshot } from "${ROOT}src/config/snapshot.ts";
    console.log(readSnapshot("/a", []), writeSnapshot("/a", [], {}));`;
  using temp = new TempFolder();
  Deno.writeTextFileSync(temp.join("x.ts"), script);
  const env: Record<string, string> = { DENO_DIR: temp.join("cache") };
  const { stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `--config=${ROOT}deno.json`, temp.join("x.ts")],
    env: { ...env, DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` },
    clearEnv: true,
  }).outputSync();
  assertEquals(new TextDecoder().decode(stdout), "null false\n", new TextDecoder().decode(stderr));
});

Deno.test("numbers that a plain parser rounds are not kept", () => {
  using setup = new Setup();
  const big = JSON.parse(
    '{"n":12345678901234567890}',
    (_key, value, context?: { source?: string }) =>
      // deno-lint-ignore no-explicit-any
      typeof value === "number" ? (JSON as any).rawJSON(context!.source!) : value,
  );
  const config: Config = {
    ...DEFAULT_CONFIG,
    storage: { ...DEFAULT_CONFIG.storage, config: big },
  };
  assertEquals(setup.write("/project", { ...SNAPSHOT, config }), false);
});

Deno.test("snapshots of projects that are gone are removed in time, also drafts", () => {
  using setup = new Setup();
  assert(setup.write("/gone"));
  const old = setup.stored();
  Deno.writeTextFileSync(join(setup.folder, "x.tmp"), "");
  const longAgo = new Date(Date.now() - 31 * 24 * 3600 * 1000);
  for (const path of [old, join(setup.folder, "x.tmp")]) Deno.utimeSync(path, longAgo, longAgo);
  assert(setup.write("/project"));
  assert(setup.stored() !== old);
});

Deno.test("writers at the same time leave one whole snapshot", async () => {
  using setup = new Setup();
  const script = `import { stampsFor, writeSnapshot } from "${ROOT}src/config/snapshot.ts";
    import { DEFAULT_CONFIG as config } from "${ROOT}src/config/defaults.ts";
    const stamps = stampsFor(JSON.parse(Deno.args[0]));
    const project = { id: "x".repeat(50_000), foundBy: Deno.args[1] };
    for (let i = 0; i < 50; i++) writeSnapshot("/project", stamps, { config, place: null, project });`;
  const path = setup.path("writer.ts");
  Deno.writeTextFileSync(path, script);
  const writers = ["a", "b"].map((name) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${ROOT}deno.json`,
        path,
        JSON.stringify(setup.paths),
        name,
      ],
    }).output()
  );
  let reads = 0, isDone = false;
  const done = Promise.all(writers).finally(() => isDone = true);
  while (!isDone) {
    const found = setup.read();
    if (found) reads++;
    assert(found === null ? reads === 0 : found.project.id.length === 50_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const { success } of await done) assert(success);
  assertEquals(setup.read()?.project.id.length, 50_000);
  setup.stored();
});

Deno.test("stamps name every file that may have a say, in order", () => {
  using setup = new Setup();
  const stamps = stampsFor(setup.paths);
  assertEquals(stamps.map(({ path }) => path), setup.paths);
  assertEquals(stamps.map(({ size }) => size), [3, null, null]);
  assertEquals(stamps[0].mtimeMs, Deno.statSync(setup.file).mtime!.getTime());
  assertEquals(stamps.slice(1).map(({ mtimeMs }) => mtimeMs), [null, null]);
  const paths = candidatePaths(configPlaces("/x/named.json", ["/a", "/b"]));
  const inFolder = (folder: string) =>
    ["coordination.yaml", "coordination.yml", "file-patterns.yaml", "file-patterns.yml"]
      .map((name) => `${folder}/.claude/${name}`);
  for (const path of ["/x/named.json", "/a/.claude/session-coordinator-config.json"]) {
    assert(paths.includes(path), path);
  }
  for (const path of [...inFolder("/a"), ...inFolder("/b")]) assert(paths.includes(path), path);
  assert(!paths.some((path) => path.startsWith("/x/") && path !== "/x/named.json"));
});

// What hooks evaluate

/** What a file evaluates, beside types: files of src from the repository, other names as they are. */
function evaluated(path: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  const code = Deno.readTextFileSync(join(ROOT, path)).replace(/\/\*[\s\S]*?\*\//g, "");
  const imports = code.matchAll(
    /^\s*(?:import|export)\s+(?!type\b)([^;"]*?)from\s*"([^"]+)"|^\s*import\s*"([^"]+)"/gm,
  );
  for (const [, names = "", from, bare] of imports) {
    const name = from ?? bare;
    const isTypesOnly = /^\{[^}]*\}\s*$/.test(names) &&
      names.replace(/[{}]/g, "").split(",").every((one) => /^\s*(type\s.*)?$/.test(one));
    if (isTypesOnly) continue;
    if (name.startsWith(".")) evaluated(relative(ROOT, join(ROOT, dirname(path), name)), found);
    else found.add(name);
  }
  return found;
}

const HOT = [
  "src/config/defaults.ts",
  "src/config/file_rules.ts",
  "src/config/places.ts",
  "src/config/snapshot.ts",
  "src/config/types.ts",
  "src/storage/adapter_defaults.ts",
  "src/storage/builtin.ts",
  "src/storage/registry.ts",
];
for (const path of HOT) {
  Deno.test(`${path} evaluates no schema, no parser and nothing of Node's`, () => {
    const names = [...evaluated(path)];
    for (const name of names) {
      assert(!/^(zod|yaml|node:|@std\/path|@modelcontextprotocol)/.test(name), name);
    }
    for (const heavy of ["schema.ts", "coordination.ts", "check.ts", "load.ts", "yaml.ts"]) {
      assert(!names.includes(`src/config/${heavy}`), heavy);
    }
    assert(
      !names.includes("src/storage/settings.ts") &&
        !names.includes("src/storage/unknown_adapter.ts"),
    );
  });
}

Deno.test("the reader of what is evaluated finds zod where it is", () => {
  assert(evaluated("src/config/check.ts").has("zod"));
  assert(!evaluated("src/config/load.ts").has("yaml"));
  assert(evaluated("src/config/coordination_files.ts").has("yaml"));
});

Deno.test("file rules depend on the globs alone", () => {
  assertEquals([...evaluated("src/config/file_rules.ts")], [
    "src/config/file_rules.ts",
    "src/domain/glob.ts",
  ]);
});
