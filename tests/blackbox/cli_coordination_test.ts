import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import type { Outcome } from "../support/command.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { git, readResource, TestProject } from "../support/project.ts";

const FILES = { "src/auth.ts": "one\ntwo\nthree\n", "src/login.ts": "login\n", "README.md": "r\n" };
const COMMANDS = [
  "status",
  "refresh",
  "locks",
  "check",
  "lock",
  "unlock",
  "wait",
  "intent",
  "progress",
  "suggest",
  "commit-mine",
  "history",
  "graph",
  "cleanup",
  "hook",
];

/** Two sessions on one repository; the first has an edit under way that it has not committed. */
async function twoSessions(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session-1");
  const bob = await TestSession.start(project, "bob-session-2");
  await ada.edit(`${project.folder}/src/auth.ts`, "one\nTWO\nthree\n");
  return [ada, bob];
}

// deno-lint-ignore no-explicit-any
function json(outcome: Outcome): any {
  assertEquals(outcome.stderr, "");
  return JSON.parse(outcome.stdout);
}

function narrow(text: string): void {
  for (const line of text.split("\n")) assert(line.length <= 80, `${line.length}: ${line}`);
}

Deno.test("the help of each command of the coordination fits 80 columns, and is in the overview", async (t) => {
  await using project = new TestProject();
  const overview = (await project.csc("--help")).stdout;
  for (const name of COMMANDS) {
    await t.step(name, async () => {
      assertMatch(overview, new RegExp(`^  ${name} +\\S`, "m"));
      const { code, stdout, stderr } = await project.csc(name, "--help");
      assertEquals([code, stderr], [0, ""]);
      narrow(stdout);
      assertMatch(stdout, new RegExp(`^Usage\\n  csc ${name}`, "m"));
      assertMatch(stdout, new RegExp(`^Examples\\n  csc ${name}`, "m"));
    });
  }
});

Deno.test("`status` shows sessions with their work, what they hold, and who waits", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.csc("intent", "refactoring", "the", "login", "--area", "auth");
  await ada.csc("progress", "60", "forms");
  await ada.csc("lock", "deploy");
  assertEquals((await bob.before(`${project.folder}/src/auth.ts`)).said.permissionDecision, "deny");

  const { code, stdout, stderr } = await project.csc("status");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^SESSION +STATE +LAST +PROCESS +BRANCH$/m);
  assertMatch(
    stdout,
    new RegExp(
      `^Session_1 +active, silent\\? +\\d+s +${ada.pid} +main\n +refactoring the login;`,
      "m",
    ),
  );
  assertStringIncludes(stdout, "area auth; 60 % done");
  assertMatch(stdout, /^ +files: src\/auth\.ts\n +locks: resource:deploy$/m);
  assertMatch(stdout, /^Waiting\n +src\/auth\.ts, held by Session_1: Session_2 \(\d+s\)$/m);
  assertStringIncludes(stdout, "silent?: nothing proves that it lives");
  assert(stdout.indexOf("SESSION") < stdout.indexOf("INSTANCE"), "sessions come first");
  narrow(stdout.split("\n").slice(4).join("\n"));

  const shown = json(await project.csc("status", "--json"));
  const [first, second] = shown.sessions;
  assertEquals(
    [first.session_id, first.alias, first.status, first.standing, first.percent_done, first.pid],
    [ada.id, "Session_1", "active", "unproven", 60, ada.pid],
  );
  assertEquals(first.work_areas, ["auth"]);
  assertEquals(first.files, [{ tree: project.folder, path: "src/auth.ts", state: "used" }]);
  assertEquals([first.locks, second.locks], [["resource:deploy"], []]);
  assertEquals(shown.locks.map(({ name }: { name: string }) => name), ["resource:deploy"]);
  assertEquals(shown.reservations[0].waiting[0].session_id, bob.id);
  assertEquals([shown.hook_failures, shown.unreadable], [{ count: 0, last: null }, []]);
});

