import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import type { Outcome } from "../support/command.ts";
import { listing, snapshot } from "../support/files.ts";
import { git, makeRepository, TestProject } from "../support/project.ts";

const SETTINGS = ".claude/settings.json";
const SERVERS = ".mcp.json";

async function repository(): Promise<TestProject> {
  const project = new TestProject();
  await makeRepository(project.folder);
  project.write(".git/info/exclude", "home\nstate\n");
  return project;
}

async function succeed(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  assertEquals([code, stderr], [0, ""], stdout);
  return stdout;
}

const textOf = (project: TestProject, name: string) =>
  new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(Deno.readFileSync(`${project.folder}/${name}`));

// deno-lint-ignore no-explicit-any
const jsonOf = (project: TestProject, name: string): any =>
  JSON.parse(textOf(project, name).replace(/^\ufeff/, ""));

/** What the files say without our entries. */
// deno-lint-ignore no-explicit-any
function withoutOurs(settings: any): any {
  const { hooks = {}, ...rest } = settings;
  // deno-lint-ignore no-explicit-any
  const others = Object.entries<any>(hooks).map(([event, groups]) => {
    // deno-lint-ignore no-explicit-any
    const kept = groups.map((group: any) => ({
      ...group,
      // deno-lint-ignore no-explicit-any
      hooks: group.hooks.filter((one: any) => one.command !== "csc"),
      // deno-lint-ignore no-explicit-any
    })).filter((group: any) => group.hooks.length > 0);
    return [event, kept] as const;
  }).filter(([, groups]) => groups.length > 0);
  return others.length > 0 ? { ...rest, hooks: Object.fromEntries(others) } : rest;
}

Deno.test("`csc install --project` makes shared files that call csc from the PATH, and takes them away", async () => {
  await using project = await repository();
  const stdout = await succeed(project.csc("install", "--project"));
  for (const word of [SETTINGS, SERVERS, "(created)", "Commit", "mcp__csc", "csc doctor"]) {
    assertStringIncludes(stdout, word);
  }
  assertEquals(jsonOf(project, SERVERS), {
    mcpServers: { csc: { type: "stdio", command: "csc", args: ["serve"] } },
  });
  const { hooks } = jsonOf(project, SETTINGS);
  assertEquals(Object.keys(hooks).length, 11);
  assertEquals(hooks.SessionStart, [
    { hooks: [{ type: "command", command: "csc", args: ["hook"], timeout: 5 }] },
  ]);
  assert(textOf(project, SETTINGS).endsWith("}\n"));
  const removed = await succeed(project.csc("uninstall", "--project"));
  assertStringIncludes(removed, "removed: it held nothing else");
  assertEquals(await git(project.folder, "status", "--porcelain"), "");
  assertEquals(listing(`${project.folder}/.claude`), []);
  assertMatch(await succeed(project.csc("uninstall", "--project")), /^Nothing of csc is in this/);
});

Deno.test("a second `csc install --project` writes nothing; --strict and back change our entries only", async () => {
  await using project = await repository();
  project.write(SETTINGS, '{\n  "model": "opus"\n}');
  await succeed(project.csc("install", "--project"));
  const before = snapshot(project.folder);
  assertMatch(await succeed(project.csc("install", "--project")), /^Already installed/);
  assertEquals(snapshot(project.folder), before);
  const text = textOf(project, SETTINGS);
  await succeed(project.csc("install", "--project", "--strict"));
  const { hooks, model } = jsonOf(project, SETTINGS);
  assertEquals(model, "opus");
  // deno-lint-ignore no-explicit-any
  assert(hooks.PreToolUse.every((group: any) => group.hooks[0].onFailure === "block"));
  await succeed(project.csc("install", "--project"));
  assertEquals(textOf(project, SETTINGS), text);
  await succeed(project.csc("uninstall", "--project"));
  assertEquals(textOf(project, SETTINGS), '{\n  "model": "opus"\n}');
});

