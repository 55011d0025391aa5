import { checkConfig, configError } from "../src/config/check.ts";
import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { keyName, leafKeys } from "../src/config/keys.ts";
import { inspectConfig, loadConfig } from "../src/config/load.ts";
import { type ConfigPlace, configPlaces } from "../src/config/places.ts";
import { redact } from "../src/config/redact.ts";
import { redactUrls } from "../src/domain/text.ts";
import { CONFIG_SCHEMA } from "../src/config/schema.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import type { Json } from "../src/domain/json.ts";
import "../src/storage/builtin.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";

Deno.test("the defaults are the local store, four heartbeats a time-out long, and no limit", () => {
  assertEquals(DEFAULT_CONFIG.storage.adapter, "local");
  assertEquals(DEFAULT_CONFIG.storage.max_value_bytes, 1024 * 1024);
  assertEquals(DEFAULT_CONFIG.session.machine_id, "auto");
  assertEquals(DEFAULT_CONFIG.session.project_detection, "git");
  assertEquals(DEFAULT_CONFIG.session.max_instances, null);
  const { heartbeat_interval_ms, heartbeat_timeout_ms } = DEFAULT_CONFIG.session;
  assert(heartbeat_timeout_ms >= 3 * heartbeat_interval_ms);
});

Deno.test("the defaults, which hooks read without the schema, are those of the schema", () => {
  assertEquals<unknown>(CONFIG_SCHEMA.parse({}), DEFAULT_CONFIG);
});

Deno.test("every value of the configuration is described, for the docs", () => {
  for (const [section, schema] of Object.entries(CONFIG_SCHEMA.shape)) {
    // deno-lint-ignore no-explicit-any
    const { shape } = (schema as any).def.innerType;
    for (const [name, field] of Object.entries(shape)) {
      assert((field as { description?: string }).description, `${section}.${name}`);
    }
  }
});

Deno.test("a file merges deeply over the defaults", () => {
  const checked = checkConfig({
    storage: { adapter: "local", config: { durable: true } },
    session: { max_instances: 3 },
  });
  assert("config" in checked);
  assertEquals(checked.config.storage.config, {
    base_path: ".claude/session-state",
    durable: true,
  });
  assertEquals(checked.config.session, { ...DEFAULT_CONFIG.session, max_instances: 3 });
  assertEquals(checked.config.log, DEFAULT_CONFIG.log);
});

const RIGHT: Json[] = [
  {},
  { storage: { adapter: "local" } },
  { storage: { config: { base_path: "x" } } },
  { storage: { max_value_bytes: 2048 } },
  { storage: { adapter: "kv", config: { path: "x.kv" } } },
  { storage: { adapter: "kv", config: { base_path: "x", durable: true } } },
  { storage: { adapter: "memory", config: {} } },
  { session: { max_instances: null, machine_id: "laptop", project_detection: "directory" } },
  { session: { heartbeat_interval_ms: 100, heartbeat_timeout_ms: 300 } },
  { log: { level: "off", path: "/x", max_bytes: 10_000, keep_files: 0 } },
];
for (const said of RIGHT) {
  Deno.test(`the configuration ${JSON.stringify(said)} is valid`, () => {
    assert("config" in checkConfig(said));
  });
}