Deno.test("a session with a server is proven to live, one that was killed is gone", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  const server = await project.connect();
  const { session_id } = await server.tool("register_session", { metadata: { intent: "serving" } });
  await ada.kill();
  const { sessions } = json(await project.csc("status", "--json"));
  const standings = Object.fromEntries(
    sessions.map((one: { session_id: string; standing: string }) => [one.session_id, one.standing]),
  );
  assertEquals(standings, { [ada.id]: "dead", [session_id]: "live" });
  const { stdout } = await project.csc("status");
  assertMatch(stdout, /^Session_1 +gone /m);
  assertStringIncludes(stdout, "gone: its process has ended; csc refresh frees");
  assertMatch(stdout, /^Session_2 +active +\d+s/m);

  const healed = json(await project.csc("refresh", "--json"));
  assertEquals([healed.ended, healed.now.sessions], [["Session_1"], 1]);
  assertMatch((await project.csc("status")).stdout, /^Session_1 +ended /m);
  assertStringIncludes((await project.csc("refresh")).stdout, "Nothing had to be healed.");
});

Deno.test("`status` says loudly that hooks failed, and how to find out why", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const broken = await project.cscWith({ stdin: "no event" }, "hook");
  assertEquals(broken.code, 1);
  const { code, stdout } = await project.csc("status");
  assertEquals(code, 0);
  assert(stdout.startsWith("!! Hooks failed once in the last 24 h"), stdout);
  assertMatch(stdout, /last \d+ s ago, \?: csc hook: standard input is not JSON/);
  assertStringIncludes(stdout, "csc doctor");
  await project.cscWith({ stdin: "" }, "hook");
  const { hook_failures } = json(await project.csc("status", "--json"));
  assertEquals(hook_failures.count, 2);
  assertStringIncludes(hook_failures.last.message, "standard input is empty");
});

Deno.test("`locks` lists locks and files, of all working trees, by pattern", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const other = project.beside("other");
  await git(project.folder, "worktree", "add", "--quiet", other, "-b", "side");
  await bob.edit(`${other}/src/auth.ts`, "changed elsewhere\n");
  await ada.csc("lock", "issue:42", "600", "--purpose", "the login issue");

  const { code, stdout } = await project.csc("locks");
  assertEquals(code, 0);
  assertMatch(stdout, /^LOCK +HOLDER +SINCE +LEFT +WAITING\nissue:42 +Session_1 +\d+s +\d+m +-$/m);
  assertStringIncludes(stdout, "the login issue");
  assertMatch(stdout, /^Files in this working tree\nFILE +HOLDER +SINCE +LEFT +STATE +WAITING$/m);
  assertMatch(
    stdout,
    /^Files in \.\.\/other\nFILE .+\nsrc\/auth\.ts +Session_2 +\d+s +\w+ +edited/m,
  );
  narrow(stdout);

  const all = json(await project.csc("locks", "--json"));
  assertEquals(
    all.reservations.map(({ tree, holder }: Record<string, string>) => [tree, holder]).sort(),
    [[other, "Session_2"], [project.folder, "Session_1"]].sort(),
  );
  const { locks, reservations } = json(await project.csc("locks", "issue:*", "--json"));
  assertEquals([locks.length, reservations.length], [1, 0]);
  assertEquals([locks[0].held_by, locks[0].purpose], [ada.id, "the login issue"]);
  assert(locks[0].seconds_left > 590 && locks[0].seconds_left <= 600);
  assertEquals((await project.csc("locks", "nothing:*")).stdout, "Nothing of that name is held.\n");
});

Deno.test("`check` says whether a file may be edited now, else by whom it is held and why", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.csc("intent", "token check");
  const held = await bob.csc("check", "src/auth.ts");
  assertEquals(held.code, 1);
  assertMatch(held.stdout, /^src\/auth\.ts is held by Session_1\n/);
  assertMatch(held.stdout, /^ +for: token check\n +taken \d+ s ago, edited; \d+ (min|h) left/m);
  assertMatch(held.stdout, /csc unlock src\/auth\.ts --force$/m);
  assertEquals((await ada.csc("check", "src/auth.ts")).code, 0);
  const free = await bob.csc("check", `${project.folder}/src/../src/login.ts`);
  assertEquals([free.code, free.stdout.split("\n")[0]], [
    0,
    "src/login.ts is free: an edit reserves it",
  ]);

  const answer = JSON.parse((await project.csc("check", "src/auth.ts", "--json")).stdout);
  assertEquals(
    [answer.available, answer.is_mine, answer.why, answer.held_by, answer.holder, answer.path],
    [false, false, "held", ada.id, "Session_1", "src/auth.ts"],
  );
  // Seen from a folder below, the path in the tree means the same file.
  const below = await project.cscWith({ cwd: `${project.folder}/src` }, "check", "src/auth.ts");
  assertEquals(below.code, 1, below.stdout + below.stderr);

  await git(project.folder, "commit", "--quiet", "--all", "--message=theirs");
  const done = await bob.csc("check", "src/auth.ts");
  assertEquals(done.code, 0);
  assertStringIncludes(done.stdout, "is free: the edits of Session_1 are committed or reverted");
});

