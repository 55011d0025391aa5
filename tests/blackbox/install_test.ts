import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated, type Outcome, ROOT, run } from "../support/command.ts";
import { McpClient } from "../../src/mcp/client.ts";
import { listing, snapshot } from "../support/files.ts";
import { sendSignal, TestProject } from "../support/project.ts";

const PLUGIN = "home/.claude/skills/sc";
const EVENTS = [
  "FileChanged",
  "PermissionDenied",
  "PostToolBatch",
  "PostToolUse",
  "PostToolUseFailure",
  "PreToolUse",
  "SessionEnd",
  "SessionStart",
  "Stop",
  "SubagentStop",
  "UserPromptSubmit",
];

// deno-lint-ignore no-explicit-any
function readJson(path: string): any {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** The handlers of a plugin's hooks, with their event and matcher. */
function handlersIn(folder: string) {
  const { hooks } = readJson(`${folder}/hooks/hooks.json`);
  // deno-lint-ignore no-explicit-any
  return Object.entries<any>(hooks).flatMap(([event, groups]) =>
    // deno-lint-ignore no-explicit-any
    groups.flatMap((group: any) =>
      // deno-lint-ignore no-explicit-any
      group.hooks.map((handler: any) => ({ event, matcher: group.matcher, ...handler }))
    )
  );
}

async function succeed(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  assertEquals([code, stderr], [0, ""], stdout);
  return stdout;
}

Deno.test("`csc install` writes a plugin whose hooks, server and commands start this program", async () => {
  await using project = new TestProject();
  const folder = `${project.folder}/${PLUGIN}`;
  const stdout = await succeed(project.csc("install"));
  assertStringIncludes(stdout, `Installed: the plugin 'sc' in ${folder}`);
  for (const word of ["Restart", "mcp__plugin_sc_csc", "/sc:session-status", "csc doctor"]) {
    assertStringIncludes(stdout, word);
  }
  const manifest = readJson(`${folder}/.claude-plugin/plugin.json`);
  assertEquals([manifest.name, manifest.version], ["sc", readJson(`${ROOT}deno.json`).version]);
  const handlers = handlersIn(folder);
  assertEquals([...new Set(handlers.map(({ event }) => event))].sort(), EVENTS);
  for (const handler of handlers) {
    assertEquals([handler.type, handler.timeout], ["command", 5]);
    assert(handler.command.startsWith("/"), "an absolute path, no shell");
    assertEquals(handler.args.at(-1), "hook");
    assertEquals(handler.onFailure, undefined);
    assertEquals(handler.asyncRewake, handler.event === "FileChanged" ? true : undefined);
  }
  const [{ command, args }] = handlers;
  const answer = await run([command, ...args.slice(0, -1), "version", "--json"], {
    cwd: project.folder,
    env: isolated(project.folder),
  });
  assertEquals(JSON.parse(answer.stdout).csc, manifest.version);
  const server = readJson(`${folder}/.mcp.json`).mcpServers.csc;
  const client = await McpClient.connect([server.command, ...server.args], {
    cwd: project.folder,
    env: isolated(project.folder),
  });
  assertEquals((await client.request("tools/list")).error, undefined);
  await client.close();
  assert(Deno.readTextFileSync(`${folder}/README.md`).split(/\s+/).length >= 40);
});

Deno.test("hooks match the tools that write, and our own tools under any plugin's name", async () => {
  await using project = new TestProject();
  await succeed(project.csc("install"));
  const handlers = handlersIn(`${project.folder}/${PLUGIN}`);
  const writing = "Write|Edit|NotebookEdit|Bash|PowerShell|Monitor";
  const matchersOf = (event: string) =>
    handlers.filter((one) => one.event === event).map(({ matcher }) => matcher);
  assertEquals(matchersOf("PostToolUse"), [writing]);
  assertEquals(matchersOf("PostToolUseFailure"), [writing]);
  assertEquals(matchersOf("SessionStart"), [undefined]);
  const [tools, own] = matchersOf("PreToolUse");
  assertEquals(tools, writing);
  const matches = new RegExp(own);
  for (
    const tool of "acquire_lock release_lock check_lock list_locks heartbeat register_session"
      .split(" ")
  ) {
    for (const server of ["csc", "plugin_sc_csc", "plugin_my-team_csc"]) {
      assert(matches.test(`mcp__${server}__${tool}`), `${server} ${tool}`);
    }
  }
  for (
    const other of ["mcp__csc__session_status", "mcp__notcsc__heartbeat", "xmcp__csc__heartbeat"]
  ) {
    assert(!matches.test(other), other);
  }
});

Deno.test("strict mode blocks where the check before an edit fails, and nothing else", async () => {
  await using project = new TestProject();
  await succeed(project.csc("install", "--strict"));
  for (const { event, onFailure } of handlersIn(`${project.folder}/${PLUGIN}`)) {
    assertEquals(onFailure, event === "PreToolUse" ? "block" : undefined, event);
  }
  assertMatch(await succeed(project.csc("install")), /^Updated: /, "and back");
  for (const { onFailure } of handlersIn(`${project.folder}/${PLUGIN}`)) {
    assertEquals(onFailure, undefined);
  }
});

Deno.test("a second `csc install` writes nothing", async () => {
  await using project = new TestProject();
  await succeed(project.csc("install"));
  const before = snapshot(`${project.folder}/home`);
  assertMatch(await succeed(project.csc("install")), /^Already installed: the plugin 'sc'/);
  assertEquals(snapshot(`${project.folder}/home`), before);
  const { state, files } = JSON.parse(await succeed(project.csc("install", "--json")));
  assertEquals([state, files], ["unchanged", []]);
  Deno.chmodSync(`${project.folder}/${PLUGIN}/bin/csc`, 0o644);
  assertMatch(await succeed(project.csc("install")), /^Updated/, "what cannot run is no copy");
  assertEquals(Deno.statSync(`${project.folder}/${PLUGIN}/bin/csc`).mode! & 0o777, 0o755);
});

Deno.test("the slash commands run `csc` with the arguments as a terminal would", async () => {
  await using project = new TestProject();
  await succeed(project.csc("install"));
  const folder = `${project.folder}/${PLUGIN}/commands`;
  const expected: Record<string, [command: string, takesArguments: boolean]> = {
    "session-status": ["status", false],
    "session-refresh": ["refresh", false],
    "session-unlock": ["unlock", true],
    "session-history": ["history", true],
    "session-locks": ["locks", false],
    "session-cleanup": ["cleanup", true],
  };
  assertEquals(listing(folder), Object.keys(expected).map((name) => `${name}.md`).sort());
  for (const [name, [command, takesArguments]] of Object.entries(expected)) {
    const text = Deno.readTextFileSync(`${folder}/${name}.md`);
    const line = /^!`(.+)`$/m.exec(text)![1];
    const allowed = JSON.parse(/^allowed-tools: (.+)$/m.exec(text)![1]);
    const start = takesArguments ? line.replace(/ \$ARGUMENTS$/, "") : line;
    assert(start.endsWith(` ${command}`), line);
    assertEquals(line, takesArguments ? `${start} $ARGUMENTS` : start);
    assertEquals(allowed, [takesArguments ? `Bash(${start}:*)` : `Bash(${start})`]);
    assertEquals(/^argument-hint: /m.test(text), takesArguments);
  }
  const status = Deno.readTextFileSync(`${folder}/session-status.md`);
  const { code, stdout, stderr } = await run(["sh", "-c", /^!`(.+)`$/m.exec(status)![1]], {
    cwd: project.folder,
    env: isolated(project.folder),
  });
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, project.folder);
  const shim = await run([`${project.folder}/${PLUGIN}/bin/csc`, "version", "--json"], {
    env: isolated(project.folder),
  });
  assertEquals(JSON.parse(shim.stdout).csc, readJson(`${ROOT}deno.json`).version);
});