const WRONG: [said: Json, key: string, message: string, fix: string][] = [
  [null, "", "not a JSON object", "config.example.json"],
  [{ storage: 5 }, "storage", "Missing 'storage' section in config", "a section 'storage'"],
  [{ storage: {} }, "storage.adapter", "Missing 'storage.adapter' in config", "local, kv, memory"],
  [{ storage: { adapter: 5 } }, "storage.adapter", "Missing 'storage.adapter'", '"local"'],
  [{ storage: { adapter: "lcal" } }, "storage.adapter", "did you mean 'local'?", "registerAdapter"],
  [{ storage: { adaptor: "kv" } }, "storage.adaptor", "did you mean 'adapter'?", "max_value_bytes"],
  [{ storage: { max_value_bytes: 1 } }, "storage.max_value_bytes", "is wrong", "docs/API.md"],
  [{ storage: { max_value_bytes: 2048.5 } }, "storage.max_value_bytes", "is wrong", "docs"],
  [
    { storage: { adapter: "local", config: { path: "x" } } },
    "storage.config.path",
    "Unknown key 'storage.config.path'",
    "base_path, durable",
  ],
  [
    { storage: { adapter: "local", config: { durable: "yes" } } },
    "storage.config.durable",
    "'storage.config.durable' is wrong",
    "docs",
  ],
  [{ storage: { config: { url: "x" } } }, "storage.adapter", "Missing 'storage.adapter'", "local"],
  [{ session: [] }, "session", "'session' is wrong", "docs"],
  [{ session: { max_instances: 1.5 } }, "session.max_instances", "is wrong", "docs"],
  [{ session: { machine_id: "" } }, "session.machine_id", "is wrong", "docs"],
  [
    { session: { heartbeat_timeout_ms: 400 } },
    "session.heartbeat_timeout_ms",
    "at least 3 times 'session.heartbeat_interval_ms'",
    "docs",
  ],
  [{ session: { heartbeat_interval: 5 } }, "session.heartbeat_interval", "did you mean", "knows"],
  [{ log: { level: "verbose" } }, "log.level", "'log.level' is wrong", "docs"],
  [{ logs: {} }, "logs", "Unknown key 'logs' (did you mean 'log'?)", "storage, session, log"],
];
for (const [said, key, message, fix] of WRONG) {
  Deno.test(`the configuration ${JSON.stringify(said)} is refused with key, fact and fix`, () => {
    const checked = checkConfig(said);
    assert("issues" in checked);
    const [issue] = checked.issues;
    assertEquals(issue.key, key);
    assertStringIncludes(issue.message, message);
    assertStringIncludes(issue.fix, fix);
  });
}

Deno.test("a key named __proto__ is an unknown key like any other", () => {
  const checked = checkConfig(JSON.parse('{"__proto__":{"polluted":true}}'));
  assert("issues" in checked);
  assertEquals(checked.issues[0].key, "__proto__");
});

Deno.test("an error names the file, the first fault and how many more there are", () => {
  const checked = checkConfig({ a: 1, b: 2, storage: { adapter: "local" } });
  assert("issues" in checked);
  const error = configError("/x/config.json", checked.issues);
  assertEquals(error.code, "invalid_config");
  assertEquals(
    error.message,
    "/x/config.json: Unknown key 'a' (and 1 more: `csc config validate`)",
  );
});

Deno.test("the first place that has a file is taken, and none of the later ones", () => {
  using temp = new TempFolder();
  const place = (name: string): ConfigPlace => ({
    layer: "project",
    path: temp.join(name),
    isNamed: false,
  });
  Deno.writeTextFileSync(temp.join("second"), '{"session":{"machine_id":"second"}}');
  Deno.writeTextFileSync(temp.join("third"), "this is never read");
  const places = ["first", "second", "third"].map(place);
  const { config, place: used, keysInFile } = loadConfig(places);
  assertEquals([config.session.machine_id, used], ["second", places[1]]);
  assertEquals([...keysInFile], ["session.machine_id"]);
  assertEquals(loadConfig([place("first")]).place, null);
});

Deno.test("a file that cannot be read is told with its layer", () => {
  using temp = new TempFolder();
  const path = temp.join("none.json");
  const error = assertThrows(
    () => loadConfig([{ layer: "--config", path, isNamed: true }]),
    CoordinatorError,
  );
  assertEquals(error.code, "invalid_config");
  assertStringIncludes(error.message, `${path}: cannot be read`);
  assertStringIncludes(error.hint, "--config");
  assertThrows(
    () => loadConfig([{ layer: "project", path: temp.path, isNamed: false }]),
    CoordinatorError,
    "cannot be read",
  );
});