Deno.test("`intent` and `progress` tell the others, who are offered other work", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const said = await ada.csc(
    "intent",
    "refactoring",
    "the login",
    "--area",
    "auth",
    "--capacity",
    "2",
  );
  assertEquals(said.stdout, "Session_1: refactoring the login; area auth; capacity 2\n");
  const progress = json(await ada.csc("progress", "60%", "forms", "done", "--json"));
  assertEquals(
    [progress.alias, progress.metadata.percent_done, progress.metadata.progress],
    ["Session_1", 60, "forms done"],
  );
  const shown = await ada.csc("intent");
  assertEquals(
    shown.stdout,
    "Session_1: refactoring the login; area auth; 60 % done; capacity 2\n",
  );
  const depends = json(await bob.csc("intent", "--depends-on", "Session_1,auth", "--json"));
  assertEquals(depends.metadata.depends_on, ["Session_1", "auth"]);
  const suggestion = await bob.csc("suggest");
  assertMatch(suggestion.stdout, /Session_1 is refactoring the login.*60 % done/s);
  narrow(suggestion.stdout);
  const instead = json(await bob.csc("suggest", "src/auth.ts", "--json"));
  assert(instead.suggestions.includes("src/login.ts"), JSON.stringify(instead));
  // Other work begins anew.
  assertEquals(
    (await ada.csc("intent", "docs", "--area", "-")).stdout,
    "Session_1: docs; capacity 2\n",
  );
  for (
    const args of [["progress"], ["progress", "101"], ["progress", "-1"], ["progress", "much"]]
  ) {
    assertEquals((await ada.csc(...args)).code, 2, args.join(" "));
  }
  assertEquals((await ada.csc("intent", "--capacity", "many")).code, 2);
  assertEquals((await ada.csc("intent", "x".repeat(501))).code, 2);
});

Deno.test("a command for a session says what to do where there is none", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  for (const args of [["intent", "x"], ["progress", "1"], ["wait", "README.md"], ["lock", "a"]]) {
    const { code, stderr } = await project.csc(...args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(stderr, /acts for a session, and none is known here\nhint: .+(--session|--holder)/);
  }
  const env = { CLAUDE_CODE_SESSION_ID: "never-registered" };
  const unknown = await project.cscWith({ env }, "intent", "x");
  assertEquals(unknown.code, 1);
  assertMatch(unknown.stderr, /error\[not_found\]: .+not registered.+\nhint: .+csc install/);
});

Deno.test("the session is found by either variable, by its client, or by name", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  const ways: [Record<string, string>, string[]][] = [
    [{ CLAUDE_SESSION_ID: ada.id }, []],
    [{ CLAUDE_CODE_SESSION_ID: ada.id }, []],
    [{ CLAUDE_SESSION_ID: "ended-long-ago", CLAUDE_CODE_SESSION_ID: ada.id }, []],
    [{ CLAUDE_PID: String(ada.pid) }, []],
    [{}, ["--session", "session_1"]],
    [{}, ["--session", ada.id]],
    [{}, ["--session", "ada-se"]],
  ];
  for (const [env, args] of ways) {
    const { stdout, stderr } = await project.cscWith({ env }, "intent", "--json", ...args);
    assertEquals(JSON.parse(stdout || "{}").session_id, ada.id, stderr);
  }
  const { code, stderr } = await project.csc("intent", "x", "--session", "Session_9");
  assertEquals(code, 1);
  assertMatch(stderr, /There is no session 'Session_9'\nhint: Known are Session_1;/);
});

