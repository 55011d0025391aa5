import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated, ROOT, run } from "../support/command.ts";
import { TestProject } from "../support/project.ts";

const VERSION = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)).version;
const COMMANDS = [
  "serve",
  "status",
  "lock",
  "run",
  "claim",
  "session",
  "heartbeat",
  "data",
  "config",
  "demo",
  "version",
];

Deno.test("the help of the program and of each command fits 80 columns and ends with code 0", async (t) => {
  await using project = new TestProject();
  const calls = [["--help"], ["-h"], ["help"], ...COMMANDS.map((name) => [name, "--help"])];
  for (const args of calls) {
    await t.step(args.join(" "), async () => {
      const { code, stdout, stderr } = await project.csc(...args);
      assertEquals([code, stderr], [0, ""]);
      for (const line of stdout.split("\n")) assert(line.length <= 80, `${line.length}: ${line}`);
    });
  }
});

Deno.test("the program's help names every command, the exit codes and how to connect it", async () => {
  await using project = new TestProject();
  const { stdout } = await project.csc("--help");
  for (const name of COMMANDS) assertMatch(stdout, new RegExp(`^  ${name}\\s`, "m"));
  for (const code of [0, 1, 2, 3, 130]) assertMatch(stdout, new RegExp(`^  ${code}\\s`, "m"));
  assertStringIncludes(stdout, "claude mcp add csc -- csc");
});

Deno.test("each command's help shows its options, and examples that begin with csc", async () => {
  await using project = new TestProject();
  for (const name of COMMANDS) {
    const { stdout } = await project.csc("help", name);
    assertEquals(stdout, (await project.csc(name, "--help")).stdout, "both ways say the same");
    assertMatch(stdout, new RegExp(`^Examples\\n  csc ${name}`, "m"), name);
    assertMatch(stdout, /^ {2}--help/m);
  }
});

Deno.test("`csc version` prints the version, also as JSON and as an option", async () => {
  await using project = new TestProject();
  for (const args of [["version"], ["--version"], ["-V"]]) {
    const { code, stdout } = await project.csc(...args);
    assertEquals(code, 0);
    assert(stdout.startsWith(`csc ${VERSION} (Deno `), stdout);
    assertEquals(stdout.split("\n").length, 2);
  }
  const { stdout } = await project.csc("version", "--json");
  assertEquals(JSON.parse(stdout).csc, VERSION);
});

const MISTAKES: [args: string[], message: RegExp][] = [
  [["statsu"], /There is no command 'statsu' \(did you mean 'status'\?\)/],
  [["xyzzy"], /There is no command 'xyzzy'\n/],
  [["help", "dat"], /There is no command 'dat' \(did you mean 'data'\?\)/],
  [["status", "--jsn"], /unknown option --jsn \(did you mean '--json'\?\)/],
  [["status", "--jsn=1"], /unknown option --jsn=1 \(did you mean '--json'\?\)/],
  [["--confg", "x"], /unknown option --confg \(did you mean '--config'\?\)/],
  [["status", "--config"], /option --config needs a value/],
  [["data"], /an action is missing/],
  [["data", "gte", "a", "b"], /unknown action 'gte'/],
  [["data", "get", "a"], /'get' with 1 arguments/],
  [["data", "set", "a", "k"], /'set' with 2 arguments/],
  [["data", "set", "a", "k", "1", "--machine", "x"], /--machine only reads/],
  [["config"], /an action is missing/],
  [["config", "shwo"], /unknown action 'shwo'/],
  [["config", "path", "extra"], /'path' with 1 arguments/],
];
Deno.test("a mistake in a call is told with what to do, and ends with code 2", async (t) => {
  await using project = new TestProject();
  for (const [args, message] of MISTAKES) {
    await t.step(args.join(" "), async () => {
      const { code, stdout, stderr } = await project.csc(...args);
      assertEquals([code, stdout], [2, ""]);
      assertMatch(stderr, message);
      assertMatch(stderr, /^error\[invalid_argument\]: .+\nhint: .+\n$/);
    });
  }
});

Deno.test("words that a command does not take are refused", async (t) => {
  await using project = new TestProject();
  for (const name of ["status", "demo", "version", "serve"]) {
    await t.step(name, async () => {
      const { code, stderr } = await project.cscWith({ stdin: "" }, name, "extra");
      assertEquals(code, 2, stderr);
    });
  }
});

/** Runs the program in a terminal of its own; answers what it showed. */
async function inTerminal(project: TestProject, args: string[], env: Record<string, string> = {}) {
  const quoted = [...CSC, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const outcome = await run(["script", "-qec", quoted, "/dev/null"], {
    cwd: project.folder,
    env: { ...isolated(project.folder), TERM: "xterm", SHELL: "/bin/sh", ...env },
    stdin: "",
  });
  return { ...outcome, stdout: outcome.stdout.replaceAll("\r\n", "\n") };
}

Deno.test("`csc` in a terminal says what it is and how to connect it", async () => {
  await using project = new TestProject();
  const { code, stdout } = await inTerminal(project, []);
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, "It is an MCP server");
  assertStringIncludes(stdout, "claude mcp add csc -- csc");
  for (const line of stdout.split("\n")) assert(line.length <= 80, line);
});

Deno.test("colours are for terminals only, and not under NO_COLOR", async () => {
  await using project = new TestProject();
  const escape = "\u001b[";
  const plain = await project.cscWith({ env: { NO_COLOR: "" } }, "--help");
  assert(!plain.stdout.includes(escape), "not into a pipe");
  const without = await inTerminal(project, ["--help"]);
  assert(!without.stdout.includes(escape), "not under NO_COLOR");
  const coloured = await inTerminal(project, ["--help"], { NO_COLOR: "" });
  assertStringIncludes(coloured.stdout, escape);
});

Deno.test("output to a pipe that is closed ends quietly", async () => {
  await using project = new TestProject();
  const text = "x".repeat(500_000);
  assertEquals(
    (await project.cscWith({ stdin: text }, "data", "set", "a", "k", "--text", "-")).code,
    0,
  );
  const [command, ...args] = CSC;
  const { code, stdout, stderr } = await run(
    ["sh", "-c", '"$@" | head -c 10', "sh", command, ...args, "data", "get", "a", "k"],
    { cwd: project.folder, env: isolated(project.folder) },
  );
  assertEquals([code, stdout, stderr], [0, '"xxxxxxxxx', ""]);
});

Deno.test("`csc demo` shows the main job in a few seconds and leaves nothing behind", async () => {
  await using project = new TestProject();
  const temporary = project.beside("tmp");
  Deno.mkdirSync(temporary);
  const startedAt = performance.now();
  const { code, stdout, stderr } = await project.cscWith({ env: { TMPDIR: temporary } }, "demo");
  assertEquals([code, stderr], [0, ""], stdout);
  assert(performance.now() - startedAt < 20_000);
  assertStringIncludes(stdout, "5 sessions, 5 different identities");
  assertStringIncludes(stdout, "200 of 200 writes are there");
  assertMatch(stdout, /\d+ ms later a new session holds claude_\d/);
  assertMatch(stdout, /Cannot claim claude_\d as another session holds it/);
  assertMatch(
    stdout,
    /stopped before its edit, and told:\n +⚠️ File locked by Session_1: auth\.py/,
  );
  assertMatch(stdout, /\d+ ms later the second may edit/);
  assertEquals([...Deno.readDirSync(temporary)].filter(({ name }) => name.startsWith("csc-")), []);
});