const OTHERS = {
  permissions: { allow: ["Bash(ls:*)"], deny: [] },
  hooks: {
    Stop: [],
    PreToolUse: [{ matcher: "Write", hooks: [{ type: "command", command: "./lint.sh" }] }],
  },
  env: { TOKEN: "s3cret", N: "1.0" },
};
const pretty = JSON.stringify(OTHERS, null, 2);
const ORIGINALS: [what: string, text: string][] = [
  ["two spaces", pretty + "\n"],
  ["no newline at the end", pretty],
  ["tabs", JSON.stringify(OTHERS, null, "\t") + "\n"],
  ["four spaces and CRLF", JSON.stringify(OTHERS, null, 4).replaceAll("\n", "\r\n") + "\r\n"],
  ["a byte order mark", "\ufeff" + pretty + "\n"],
  ["one line", JSON.stringify(OTHERS)],
  [
    "lists on one line",
    '{\n  "permissions": { "allow": ["a", "b"] },\n  "hooks": {"Stop": []}\n}\n',
  ],
  ["its own way of numbers and letters", '{"n":1.50,"e":1E3,"u":"\\u00e4\\/"}'],
  ["nothing in it", "{}"],
  ["spaces in it", "{ \n }\n"],
  ["empty", ""],
  ["a key twice", '{"a": 1, "hooks": {}, "a": 2}'],
];
Deno.test("what is there is kept, and restored to the byte", async (t) => {
  for (const [what, text] of ORIGINALS) {
    await t.step(what, async () => {
      await using project = await repository();
      project.write(SETTINGS, text);
      const servers = '{"mcpServers": {"other": {"command": "x"}}}\n';
      project.write(SERVERS, servers);
      await succeed(project.csc("install", "--project"));
      const original = text === "" ? {} : JSON.parse(text.replace(/^\ufeff/, ""));
      const merged = jsonOf(project, SETTINGS);
      assertEquals(Object.keys(merged.hooks).length >= 11, true);
      assertEquals(withoutOurs(merged), withoutOurs(original), "theirs stays");
      assertEquals(textOf(project, SETTINGS).startsWith("\ufeff"), text.startsWith("\ufeff"));
      assertEquals(jsonOf(project, SERVERS).mcpServers.other, { command: "x" });
      const removed = await succeed(project.csc("uninstall", "--project"));
      assertEquals(textOf(project, SETTINGS), text);
      assertEquals(textOf(project, SERVERS), servers);
      assertStringIncludes(removed, "as it was before");
      assertEquals(listing(`${project.folder}/state/claude-session-coordinator/installs`), [
        "lock",
      ]);
    });
  }
});

Deno.test("where somebody changed a file since, only our entries are taken out", async (t) => {
  for (const [what, text] of ORIGINALS.filter(([, text]) => text.trim() !== "")) {
    await t.step(what, async () => {
      await using project = await repository();
      project.write(SETTINGS, text);
      await succeed(project.csc("install", "--project"));
      const bom = text.startsWith("\ufeff") ? "\ufeff" : "";
      const change = (json: string) => bom + json.slice(bom.length).replace("{", '{"new":[1 ],');
      const empty = Object.keys(JSON.parse(text.slice(bom.length))).length === 0;
      project.write(SETTINGS, change(textOf(project, SETTINGS)));
      const removed = await succeed(project.csc("uninstall", "--project"));
      assertStringIncludes(removed, "only csc's entries taken out");
      if (empty) assertEquals(jsonOf(project, SETTINGS), { new: [1] });
      else assertEquals(textOf(project, SETTINGS), change(text));
    });
  }
});

Deno.test("an install after a change restores to that change, not to what was before it", async () => {
  await using project = await repository();
  await succeed(project.csc("install", "--project"));
  const changed = textOf(project, SETTINGS).replace("{", '{\n  "model": "opus",');
  project.write(SETTINGS, changed);
  await succeed(project.csc("install", "--project", "--strict"));
  await succeed(project.csc("uninstall", "--project"));
  assertEquals(jsonOf(project, SETTINGS), { model: "opus" });
});

Deno.test("without the record, on another machine, our entries are taken out, and files of ours removed", async () => {
  await using project = await repository();
  project.write(SERVERS, '{\n  "mcpServers": {\n    "other": {}\n  }\n}\n');
  await succeed(project.csc("install", "--project"));
  const env = { XDG_STATE_HOME: project.beside("another") };
  await succeed(project.cscWith({ env }, "uninstall", "--project"));
  assertEquals(textOf(project, SERVERS), '{\n  "mcpServers": {\n    "other": {}\n  }\n}\n');
  assertEquals(listing(`${project.folder}/.claude`), []);
});