Deno.test("the plugin's name is checked, and chosen with --name", async () => {
  await using project = new TestProject();
  for (const name of ["Sc", "../x", "a b", "-x", ".", "ä", "a/b", "x".repeat(64)]) {
    for (const command of ["install", "uninstall"]) {
      const { code, stderr } = await project.csc(command, `--name=${name}`);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^error\[invalid_argument\]: Cannot use .+ as the plugin's name\nhint: /);
    }
  }
  assertEquals(listing(`${project.folder}/home`), []);
  const stdout = await succeed(project.csc("install", "--name", "team-2"));
  assertStringIncludes(stdout, "/team-2:session-status");
  assertStringIncludes(stdout, "mcp__plugin_team-2_csc");
  const manifest = readJson(
    `${project.folder}/home/.claude/skills/team-2/.claude-plugin/plugin.json`,
  );
  assertEquals(manifest.name, "team-2");
  await succeed(project.csc("uninstall", "--name", "team-2"));
  assertEquals(listing(`${project.folder}/home`), []);
});

Deno.test("CLAUDE_CONFIG_DIR takes the place of ~/.claude", async () => {
  await using project = new TestProject();
  const env = { CLAUDE_CONFIG_DIR: `${project.folder}/elsewhere` };
  await succeed(project.cscWith({ env }, "install"));
  assert(Deno.statSync(`${project.folder}/elsewhere/skills/sc/.mcp.json`).isFile);
  assertEquals(listing(`${project.folder}/home`), []);
  await succeed(project.cscWith({ env }, "uninstall"));
  assertEquals(listing(`${project.folder}/elsewhere`), []);
});

