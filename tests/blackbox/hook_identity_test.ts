import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { denied, holders, hookWith, passed, repositoryWith, TestSession } from "../support/hook.ts";
import { reserveMany } from "../support/many_reservations.ts";
import { TestProject } from "../support/project.ts";

const FILES = { "a.py": "a\n", "b.py": "b\n" };

interface Seen {
  readonly session_id: string;
  readonly alias: string;
  readonly standing: string;
  readonly intent: string | null;
  readonly pid: number;
}

async function roster(project: TestProject): Promise<Seen[]> {
  return JSON.parse((await project.csc("status", "--json")).stdout).sessions;
}

/** Sessions that have not started yet. */
function sessions(project: TestProject, count: number): TestSession[] {
  return Array.from({ length: count }, (_, n) => new TestSession(project, `session-number-${n}`));
}

Deno.test("sessions that start in one moment all register, each under a name of its own", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const all = sessions(project, 5);
  try {
    const replies = await Promise.all(all.map((one) => one.tell("SessionStart", {})));
    const names = replies.map((reply) => /csc: you are (\w+) in/.exec(passed(reply))![1]);
    assertEquals(new Set(names).size, all.length, names.join());
    const seen = await roster(project);
    assertEquals(seen.map(({ alias }) => alias).sort(), names.toSorted());
    assertEquals(
      seen.map(({ session_id }) => session_id).sort(),
      all.map(({ id }) => id).sort(),
    );
    assertEquals(new Set(seen.map(({ pid }) => pid)).size, all.length);
  } finally {
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
  }
});

Deno.test("of sessions that edit one file in one moment exactly one has it, the others wait in line", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const all = sessions(project, 5); // without a start: each registers by its first edit
  try {
    const replies = await Promise.all(all.map((one) => one.before(`${project.folder}/a.py`)));
    const winner = replies.findIndex(({ said }) => said.permissionDecision === undefined);
    passed(replies[winner]);
    assertEquals(holders(project), { "a.py": all[winner].id });
    const others = replies.filter((_, n) => n !== winner).map(denied);
    const places = others.map((reason) => Number(/You are number (\d+) in its/.exec(reason)![1]));
    assertEquals(places.sort(), [1, 2, 3, 4]);
    // Whoever would close a circle of waiting is told so, and does not wait.
    const other = all[winner === 0 ? 1 : 0];
    await other.edit(`${project.folder}/b.py`, "B\n");
    assertStringIncludes(
      denied(await all[winner].before(`${project.folder}/b.py`)),
      "Not queued: its holder waits for a file that you hold.",
    );
    assertEquals((await roster(project)).length, all.length);
  } finally {
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
  }
});

Deno.test("a session that is open in two processes is reported, refused, and harms neither", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "one-session");
  const path = `${project.folder}/a.py`;
  await ada.edit(path, "A\n");
  passed(await ada.before(`${project.folder}/b.py`));
  await using twin = new TestSession(project, "one-session");
  const said = passed(await twin.tell("SessionStart", { source: "resume" }));
  assertMatch(said, /The session one-session is already open as Session_1, in process \d+/);
  assertStringIncludes(said, `process ${ada.pid} on`);
  assertStringIncludes(said, "--fork-session");
  assertStringIncludes(said, "csc denies its edits");
  for (const file of ["a.py", "c.py"]) {
    const reason = denied(await twin.before(`${project.folder}/${file}`));
    assertStringIncludes(reason, "already open as Session_1");
  }
  denied(await twin.shell("echo x > c.py"));
  assertStringIncludes(await twin.notices(), "already open as Session_1");
  // It closes, as it was told to: what the other holds stays, though the id is the same.
  const batch = { tool_calls: [{ tool_name: "Edit", tool_input: { file_path: path } }] };
  for (
    const [event, fields] of [
      ["PostToolBatch", batch],
      ["Stop", {}],
      ["SubagentStop", { agent_id: "x" }],
      ["SessionEnd", { reason: "other" }],
    ] as const
  ) assertEquals((await twin.tell(event, fields)).stdout, "");
  assertEquals(holders(project), { "a.py": ada.id, "b.py": ada.id });
  const [seen] = await roster(project);
  assertEquals([seen.alias, seen.pid, seen.standing], ["Session_1", ada.pid, "unproven"]);
  passed(await ada.before(path));
  // With the first gone, the second has the session and all of it.
  await ada.kill();
  passed(await twin.before(path));
  assertEquals(await twin.notices(), "");
});

Deno.test("two processes that open one session in one moment: one has it", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using one = new TestSession(project, "one-session");
  await using two = new TestSession(project, "one-session");
  const both = [one, two];
  const said = await Promise.all(both.map((each) => each.tell("SessionStart", {})));
  const refused = said.map((reply) => passed(reply).includes("already open"));
  assertEquals(refused.filter(Boolean).length, 1);
  const edits = await Promise.all(both.map((each) => each.before(`${project.folder}/a.py`)));
  assertEquals(edits.map(({ said }) => said.permissionDecision === "deny"), refused);
});

