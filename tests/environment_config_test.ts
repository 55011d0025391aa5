/** What `.claude/config.yml` and seed 004's environment variables say of the configuration. */

import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { inspectConfig, loadConfig, prepareConfig } from "../src/config/load.ts";
import { readMode } from "../src/config/mode_file.ts";
import { candidatePaths, type ConfigPlace } from "../src/config/places.ts";
import { keyInEnvironment, readVariables } from "../src/config/variables.ts";
import { registerAdapter } from "../src/storage/mod.ts";
import { adapterNames } from "../src/storage/registry.ts";
import "../src/storage/builtin.ts";
import { assert, assertEquals, assertMatch } from "./support/assert.ts";
import { CONFIG_NAME, TestProject } from "./support/project.ts";
import { withVariables } from "./support/variables.ts";

if (!adapterNames().includes("redis")) {
  registerAdapter("redis", () => {
    throw new Error("never opened here");
  });
}

function placesOf(project: TestProject): ConfigPlace[] {
  return [
    { layer: "project", path: `${project.folder}/${CONFIG_NAME}`, isNamed: false },
    { layer: "user", path: `${project.folder}/home/config.json`, isNamed: false },
  ];
}

Deno.test("one line of config.yml is read, whatever stands around it", () => {
  const cases: [text: string, adapter: string | null][] = [
    ["coordination: redis\n", "redis"],
    ["a: 1\ncoordination: local # the default\nb: 2\n", "local"],
    ["'coordination': \"redis\"\r\n", "redis"],
    ["coordination:redis\n", null],
    ["tools:\n  coordination: redis\n", null],
    ["# coordination: redis\n", null],
    ["base: &anchor\n  x: !tag 1\nother: *anchor\ncoordination: redis\n---\nmore: 1\n", "redis"],
    ["coordination_mode: redis\n", null],
    ["", null],
  ];
  for (const [text, adapter] of cases) {
    const found = readMode(text);
    assertEquals(found && "adapter" in found ? found.adapter : null, adapter, text);
  }
});

Deno.test("an unknown mode is refused, with its line and what was meant", async () => {
  await using project = new TestProject();
  for (
    const [text, message] of [
      ["a: 1\ncoordination: reddis\n", /unknown mode 'reddis' \(did you mean 'redis'\?\)/],
      ["coordination:\n  redis: true\n", /says no mode/],
    ] as const
  ) {
    project.write(".claude/config.yml", text);
    const { code, stdout } = await project.csc("config", "validate");
    assertEquals(code, 2);
    assertMatch(stdout, message);
    assertMatch(stdout, /config\.yml:\d: /);
    assertEquals((await project.csc("status")).code, 2, "and nothing works on another store");
  }
});

Deno.test("config.yml names the store, REDIS_URL its address; JSON files win over both", async () => {
  await using project = new TestProject();
  const file = project.write(".claude/config.yml", "coordination: redis\n");
  const places = placesOf(project);
  assert(candidatePaths(places).includes(file), "a hook sees when it changes");
  await prepareConfig(places);
  await withVariables({ REDIS_URL: "redis://cache.example:6379/3" }, () => {
    const { config, origins } = loadConfig(places);
    assertEquals(config.storage.adapter, "redis");
    assertEquals(config.storage.config.url, "redis://cache.example:6379/3");
    assertEquals(origins.get("storage.adapter"), { layer: "project", path: file });
    assertEquals(origins.get("storage.config.url"), { layer: "environment", path: "REDIS_URL" });
  });
  const storage = { adapter: "redis", config: { url: "redis://other.example:6379" } };
  project.write("home/config.json", JSON.stringify({ storage }));
  await withVariables({ REDIS_URL: "redis://cache.example:6379/3" }, () => {
    const { config, origins } = loadConfig(places);
    assertEquals(config.storage.config.url, "redis://other.example:6379");
    assertEquals(origins.get("storage.adapter")?.layer, "user");
  });
  project.write("home/config.json", JSON.stringify({ storage: { adapter: "local" } }));
  await withVariables({ REDIS_URL: "redis://cache.example:6379/3" }, () => {
    const { config } = loadConfig(places);
    assertEquals([config.storage.adapter, config.storage.config.url], ["local", undefined]);
  });
});

Deno.test("a Redis that is there for something else changes nothing", async () => {
  await using project = new TestProject();
  await withVariables({ REDIS_URL: "redis://app:secret@db.example:6379" }, () => {
    const found = inspectConfig(placesOf(project));
    assert("config" in found);
    assertEquals(found.config, DEFAULT_CONFIG);
  });
});