Deno.test("`csc uninstall` removes the plugin with the folders that install made, and no others", async () => {
  await using project = new TestProject();
  Deno.mkdirSync(`${project.folder}/home`);
  await succeed(project.csc("install"));
  assertMatch(await succeed(project.csc("uninstall")), /^Removed: the plugin 'sc' from /);
  assertEquals([...Deno.readDirSync(project.folder)].map(({ name }) => name).sort(), [
    "home",
    "state",
  ]);
  assertEquals([...Deno.readDirSync(`${project.folder}/home`)], []);
  assertMatch(await succeed(project.csc("uninstall")), /^There is no plugin 'sc'/, "once more");
  Deno.mkdirSync(`${project.folder}/home/.claude/skills`, { recursive: true });
  await succeed(project.csc("install"));
  await succeed(project.csc("uninstall"));
  assert(Deno.statSync(`${project.folder}/home/.claude/skills`).isDirectory, "was there before");
});

Deno.test("what the user has in the folder survives an update and the removal", async () => {
  await using project = new TestProject();
  await succeed(project.csc("install"));
  const folder = `${project.folder}/${PLUGIN}`;
  project.write(`${PLUGIN}/commands/mine.md`, "my own");
  project.write(`${PLUGIN}/notes.txt`, "notes");
  const changed = Deno.readTextFileSync(`${folder}/README.md`) + "changed\n";
  Deno.writeTextFileSync(`${folder}/README.md`, changed);
  const marker = readJson(`${folder}/csc-install.json`);
  Deno.writeTextFileSync(`${folder}/csc-install.json`, JSON.stringify({ ...marker, csc: "0.0.1" }));
  const updated = await succeed(project.csc("install"));
  assertMatch(updated, /^Updated: /);
  assertStringIncludes(
    updated,
    "Kept what you have in that folder: README.md.old, commands/mine.md, notes.txt",
  );
  assert(!Deno.readTextFileSync(`${folder}/README.md`).includes("changed"));
  assertMatch(await succeed(project.csc("install")), /^Already installed/);
  Deno.writeTextFileSync(`${folder}/hooks/hooks.json`, "{}");
  const removed = await succeed(project.csc("uninstall"));
  const left = ["README.md.old", "commands/mine.md", "hooks/hooks.json.old", "notes.txt"];
  assertEquals(listing(folder), left);
  for (const name of left) assertStringIncludes(removed, `${folder}/${name}`);
  assertEquals(Deno.readTextFileSync(`${folder}/README.md.old`), changed);
  assertEquals(Deno.readTextFileSync(`${folder}/commands/mine.md`), "my own");
});

