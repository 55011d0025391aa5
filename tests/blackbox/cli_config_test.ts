import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CONFIG_NAME, git, makeRepository, TestProject } from "../support/project.ts";

const VARIABLE = "CLAUDE_SESSION_COORDINATOR_CONFIG";
const machine = (name: string) => JSON.stringify({ session: { machine_id: name } });

Deno.test("`config show` tells for each value which layer it comes from", async () => {
  await using project = new TestProject({
    storage: { config: { base_path: "elsewhere" } },
    session: { machine_id: "laptop" },
  });
  const { code, stdout } = await project.csc("config", "show", "--json");
  assertEquals(code, 0);
  const shown = JSON.parse(stdout);
  const source = `project: ${project.folder}/${CONFIG_NAME}`;
  assertEquals(shown["session.machine_id"], { value: "laptop", source });
  assertEquals(shown["storage.config.base_path"], { value: "elsewhere", source });
  assertEquals(shown["storage.adapter"], { value: "local", source: "default" });
  assertEquals(shown["storage.config.durable"], { value: false, source: "default" });
  assertEquals(shown["session.max_instances"], { value: null, source: "default" });
  const table = (await project.csc("config", "show")).stdout;
  assertMatch(table, /^KEY +VALUE +FROM\n/);
  assertMatch(table, /^session\.machine_id +"laptop" +project:/m);
  for (const line of table.split("\n")) assert(line.length <= 80, line);
});

Deno.test("without a file everything is a default, and that is valid", async () => {
  await using project = new TestProject();
  const shown = JSON.parse((await project.csc("config", "show", "--json")).stdout);
  const sources = Object.values(shown as Record<string, { source: string }>);
  assert(sources.length >= 10 && sources.every(({ source }) => source === "default"));
  const { code, stdout } = await project.csc("config", "validate");
  assertEquals([code, stdout], [0, "There is no configuration file; the defaults apply.\n"]);
});

Deno.test("the layers are asked in their order: option, variable, project, user, defaults", async () => {
  await using project = new TestProject();
  const option = project.write("option.json", machine("by-option"));
  const variable = project.write("variable.json", machine("by-variable"));
  const own = project.write(CONFIG_NAME, machine("by-project"));
  const user = project.write(
    "home/.config/claude-session-coordinator/config.json",
    machine("by-user"),
  );
  const machineId = async (args: string[], env: Record<string, string> = {}) => {
    const { stdout, stderr } = await project.cscWith({ env }, "status", "--json", ...args);
    assertEquals(stderr, "");
    return JSON.parse(stdout).machine;
  };
  const env = { [VARIABLE]: variable };
  assertEquals(await machineId(["--config", option], env), "by-option");
  assertEquals(await machineId([`--config=${option}`], env), "by-option");
  assertEquals(await machineId([], env), "by-variable");
  assertEquals(await machineId([]), "by-project");
  Deno.removeSync(own);
  assertEquals(await machineId([]), "by-user");
  Deno.removeSync(user);
  assertEquals(await machineId([]), Deno.hostname());
});

Deno.test("the server takes the same layers", async () => {
  await using project = new TestProject({ session: { machine_id: "by-project" } });
  const option = project.write("option.json", machine("by-option"));
  const [plain, asked] = await Promise.all([
    project.connect(),
    project.connect({ args: ["serve", "--config", option] }),
  ]);
  assertEquals((await plain.tool("sign_on")).machine, "by-project");
  assertEquals((await asked.tool("sign_on")).machine, "by-option");
  const short = await project.connect({ args: ["--config", option] });
  assertEquals((await short.tool("sign_on")).machine, "by-option");
});

Deno.test("a worktree has its own file, else the main checkout's; so has a subfolder", async () => {
  await using project = new TestProject();
  const [main, linked] = [project.beside("main"), project.beside("linked")];
  await makeRepository(main);
  await git(main, "worktree", "add", "--quiet", linked);
  Deno.mkdirSync(`${linked}/deep/down`, { recursive: true });
  Deno.mkdirSync(`${main}/.claude`);
  Deno.writeTextFileSync(`${main}/${CONFIG_NAME}`, machine("of-main"));
  const machineIn = async (folder: string) => {
    const env = { CLAUDE_PROJECT_DIR: folder };
    const { stdout } = await project.cscWith({ env }, "config", "show", "--json");
    return JSON.parse(stdout)["session.machine_id"].value;
  };
  assertEquals(await machineIn(linked), "of-main");
  assertEquals(await machineIn(`${linked}/deep/down`), "of-main");
  Deno.mkdirSync(`${linked}/.claude`);
  Deno.writeTextFileSync(`${linked}/${CONFIG_NAME}`, machine("of-linked"));
  assertEquals(await machineIn(linked), "of-linked");
  assertEquals(await machineIn(`${linked}/deep/down`), "of-linked");
  assertEquals(await machineIn(main), "of-main");
});

