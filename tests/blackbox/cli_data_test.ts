import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { TestProject } from "../support/project.ts";

/** Steers a terminal, or hides what a text says. */
const STEERING =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

Deno.test("`data` stores, shows, lists and deletes", async () => {
  await using project = new TestProject();
  const steps: [args: string[], code: number, stdout: string][] = [
    [["list"], 0, ""],
    [["set", "issue:15", "points", "3"], 0, ""],
    [["set", "issue:15", "owner", "--text", "ada"], 0, ""],
    [["set", "session:claude_1", "todos", '[{"task":"a"}]'], 0, ""],
    [["list"], 0, "issue:15\nsession:claude_1\n"],
    [["list", "issue:15"], 0, "owner\npoints\n"],
    [["get", "issue:15", "points"], 0, "3\n"],
    [["get", "issue:15", "owner"], 0, '"ada"\n'],
    [["get", "session:claude_1", "todos"], 0, '[\n  {\n    "task": "a"\n  }\n]\n'],
    [["delete", "issue:15", "points"], 0, ""],
    [["list", "issue:15"], 0, "owner\n"],
    [["delete", "issue:15"], 0, ""],
    [["list"], 0, "session:claude_1\n"],
    [["list", "issue:15"], 0, ""],
  ];
  for (const [args, code, stdout] of steps) {
    assertEquals(await project.csc("data", ...args), { code, stdout, stderr: "" }, args.join(" "));
  }
});

Deno.test("`data` ends with code 1 where nothing is stored, and says how to look", async () => {
  await using project = new TestProject();
  for (const args of [["get", "a", "k"], ["delete", "a", "k"], ["delete", "a"]]) {
    const { code, stdout, stderr } = await project.csc("data", ...args);
    assertEquals([code, stdout], [1, ""], args.join(" "));
    assertMatch(stderr, /^error\[not_found\]: Nothing is stored .+\nhint: .*csc data list/);
  }
  const { code, stdout } = await project.csc("data", "delete", "a", "k", "--json");
  assertEquals([code, JSON.parse(stdout)], [1, { deleted: false }]);
});

Deno.test("`data` prints JSON for programs", async () => {
  await using project = new TestProject();
  const json = async (...args: string[]) =>
    JSON.parse((await project.csc("data", ...args, "--json")).stdout);
  assertEquals(await json("set", "a", "k", "[1]"), { stored: true });
  assertEquals(await json("list"), ["a"]);
  assertEquals(await json("list", "a"), ["k"]);
  const { value, stored_by, stored_at } = await json("get", "a", "k");
  assertEquals([value, stored_by], [[1], "csc data"]);
  assert(Date.parse(stored_at) > 0);
  assertEquals(await json("delete", "a", "k"), { deleted: true });
});

Deno.test("`data set` keeps every digit, takes what begins with a dash, and reads standard input", async (t) => {
  await using project = new TestProject();
  const roundTrip = async (args: string[], expected: string, stdin?: string) => {
    const set = await project.cscWith({ stdin }, "data", "set", "a", "k", ...args);
    assertEquals([set.code, set.stderr], [0, ""]);
    assertEquals((await project.csc("data", "get", "a", "k")).stdout, expected + "\n");
  };
  await t.step("a large number", () => roundTrip(["12345678901234567890"], "12345678901234567890"));
  await t.step("a negative number", () => roundTrip(["--", "-5"], "-5"));
  await t.step("null", () => roundTrip(["null"], "null"));
  await t.step("JSON on standard input", () => roundTrip(["-"], "[]", " [] \n"));
  await t.step("text on standard input", () => roundTrip(["--text", "-"], '"a\\nb\\n"', "a\nb\n"));
  await t.step("text that is JSON", () => roundTrip(["--text", "5"], '"5"'));
  await t.step("an empty text", () => roundTrip(["--text", ""], '""'));
});

Deno.test("`data set` refuses what is not JSON, and what is too large, with code 2", async () => {
  await using project = new TestProject();
  const wrong = await project.csc("data", "set", "a", "k", "ada");
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertMatch(wrong.stderr, /the value is not JSON\nhint: .*--text/);
  const large = await project.cscWith(
    { stdin: "x".repeat(2_000_000) },
    "data",
    "set",
    "a",
    "k",
    "--text",
    "-",
  );
  assertEquals(large.code, 2);
  assertMatch(large.stderr, /^error\[value_refused\]: .+\nhint: .+\n$/);
  assertEquals((await project.csc("data", "list")).stdout, "");
});

Deno.test("`data` neither shows nor changes the coordinator's own scopes", async () => {
  await using project = new TestProject();
  await project.signedOn();
  assertEquals((await project.csc("data", "list")).stdout, "");
  const calls = [
    ["get", "csc:claims", "claude_1"],
    ["list", "csc:claims"],
    ["set", "instances", "registry", "{}"],
    ["delete", "instances"],
    ["delete", "csc:claims"],
  ];
  for (const args of calls) {
    const { code, stderr } = await project.csc("data", ...args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(stderr, /^error\[reserved_scope\]: /);
  }
  const { stdout } = await project.csc("data", "get", "instances", "registry");
  assertEquals(JSON.parse(stdout).claude_1, "taken");
});

Deno.test("`data --machine` reads another machine's data of the project", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  await project.csc("data", "set", "a", "k", "1");
  const config = project.write(
    "desktop.json",
    JSON.stringify({ session: { machine_id: "desktop" } }),
  );
  const read = async (...args: string[]) =>
    (await project.csc("data", ...args, "--config", config)).stdout;
  assertEquals(await read("list"), "");
  assertEquals(await read("list", "--machine", "laptop"), "a\n");
  assertEquals(await read("list", "a", "--machine=laptop"), "k\n");
  assertEquals(await read("get", "a", "k", "--machine", "laptop"), "1\n");
});

