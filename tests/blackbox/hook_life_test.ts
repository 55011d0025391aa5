import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import {
  denied,
  holders,
  hookWith,
  passed,
  repositoryWith,
  TestSession,
  timeOver,
} from "../support/hook.ts";
import { eventually, git, TestProject } from "../support/project.ts";

const FILES = { "a.py": "a\n", "b.py": "b\n", "c.txt": "c\n" };

async function scene(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  return [ada, bob];
}

/** What the client tells of a call of `Edit` on a file, without its number. */
function edit(path: string) {
  return { tool_name: "Edit", tool_input: { file_path: path }, tool_use_id: "toolu_1" };
}

Deno.test("a reservation that was granted and never used is free again", async (t) => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/a.py`;
  const endings: Record<string, Record<string, unknown>> = {
    PostToolUseFailure: { ...edit(path), error: "no such string", is_interrupt: false },
    PermissionDenied: { ...edit(path), reason: "rule" },
    PostToolBatch: { tool_calls: [{ ...edit(path), tool_response: "refused" }] },
    Stop: { stop_hook_active: false },
    SessionEnd: { reason: "other" },
  };
  for (const [event, fields] of Object.entries(endings)) {
    await t.step(event, async () => {
      passed(await ada.before(path));
      assertEquals(holders(project), { "a.py": ada.id });
      assertEquals(passed(await ada.tell(event, fields)), "");
      assertEquals(holders(project), {});
      assertEquals(passed(await bob.before(path)), "");
      await bob.tell("Stop");
    });
  }
  await t.step("PostToolUse, where nothing was changed after all", async () => {
    passed(await ada.before(path));
    passed(await ada.after(path));
    assertEquals(holders(project), {});
  });
  await t.step("also for each file of a batch, and of a command", async () => {
    const b = `${project.folder}/b.py`;
    await Promise.all([ada.before(path), ada.before(b), ada.shell("echo x > c.txt")]);
    assertEquals(Object.keys(holders(project)).sort(), ["a.py", "b.py", "c.txt"]);
    const shell = { tool_name: "Bash", tool_input: { command: "echo x > c.txt" } };
    await ada.tell("PostToolBatch", { tool_calls: [edit(path), edit(b), shell] });
    assertEquals(holders(project), {});
  });
});

Deno.test("a reservation that was used stays, through turns and refused edits, until it is done", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/a.py`;
  await ada.edit(path, "A\n");
  passed(await ada.before(path));
  await ada.tell("PostToolUseFailure", { ...edit(path), error: "x" });
  await ada.tell("PostToolBatch", { tool_calls: [edit(path)] });
  await ada.tell("Stop");
  await ada.tell("UserPromptSubmit", { prompt: "go on" });
  await ada.tell("SessionStart", { source: "compact" });
  await ada.run("git status && git log --oneline");
  assertEquals(holders(project), { "a.py": ada.id });
  denied(await bob.before(path));
});