Deno.test("`history` tells who did what, and whose edit was denied", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await bob.before(`${project.folder}/src/auth.ts`);
  await bob.edit(`${project.folder}/README.md`, "new\n");
  const { code, stdout } = await project.csc("history");
  assertEquals(code, 0);
  assertMatch(stdout, /^TIME +SESSION +WHAT +FILE$/m);
  assertMatch(stdout, /^\d\d-\d\d \d\d:\d\d:\d\d +Session_1 +edited +src\/auth\.ts$/m);
  assertMatch(stdout, /Session_2 +DENIED +src\/auth\.ts \(holder: Session_1\)/);
  narrow(stdout);
  const ofFile = json(await project.csc("history", "src/auth.ts", "--json"));
  assertEquals(new Set(ofFile.map(({ path }: { path: string }) => path)), new Set(["src/auth.ts"]));
  const ofBob = json(await project.csc("history", "--session", "Session_2", "--json"));
  assert(ofBob.length >= 3);
  assert(ofBob.every((one: { session_id: string }) => one.session_id === bob.id));
  assert(ofBob.some((one: { event: string }) => one.event === "deny"));

  await ada.tell("SessionEnd", { reason: "other" });
  await project.csc("cleanup", "--force");
  const later = await project.csc("history", "--last", "1h", "--session", "Session_1");
  assertMatch(
    later.stdout,
    /Session_1 +ended +session end: other/,
    "an ended session keeps its name",
  );
  for (const span of ["yesterday", "5", "0h", "-1h"]) {
    assertEquals((await project.csc("history", `--last=${span}`)).code, 2, span);
  }
  const none = await project.csc("history", "--session", "Session_7");
  assertEquals(none.code, 1);
  assertMatch(none.stderr, /No session 'Session_7' did anything/);
});

Deno.test("the graph is the same by the command and as the resource session://graph", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.csc("intent", "token check");
  await bob.before(`${project.folder}/src/auth.ts`);
  const graph = json(await project.csc("graph", "--json"));
  const [first, second] = graph.entities.map(({ name }: { name: string }) => name);
  assertEquals(
    graph.entities.map(({ entityType }: { entityType: string }) => entityType),
    ["active_session", "active_session", "file_lock"],
  );
  const has = (from: string, relationType: string, to: string) =>
    graph.relations.some((one: Record<string, string>) =>
      one.from === from && one.relationType === relationType && one.to === to
    );
  assert(has(first, "holds_lock", "lock_auth_ts"), JSON.stringify(graph.relations));
  assert(has(second, "depends_on", first), JSON.stringify(graph.relations));

  const people = await project.csc("graph");
  assertEquals(people.code, 0);
  assertStringIncludes(people.stdout, "lock_auth_ts (file_lock)");
  assertStringIncludes(people.stdout, "  Reason: token check");
  const diagram = await project.csc("graph", "--mermaid");
  assertMatch(diagram.stdout, /^graph LR\n/);
  assertEquals((await project.csc("graph", "--mermaid", "--json")).code, 2);

  const client = await project.connect();
  const { result } = await client.request("resources/list");
  const listed = result.resources.map(({ uri }: { uri: string }) => uri);
  assert(listed.includes("session://graph"), listed.join());
  const read = await readResource(client, "session://graph");
  const relations = (one: typeof graph) => JSON.stringify(one.relations);
  assertEquals(relations(read), relations(graph));
});

Deno.test("configuration in YAML applies to the commands too", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  project.write(".claude/coordination.yaml", 'conflict_action: "warn"\n');
  const { code, stdout } = await bob.csc("check", "src/auth.ts");
  assertEquals(code, 1);
  assertStringIncludes(stdout, "An edit goes ahead all the same");
  project.write(".claude/file-patterns.yaml", 'ignore_files: ["*.ts"]\ncritical_files: []\n');
  const ignored = await bob.csc("check", "src/auth.ts");
  assertEquals([ignored.code, ignored.stdout.split("\n")[0]], [
    0,
    "src/auth.ts is not guarded: it blocks nobody",
  ]);
});