Deno.test("a folder that csc did not make is refused, with the way out", async (t) => {
  const cases: Record<string, (path: string) => void> = {
    "a skill of the user's": (path) => {
      Deno.mkdirSync(path);
      Deno.writeTextFileSync(`${path}/SKILL.md`, "mine");
    },
    "a file": (path) => Deno.writeTextFileSync(path, "mine"),
    "a link to nothing": (path) => Deno.symlinkSync("/nonexistent/sc", path),
  };
  for (const [what, make] of Object.entries(cases)) {
    await t.step(what, async () => {
      await using project = new TestProject();
      Deno.mkdirSync(`${project.folder}/home/.claude/skills`, { recursive: true });
      make(`${project.folder}/${PLUGIN}`);
      const before = snapshot(`${project.folder}/home`);
      for (const command of ["install", "uninstall"]) {
        const { code, stdout, stderr } = await project.csc(command);
        assertEquals([code, stdout], [2, ""]);
        assertMatch(
          stderr,
          /^error\[invalid_argument\]: Cannot .+skills\/sc' as it is .+\nhint: .*--name csc/,
        );
      }
      assertEquals(snapshot(`${project.folder}/home`), before);
    });
  }
});

Deno.test("an empty folder in its place is taken, and links above it are followed", async () => {
  await using project = new TestProject();
  Deno.mkdirSync(`${project.folder}/dotfiles/skills/sc`, { recursive: true });
  Deno.mkdirSync(`${project.folder}/home`);
  Deno.symlinkSync(`${project.folder}/dotfiles`, `${project.folder}/home/.claude`);
  await succeed(project.csc("install"));
  assert(Deno.statSync(`${project.folder}/dotfiles/skills/sc/.mcp.json`).isFile);
  Deno.renameSync(`${project.folder}/dotfiles/skills/sc`, `${project.folder}/plugin`);
  Deno.symlinkSync(`${project.folder}/plugin`, `${project.folder}/dotfiles/skills/sc`);
  assertMatch(await succeed(project.csc("install", "--strict")), /^Updated/);
  assert(Deno.lstatSync(`${project.folder}/dotfiles/skills/sc`).isSymlink, "the link stays");
  assert(handlersIn(`${project.folder}/plugin`).some(({ onFailure }) => onFailure === "block"));
});

Deno.test("without a home there is a clear error", async () => {
  await using project = new TestProject();
  const env = { HOME: "", XDG_STATE_HOME: "", CLAUDE_CONFIG_DIR: "" };
  for (const command of ["install", "uninstall"]) {
    const { code, stderr } = await project.cscWith({ env }, command);
    assertEquals(code, 2);
    assertMatch(stderr, /HOME is not set\nhint: .*CLAUDE_CONFIG_DIR/);
  }
});

/** Runs the program bound by the modes of files, which a super-user is not. */
async function boundByModes(project: TestProject, ...args: string[]): Promise<Outcome> {
  const prefix = Deno.uid() === 0
    ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    : [];
  const env = { ...isolated(project.folder), XDG_STATE_HOME: project.beside("state") };
  return await run([...prefix, ...CSC, ...args], { cwd: project.folder, env });
}

Deno.test("a home that cannot be written is a clear error, and nothing is left in it", async () => {
  await using project = new TestProject();
  Deno.mkdirSync(`${project.folder}/home/.claude`, { recursive: true });
  Deno.chmodSync(`${project.folder}/home/.claude`, 0o555);
  const { code, stderr } = await boundByModes(project, "install");
  Deno.chmodSync(`${project.folder}/home/.claude`, 0o755);
  assertEquals(code, 1, stderr);
  assertMatch(stderr, /^error\[store_io\]: Cannot create '.+\/skills': .+\nhint: .*owns/);
  assertEquals(listing(`${project.folder}/home`), []);
});