Deno.test("a reservation ends when its edits are committed, reverted, or found clean by the next", async (t) => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/a.py`;
  const other = `${project.folder}/b.py`;
  const ways: Record<string, () => Promise<unknown>> = {
    "a commit by Bash": () => ada.run("git add a.py && git commit --quiet -m ada"),
    "csc commit-mine": () => ada.csc("commit-mine", "-m", "ada", "a.py"),
    "git checkout": () => ada.run("git checkout --quiet -- a.py"),
    "git restore": () => ada.run("git restore a.py"),
    "git stash of its own": () => ada.run("git stash push --quiet a.py"),
    "a commit that no hook saw": () => git(project.folder, "commit", "--quiet", "-m", "x", "a.py"),
  };
  let round = 0;
  for (const [what, act] of Object.entries(ways)) {
    await t.step(what, async () => {
      await ada.edit(path, `A ${round++}\n`);
      await ada.edit(other, `B ${round}\n`);
      denied(await bob.shell("echo x >> b.py"));
      await act();
      assertEquals(passed(await bob.before(path)), "", "the next who asks has it");
      assertEquals(holders(project)["b.py"], ada.id, "what is not committed is still held");
      await bob.tell("Stop");
    });
  }
  await t.step(
    "but not by a commit of something else, nor where git ignores the file",
    async () => {
      const ignored = project.write("home/secrets.py", "1\n");
      await ada.edit(path, "A!\n");
      await ada.edit(ignored, "2\n");
      await ada.run("git commit --quiet -m b b.py");
      denied(await bob.before(path));
      denied(await bob.before(ignored));
    },
  );
});

Deno.test("the one in the queue gets the file, is told once, and is woken when idle", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await using eve = await TestSession.start(project, "eve-session");
  for (const one of [ada, bob]) await one.notices(); // that others have come
  const path = `${project.folder}/a.py`;
  await ada.edit(path, "A\n");
  assertStringIncludes(denied(await bob.before(path)), "number 1 in its queue");
  assertStringIncludes(denied(await eve.before(path)), "number 2 in its queue");
  assertStringIncludes(denied(await bob.before(path)), "number 1 in its queue");
  const waiting = await ada.notices();
  assertMatch(waiting, /Session_2 waits for a\.py, which you hold/);
  assertEquals(waiting.match(/Session_2/g)?.length, 1, "the holder learns it once for each");
  await Promise.all([bob.tell("Stop"), eve.tell("Stop")]);

  const [inbox] = (await bob.tell("SessionStart", { source: "compact" })).said.watchPaths;
  const before = Deno.readTextFileSync(inbox);
  await bob.tell("Stop");
  await ada.run("git commit --quiet -am ada");
  assert(
    Deno.readTextFileSync(inbox) !== before,
    "the inbox has changed, so that its client looks",
  );
  assertEquals(holders(project), { "a.py": bob.id });
  denied(await eve.before(path));
  denied(await ada.before(path));

  const changed = { file_path: inbox, event: "change" };
  const woken = await bob.tell("FileChanged", changed);
  assertEquals([woken.code, woken.stdout], [2, ""]);
  assertStringIncludes(woken.stderr, "csc: It is your turn: a.py is free now");
  const again = await bob.tell("FileChanged", changed);
  assertEquals([again.code, again.stdout, again.stderr], [0, "", ""], "seen once");
  assertEquals(await bob.notices(), "");
  await bob.edit(path, "bob\n");
  await bob.tell("SessionEnd", { reason: "other" });
  assertEquals(holders(project), { "a.py": eve.id }, "and then the next");
  assertStringIncludes(await eve.notices(), "It is your turn: a.py");
});

Deno.test("a session that is at work is not woken, however long ago it last gave a sign", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/a.py`;
  await ada.notices(); // a turn begins
  await ada.edit(path, "A\n");
  denied(await bob.before(path));
  ageSessions(project, 200);
  const folder = `${stateOf(project)}/.csc/journal`;
  const [journal] = [...Deno.readDirSync(folder)].filter(({ name }) => name.includes(ada.id));
  const lastEdit = (seconds: number) => {
    const at = new Date(Date.now() - seconds * 1000);
    Deno.utimeSync(`${folder}/${journal.name}`, at, at);
  };
  const changed = { file_path: "inbox", event: "change" };
  lastEdit(10);
  const busy = await ada.tell("FileChanged", changed);
  assertEquals([busy.code, busy.stderr], [0, ""]);
  lastEdit(200);
  const woken = await ada.tell("FileChanged", changed);
  assertEquals(woken.code, 2, "its turn was interrupted");
  assertStringIncludes(woken.stderr, "Session_2 waits for a.py");
});

Deno.test("a session's end frees all it holds, and leaves its journal", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/a.py`, "A\n");
  await ada.csc("lock", "deploy");
  denied(await bob.before(`${project.folder}/a.py`));
  assertEquals((await ada.tell("SessionEnd", { reason: "prompt_input_exit" })).stdout, "");
  assertEquals(holders(project), { "a.py": bob.id });
  const locks = JSON.parse((await bob.csc("locks", "--json")).stdout);
  assertEquals(locks.locks, []);
  const { sessions } = JSON.parse((await bob.csc("status", "--json")).stdout);
  const seen = sessions.find((one: { session_id: string }) => one.session_id === ada.id);
  assertEquals(seen.standing, "dead");
  assertStringIncludes((await bob.csc("history", "--json")).stdout, `"${ada.id}"`);
});

Deno.test("what the end of a session had no time to give back does not come back to life", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/a.py`, "A\n");
  await ada.edit(`${project.folder}/b.py`, "B\n");
  denied(await bob.before(`${project.folder}/a.py`));
  // As it is where the client ends the hook after 1.5 s: the session has ended, and nothing else has.
  changeSessions(project, (record) => {
    if (record.session !== ada.id) return;
    record.status = "completed";
    record.ended_at = new Date(Date.now() - 600_000).toISOString();
  });
  passed(await bob.tell("SessionStart", { source: "resume" }));
  const { sessions } = JSON.parse((await bob.csc("status", "--json")).stdout);
  assertEquals(sessions.length, 1, "it is forgotten by now");
  assertEquals(holders(project), { "a.py": bob.id }, "whoever waited has it");
  passed(await bob.before(`${project.folder}/b.py`));
});