Deno.test("only our own entries are taken out: what others wrote about csc stays", async () => {
  await using project = await repository();
  const mine = { type: "command", command: "csc", args: ["status"] };
  const shell = { type: "command", command: "csc hook" };
  const hooks = { Stop: [{ hooks: [mine, shell] }] };
  project.write(SETTINGS, JSON.stringify({ hooks }));
  project.write(SERVERS, JSON.stringify({ mcpServers: { csc: { command: "csc" } } }));
  const before = textOf(project, SERVERS);
  const stdout = await succeed(project.csc("install", "--project"));
  assertStringIncludes(stdout, `${SERVERS} (unchanged)`);
  project.write(SETTINGS, textOf(project, SETTINGS) + "\n");
  await succeed(project.csc("uninstall", "--project"));
  assertEquals(jsonOf(project, SETTINGS), { hooks });
  assertEquals(textOf(project, SERVERS), before);
});

Deno.test("a handler that somebody put beside ours in one group stays", async () => {
  await using project = await repository();
  await succeed(project.csc("install", "--project"));
  const settings = jsonOf(project, SETTINGS);
  const mine = { type: "command", command: "./mine.sh" };
  settings.hooks.Stop[0].hooks.unshift(mine);
  settings.hooks.PreToolUse[0].hooks.push(mine);
  project.write(SETTINGS, JSON.stringify(settings, null, 2));
  await succeed(project.csc("uninstall", "--project"));
  const matcher = "Write|Edit|NotebookEdit|Bash|PowerShell|Monitor";
  assertEquals(jsonOf(project, SETTINGS), {
    hooks: { PreToolUse: [{ matcher, hooks: [mine] }], Stop: [{ hooks: [mine] }] },
  });
});

const REFUSED: [what: string, name: string, text: string | Uint8Array, message: RegExp][] = [
  [
    "comments",
    SETTINGS,
    '{\n  // why\n  "a": "hunter2"\n}',
    /is not JSON: .+ \(line 2, column 3\)/,
  ],
  ["half a file", SETTINGS, '{"a": "hunter2', /is not JSON: .+ \(line 1, column 7\)/],
  ["a list", SETTINGS, "[]", /is not a JSON object/],
  ["hooks of another kind", SETTINGS, '{"hooks": []}', /'hooks' is not of the kind/],
  [
    "an event of another kind",
    SETTINGS,
    '{"hooks": {"Stop": {}}}',
    /'hooks\.Stop' is not of the kind/,
  ],
  ["servers of another kind", SERVERS, '{"mcpServers": 1}', /'mcpServers' is not of the kind/],
  ["UTF-16", SETTINGS, new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), /is not UTF-8/],
  [
    "another server of that name",
    SERVERS,
    '{"mcpServers": {"csc": {"command": "mcs"}}}',
    /another server/,
  ],
];
Deno.test("a file that cannot be understood is left alone, and so is the other one", async (t) => {
  for (const [what, name, text, message] of REFUSED) {
    await t.step(what, async () => {
      await using project = await repository();
      project.write(name, text);
      project.write(name === SETTINGS ? SERVERS : SETTINGS, "{}");
      const before = snapshot(project.folder);
      const { code, stdout, stderr } = await project.csc("install", "--project");
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, /^error\[invalid_config\]: \/.+\nhint: .+\n$/);
      assertMatch(stderr, message);
      assert(!stderr.includes("hunter2"), stderr);
      const { [`state/claude-session-coordinator/installs/lock`]: _lock, ...after } = snapshot(
        project.folder,
      );
      assertEquals(after, before);
    });
  }
});