Deno.test("a fault in JSON is told by line and column, and the file is not quoted", () => {
  using temp = new TempFolder();
  const path = temp.join("config.json");
  Deno.writeTextFileSync(path, '{\n  "url": redis://user:hunter2@host\n}');
  const found = inspectConfig([{ layer: "user", path, isNamed: false }]);
  assert("issues" in found);
  assertEquals(found.issues[0].message, "This is not valid JSON (line 2, column 10)");
  assert(!JSON.stringify(found).includes("hunter2"));
});

Deno.test("the places are the named ones, then each project folder once, then the user's", () => {
  const paths = configPlaces("x.json", ["/a", "/b", "/a"]).map(({ layer, path }) => [layer, path]);
  const [first, ...others] = paths;
  assertEquals(first, ["--config", `${Deno.cwd()}/x.json`]);
  const projects = others.filter(([layer]) => layer === "project").map(([, path]) => path);
  assertEquals(
    projects,
    ["/a", "/b"].map((folder) => `${folder}/.claude/session-coordinator-config.json`),
  );
  const user = paths.at(-1)!;
  if (Deno.env.get("HOME")) assertEquals(user[0], "user");
});

Deno.test("the keys of all values are named, also of empty objects and lists", () => {
  assertEquals(leafKeys({ a: { b: 1, c: {} }, d: [1, 2], e: null }), ["a.b", "a.c", "d", "e"]);
  assertEquals(leafKeys({}), []);
  assertEquals(leafKeys({ a: { "*.py": 1, "b.c": 2 } }), ['a["*.py"]', 'a["b.c"]']);
  assertEquals(keyName(["a", 0, "b-c"]), "a.0.b-c");
});

const URLS: [text: string, shown: string][] = [
  ["redis://user:pw@host:6379/0", "redis://***@host:6379/0"],
  ["redis://:pw@host", "redis://***@host"],
  ["https://token@host/a/b", "https://***@host/a/b"],
  ["https://user:p@ss@host/", "https://***@host/"],
  ["https://host/a@b", "https://host/a@b"],
  ["https://host/?token=abc&x=1", "https://host/?token=***&x=1"],
  ["https://host/?x=1&api_key=abc#f", "https://host/?x=1&api_key=***#f"],
  ["https://host/?X-Amz-Signature=abc", "https://host/?X-Amz-Signature=***"],
  ["rediss://u:p@a,redis://v:q@b", "rediss://***@a,redis://***@b"],
  ["at redis://u:p@h and redis://v:q@i", "at redis://***@h and redis://***@i"],
  ["plain text, a:b@c", "plain text, a:b@c"],
  ["/home/me/.claude", "/home/me/.claude"],
];
for (const [text, shown] of URLS) {
  Deno.test(`the text '${text}' is shown as '${shown}'`, () => {
    assertEquals(redactUrls(text), shown);
  });
}

Deno.test("values under keys that name secrets are hidden, whatever they are", () => {
  const secret = {
    password: "a",
    db_passwd: "a",
    passphrase: "a",
    secretAccessKey: "a",
    apiKey: "a",
    api_key: 5,
    token: ["a"],
    authToken: { inner: "a" },
    credentials: { user: "a" },
    private_key: "a",
  };
  assertEquals(new Set(Object.values(redact(secret) as Record<string, Json>)), new Set(["***"]));
});

Deno.test("what is no secret is shown as it is", () => {
  const plain = {
    base_path: "x",
    keep_files: 3,
    tokens_path: "x",
    token_file: "x",
    use_token: true,
    password: null,
    list: ["a", 1],
  };
  assertEquals(redact(plain), plain);
  assertEquals(redact({ urls: ["redis://u:p@h"] }), { urls: ["redis://***@h"] });
});
