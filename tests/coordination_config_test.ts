/** The section `coordination`: its schema, and the YAML files it may be said in. */

import { dirname } from "@std/path";
import { checkConfig } from "../src/config/check.ts";
import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { inspectConfig, loadConfig, prepareConfig } from "../src/config/load.ts";
import type { ConfigPlace } from "../src/config/places.ts";
import type { CoordinationConfig } from "../src/config/types.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import type { Json } from "../src/domain/json.ts";
import "../src/storage/builtin.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./support/assert.ts";
import { ROOT } from "./support/command.ts";
import { TestProject } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";

const JSON_NAME = ".claude/session-coordinator-config.json";

/** A project's folder and a user's, for which files are written and read. */
class Folders implements Disposable {
  readonly #temp = new TempFolder();

  path(name: string): string {
    return this.#temp.join(name);
  }

  /** Writes a file; `user/` is the user's configuration folder, all else the project. */
  write(name: string, text: string | Uint8Array): string {
    const path = this.path(name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeFileSync(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
    return path;
  }

  places(): ConfigPlace[] {
    return [
      { layer: "project", path: this.path(JSON_NAME), isNamed: false },
      { layer: "project", path: this.path(`main/${JSON_NAME}`), isNamed: false },
      { layer: "user", path: this.path("user/config.json"), isNamed: false },
    ];
  }

  async load() {
    await prepareConfig(this.places());
    return loadConfig(this.places());
  }

  async inspect() {
    await prepareConfig(this.places());
    return inspectConfig(this.places());
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

const YAML = ".claude/coordination.yaml";
const PATTERNS = ".claude/file-patterns.yaml";

/** What the seeds' own installer writes. */
const SEED_COORDINATION = `# Session Coordination
session_coordination:
  auto_register: true
  session_timeout: 5400  # seconds
  heartbeat_interval: 300
  enable_file_locks: true
  lock_timeout: 3000
  critical_files:
    - "*.py"
    - "*.sql"
  conflict_action: "warn"  # block | warn | proceed
  show_notifications: true
  notification_types:
    - "session_start"
    - "conflict_detected"
  kg_context: "tts_app_coordination"
  kg_location: "global"
  auto_cleanup_stale: true
  archive_completed: true
  retention_days: 14
  multi_project: true

work_areas:
  frontend:
    files: ["templates/", "static/"]
    dependencies: []
  backend:
    files: ["*.py", "!tests/"]
    dependencies: []
  testing:
    files: ["tests/"]
    dependencies: ["backend", "frontend"]

priority_rules:
  - match: "production"
    priority: 99
  - match: "docs"
    priority: 5
`;

const SEED_PATTERNS = `critical_files:
  - "*.py"
  - "Dockerfile"
ignore_files:
  - "*.log"
  - "__pycache__"
  - "node_modules"
documentation_files:
  - "*.txt"
timeouts:
  "*.py": 3600
  "*.toml": 1200
`;

Deno.test("the seeds' two files are read as they are, and say the section", async () => {
  using folders = new Folders();
  folders.write(YAML, SEED_COORDINATION);
  folders.write(PATTERNS, SEED_PATTERNS);
  const { config, place, keysInFile, files } = await folders.load();
  const defaults = DEFAULT_CONFIG.coordination;
  assertEquals<CoordinationConfig>(config.coordination, {
    ...defaults,
    session_timeout: 5400,
    lock_timeout: 3000,
    critical_files: ["*.py", "Dockerfile"],
    ignore_files: ["*.log", "__pycache__", "node_modules"],
    docs_files: ["*.txt"],
    conflict_action: "warn",
    notification_types: ["session_start", "conflict_detected"],
    kg_context: "tts_app_coordination",
    kg_location: "global",
    retention_days: 14,
    multi_project: true,
    timeouts: { ...defaults.timeouts, "*.toml": 1200 },
    priority_rules: { ...defaults.priority_rules, production: 99, docs: 5 },
    work_areas: {
      frontend: { files: ["templates/", "static/"], dependencies: [] },
      backend: { files: ["*.py", "!tests/"], dependencies: [] },
      testing: { files: ["tests/"], dependencies: ["backend", "frontend"] },
    },
  });
  assertEquals([place, keysInFile.size], [null, 0]);
  assertEquals(files.map(({ path }) => path), [folders.path(PATTERNS), folders.path(YAML)]);
  assertEquals(config.storage.config, { base_path: ".claude/session-state", durable: false });
});

Deno.test("the example in the docs says every key, each with its default", async () => {
  using folders = new Folders();
  folders.write(YAML, Deno.readTextFileSync(`${ROOT}docs/coordination.example.yaml`));
  const { config, origins } = await folders.load();
  assertEquals(config.coordination, DEFAULT_CONFIG.coordination);
  const said = new Set([...origins.keys()].map((key) => key.split(/[.[]/)[1]));
  assertEquals([...said].sort(), Object.keys(DEFAULT_CONFIG.coordination).sort());
});

Deno.test("JSON wins over file-patterns.yaml, which wins over coordination.yaml, key by key", async () => {
  using folders = new Folders();
  const json = folders.write(
    JSON_NAME,
    JSON.stringify({
      session: { machine_id: "laptop" },
      coordination: { lock_timeout: 30, timeouts: { "*.py": 1 } },
    }),
  );
  const patterns = folders.write(
    PATTERNS,
    'lock_timeout: 20\ncritical: ["b"]\ntimeouts: {"*.go": 2}',
  );
  const yaml = folders.write(
    YAML,
    'session_coordination: {lock_timeout: 10, retention_days: 3}\ncritical: ["a"]\ntimeouts: {"*.py": 9, "*.go": 9, "*.rs": 3}',
  );
  const { config, place, keysInFile, files, origins } = await folders.load();
  const { coordination } = config;
  assertEquals(
    [coordination.lock_timeout, coordination.retention_days, coordination.critical_files],
    [30, 3, ["b"]],
  );
  const { "*.py": py, "*.go": go, "*.rs": rs, "*.sql": sql } = coordination.timeouts;
  assertEquals([py, go, rs, sql], [1, 2, 3, 7200]);
  assertEquals(place?.path, json);
  assertEquals(files.map(({ path }) => path), [json, patterns, yaml]);
  assertEquals(
    [...keysInFile].sort(),
    ["coordination.lock_timeout", 'coordination.timeouts["*.py"]', "session.machine_id"],
  );
  const source = (key: string) => origins.get(key)?.path;
  assertEquals(source("coordination.lock_timeout"), json);
  assertEquals(source('coordination.timeouts["*.py"]'), json);
  assertEquals(source('coordination.timeouts["*.go"]'), patterns);
  assertEquals(source('coordination.timeouts["*.rs"]'), yaml);
  assertEquals(source('coordination.timeouts["*.sql"]'), undefined);
  assertEquals(source("coordination.critical_files"), patterns);
  assertEquals(source("coordination.retention_days"), yaml);
});

Deno.test("of each YAML name the first folder's file counts, the project's before the user's", async () => {
  using folders = new Folders();
  folders.write("user/coordination.yaml", "lock_timeout: 1");
  folders.write("user/file-patterns.yml", "retention_days: 1");
  assertEquals((await folders.load()).config.coordination.lock_timeout, 1);
  folders.write(`main/${YAML}`, "cleanup_interval: 2");
  const ofMain = (await folders.load()).config.coordination;
  assertEquals([ofMain.lock_timeout, ofMain.cleanup_interval, ofMain.retention_days], [3600, 2, 1]);
  folders.write(YAML, "cleanup_interval: 3");
  assertEquals((await folders.load()).config.coordination.cleanup_interval, 3);
  folders.write("user/config.json", '{"coordination":{"cleanup_interval":4}}');
  assertEquals((await folders.load()).config.coordination.cleanup_interval, 4);
});

Deno.test("the other spellings and the shorter forms mean the same", async () => {
  using folders = new Folders();
  const forms = [
    'critical: ["a"]\nignore: ["b"]\ndocs: ["c"]\nlock_timeouts: {d: 4}\npriorities: {e: 5}\nareas: {f: ["g"]}',
    'file_patterns:\n  critical_patterns: ["a"]\n  ignore_patterns: ["b"]\n  documentation: ["c"]\n  file_timeouts: {d: 4}\n  priority_rules: [{match: e, priority: 5}]\n  work_areas: {f: {files: ["g"]}}',
    'coordination:\n  critical_files: ["a"]\n  ignored_files: ["b"]\n  docs_patterns: ["c"]\n  timeouts: {"d": 4}\n  priority_rules: {e: 5}\n  work_areas:\n    f:\n      files:\n      - g',
  ];
  for (const text of forms) {
    folders.write(PATTERNS, text);
    const { coordination } = (await folders.load()).config;
    assertEquals(coordination.critical_files, ["a"]);
    assertEquals(coordination.ignore_files, ["b"]);
    assertEquals(coordination.docs_files, ["c"]);
    assertEquals(coordination.timeouts.d, 4);
    assertEquals(coordination.priority_rules.e, 5);
    assertEquals(coordination.work_areas, { f: { files: ["g"], dependencies: [] } });
  }
});

const HARMLESS: [what: string, text: string | Uint8Array, lockTimeout: number][] = [
  ["an empty file", "", 3600],
  ["comments only", "# nothing\n\n", 3600],
  ["an empty section", "session_coordination:\n", 3600],
  ["a byte order mark", "\ufefflock_timeout: 5\n", 5],
  ["Windows' line ends", "session_coordination:\r\n  lock_timeout: 5\r\n", 5],
  ["a document's start and end", "---\nlock_timeout: 5\n...\n", 5],
  ["JSON, which is YAML too", '{"session_coordination": {"lock_timeout": 5}}', 5],
];
for (const [what, text, lockTimeout] of HARMLESS) {
  Deno.test(`${what} is fine in YAML`, async () => {
    using folders = new Folders();
    folders.write(YAML, text);
    assertEquals((await folders.load()).config.coordination.lock_timeout, lockTimeout);
  });
}

const S = "session_coordination";
const WRONG: [text: string, line: number, key: string, message: RegExp, fix: RegExp][] = [
  [
    `${S}:\n  lock_timeot: 5`,
    2,
    `${S}.lock_timeot`,
    /^Unknown key 'session_coordination\.lock_timeot' \(did you mean 'lock_timeout'\?\)$/,
    /^Remove or rename it\. Known are: auto_register, /,
  ],
  ["critcal: []", 1, "critcal", /Unknown key 'critcal' \(did you mean 'critical'\?\)/, /rename/],
  ["\nstorage: {}", 2, "storage", /Unknown key 'storage'/, /session-coordinator-config\.json/],
  ["log:\n  level: off", 1, "log", /Unknown key 'log'/, /session-coordinator-config\.json/],
  [`${S}:\n  projects: ["/a"]`, 2, `${S}.projects`, /Unknown key/, /multi_project/],
  ["constructor: 1", 1, "constructor", /Unknown key 'constructor'/, /rename/],
  ["__proto__: {a: 1}", 1, "__proto__", /Unknown key '__proto__'/, /rename/],
  [
    `${S}:\n  # one hour\n  lock_timeout: 1h`,
    3,
    `${S}.lock_timeout`,
    /^'session_coordination\.lock_timeout' is wrong: must be whole seconds from 1 to 86400$/,
    /coordination\.example\.yaml/,
  ],
  ["lock_timeout: 0", 1, "lock_timeout", /whole seconds from 1 to/, /docs/],
  ["lock_timeout: 1.5", 1, "lock_timeout", /whole seconds from 1 to/, /docs/],
  ["lock_timeout: .inf", 1, "lock_timeout", /whole seconds from 1 to/, /docs/],
  ["lock_timeout:", 1, "lock_timeout", /whole seconds from 1 to/, /docs/],
  ["auto_register: yes", 1, "auto_register", /expected boolean/, /docs/],
  ["conflict_action: stop", 1, "conflict_action", /"block"\|"warn"\|"proceed"/, /docs/],
  ["notification_types:\n- session_begin", 2, "notification_types.0", /"session_start"\|/, /docs/],
  [
    "notification_types:\n- session_stat",
    2,
    "notification_types.0",
    /expected one of .*"lock_acquired".* \(did you mean 'session_start'\?\)$/,
    /docs/,
  ],
  ["conflict_action: blck", 1, "conflict_action", /\(did you mean 'block'\?\)$/, /docs/],
  ["critical:\n- a\n- 5", 3, "critical.1", /'critical\.1' is wrong: expected string/, /docs/],
  ["ignore:\n- '!a'", 2, "ignore.0", /cannot start with '!'.*critical_files/, /docs/],
  ["ignore:\n- 'a\\b'", 2, "ignore.0", /separates folders by '\/'/, /docs/],
  ["ignore:\n- ' '", 2, "ignore.0", /a glob is a line of text/, /docs/],
  [`ignore:\n- "${"a".repeat(201)}"`, 2, "ignore.0", /at most 200 characters/, /docs/],
  [`ignore:\n- "${"*a".repeat(9)}"`, 2, "ignore.0", /at most 8 '\*'/, /docs/],
  ["docs: '*.md'", 1, "docs", /'docs' is wrong: expected array/, /docs/],
  ['timeouts:\n  "*.py": 5m', 2, 'timeouts["*.py"]', /whole seconds/, /docs/],
  ['timeouts:\n  "!x": 5', 2, 'timeouts["!x"]', /cannot start with '!'/, /docs/],
  [
    "work_areas:\n  a:\n    fils: []",
    3,
    "work_areas.a.fils",
    /did you mean 'files'/,
    /knows: files/,
  ],
  [
    "work_areas:\n  a:\n    dependencies: [b]",
    3,
    "work_areas.a.dependencies.0",
    /no work area 'b'/,
    /./,
  ],
  ["priority_rules:\n- match: a", 1, "priority_rules", /expected record/, /docs/],
  ["priority_rules: {a: -1}", 1, "priority_rules.a", />=0/, /docs/],
  [
    "critical: []\ncritical_files: []",
    2,
    "critical_files",
    /says what 'critical' in line 1/,
    /Remove/,
  ],
  [`lock_timeout: 1\n${S}:\n  lock_timeout: 2`, 3, `${S}.lock_timeout`, /in line 1 says/, /Remove/],
  ["heartbeat_interval: 2401", 1, "", /must be at least 3 times 'heartbeat_interval'/, /docs/],
  [`${S}: 5`, 1, S, /'session_coordination' holds no keys/, /key: value/],
  ["- a\n- b", 1, "", /The file holds no keys/, /key: value/],
  ["hello", 1, "", /The file holds no keys/, /key: value/],
  ["a: 1\na: 2", 2, "", /A key is there twice/, /Remove/],
  ["a: 1\n1: 2\n'1': 3", 3, "", /A key is there twice/, /Remove/],
  ["a:\n\t- b", 2, "", /A tab is used as indentation/, /spaces/],
  ["a: 1\n---\nb: 2", 2, "", /more than one document/, /---/],
  ["ignore:\n  - *.py", 2, "", /alias/, /"\*\.py"/],
  ["timeouts:\n  *.py: 5", 2, "", /alias/, /"\*\.py"/],
  ["a: &x 1\nb: *x", 2, "", /alias/, /quotes/],
  ["a: &x {b: 1}\nc:\n  <<: *x", 3, "", /alias/, /quotes/],
  ["files: [a, !tests/]", 1, "", /tag/, /"!tests\/"/],
  ["a: !!js/function 'return 1'", 1, "", /tag/, /leave tags out/],
  ["a: !!binary aGk=", 1, "", /tag/, /leave tags out/],
  ["? [a, b]\n: 1", 1, "", /A key is no text/, /name/],
  [": 1", 1, "", /A key is no text/, /name/],
  ["a: @x", 1, "", /starts with a character/, /quotes/],
  ["a: b: c", 1, "", /its line has a value already/, /quotes/],
  ["a:\n  b: 'x\nc: 1", 3, "", /quote.* is missing/, /Add it/],
  ["a: [1, 2\nb: 3", 2, "", /indentation/, /column/],
  ["%FOO\n---\na: 1", 1, "", /'%'/, /Remove/],
];
for (const [text, line, key, message, fix] of WRONG) {
  Deno.test(`the YAML ${JSON.stringify(shortened(text))} is refused with file, line, key, fact and fix`, async () => {
    using folders = new Folders();
    const path = folders.write(YAML, text);
    const found = await folders.inspect();
    assert("issues" in found);
    const [issue] = found.issues;
    assertMatch(issue.message, message);
    assertMatch(issue.fix, fix);
    assertEquals(issue.file, path);
    if (issue.line !== undefined || key !== "") assertEquals([issue.line, issue.key], [line, key]);
    const error = await assertRejects(() => folders.load(), CoordinatorError);
    assertEquals([error.code, error.hint], ["invalid_config", issue.fix]);
    assert(error.message.startsWith(issue.line ? `${path}:${line}: ` : `${path}: `), error.message);
  });
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

Deno.test("work areas that depend on themselves are refused with their circle", async () => {
  using folders = new Folders();
  folders.write(
    YAML,
    "areas:\n  a: {dependencies: [b]}\n  b: {dependencies: [c]}\n  c: {dependencies: [a]}",
  );
  const found = await folders.inspect();
  assert("issues" in found);
  assertEquals(found.issues.length, 3);
  assertMatch(found.issues[0].message, /it depends on itself: a -> b -> c -> a$/);
  assertEquals(found.issues.map(({ line }) => line), [2, 3, 4]);
});

Deno.test("what is wrong in several files is told with each file's name", async () => {
  using folders = new Folders();
  const json = folders.write(JSON_NAME, '{"coordination":{"lock_timeout":"x"},"sesion":{}}');
  const patterns = folders.write(PATTERNS, "lock_timeout: 5\n\nretention_days: many");
  const yaml = folders.write(YAML, "retention_days: 5\nkg_location: moon\nunknown: 1");
  const found = await folders.inspect();
  assert("issues" in found);
  const told = found.issues.map(({ file, line, key }) => [file, line, key]);
  assertEquals(
    told.sort(),
    [
      [yaml, 2, "kg_location"],
      [yaml, 3, "unknown"],
      [patterns, 3, "retention_days"],
      [json, undefined, "coordination.lock_timeout"],
      [json, undefined, "sesion"],
    ].sort(),
  );
});

Deno.test("a broken YAML file is told beside a broken JSON file", async () => {
  using folders = new Folders();
  folders.write(JSON_NAME, "{");
  folders.write(YAML, "a: [");
  const found = await folders.inspect();
  assert("issues" in found);
  assertEquals(found.issues.map(({ file }) => file), [folders.path(JSON_NAME), folders.path(YAML)]);
});

Deno.test("two endings of one name in one folder are refused: only one could count", async () => {
  using folders = new Folders();
  folders.write(YAML, "");
  folders.write(".claude/coordination.yml", "");
  const found = await folders.inspect();
  assert("issues" in found);
  assertMatch(found.issues[0].message, /coordination\.yml' lies beside it/);
});

/** Aliases of aliases: a few lines that stand for ten to the ninth values. */
const BOMB = ["a0: &a0 [x, x]"].concat(
  Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}*a${i}]`),
).join("\n");

const KIB = 1024;
const HOSTILE: [what: string, text: string | Uint8Array, message: RegExp][] = [
  ["an alias bomb", BOMB, /alias/],
  ["10 MB", "a: 1\n".repeat(2 * KIB * KIB), /more than 65536 bytes/],
  ["deep lists", `a: ${"[".repeat(60 * KIB)}`, /too deep/],
  ["deep lists that end", `a: ${"[".repeat(200)}${"]".repeat(200)}`, /too deep/],
  ["deep maps", Array.from({ length: 340 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), /too deep/],
  ["dashes", "- ".repeat(30 * KIB), /too deep/],
  ["question marks", "? ".repeat(30 * KIB), /too deep/],
  ["anchors", "&a ".repeat(20 * KIB), /not valid YAML/],
  ["quotes", '"a" '.repeat(15 * KIB), /not valid YAML/],
  ["many keys", Array.from({ length: 7000 }, (_, i) => `k${i}: 1`).join("\n"), /Unknown key 'k0'/],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0]), /not UTF-8/],
  ["bytes that are no text", new Uint8Array([0x61, 0x3a, 0x20, 0xc3, 0x28]), /not UTF-8/],
];
for (const [what, text, message] of HOSTILE) {
  Deno.test(`${what} in YAML: a clear error, soon`, async () => {
    using folders = new Folders();
    const path = folders.write(YAML, text);
    const startedAt = performance.now();
    const error = await assertRejects(() => folders.load(), CoordinatorError);
    assert(performance.now() - startedAt < 5000, "it took more than 5 s");
    assertMatch(error.message, message);
    assert(error.message.startsWith(path), error.message);
    assert(error.message.length < 400, error.message);
  });
}

Deno.test("what is no file is refused, not waited for", async () => {
  for (const [name, kind] of [[YAML, "yaml"], [JSON_NAME, "json"]]) {
    using folders = new Folders();
    folders.write(".claude/x", "");
    Deno.symlinkSync("/dev/zero", folders.path(name));
    const error = await assertRejects(() => folders.load(), CoordinatorError);
    assertMatch(error.message, /neither a file nor a folder/, kind);
  }
  using folders = new Folders();
  Deno.mkdirSync(folders.path(YAML), { recursive: true });
  const error = await assertRejects(() => folders.load(), CoordinatorError);
  assertMatch(error.message, /coordination\.yaml: cannot be read as configuration/);
});

Deno.test("errors in YAML quote no value", async () => {
  for (
    const text of [
      "url: redis://u:hunter2@h\n",
      "a: [redis://u:hunter2@h",
      "- *hunter2",
      "!hunter2 a",
    ]
  ) {
    using folders = new Folders();
    folders.write(YAML, text);
    const found = await folders.inspect();
    assert("issues" in found);
    assert(!JSON.stringify(found.issues).includes("hunter2"), JSON.stringify(found.issues));
  }
});

Deno.test("without a YAML file its parser is not loaded, with one it is", async () => {
  using folders = new Folders();
  const { imports } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  const config = JSON.stringify({ imports: { ...imports, yaml: "./there-is-no-parser.js" } });
  const args = [
    "run",
    "-A",
    "--no-check",
    "--no-lock",
    `--config=${folders.write("deno.json", config)}`,
  ];
  const script = folders.write(
    "probe.ts",
    `import { loadConfig, prepareConfig } from "${ROOT}src/config/load.ts";
    const places = [{ layer: "project", path: Deno.args[0], isNamed: false }];
    await prepareConfig(places);
    console.log(loadConfig(places).config.coordination.lock_timeout);`,
  );
  const run = () =>
    new Deno.Command(Deno.execPath(), { args: [...args, script, folders.path(JSON_NAME)] })
      .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const without = await run();
  assertEquals(decode(without.stdout), "3600\n", decode(without.stderr));
  folders.write(YAML, "lock_timeout: 7");
  const withYaml = await run();
  assertEquals(withYaml.success, false);
  assertMatch(decode(withYaml.stderr), /there-is-no-parser/);
});

Deno.test("a YAML file that appears behind prepareConfig's back is told, not passed over", () => {
  using folders = new Folders();
  const script = `import { loadConfig } from "${ROOT}src/config/load.ts";
    try { loadConfig([{ layer: "project", path: Deno.args[0], isNamed: false }]); }
    catch (error) { console.log(error.code, error.message, error.hint); }`;
  const path = folders.write(YAML, "lock_timeout: 7");
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      `--config=${ROOT}deno.json`,
      folders.write("x.ts", script),
      folders.path(JSON_NAME),
    ],
  }).outputSync();
  assertEquals(
    new TextDecoder().decode(stdout),
    `invalid_config ${path}: the file appeared while the configuration was being read Run the command again.\n`,
  );
});

// The section itself

const OUT_OF_BOUNDS: [section: { [key: string]: Json }, key: string, message: RegExp][] = [
  [{ session_timeout: 2 }, "session_timeout", /whole seconds from 3/],
  [{ session_timeout: 3_000_000 }, "session_timeout", /whole seconds from 3 to 2592000/],
  [{ session_timeout: 899 }, "session_timeout", /at least 3 times 'heartbeat_interval'/],
  [{ heartbeat_interval: 0 }, "heartbeat_interval", /whole seconds from 1/],
  [{ lock_timeout: 86_401 }, "lock_timeout", /to 86400/],
  [{ cleanup_interval: 0 }, "cleanup_interval", /whole seconds/],
  [{ retention_days: -1 }, "retention_days", />=0/],
  [{ retention_days: 4000 }, "retention_days", /<=3650/],
  [{ kg_context: "" }, "kg_context", /./],
  [{ kg_context: " " }, "kg_context", /./],
  [{ ignore_files: Array(501).fill("a") }, "ignore_files", /<=500/],
  [{ timeouts: [] }, "timeouts", /expected record/],
  [{ work_areas: { a: { files: ["!"] } } }, "work_areas.a.files.0", /no glob behind '!'/],
  [{ lock_timeot: 5 }, "lock_timeot", /did you mean 'lock_timeout'/],
];
for (const [section, key, message] of OUT_OF_BOUNDS) {
  Deno.test(`the section ${shortened(JSON.stringify(section))} is refused`, () => {
    const checked = checkConfig({ coordination: section });
    assert("issues" in checked);
    assertEquals(checked.issues[0].key, `coordination.${key}`);
    assertMatch(checked.issues[0].message, message);
  });
}

Deno.test("tables of the section are merged with the defaults, lists are replaced", () => {
  const checked = checkConfig({
    coordination: { timeouts: { "*.py": 5 }, priority_rules: { docs: 1 }, critical_files: [] },
  });
  assert("config" in checked);
  const { coordination } = checked.config;
  assertEquals(coordination.timeouts, { ...DEFAULT_CONFIG.coordination.timeouts, "*.py": 5 });
  assertEquals(Object.keys(coordination.priority_rules).length, 6);
  assertEquals(coordination.critical_files, []);
});

// The command line

Deno.test("`config show` tells which value comes from which YAML file", async () => {
  await using project = new TestProject({ coordination: { lock_timeout: 60 } });
  const yaml = project.write(
    YAML,
    "session_coordination:\n  lock_timeout: 50\n  retention_days: 3\n",
  );
  const patterns = project.write(PATTERNS, 'timeouts:\n  "*.py": 5\n');
  const shown = JSON.parse((await project.csc("config", "show", "--json")).stdout);
  const json = `${project.folder}/${JSON_NAME}`;
  assertEquals(shown["coordination.lock_timeout"], { value: 60, source: `project: ${json}` });
  assertEquals(shown["coordination.retention_days"], { value: 3, source: `project: ${yaml}` });
  assertEquals(shown['coordination.timeouts["*.py"]'], {
    value: 5,
    source: `project: ${patterns}`,
  });
  assertEquals(shown['coordination.timeouts["*.js"]'], { value: 3600, source: "default" });
  assertEquals(shown["coordination.kg_location"].source, "default");
  const table = (await project.csc("config", "show")).stdout;
  assertMatch(table, /^coordination\.lock_timeout +60 +project:/m);
  assertMatch(table, /^coordination\.kg_location +"project" +default$/m);
  for (const line of table.split("\n")) assert(line.length <= 80, line);
});

Deno.test("`config path` lists the YAML files and which are used", async () => {
  await using project = new TestProject({});
  const yaml = project.write(".claude/coordination.yml", "");
  const user = "home/.config/claude-session-coordinator";
  project.write(`${user}/coordination.yaml`, "");
  const patterns = project.write(`${user}/file-patterns.yaml`, "");
  const { stdout } = await project.csc("config", "path", "--json");
  const { yaml: places } = JSON.parse(stdout) as { yaml: { path: string; used: boolean }[] };
  assertEquals(places.length, 10);
  assertEquals(places.filter(({ used }) => used).map(({ path }) => path), [yaml, patterns]);
  const table = (await project.csc("config", "path")).stdout.replace(/\n +/g, "");
  assertMatch(table, /^project +used .*coordination\.yml/m);
  assertMatch(table, /^user +there /m);
});

Deno.test("`config validate` tells what is wrong in YAML by file and line, and ends with code 2", async () => {
  await using project = new TestProject({ coordination: {} });
  const path = project.write(
    YAML,
    "session_coordination:\n  lock_timeout: 1h\n  kg_locaton: global\n",
  );
  const { code, stdout } = await project.csc("config", "validate");
  assertEquals(code, 2);
  const json = `${project.folder}/${JSON_NAME}`;
  assert(stdout.startsWith(`${json}: valid\n`), stdout);
  assert(stdout.includes(`${path}:2: 'session_coordination.lock_timeout' is wrong: `), stdout);
  assert(
    stdout.includes(`${path}:3: Unknown key 'session_coordination.kg_locaton' (did you`),
    stdout,
  );
  const told = JSON.parse((await project.csc("config", "validate", "--json")).stdout);
  assertEquals([told.valid, told.file, told.files], [false, json, [json, path]]);
  assertEquals(told.issues.map(({ line }: { line: number }) => line), [3, 2]);
  project.write(YAML, "lock_timeout: 5");
  const right = await project.csc("config", "validate");
  assertEquals([right.code, right.stdout], [0, `${json}: valid\n${path}: valid\n`]);
});