Deno.test("a session's id survives compaction and resume; after /clear it is another session", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const path = `${project.folder}/a.py`;
  await ada.csc("intent", "the login");
  await ada.edit(path, "A\n");
  const compact = passed(await ada.tell("SessionStart", { source: "compact" }));
  assertStringIncludes(compact, "you are Session_1");
  assertEquals(holders(project), { "a.py": ada.id });

  // Killed, and resumed in another process: the same session, with what it said of itself.
  await ada.kill();
  await using bob = await TestSession.start(project, "bob-session");
  await using again = new TestSession(project, "ada-session");
  const resumed = passed(await again.tell("SessionStart", { source: "resume" }));
  assertMatch(resumed, /you are Session_\d in/);
  const seen = (await roster(project)).find(({ session_id }) => session_id === "ada-session")!;
  assertEquals([seen.intent, seen.pid], ["the login", again.pid]);
  await again.edit(path, "AA\n");
  denied(await bob.before(path));

  // /clear: an end and a start in the same process, with a new id.
  const env = project.beside("env");
  await again.tell("SessionEnd", { reason: "clear" });
  const cleared = { session_id: "cleared-session", source: "clear" };
  const fresh = await again.tell("SessionStart", cleared, { CLAUDE_ENV_FILE: env });
  assertMatch(passed(fresh), /you are Session_\d in/);
  assertEquals(Deno.readTextFileSync(env), "export CLAUDE_SESSION_ID='cleared-session'\n");
  assertEquals(holders(project), { "a.py": bob.id }, "handed over when the old one ended");
  denied(await again.before(path, { session_id: "cleared-session" }));
  const ids = (await roster(project)).filter(({ standing }) => standing !== "dead");
  assertEquals(ids.map(({ session_id }) => session_id), ["bob-session", "cleared-session"]);
  // A fork is a session beside the first.
  await using fork = new TestSession(project, "forked-session");
  assertMatch(passed(await fork.tell("SessionStart", { source: "fork" })), /you are Session_\d/);
  denied(await fork.before(path));
});

Deno.test("with 20 sessions and 200 held files a start is told in a few hundred tokens", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const clients = sessions(project, 20);
  try {
    for (const one of clients) await one.tell("SessionStart", { source: "startup" });
    await clients[0].edit(`${project.folder}/a.py`, "x\n");
    for (const [n, { id }] of clients.entries()) {
      const paths = Array.from({ length: 10 }, (_, i) => `src/long/name/of/a/file-${n}-${i}.py`);
      reserveMany(project, [clients[0].id, "a.py"], paths, id);
    }
    await clients[3].csc("intent", "x".repeat(5000), "--area", "y".repeat(90));
    const [reply] = [await clients[0].tell("SessionStart", { source: "compact" })];
    const context = passed(reply);
    assert(context.length <= 2400, `${context.length} characters`);
    assertStringIncludes(context, "csc: you are Session_");
    assertMatch(context, /^- Session_\d+ \(active, in this working tree, branch main\); holds /m);
    assertMatch(context, /and \d+ more/);
    assertStringIncludes(context, "csc status");
    assertStringIncludes(context, "csc commit-mine", "what to do about it is not cut off");
    assert(reply.stdout.length < 4000);
  } finally {
    await Promise.all(clients.map((one) => one[Symbol.asyncDispose]()));
  }
});

Deno.test("what others call themselves steers nobody who reads it", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const id = "evil\n\x1b[2J\u202eid`$(x)`";
  await using evil = await TestSession.start(project, id);
  await using bob = await TestSession.start(project, "bob-session");
  await evil.edit(`${project.folder}/a\n\x1b[31m.py`, "A\n");
  const texts = [
    denied(await bob.before(`${project.folder}/a\n\x1b[31m.py`)),
    denied(await bob.shell("git stash")),
    passed(await bob.tell("SessionStart", { source: "compact" })),
    await evil.notices(),
  ];
  // deno-lint-ignore no-control-regex
  for (const text of texts) assert(!/[\x00-\x09\x0b-\x1f\u202e]/.test(text), text);
  // Nor does an id that is no file name leave the folder.
  await using up = await TestSession.start(project, "../../../up");
  await up.edit(`${project.folder}/b.py`, "B\n");
  await up.tell("SessionEnd", { reason: "other" });
  const names = [...Deno.readDirSync(project.folder)].map(({ name }) => name).sort();
  assertEquals(names.filter((name) => /up/.test(name)), []);
});

Deno.test("without a client's number the parent process is the client", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  for (const pid of ["", "0", "-1", "1", "1.5", "many", "99999999999999999999"]) {
    const event = { session_id: "ada-session", hook_event_name: "SessionStart", source: "startup" };
    const stdin = JSON.stringify(event);
    passed(await hookWith(project, { stdin, env: { CLAUDE_PID: pid } }));
  }
  const seen = await roster(project);
  assertEquals(seen.map(({ session_id, pid }) => [session_id, pid]), [["ada-session", Deno.pid]]);
});