Deno.test("settings behind a link are written through it; a link to nothing is refused", async () => {
  await using project = await repository();
  const real = project.beside("dotfiles", "settings.json");
  Deno.mkdirSync(project.beside("dotfiles"));
  Deno.writeTextFileSync(real, '{"a":1}', { mode: 0o600 });
  Deno.mkdirSync(`${project.folder}/.claude`);
  const link = `${project.folder}/${SETTINGS}`;
  Deno.symlinkSync(real, link);
  await succeed(project.csc("install", "--project"));
  assert(Deno.lstatSync(link).isSymlink);
  assertEquals(JSON.parse(Deno.readTextFileSync(real)).a, 1);
  assertEquals(Deno.statSync(real).mode! & 0o777, 0o600, "its mode stays");
  await succeed(project.csc("uninstall", "--project"));
  assertEquals(Deno.readTextFileSync(real), '{"a":1}');
  assertEquals(listing(project.beside("dotfiles")), ["settings.json"]);
  Deno.removeSync(real);
  const { code, stderr } = await project.csc("install", "--project");
  assertEquals(code, 1);
  assertMatch(stderr, /settings\.json' as it is a symbolic link to nothing\nhint: /);
});

Deno.test("what the record keeps of a file is for its owner's eyes only", async () => {
  await using project = await repository();
  project.write(SETTINGS, '{"env": {"TOKEN": "s3cret"}}');
  const stdout = await succeed(project.csc("install", "--project", "--json"));
  assert(!stdout.includes("s3cret"));
  const folder = `${project.folder}/state/claude-session-coordinator/installs`;
  assertEquals(Deno.statSync(folder).mode! & 0o777, 0o700);
  const records = listing(folder).filter((name) => name.endsWith(".json"));
  assertEquals(records.length, 2);
  for (const name of records) assertEquals(Deno.statSync(`${folder}/${name}`).mode! & 0o777, 0o600);
});

Deno.test("the files are those of the worktree, from wherever in it", async () => {
  await using project = await repository();
  const linked = project.beside("linked");
  await git(project.folder, "worktree", "add", "--quiet", linked);
  Deno.mkdirSync(`${linked}/deep/down`, { recursive: true });
  const env = { CLAUDE_PROJECT_DIR: `${linked}/deep/down` };
  await succeed(project.cscWith({ env }, "install", "--project"));
  assert(Deno.statSync(`${linked}/${SETTINGS}`).isFile);
  assertEquals(listing(`${project.folder}/.claude`), []);
});

Deno.test("--project needs a worktree, and takes no name", async () => {
  await using project = new TestProject();
  for (const command of ["install", "uninstall"]) {
    const { code, stderr } = await project.csc(command, "--project");
    assertEquals(code, 2);
    assertMatch(stderr, /is in no repository\nhint: /);
    const named = await project.csc(command, "--project", "--name", "x");
    assertEquals(named.code, 2);
    assertMatch(named.stderr, /--name is for the plugin/);
  }
  const bare = project.beside("bare");
  Deno.mkdirSync(bare);
  await git(bare, "init", "--quiet", "--bare");
  const env = { CLAUDE_PROJECT_DIR: bare };
  const { stderr } = await project.cscWith({ env }, "install", "--project");
  assertMatch(stderr, /is a bare repository\nhint: Run it in one of its worktrees/);
});

Deno.test("installations of one repository at the same time lose nothing", async () => {
  await using project = await repository();
  project.write(SETTINGS, pretty);
  const calls = Array.from({ length: 5 }, () => project.csc("install", "--project"));
  for (const { code, stderr } of await Promise.all(calls)) assertEquals([code, stderr], [0, ""]);
  assertEquals(withoutOurs(jsonOf(project, SETTINGS)), withoutOurs(OTHERS));
  assertEquals(jsonOf(project, SETTINGS).hooks.SessionStart.length, 1);
  await succeed(project.csc("uninstall", "--project"));
  assertEquals(textOf(project, SETTINGS), pretty);
});

Deno.test("a csc on the PATH that is another program is warned of", async () => {
  await using project = await repository();
  const bin = project.beside("bin");
  Deno.mkdirSync(bin);
  Deno.writeTextFileSync(`${bin}/csc`, "#!/bin/sh\necho 'C# compiler'\n", { mode: 0o755 });
  const env = { PATH: `${bin}:${Deno.env.get("PATH")}` };
  const { stdout } = await project.cscWith({ env }, "install", "--project");
  assertMatch(stdout, /Warning: .+another program that has the same name/);
  Deno.writeTextFileSync(`${bin}/csc`, `#!/bin/sh\necho '{"csc": "0.0.7"}'\n`);
  const older = await project.cscWith({ env }, "install", "--project");
  assertMatch(older.stdout, /Warning: .+is version 0\.0\.7 here/);
});

Deno.test("a super-user leaves a file to its owner", { ignore: Deno.uid() !== 0 }, async () => {
  await using project = await repository();
  const path = project.write(SETTINGS, '{"a":1}');
  Deno.chownSync(path, 65534, 65534);
  await succeed(project.csc("install", "--project"));
  assertEquals([Deno.statSync(path).uid, Deno.statSync(path).gid], [65534, 65534]);
});
