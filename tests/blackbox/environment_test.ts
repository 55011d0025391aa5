import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated } from "../support/command.ts";
import { makeRepository, TestProject } from "../support/project.ts";

/** An executable needs nothing of the environment; Deno itself needs its cache. */
const IS_EXECUTABLE = CSC.length === 1;

Deno.test("the server works with an environment as filtered as clients make it", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder, "git@example.org:ada/engine.git");
  const { HOME, DENO_DIR = Deno.env.get("DENO_DIR") ?? "" } = isolated(project.folder);
  const env: Record<string, string> = IS_EXECUTABLE
    ? { HOME }
    : { HOME, DENO_DIR, LD_LIBRARY_PATH: "/nonexistent" };
  const client = await project.connect({ bareEnv: env });
  const session = await client.tool("sign_on");
  assertEquals([session.project, session.session_id], ["ada/engine", "claude_1"]);
  assertEquals(await client.tool("store_data", { scope: "a", key: "k", value: 1 }), null);
  assertEquals(await client.close(), { code: 0, stderr: "" });
  assert(Deno.statSync(`${HOME}/.local/state/claude-session-coordinator/csc.log`).isFile);
});

Deno.test("the server works without a home, and then keeps no log", async () => {
  await using project = new TestProject();
  const { DENO_DIR = Deno.env.get("DENO_DIR") ?? "" } = isolated(project.folder);
  const env: Record<string, string> = IS_EXECUTABLE ? {} : { DENO_DIR };
  const client = await project.connect({ bareEnv: env });
  assertEquals((await client.tool("sign_on")).session_id, "claude_1");
  assertEquals(await client.close(), { code: 0, stderr: "" });
  const left = [...Deno.readDirSync(project.folder)].map(({ name }) => name);
  assertEquals(left, [".claude"]);
});

const log = (project: TestProject) => `${project.folder}/state/claude-session-coordinator/csc.log`;

Deno.test("the log tells a person what happened, one line an event, and never a value", async () => {
  await using project = new TestProject({ log: { level: "debug" } });
  const client = await project.signedOn();
  const value = "s3cret value\nof two lines";
  await client.tool("store_data", { scope: "session:claude_1", key: "todos", value });
  await client.call("retrieve_data", { scope: "csc:claims", key: "x" });
  await client.close();
  const text = Deno.readTextFileSync(log(project));
  for (const event of ["server started", "claude_1: signed on", "claude_1: signed off"]) {
    assertStringIncludes(text, event);
  }
  assertMatch(text, /debug .* store_data\b.* done in [\d.]+ ms$/m);
  assertMatch(text, /debug .* retrieve_data\b.* refused \(reserved_scope\) in/m);
  assertStringIncludes(text, "server ended as the client has closed the connection");
  assert(!text.includes("s3cret"), text);
  const line = /^\d{4}-\d\d-\d\dT[\d:.]+Z (error|warn |info |debug) \[\d+\] \S+:project/;
  for (const one of text.trimEnd().split("\n")) assertMatch(one, line);
  assertEquals(Deno.statSync(log(project)).mode! & 0o777, 0o600);
});

Deno.test("an orderly end leaves no warning in the log", async () => {
  await using project = new TestProject();
  const clients = await Promise.all(Array.from({ length: 5 }, () => project.signedOn()));
  for (const client of clients) await client.close();
  const text = Deno.readTextFileSync(log(project));
  const lines = text.trimEnd().split("\n");
  assertEquals(lines.filter((line) => !/Z info {2}\[/.test(line)), []);
  assertEquals(lines.length, 4 * clients.length);
});

Deno.test("the log keeps to its level, its path, and to `off`", async (t) => {
  const linesAt = async (config: object) => {
    await using project = new TestProject({ log: config });
    await (await project.signedOn()).close();
    try {
      return Deno.readTextFileSync(log(project)).split("\n").length - 1;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return null;
    }
  };
  await t.step("off", async () => assertEquals(await linesAt({ level: "off" }), null));
  await t.step("error", async () => assertEquals(await linesAt({ level: "error" }), null));
  await t.step("info", async () => assert((await linesAt({}) ?? 0) >= 4));
  await t.step("a path", async () => {
    await using project = new TestProject();
    const path = `${project.folder}/logs/my.log`;
    project.write(
      ".claude/session-coordinator-config.json",
      JSON.stringify({ log: { path: "logs/my.log" } }),
    );
    await (await project.signedOn()).close();
    assertStringIncludes(Deno.readTextFileSync(path), "signed on");
  });
});

Deno.test("the log is begun anew at its size, and only so many old ones are kept", async () => {
  await using project = new TestProject({
    log: { level: "debug", max_bytes: 10_000, keep_files: 2 },
  });
  const client = await project.signedOn();
  for (let i = 0; i < 600; i++) await client.tool("list_scopes");
  await client.close();
  const folder = `${project.folder}/state/claude-session-coordinator`;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assertEquals(names, ["csc.log", "csc.log.1", "csc.log.2", "csc.log.lock"]);
  for (const name of ["csc.log", "csc.log.1", "csc.log.2"]) {
    const { size } = Deno.statSync(`${folder}/${name}`);
    assert(size < 11_000, `${name} has ${size} bytes`);
  }
});

Deno.test("a log that cannot be written does not stop the work", async () => {
  await using project = new TestProject();
  const path = project.write("taken", "") + "/csc.log";
  project.write(".claude/session-coordinator-config.json", JSON.stringify({ log: { path } }));
  const client = await project.signedOn();
  assertEquals(await client.tool("list_scopes"), []);
});