Deno.test("CLAUDE_PROJECT_DIR names the project's folder, else it is the current one", async () => {
  await using project = new TestProject({ session: { machine_id: "here" } });
  const [elsewhere, env] = [project.beside(), { CLAUDE_PROJECT_DIR: project.folder }];
  const named = await project.cscWith({ cwd: elsewhere, env }, "status", "--json");
  assertEquals(JSON.parse(named.stdout).machine, "here");
  const current = await project.cscWith({ env: { CLAUDE_PROJECT_DIR: "" } }, "status", "--json");
  assertEquals(JSON.parse(current.stdout).machine, "here");
});

Deno.test("CLAUDE_PROJECT_DIR must name a folder", async () => {
  await using project = new TestProject();
  for (const path of [project.folder + "/none", project.write("file", "")]) {
    const env = { CLAUDE_PROJECT_DIR: path };
    const { code, stderr } = await project.cscWith({ env }, "status");
    assertEquals(code, 2);
    assertMatch(stderr, /^error\[invalid_config\]: CLAUDE_PROJECT_DIR names '.+', which is not a/);
    const client = await project.connect({ env });
    const { isError, texts } = await client.call("sign_on");
    assertEquals([isError, texts[0].split("\n").length], [true, 2]);
  }
});

Deno.test("`config path` lists the places, which one is used, and the log", async () => {
  await using project = new TestProject({});
  const { stdout } = await project.csc("config", "path");
  assertMatch(stdout, /^LAYER +STATE +FILE\nproject +used +\//);
  assertMatch(stdout, /^user +- +\//m);
  const { used, places, log } = JSON.parse((await project.csc("config", "path", "--json")).stdout);
  assertEquals(used, `${project.folder}/${CONFIG_NAME}`);
  assertEquals(places.map(({ layer }: { layer: string }) => layer), ["project", "user"]);
  assertEquals(log, `${project.folder}/state/claude-session-coordinator/csc.log`);
  const env = { [VARIABLE]: project.folder + "/none.json" };
  const named = await project.cscWith({ env }, "config", "path", "--json");
  assertEquals(JSON.parse(named.stdout).used, env[VARIABLE]);
});

const WRONG: [what: string, text: string, message: RegExp][] = [
  ["an empty storage section", '{"storage":{}}', /Missing 'storage\.adapter' in config/],
  ["no adapter", '{"storage":{"config":{}}}', /Missing 'storage\.adapter' in config/],
  ["an empty adapter", '{"storage":{"adapter":""}}', /Missing 'storage\.adapter' in config/],
  ["a storage that is null", '{"storage":null}', /Missing 'storage' section in config/],
  ["a typo in a section", '{"sesion":{}}', /Unknown key 'sesion' \(did you mean 'session'\?\)/],
  [
    "a typo in a key",
    '{"session":{"machine_ip":"x"}}',
    /Unknown key 'session\.machine_ip' \(did you mean 'machine_id'\?\)/,
  ],
  [
    "a typo in a store's setting",
    '{"storage":{"adapter":"local","config":{"base_pth":"x"}}}',
    /Unknown key 'storage\.config\.base_pth' \(did you mean 'base_path'\?\)/,
  ],
  [
    "an unknown adapter",
    '{"storage":{"adapter":"redsi"}}',
    /Unknown adapter type: redsi\. Available: \[local, kv, memory[,\]]/,
  ],
  ["a wrong type", '{"session":{"max_instances":"many"}}', /'session\.max_instances' is wrong/],
  ["a wrong choice", '{"session":{"project_detection":"svn"}}', /project_detection.*"git"/],
  ["a limit of zero", '{"session":{"max_instances":0}}', /'session\.max_instances' is wrong/],
  [
    "a time-out below three heartbeats",
    '{"session":{"heartbeat_interval_ms":1000,"heartbeat_timeout_ms":2000}}',
    /heartbeat_timeout_ms.* at least 3 times/,
  ],
  ["an array", "[]", /is not a JSON object/],
  ["JSON with a comment", '{\n  // adapter\n  "a": 1\n}', /not valid JSON \(line 2, column 3\)/],
  ["JSON with a comma too many", '{\n  "log": {},\n}', /not valid JSON \(line 3, column 1\)/],
  ["JSON that ends early", '{"storage": {', /not valid JSON/],
  ["an empty file", "", /not valid JSON/],
];
Deno.test("a wrong file is told by name, key and fix, and ends with code 2", async (t) => {
  await using project = new TestProject();
  for (const [what, text, message] of WRONG) {
    await t.step(what, async () => {
      const path = project.write(CONFIG_NAME, text);
      const checked = await project.csc("config", "validate");
      assertEquals([checked.code, checked.stderr], [2, ""]);
      assertMatch(checked.stdout, message);
      assert(checked.stdout.startsWith(`${path}: `), checked.stdout);
      assertMatch(checked.stdout, /\n {2}fix: \S/);
      const used = await project.csc("status");
      assertEquals([used.code, used.stdout], [2, ""]);
      assertMatch(used.stderr, message);
      assertStringIncludes(used.stderr, path);
    });
  }
});

Deno.test("`config validate` tells everything that is wrong, and takes a file", async () => {
  await using project = new TestProject();
  const path = project.write("wrong.json", '{"sesion":1,"log":{"level":"loud"},"storage":{}}');
  const { code, stdout } = await project.csc("config", "validate", path, "--json");
  assertEquals(code, 2);
  const { file, valid, issues } = JSON.parse(stdout);
  assertEquals([file, valid], [path, false]);
  assertEquals(issues.map(({ key }: { key: string }) => key).sort(), [
    "log.level",
    "sesion",
    "storage.adapter",
  ]);
  const good = project.write("good.json", "{}");
  assertEquals((await project.csc("config", "validate", good)).stdout, `${good}: valid\n`);
});

Deno.test("a file that somebody named must be there", async (t) => {
  await using project = new TestProject({});
  const path = project.folder + "/none.json";
  const calls: [string, Promise<{ code: number; stderr: string }>][] = [
    ["--config", project.csc("status", "--config", path)],
    [VARIABLE, project.cscWith({ env: { [VARIABLE]: path } }, "status")],
    ["--config", project.csc("config", "validate", path)],
  ];
  for (const [layer, outcome] of calls) {
    await t.step(layer, async () => {
      const { code, stderr } = await outcome;
      assertEquals(code, 2);
      assertStringIncludes(
        stderr,
        `${path}: cannot be read as configuration: there is no such file`,
      );
      assertStringIncludes(stderr, layer);
    });
  }
});

Deno.test("a folder in the file's place is told, not passed over", async () => {
  await using project = new TestProject();
  Deno.mkdirSync(`${project.folder}/${CONFIG_NAME}`, { recursive: true });
  const { code, stderr } = await project.csc("status");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "cannot be read as configuration");
});

Deno.test("a byte order mark in front is passed over", async () => {
  await using project = new TestProject();
  project.write(CONFIG_NAME, `\ufeff${machine("laptop")}`);
  const { stdout } = await project.csc("status", "--json");
  assertEquals(JSON.parse(stdout).machine, "laptop");
});

const SECRETS = ["hunter2", "t0psecret", "s3cr3t"];
const SECRETIVE: [what: string, text: string][] = [
  [
    "a store's URL",
    '{"storage":{"adapter":"kv","config":{"path":"redis://user:hunter2@host/0?token=t0psecret"}}}',
  ],
  [
    "an unknown setting",
    '{"storage":{"adapter":"local","config":{"url":"redis://user:hunter2@host"}}}',
  ],
  ["a password's key", '{"storage":{"adapter":"kv","config":{"password":"s3cr3t"}}}'],
  ["a wrong adapter's name", '{"storage":{"adapter":"redis://user:hunter2@host","config":{}}}'],
  ["a key", '{"redis://user:hunter2@host":1}'],
  ["a file that is not JSON", '{"storage":{"config":{"url":"redis://user:hunter2@host"}}'],
  ["a value behind a fault", '{"x" "redis://user:hunter2@host"}'],
  ["a wrong type", '{"log":{"level":"redis://user:hunter2@host"}}'],
];
Deno.test("no command and no log ever prints a secret of the configuration", async (t) => {
  for (const [what, text] of SECRETIVE) {
    await t.step(what, async () => {
      await using project = new TestProject();
      project.write(CONFIG_NAME, text);
      const client = await project.connect();
      const spoken = [
        JSON.stringify(await client.call("sign_on")),
        JSON.stringify(await client.request("resources/read", { uri: "session://storage-config" })),
        (await client.close()).stderr,
      ];
      for (
        const args of [["show"], ["show", "--json"], ["validate"], ["validate", "--json"], ["path"]]
      ) {
        const { stdout, stderr } = await project.csc("config", ...args);
        spoken.push(stdout, stderr);
      }
      for (const args of [["status"], ["data", "list"]]) {
        const { stdout, stderr } = await project.csc(...args);
        spoken.push(stdout, stderr);
      }
      spoken.push(logOf(project));
      for (const secret of SECRETS) {
        assert(!spoken.join("\n").includes(secret), spoken.find((one) => one.includes(secret)));
      }
    });
  }
});

function logOf(project: TestProject): string {
  try {
    return Deno.readTextFileSync(`${project.folder}/state/claude-session-coordinator/csc.log`);
  } catch {
    return "";
  }
}

Deno.test("a file that comes with the repository may neither name a server by itself nor write elsewhere", async () => {
  await using project = new TestProject();
  const cases: [object, RegExp][] = [
    [{ log: { path: "/nowhere/x.log" } }, /'log.path' lies outside the repository/],
    [{ log: { path: "../x.log" } }, /'log.path' lies outside the repository/],
    [
      { storage: { adapter: "kv", config: { path: "https://user:hunter2@kv.example.org/" } } },
      /You have not trusted the store on the network[^]*kv at https:\/\/kv\.example\.org:443/,
    ],
  ];
  for (const [config, message] of cases) {
    project.write(CONFIG_NAME, JSON.stringify(config));
    const { code, stderr } = await project.csc("status");
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
    assert(!stderr.includes("hunter2"), stderr);
  }
});