Deno.test("a program in a folder for temporary files is installed with a warning", async () => {
  await using project = new TestProject();
  const warned = await project.cscWith({ env: { TMPDIR: ROOT } }, "install");
  assertMatch(warned.stdout, /Warning: '.+' lies in a folder for temporary files/);
  const { cautions } = JSON.parse((await project.csc("install", "--json")).stdout);
  if (!ROOT.startsWith("/tmp/")) assertEquals(cautions, []);
});

Deno.test("installations at the same time leave one whole plugin", async () => {
  await using project = new TestProject();
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, (_, i) => project.csc("install", ...(i % 2 ? ["--strict"] : []))),
  );
  for (const { code, stderr } of outcomes) assertEquals([code, stderr], [0, ""]);
  assertEquals([...Deno.readDirSync(`${project.folder}/home/.claude/skills`)].length, 1);
  await assertWhole(`${project.folder}/${PLUGIN}`);
});

/** Every file that the marker names is there, as it was written. */
async function assertWhole(folder: string): Promise<void> {
  const { files } = readJson(`${folder}/csc-install.json`);
  assertEquals(listing(folder), [...Object.keys(files), "csc-install.json"].sort());
  for (const [name, hash] of Object.entries(files)) {
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assertEquals(digest, hash, name);
  }
}

/** Runs the program, and kills it once a folder has changed so many times. */
async function killedAfter(
  changes: number,
  folder: string,
  project: TestProject,
  ...words: string[]
): Promise<Deno.CommandStatus> {
  const watcher = Deno.watchFs(folder);
  const [command, ...args] = CSC;
  const child = new Deno.Command(command, {
    args: [...args, ...words],
    cwd: project.folder,
    env: isolated(project.folder),
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ended = child.status.finally(() => watcher.close());
  let seen = 0;
  for await (const _change of watcher) {
    if (++seen === changes) sendSignal(child.pid, "SIGKILL");
  }
  return await ended;
}

Deno.test("an installation that is killed leaves the plugin whole or absent, and the next one heals", async () => {
  await using project = new TestProject();
  const skills = `${project.folder}/home/.claude/skills`;
  Deno.mkdirSync(skills, { recursive: true });
  let killed = 0;
  for (let round = 0; round < 16; round++) {
    const options = round % 2 ? ["--strict"] : [];
    // The number of changes in the folder after which it is killed: another one each time.
    const { success } = await killedAfter(4 * round + 1, skills, project, "install", ...options);
    if (!success) killed++;
    const isThere = [...Deno.readDirSync(skills)].some(({ name }) => name === "sc");
    if (isThere) await assertWhole(`${skills}/sc`);
  }
  assert(killed > 0, "none was killed in time");
  await succeed(project.csc("install"));
  assertEquals([...Deno.readDirSync(skills)].map(({ name }) => name), ["sc"]);
  await assertWhole(`${skills}/sc`);
});

Deno.test("a plugin that was moved aside by a killed update comes back with what the user had in it", async () => {
  await using project = new TestProject();
  await succeed(project.csc("install"));
  project.write(`${PLUGIN}/notes.txt`, "notes");
  const skills = `${project.folder}/home/.claude/skills`;
  Deno.renameSync(`${skills}/sc`, `${skills}/.csc-old-sc.abc-1`);
  Deno.mkdirSync(`${skills}/.csc-new-sc.abc-0/hooks`, { recursive: true });
  Deno.mkdirSync(`${skills}/.csc-new-other.abc-0`);
  await succeed(project.csc("install"));
  const names = [...Deno.readDirSync(skills)].map(({ name }) => name).sort();
  assertEquals(names, [".csc-new-other.abc-0", "sc"]);
  assertEquals(Deno.readTextFileSync(`${skills}/sc/notes.txt`), "notes");
});
