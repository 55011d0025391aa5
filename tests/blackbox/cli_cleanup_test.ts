import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated, type Outcome, run } from "../support/command.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { TestProject } from "../support/project.ts";

const FILES = { "src/auth.ts": "one\ntwo\nthree\n", "README.md": "r\n" };

// deno-lint-ignore no-explicit-any
function json({ stdout }: Outcome): any {
  return JSON.parse(stdout);
}

/** Changes the values of a scope of the `local` store behind its back. */
function tamper(
  project: TestProject,
  scope: RegExp,
  // deno-lint-ignore no-explicit-any
  change: (data: Record<string, any>, metadata: any) => void,
) {
  const folder = `${project.folder}/.claude/session-state`;
  let found = 0;
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (!isFile || !name.endsWith(".json")) continue;
    const content = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`));
    if (!scope.test(content.scope)) continue;
    change(content.data, content.metadata);
    Deno.writeTextFileSync(`${folder}/${name}`, JSON.stringify(content));
    found++;
  }
  assert(found > 0, `no scope like ${scope}`);
}

/** Lets a session have given its last sign some time ago. */
function silence(project: TestProject, session: string, seconds: number): void {
  const at = new Date(Date.now() - seconds * 1000).toISOString();
  tamper(project, /^:.*:sessions$/, (data) => {
    data[session].heartbeat = { at, uptime_s: Math.floor(Deno.osUptime()) - seconds };
    data[session].last_activity = at;
  });
}

Deno.test("`cleanup --stale` lists silent sessions, and ends them only with --force", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  await using _bob = await TestSession.start(project, "bob-session-2");
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  await ada.csc("lock", "deploy", "86400");
  silence(project, ada.id, 7200);

  assertMatch((await project.csc("status")).stdout, /^Session_1 +stale, silent\? +2h/m);
  assertEquals((await project.csc("cleanup")).stdout, "There was nothing to clean up.\n");
  const listed = await project.csc("cleanup", "--stale");
  assertEquals(listed.code, 0);
  assertMatch(
    listed.stdout,
    new RegExp(`^Session_1 +stale +silent for 2 h +process ${ada.pid} on `, "m"),
  );
  assertStringIncludes(listed.stdout, "To end them: csc cleanup --stale --force");
  assert(!listed.stdout.includes("Session_2"));
  const [stale] = json(await project.csc("cleanup", "--stale", "--json")).stale;
  assertEquals([stale.alias, stale.status, stale.ended], ["Session_1", "stale", false]);
  assertEquals(json(await project.csc("locks", "--json")).locks.length, 1);

  const ended = await project.csc("cleanup", "--stale", "--force");
  assertStringIncludes(ended.stdout, "Ended Session_1: long without a sign of life.");
  assertStringIncludes(ended.stdout, "Forgot 1 session that had ended.");
  const { locks, reservations } = json(await project.csc("locks", "--json"));
  assertEquals([locks, reservations], [[], []]);
  const { sessions } = json(await project.csc("status", "--json"));
  assertEquals(sessions.map(({ alias }: { alias: string }) => alias), ["Session_2"]);
});

Deno.test("a silent session's lock can be taken over, with a warning; an edit says what to look at", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  await using bob = await TestSession.start(project, "bob-session-2");
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  await ada.csc("lock", "deploy", "86400");
  silence(project, ada.id, 7200);
  const check = await bob.csc("check", "src/auth.ts");
  assertEquals(check.code, 0);
  assertStringIncludes(check.stdout, "can be taken over: Session_1 has given no sign of life");
  const waited = await bob.csc("wait", "src/auth.ts");
  assertEquals(waited.code, 0);
  assertStringIncludes(waited.stdout, "It may hold unfinished changes of theirs");
  const lock = await bob.csc("lock", "deploy");
  assertEquals(lock.code, 0);
  assertMatch(lock.stderr, /^warning: taken over from Session_1/);
});

Deno.test("session_timeout says from when on a session is stale: for commands, hooks and the MCP server", async () => {
  const cases: [config: object | undefined, seconds: number, status: string][] = [
    [undefined, 7000, "idle"],
    [undefined, 7300, "stale"],
    [{ coordination: { session_timeout: 600, heartbeat_interval: 60 } }, 500, "idle"],
    [{ coordination: { session_timeout: 600, heartbeat_interval: 60 } }, 700, "stale"],
    [{ coordination: { session_timeout: 9000 } }, 8000, "idle"],
  ];
  await Promise.all(cases.map(async ([config, seconds, status]) => {
    await using project = new TestProject(config);
    await repositoryWith(project, FILES);
    await using ada = await TestSession.start(project, "ada-session-1");
    await using bob = await TestSession.start(project, "bob-session-2");
    const path = `${project.folder}/src/auth.ts`;
    await ada.edit(path, "changed\n");
    silence(project, ada.id, seconds);
    const statusOf = ({ sessions }: { sessions: { session_id: string; status: string }[] }) =>
      sessions.find(({ session_id }) => session_id === ada.id)?.status;
    assertEquals(statusOf(json(await project.csc("status", "--json"))), status);
    const server = await project.connect();
    assertEquals(statusOf(await server.tool("session_status")), status);
    const isSilent = status === "stale";
    assertEquals(json(await project.csc("cleanup", "--stale", "--json")).stale.length, +isSilent);
    assertEquals((await project.csc("heartbeat", "check", ada.id)).code, +isSilent);
    const moved = await project.csc("migrate", "--from", "local", "--to", project.beside("target"));
    assert(moved.stderr.includes("Session_1") !== isSilent, moved.stderr);
    const { said } = await bob.before(path);
    assertEquals(said.permissionDecision, isSilent ? undefined : "deny");
  }));
});

Deno.test("damaged records are named, block nothing else, and go with `cleanup --force`", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  await ada.csc("lock", "deploy");
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  tamper(project, /:locks$/, (data) => data["resource:deploy"] = { v: 1, holder: "nobody" });
  tamper(project, /:sessions$/, (data) => data["half a session"] = { v: 1 });

  for (const args of [["lock", "deploy", "--holder", "x"], ["locks"], ["unlock", "deploy"]]) {
    const { code, stderr } = await project.csc(...args);
    assertEquals(code, 1, args.join(" "));
    assertMatch(
      stderr,
      /error\[store_corrupt\]: .+'resource:deploy'.+\nhint: `csc cleanup --force`/,
    );
  }
  const status = await project.csc("status");
  assertEquals(status.code, 0);
  assert(status.stdout.startsWith("!! Cannot read the lease 'resource:deploy'"), status.stdout);
  assertMatch(status.stdout, /^Session_1 +active/m);
  assertEquals(json(await project.csc("status", "--json")).unreadable.length, 1);

  const cleaned = json(await project.csc("cleanup", "--force", "--json"));
  assertEquals(cleaned.damaged, ["half a session", "resource:deploy"]);
  assertEquals((await project.csc("lock", "deploy", "--holder", "x")).code, 0);
  assertEquals(
    json(await project.csc("locks", "--json")).reservations.length,
    1,
    "sound ones stay",
  );
});

Deno.test("a record of a newer csc is neither used nor removed", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await project.csc("lock", "deploy", "--holder", "x");
  tamper(project, /:locks$/, (data) => data["resource:deploy"] = { v: 2, held: "otherwise" });
  const { code, stderr } = await project.csc("lock", "deploy", "--holder", "y");
  assertEquals(code, 1);
  assertMatch(stderr, /error\[store_newer\]: .+newer csc.+\nhint: Install that version/);
  assertEquals(json(await project.csc("cleanup", "--force", "--json")).damaged, []);
});

Deno.test("`refresh` collects what has long been free, and removes old journals", async () => {
  await using project = new TestProject({ coordination: { retention_days: 1 } });
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  await ada.csc("lock", "deploy");
  await ada.csc("unlock", "deploy");
  tamper(project, /:locks$/, (data, { keys }) => {
    const at = new Date(Date.now() - 600_000).toISOString();
    data["resource:deploy"].ended.at = keys["resource:deploy"].updated_at = at;
  });
  const journal = `${project.folder}/.claude/session-state/.csc/journal`;
  const old = `${journal}/long-ended-session.jsonl`;
  Deno.copyFileSync(`${journal}/${ada.id}.jsonl`, old);
  Deno.utimeSync(old, new Date(), new Date(Date.now() - 3 * 86_400_000));
  const { stdout } = await project.csc("refresh");
  assertStringIncludes(stdout, "Removed 1 record of what has long been free.");
  assertStringIncludes(stdout, "Removed 1 file of old journals.");
  assertStringIncludes(stdout, "Now: 1 session, 0 locks and 0 files held.");
});

const HOSTILE = "evil\n\u001b[31mred\u202egnp.exe";

Deno.test("names of others steer no terminal and stay on their line", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { ...FILES, [`src/${HOSTILE}.ts`]: "x\n" });
  await using ada = await TestSession.start(project, "ada-session-1");
  await using bob = await TestSession.start(project, "bob-session-2");
  const path = `${project.folder}/src/${HOSTILE}.ts`;
  await ada.csc("intent", HOSTILE, "--area", HOSTILE);
  await ada.csc("progress", "5", HOSTILE);
  await ada.csc("lock", "deploy", "--purpose", HOSTILE);
  await ada.edit(path, "changed\n");
  await bob.before(path);
  const calls = [
    ["status"],
    ["locks"],
    ["check", `src/${HOSTILE}.ts`],
    ["history"],
    ["graph"],
    ["graph", "--mermaid"],
    ["suggest"],
    ["intent", "--session", "Session_1"],
    ["lock", "deploy"],
    ["unlock", `src/${HOSTILE}.ts`],
    ["unlock", HOSTILE],
    ["unlock", "--session", HOSTILE],
    ["history", "--session", HOSTILE],
    ["wait", `src/${HOSTILE}.ts`, "--timeout", "1"],
    ["commit-mine", "--dry-run", "--session", "Session_1"],
    ["unlock", `src/${HOSTILE}.ts`, "--force", "--reason", HOSTILE],
  ];
  for (const args of calls) {
    const { stdout, stderr } = await bob.csc(...args);
    const shown = stdout + stderr;
    // deno-lint-ignore no-control-regex
    assert(!/[\u001b\u202e]/.test(shown), `${args[0]}: ${JSON.stringify(shown)}`);
    assert(!/^red/m.test(shown), `${args[0]}: ${shown}`);
    if (stderr) assertMatch(stderr, /^error\[\w+\]: .+\nhint: .+\n$/, args[0]);
  }
  // A name that cannot be shown cannot be copied either.
  await ada.edit(path, "changed again\n");
  const lift = (await bob.csc("check", `src/${HOSTILE}.ts`)).stdout;
  assertStringIncludes(lift, "csc unlock --session Session_1 --force\n");
  const { sessions } = json(await project.csc("status", "--json"));
  assertEquals(sessions[0].metadata.intent, HOSTILE, "for programs nothing is lost");
});

Deno.test("outside a repository the commands work too", async () => {
  await using project = new TestProject();
  await using ada = await TestSession.start(project, "ada-session-1");
  for (const args of [["status"], ["locks"], ["refresh"], ["history"], ["graph"], ["cleanup"]]) {
    const { code, stderr } = await ada.csc(...args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
  }
  assertEquals((await ada.csc("intent", "notes", "--area", "texts")).code, 0);
  assertEquals((await ada.csc("lock", "deploy")).code, 0);
  const commit = await ada.csc("commit-mine", "-m", "x");
  assertEquals(commit.code, 1);
  assertMatch(commit.stderr, /no git repository here to commit to\nhint: /);
  const work = await ada.csc("lock", "work");
  assertEquals(work.code, 2);
  assertMatch(work.stderr, /no branch here/);
});

/** Runs the program bound by the modes of files, which a super-user is not. */
async function boundByModes(project: TestProject, ...args: string[]): Promise<Outcome> {
  const prefix = Deno.uid() === 0
    ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    : [];
  const env = isolated(project.folder, { XDG_STATE_HOME: project.beside("state") });
  return await run([...prefix, ...CSC, ...args], { cwd: project.folder, env });
}

Deno.test("a store that can only be read is shown, and a change of it is a clear error", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  const state = `${project.folder}/.claude/session-state`;
  const chmod = (mode: string) => run(["chmod", "-R", mode, state]);
  await chmod("a-w");
  try {
    for (const args of [["status"], ["locks"], ["history"], ["graph"], ["suggest"]]) {
      const { code, stdout, stderr } = await boundByModes(project, ...args);
      assertEquals([code, stderr], [0, ""], args.join(" "));
      if (args[0] !== "suggest") assertStringIncludes(stdout, "Session_1");
    }
    assertEquals((await boundByModes(project, "check", "src/auth.ts")).code, 1);
    const writers = [
      ["lock", "deploy", "--holder", "x"],
      ["unlock", "src/auth.ts", "--force"],
      ["intent", "x", "--session", "Session_1"],
      ["wait", "src/auth.ts", "--session", ada.id, "--notify"],
    ];
    for (const args of writers) {
      const { code, stdout, stderr } = await boundByModes(project, ...args);
      assertEquals([code, stdout], [1, ""], `${args.join(" ")}: ${stderr}`);
      assertMatch(stderr, /^error\[store_io\]: .+\nhint: .+(owns|modes)/, args.join(" "));
    }
  } finally {
    await chmod("u+w");
  }
});