Deno.test("each variable is the value of a key, and `csc config show` says so", async () => {
  await using project = new TestProject({ session: { heartbeat_interval_ms: 2000 } });
  const env = {
    COORDINATION_DIR: `${project.folder}/shared`,
    DEFAULT_LOCK_TIMEOUT: "77",
    HEARTBEAT_TTL: "90",
  };
  const shown = await project.cscWith({ env }, "config", "show", "--json");
  assertEquals(shown.code, 0, shown.stderr);
  const rows = JSON.parse(shown.stdout);
  const of = (key: string) => [rows[key].value, rows[key].source];
  assertEquals(of("storage.config.base_path"), [
    `${project.folder}/shared/session-state`,
    "environment: COORDINATION_DIR",
  ]);
  assertEquals(of("coordination.named_lock_timeout"), [77, "environment: DEFAULT_LOCK_TIMEOUT"]);
  assertEquals(of("session.heartbeat_timeout_ms"), [90_000, "environment: HEARTBEAT_TTL"]);
  assertMatch(
    (await project.cscWith({ env }, "config", "show")).stdout,
    /named_lock_timeout +77 +environment:/,
  );

  const taken = await project.cscWith({ env }, "lock", "a", "--holder", "x", "--json");
  assertEquals(JSON.parse(taken.stdout).seconds_left >= 75, true);
  assert(Deno.statSync(`${project.folder}/shared/session-state`).isDirectory);
  const elsewhere = await project.csc("lock", "a", "--holder", "y", "--json");
  assertEquals(elsewhere.code, 0, "without the variable it is another store");
  assert(JSON.parse(elsewhere.stdout).seconds_left > 290);
});

Deno.test("a variable that makes no sense does not count, and is told", async () => {
  await using project = new TestProject();
  const env = { DEFAULT_LOCK_TIMEOUT: "5 minutes", HEARTBEAT_TTL: "3" };
  const shown = await project.cscWith({ env }, "config", "show", "--json");
  assertEquals(JSON.parse(shown.stdout)["coordination.named_lock_timeout"].source, "default");
  assertMatch(shown.stderr, /warning: .*DEFAULT_LOCK_TIMEOUT does not count, as it takes whole/);
  const checked = await project.cscWith({ env }, "config", "validate");
  assertEquals(checked.code, 2);
  assertMatch(checked.stdout, /HEARTBEAT_TTL/);
  assertEquals((await project.cscWith({ env }, "status")).code, 0, "all else works");
});

Deno.test("what is wrong because of a variable names the variable", async () => {
  await using project = new TestProject({ session: { heartbeat_interval_ms: 30_000 } });
  const { code, stderr } = await project.cscWith({ env: { HEARTBEAT_TTL: "20" } }, "status");
  assertEquals(code, 2);
  assertMatch(stderr, /environment: 'HEARTBEAT_TTL' is wrong: must be at least 3 times/);
});

Deno.test("hooks see another environment at once, without a password in a name", async () => {
  const folder = "/project";
  await withVariables({}, () => assertEquals(keyInEnvironment(folder), folder));
  await withVariables({ REDIS_URL: "redis://u:geheim@h" }, () => {
    const key = keyInEnvironment(folder);
    assert(key.startsWith(`${folder}\n`) && !key.includes("geheim"));
  });
  const keys = new Set<string>();
  for (const COORDINATION_DIR of ["/a", "/b"]) {
    await withVariables({ COORDINATION_DIR }, () => keys.add(keyInEnvironment(folder)));
  }
  assertEquals(keys.size, 2);
});

Deno.test("a variable gives way to any file that says its key", async () => {
  await withVariables({ COORDINATION_DIR: "/c", DEFAULT_LOCK_TIMEOUT: "9" }, () => {
    const said = { storage: { config: { base_path: "x" } }, coordination: {} };
    const names = readVariables(said).texts.map(({ name }) => name);
    assertEquals(names, ["DEFAULT_LOCK_TIMEOUT"]);
  });
});

Deno.test("REDIS_URL is not added to a cluster or to sentinels", async () => {
  await withVariables({ REDIS_URL: "redis://other.example" }, () => {
    for (const key of ["cluster", "sentinels", "url"]) {
      const said = { storage: { adapter: "redis", config: { [key]: ["redis://a"] } } };
      assertEquals(readVariables(said).texts, [], key);
    }
    assertEquals(readVariables({ storage: { adapter: "redis" } }).texts.length, 1);
  });
});