const HOSTILE = "\u001b[2J\u001b]0;title\u0007\u202egnp.exe\u200b\u009b31m\nsecond line";

Deno.test("text that others stored cannot steer the terminal, neither as name nor as value", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  const scope = `evil${HOSTILE}`;
  await client.tool("store_data", { scope, key: `key${HOSTILE}`, value: HOSTILE });
  await client.tool("store_data", {
    scope: "session:claude_1",
    key: "current_issue",
    value: HOSTILE,
  });
  const calls = [
    ["status"],
    ["status", "--json"],
    ["data", "list"],
    ["data", "list", "--json"],
    ["data", "list", scope],
    ["data", "get", scope, `key${HOSTILE}`],
    ["data", "get", scope, `key${HOSTILE}`, "--json"],
    ["data", "get", scope, `nothing${HOSTILE}`],
    ["data", "frob\u001b[2J"],
    ["frob\u001b[2J\u202e"],
  ];
  for (const args of calls) {
    const { stdout, stderr } = await project.csc(...args);
    const shown = stdout + stderr;
    assert(!STEERING.test(shown), `${JSON.stringify(args)}: ${JSON.stringify(shown)}`);
  }
  const { stdout } = await project.csc("data", "list");
  assertEquals(stdout.split("\n").length, 3, "a scope is one line");
  const value = await project.csc("data", "get", scope, `key${HOSTILE}`);
  assertEquals(JSON.parse(value.stdout), HOSTILE, "escapes, nothing is lost");
});

Deno.test("`status` shows project, machine, store, instances and scopes", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  const fresh = (await project.csc("status")).stdout;
  assertStringIncludes(fresh, "Nothing is stored yet.");
  const client = await project.signedOn();
  await client.tool("store_data", { scope: "session:claude_1", key: "current_issue", value: 15 });
  const { code, stdout, stderr } = await project.csc("status");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Project +project +\(.+\)\nMachine +laptop\nStore +local: \/.+\nConfig +\//);
  assertMatch(stdout, /^INSTANCE +STATE +HOLDER +SIGNED ON +HEARTBEAT +ISSUE$/m);
  const row = new RegExp(
    `^claude_1 +taken +pid ${client.process.pid} +\\d+ s ago +\\d+ s ago +15$`,
    "m",
  );
  assertMatch(stdout, row);
  assertMatch(stdout, /^claude_2 +available +- +- +- +-$/m);
  assertMatch(stdout, /^SCOPE +KEYS\nsession:claude_1 +1$/m);
  for (const line of stdout.split("\n").slice(5)) assert(line.length <= 80, line);
});

Deno.test("`status --json` tells programs the same", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  const client = await project.signedOn();
  await client.tool("store_data", { scope: "session:claude_1", key: "todos", value: [1, 2] });
  const shown = JSON.parse((await project.csc("status", "--json")).stdout);
  assertEquals([shown.machine, shown.project], ["laptop", "project"]);
  assertEquals([shown.store.adapter, shown.store.reach], ["local", "machine"]);
  assertEquals(shown.scopes, [{ scope: "session:claude_1", keys: 1, error: null }]);
  const [first, second] = shown.instances;
  assertEquals(
    [first.instance, first.status, first.standing, first.todo_count, first.holder.pid],
    ["claude_1", "taken", "live", 2, client.process.pid],
  );
  assertEquals([second.status, second.standing, second.holder], ["available", null, null]);
  assertEquals(shown.instances.length, 4);
});

Deno.test("`status` shows a damaged file beside the others, and names it", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  await project.csc("data", "set", "good", "k", "1");
  await project.csc("data", "set", "bad", "k", "1");
  const torn = project.write(
    ".claude/session-state/laptop__project__bad.json",
    '{\n  "scope": "laptop:project:bad",\n  "data": {"k": ',
  );
  const { code, stdout } = await project.csc("status", "--json");
  assertEquals(code, 0);
  const scopes: { scope: string; keys: number | null; error: string | null }[] =
    JSON.parse(stdout).scopes;
  assertEquals(scopes.find(({ scope }) => scope === "good")?.keys, 1);
  const bad = scopes.find(({ scope }) => scope === "bad");
  assert(
    bad === undefined || (bad.keys === null && bad.error?.includes("laptop__project__bad.json")),
  );
  const read = await project.csc("data", "get", "bad", "k");
  assertEquals(read.code, 1);
  assertStringIncludes(read.stderr, torn);
});

Deno.test("a damaged file that does not even tell its scope is named by each list, once", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  await project.csc("data", "set", "good", "k", "1");
  const torn = project.write(".claude/session-state/laptop__project__bad.json", "{bad");
  for (const words of [["data", "list"], ["status"], ["status", "--json"]]) {
    const { code, stdout, stderr } = await project.csc(...words);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "good");
    assertMatch(stderr, /^warning: Cannot read '.*' as it is not valid JSON.*\. [A-Z]/);
    assertEquals(stderr.split(torn).length, 2, stderr);
  }
});

Deno.test("`data set` takes a negative number", async () => {
  await using project = new TestProject();
  assertEquals((await project.csc("data", "set", "s", "k", "-3")).code, 0);
  assertEquals((await project.csc("data", "get", "s", "k")).stdout, "-3\n");
  assertEquals((await project.csc("data", "set", "s", "t", "--text", "-5 °C")).code, 0);
  assertEquals((await project.csc("data", "get", "s", "t")).stdout, '"-5 °C"\n');
});
