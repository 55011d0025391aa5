import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import type { RunOptions } from "../support/command.ts";
import { listing } from "../support/files.ts";
import { CONFIG_NAME, eventually, makeRepository, TestProject } from "../support/project.ts";
import { installStandIn } from "../support/stand_in.ts";

interface Finding {
  readonly status: "ok" | "warn" | "fail";
  readonly check: string;
  readonly detail: string;
  readonly fix: string | null;
}

interface Report {
  readonly code: number;
  readonly findings: readonly Finding[];
  /** What is not well. */
  readonly ill: readonly Finding[];
}

/** An environment in which this machine's own `claude` is not found. */
function withPath(project: TestProject, programs: Record<string, string> = {}) {
  const bin = project.beside("bin");
  Deno.mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    Deno.writeTextFileSync(`${bin}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return { PATH: `${bin}:/usr/bin:/bin` };
}

async function examine(
  project: TestProject,
  options: RunOptions = {},
  ...args: string[]
): Promise<Report> {
  const env = { ...withPath(project), ...options.env };
  const { code, stdout, stderr } = await project.cscWith(
    { ...options, env },
    "doctor",
    "--json",
    ...args,
  );
  assertEquals(stderr, "", stdout);
  const report = JSON.parse(stdout);
  const findings: Finding[] = report.findings;
  for (const { status, fix } of findings) assertEquals(fix === null, status === "ok");
  assertEquals(report.ok, code === 0);
  assertEquals(code, findings.some(({ status }) => status === "fail") ? 1 : 0);
  return { code, findings, ill: findings.filter(({ status }) => status !== "ok") };
}

/** What is said of something; there must be exactly one finding of it. */
function about({ findings }: Report, check: string): Finding {
  const found = findings.filter((finding) => finding.check === check);
  assertEquals(found.length, 1, `${check}: ${JSON.stringify(findings.map((one) => one.check))}`);
  return found[0];
}

const EVENTS = [
  "SessionStart",
  "SessionStart, 2nd session",
  "UserPromptSubmit",
  "PreToolUse, free file",
  "PreToolUse, held file",
  "PostToolUse",
  "PostToolUseFailure",
  "PermissionDenied",
  "PostToolBatch",
  "SubagentStop",
  "FileChanged",
  "Stop",
  "SessionEnd",
  "SessionEnd, 2nd session",
];

Deno.test("after `csc install` everything is well, proven with this very program", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder);
  assertEquals((await project.csc("install")).code, 0);
  const report = await examine(project);
  assertEquals(report.ill, []);
  for (const event of EVENTS) assertMatch(about(report, `hook ${event}`).detail, /^\d+ ms$/);
  assertMatch(about(report, "handshake").detail, /^csc \S+, \d+ tools, ready in \d+ ms$/);
  assertMatch(
    about(report, "hook latency").detail,
    /^[\d.]+ ms before an edit \(median of 5\); [\d.]+ ms/,
  );
  for (const name of ["csc", "git", "plugin 'sc'", "program of 'sc'", "configuration", "uptime"]) {
    assertEquals(about(report, name).status, "ok");
  }
});

Deno.test("for people it is a table, and a list of what to do", async () => {
  await using project = new TestProject();
  await installStandIn(project);
  const well = await project.cscWith({ env: withPath(project) }, "doctor");
  assertEquals([well.code, well.stderr], [0, ""], well.stdout);
  assertMatch(well.stdout, /^ +CHECK +FINDING\nok +csc +/);
  assertMatch(well.stdout, /\nAll is well \([\d.]+ s\)\.\n$/);
  for (const line of well.stdout.split("\n")) assert(line.length <= 80, line);
  Deno.removeSync(`${project.folder}/home/.claude`, { recursive: true });
  const ill = await project.cscWith({ env: withPath(project) }, "doctor");
  assertEquals(ill.code, 1);
  assertMatch(ill.stdout, /\nfail +installation +nothing is installed\n/);
  assertMatch(ill.stdout, /\nTo fix\n {2}fail installation: csc install\n/);
});

Deno.test("it changes nothing in the project and leaves no temporary files, with a store and without", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder);
  await installStandIn(project);
  const temporary = project.beside("tmp");
  Deno.mkdirSync(temporary);
  const env = { TMPDIR: temporary };
  const before = listing(project.folder);
  const report = await examine(project, { env });
  assertEquals(report.ill, []);
  assertStringIncludes(about(report, "store").detail, "to be made; tried beside it");
  assertEquals(listing(project.folder), before);
  const left = () => listing(temporary).filter((name) => name.startsWith("csc-"));
  assertEquals(left(), []);
  await project.csc("data", "set", "a", "k", "1");
  const stored = project.stored();
  const withStore = listing(project.folder);
  const again = await examine(project, { env });
  assertMatch(about(again, "store").detail, /^local: \/.+\/session-state, [\d.]+ ms a write$/);
  const isLock = (name: string) => name.startsWith(".claude/session-state/.csc/locks/");
  const added = listing(project.folder).filter((name) => !withStore.includes(name));
  assertEquals(added.filter((name) => !isLock(name)), [], "but for locks, which are never deleted");
  assertEquals(project.stored(), stored);
  assertEquals(left(), []);
});

Deno.test("what hangs, hook, server or client: it ends in time, and leaves no process behind", async () => {
  await using project = new TestProject();
  const pids = project.beside("pids");
  await installStandIn(project, {
    // The hook's child holds the pipes; the server never reads.
    hook: { UserPromptSubmit: `echo $$ >> '${pids}'; sleep 8 & wait` },
    serve: `echo $$ >> '${pids}'; exec sleep 60`,
  });
  const env = withPath(project, { claude: `echo $$ >> '${pids}'; exec sleep 60` });
  const startedAt = performance.now();
  const report = await examine(project, { env });
  assert(performance.now() - startedAt < 30_000);
  assertMatch(about(report, "claude").detail, /unknown/);
  assertMatch(about(report, "handshake").detail, /does not answer/);
  const hanging = about(report, "hook UserPromptSubmit");
  assertEquals(hanging.status, "fail");
  assertMatch(hanging.detail, /did not end within 5 s; the events after it were not tried/);
  assert(!report.findings.some(({ check }) => check === "hook Stop"));
  assertEquals(about(report, "store").status, "ok", "the others are told all the same");
  const started = Deno.readTextFileSync(pids).trim().split("\n");
  assertEquals(started.length, 3);
  for (const pid of started) {
    await eventually(`process ${pid} is gone`, () => !isRunning(pid));
  }
});

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

const DENY = '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny"}}';
/** Faults that a hook can have at once, with what must be found. */
const FAULTS: [hook: Record<string, string>, found: Record<string, RegExp>][] = [
  [
    {
      SessionStart: ":",
      PreToolUse: ":",
      PostToolUse: "echo hello",
      SubagentStop: "exit 2",
      Stop: "echo 'no \u001b[31mstore' >&2; exit 1",
    },
    {
      "SessionStart": /no additionalContext/,
      "SessionStart, 2nd session": /no additionalContext/,
      "PreToolUse, held file": /is not denied/,
      "PostToolUse": /^its answer is not JSON: hello/,
      "SubagentStop": /^it ended with code 2: it says nothing/,
      "Stop": /^it ended with code 1: no .\[31mstore$/,
    },
  ],
  [{ PreToolUse: `printf '${DENY}'` }, { "PreToolUse, free file": /should say nothing/ }],
  [
    { PreToolUse: "printf '{}'" },
    {
      "PreToolUse, free file": /should say nothing, and says {}/,
      "PreToolUse, held file": /is not denied/,
    },
  ],
];
Deno.test("each fault of a hook is found, and named", async () => {
  await Promise.all(FAULTS.map(async ([hook, found]) => {
    await using project = new TestProject();
    await installStandIn(project, { hook });
    const report = await examine(project);
    const names = Object.keys(found).map((event) => `hook ${event}`);
    assertEquals(report.ill.map(({ check }) => check), names);
    for (const { check, status, detail, fix } of report.ill) {
      assertEquals([status, fix], ["fail", "csc install"]);
      assertMatch(detail, found[check.replace("hook ", "")]);
      assert(!detail.includes("\u001b"));
    }
  }));
});

Deno.test("the sample sessions touch nothing of the session that runs the doctor", async () => {
  await using project = new TestProject();
  const seen = project.beside("seen");
  await installStandIn(project, {
    hook: { other: `env >> '${seen}'; [ -z "$CLAUDE_ENV_FILE" ] || echo x >> "$CLAUDE_ENV_FILE"` },
  });
  const file = project.write("env-file", "");
  const env = {
    CLAUDE_ENV_FILE: file,
    CLAUDE_CODE_SESSION_ID: "the-running-session",
    CLAUDE_SESSION_COORDINATOR_CONFIG: "",
  };
  assertEquals((await examine(project, { env })).ill, []);
  assertEquals(Deno.readTextFileSync(file), "");
  const environment = Deno.readTextFileSync(seen);
  assert(!environment.includes("the-running-session"));
  assert(!environment.includes(`HOME=${project.folder}/home`), "a home of its own");
  assert(!environment.includes(`CLAUDE_PROJECT_DIR=${project.folder}\n`), "a project of its own");
});

Deno.test("a program that is gone, another one, or another version is told", async (t) => {
  await t.step("gone", async () => {
    await using project = new TestProject();
    Deno.removeSync(await installStandIn(project));
    const report = await examine(project);
    const { status, detail, fix } = about(report, "program of 'sc'");
    assertEquals([status, fix], ["fail", "csc install"]);
    assertMatch(detail, /stand-in: it was not found/);
    assertEquals(about(report, "handshake").status, "ok", "this one would work");
  });
  await t.step("no csc", async () => {
    await using project = new TestProject();
    Deno.writeTextFileSync(await installStandIn(project), "#!/bin/sh\necho hi\n");
    assertMatch(about(await examine(project), "program of 'sc'").detail, /is another program/);
  });
  await t.step("another version", async () => {
    await using project = new TestProject();
    await installStandIn(project, { version: "0.0.7" });
    const report = await examine(project);
    const { status, detail, fix } = about(report, "program of 'sc'");
    assertEquals([report.code, status, fix], [0, "warn", "csc install"]);
    assertMatch(detail, /is csc 0\.0\.7, and this is \d/);
  });
});

Deno.test("hooks that are missing, go through a shell, or are switched off are told", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder);
  await installStandIn(project);
  const path = "home/.claude/skills/sc/hooks/hooks.json";
  const { hooks } = JSON.parse(Deno.readTextFileSync(`${project.folder}/${path}`));
  delete hooks.Stop;
  hooks.PreToolUse.pop();
  hooks.SessionEnd.push({ hooks: [{ type: "command", command: "/opt/csc hook" }] });
  project.write(path, JSON.stringify({ hooks }));
  Deno.removeSync(`${project.folder}/home/.claude/skills/sc/.mcp.json`);
  project.write(".claude/settings.local.json", '{"disableAllHooks": true}');
  project.write("home/.claude/settings.json", '{"enabledPlugins": {"sc@skills-dir": false}}');
  const { code, ill } = await examine(project);
  assertEquals(code, 1);
  const [missing, shell, server, ...switches] = ill;
  assertMatch(missing.detail, /^hooks are missing: PreToolUse \(\^mcp__.+\), Stop$/);
  assertEquals([missing.check, missing.fix], ["plugin 'sc'", "csc install"]);
  assertMatch(shell.detail, /hooks go through a shell: SessionEnd$/);
  assertEquals(shell.status, "warn");
  assertEquals(server.detail, "its MCP server is missing");
  assertEquals(switches.map(({ fix }) => fix), [
    "claude plugin enable sc@skills-dir",
    `Remove "disableAllHooks" from ${project.folder}/.claude/settings.local.json`,
  ]);
});

Deno.test("installations beside each other, and a server without hooks, are told", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder);
  const state = (servers: object) =>
    project.write("home/.claude.json", JSON.stringify({ mcpServers: servers }));
  state({ csc: { command: "/opt/csc", args: [] } });
  const alone = about(await examine(project), "installation");
  assertEquals(alone.fix, "csc install");
  assertMatch(alone.detail, /only the MCP server is connected/);
  const standIn = await installStandIn(project);
  const env = { PATH: `${project.beside("bin")}:/usr/bin:/bin` };
  withPath(project, { csc: `exec '${standIn}' "$@"` });
  assertEquals((await project.csc("install", "--project")).code, 0);
  const report = await examine(project, { env });
  const twice = report.ill.map(({ status, fix }) => [status, fix]);
  assertEquals(twice, [
    ["warn", "csc uninstall --project"],
    ["warn", "claude mcp remove csc -s user"],
  ]);
  assertEquals(
    about(report, "project").detail,
    `${project.folder}/.claude/settings.json, 12 hooks`,
  );
  assertEquals(about(report, "program of project").status, "ok");
});

Deno.test("the version of Claude Code must know hooks without a shell, and strict mode where it is on", async () => {
  const cases: [version: string, strict: boolean, status: string][] = [
    ["2.1.138", false, "fail"],
    ["2.1.294", true, "fail"],
    ["2.1.295", true, "ok"],
  ];
  await Promise.all(cases.map(async ([version, strict, status]) => {
    await using project = new TestProject();
    await installStandIn(project);
    const path = `${project.folder}/home/.claude/skills/sc/hooks/hooks.json`;
    const text = Deno.readTextFileSync(path);
    const changed = text.replaceAll('"timeout": 5', '"timeout": 5, "onFailure": "block"');
    if (strict) Deno.writeTextFileSync(path, changed);
    const env = withPath(project, { claude: `echo '${version} (Claude Code)'` });
    const finding = about(await examine(project, { env }), "claude");
    assertEquals(finding.status, status, version);
    assertEquals(finding.fix, status === "ok" ? null : "claude update");
  }));
});

Deno.test("failures of hooks in the last 24 hours are told, with the last one's message", async () => {
  await using project = new TestProject();
  await installStandIn(project);
  const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * 3600_000).toISOString();
  const line = (hoursAgo: number, message: string) =>
    JSON.stringify({ at: at(hoursAgo), event: "PreToolUse", message }) + "\n";
  const log = (text: string) =>
    project.write("state/claude-session-coordinator/hook-failures.log", text);
  log("not JSON\n" + line(25, "old"));
  assertEquals(about(await examine(project), "hook failures").status, "ok");
  log(
    line(30, "x".repeat(100_000)) + line(2, "first") + line(1, "the store is \u001b[31mgone") +
      '{"at":',
  );
  const { status, detail } = about(await examine(project), "hook failures");
  assertEquals(status, "warn");
  assertMatch(
    detail,
    /^2 in the last 24 hours, the last at .+Z in PreToolUse: the store is .\[31mgone$/,
  );
  assert(!detail.includes("\u001b"));
});

Deno.test("a configuration, a store and folders that do not work are told", async () => {
  const cases: [
    what: string,
    check: string,
    detail: RegExp,
    make: (project: TestProject) => RunOptions,
  ][] = [
    ["configuration", "configuration", /Unknown key 'storge'/, (project) => {
      project.write(CONFIG_NAME, '{"storge": {}}');
      return {};
    }],
    ["store that is a file", "store", /session-state/, (project) => {
      project.write(".claude/session-state", "");
      return {};
    }],
    ["store that has no place", "store", /taken/, (project) => {
      project.write("taken", "");
      project.write(
        CONFIG_NAME,
        JSON.stringify({ storage: { adapter: "local", config: { base_path: "taken/store" } } }),
      );
      return {};
    }],
    ["store of one process", "store", /not shared between sessions/, (project) => {
      project.write(CONFIG_NAME, JSON.stringify({ storage: { adapter: "memory" } }));
      return {};
    }],
    ["state folder", "state folder", /taken/, (project) => {
      const path = project.write("taken", "");
      return { env: { XDG_STATE_HOME: path } };
    }],
  ];
  await Promise.all(cases.map(async ([what, check, detail, make]) => {
    await using project = new TestProject();
    await installStandIn(project);
    const finding = about(await examine(project, make(project)), check);
    assert(finding.status !== "ok", what);
    assertMatch(finding.detail, detail, what);
  }));
});

Deno.test("the kv store is proven like the local one", async () => {
  await using project = new TestProject({ storage: { adapter: "kv", config: {} } });
  await installStandIn(project);
  const before = listing(project.folder);
  assertMatch(about(await examine(project), "store").detail, /^kv: .+store\.kv \(to be made/);
  assertEquals(listing(project.folder), before);
  await project.csc("data", "set", "a", "k", "1");
  assertMatch(about(await examine(project), "store").detail, /^kv: .+store\.kv, [\d.]+ ms/);
});