Deno.test("kill -9 of a client frees what it held for the next one who looks", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/a.py`, "A\n");
  await ada.edit(`${project.folder}/b.py`, "B\n");
  denied(await bob.before(`${project.folder}/a.py`));
  denied(await bob.shell("git stash"));
  await ada.kill();
  const started = performance.now();
  assertEquals(passed(await bob.before(`${project.folder}/a.py`)), "");
  assertEquals(passed(await bob.shell("git checkout -q -b new && echo x > b.py")), "");
  assert(performance.now() - started < 2000, "at once");
  const context = passed(await bob.tell("SessionStart", { source: "resume" }));
  assertStringIncludes(context, "No other session is active");
});

Deno.test("no age takes a file from a session that is shown to live, not even one that is stopped", async () => {
  await using project = new TestProject();
  const [_ada, bob] = await scene(project);
  await using _a = _ada;
  await using _b = bob;
  // This process stands for the client, so that the server which it starts serves the session.
  const client = { stdin: "", env: { CLAUDE_PID: String(Deno.pid) } };
  const tell = (event: object) =>
    hookWith(project, { ...client, stdin: JSON.stringify({ session_id: "served", ...event }) });
  const path = `${project.folder}/a.py`;
  passed(await tell({ hook_event_name: "PreToolUse", ...edit(path) }));
  Deno.writeTextFileSync(path, "A\n");
  passed(await tell({ hook_event_name: "PostToolUse", ...edit(path) }));
  const server = await project.connect();
  await eventually("the server stands for the session's life", () => {
    const [, sessions] = Object.entries(project.stored()).find(([name]) => name === "sessions")!;
    return (sessions.served as { life: unknown }).life;
  });
  await project.stopAtRest(server.process.pid);
  ageSessions(project, 30 * 24 * 3600);
  denied(await bob.before(path));
  denied(await bob.shell("git stash"));
  passed(await bob.tell("SessionStart", { source: "resume" }));
  assertEquals(holders(project), { "a.py": "served" });

  // Where nothing shows it, two hours without a sign block still; after that it is taken over, noted.
  Deno.kill(server.process.pid, "SIGKILL");
  await server.process.status;
  ageSessions(project, 7100);
  denied(await bob.before(path));
  ageSessions(project, 7300);
  const note = passed(await bob.before(path));
  assertMatch(note, /took a\.py over from Session_\d, which has given no sign for/);
  assertStringIncludes(note, "look at git diff");
});

/** Makes the last signs of all sessions older. */
function ageSessions(project: TestProject, seconds: number): void {
  const old = new Date(Date.now() - seconds * 1000).toISOString();
  changeSessions(project, (record) => {
    record.last_activity = old;
    record.heartbeat = { at: old, uptime_s: Math.floor(Deno.osUptime()) - seconds };
  });
}

/** Changes what is stored of all sessions behind their backs. */
function changeSessions(
  project: TestProject,
  change: (record: Record<string, unknown>) => void,
): void {
  const name = [...Deno.readDirSync(stateOf(project))].find(({ name }) => /sessions/.test(name));
  const path = `${stateOf(project)}/${name!.name}`;
  const file = JSON.parse(Deno.readTextFileSync(path));
  Object.values(file.data as Record<string, Record<string, unknown>>).forEach(change);
  Deno.writeTextFileSync(path, JSON.stringify(file));
}

function stateOf(project: TestProject): string {
  return `${project.folder}/.claude/session-state`;
}

const SHORT = { coordination: { timeouts: { "*.txt": 1, "*.py": 3600 } } };

Deno.test("a paused holder's late edit is reported to both as an overlap", async () => {
  await using project = new TestProject(SHORT);
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/c.txt`;
  passed(await ada.before(path));
  denied(await bob.before(path)); // and is in the queue
  await timeOver(project, "c.txt");
  passed(await bob.before(path));
  Deno.writeTextFileSync(path, "bob's\n");
  passed(await bob.after(path));
  Deno.writeTextFileSync(path, "ada's, late\n");
  const note = passed(await ada.after(path));
  assertStringIncludes(note, "Session_2 held c.txt while you changed it");
  assertMatch(await bob.notices(), /Session_1 changed c\.txt while you held it/);
  assertEquals(holders(project), { "c.txt": bob.id }, "it does not come back by its late edit");
  const events = JSON.parse((await bob.csc("history", "--json")).stdout);
  assertStringIncludes(JSON.stringify(events), "overlap");
});

Deno.test("the number of a dead client that another process has now holds nothing for ever", async () => {
  await using project = new TestProject(SHORT);
  const [_ada, bob] = await scene(project);
  await using _a = _ada;
  await using _b = bob;
  // The client's number, as far as csc can see, is that of some process that goes on for ever.
  await using stranger = new TestSession(project, "stranger");
  const input = (event: object) => ({
    stdin: JSON.stringify({ session_id: "gone-session", cwd: project.folder, ...event }),
    env: { CLAUDE_PID: String(stranger.pid) },
  });
  const path = `${project.folder}/c.txt`;
  passed(await hookWith(project, input({ hook_event_name: "PreToolUse", ...edit(path) })));
  Deno.writeTextFileSync(path, "gone\n");
  passed(await hookWith(project, input({ hook_event_name: "PostToolUse", ...edit(path) })));
  denied(await bob.before(path));
  await timeOver(project, "c.txt");
  passed(await bob.before(path));
});
