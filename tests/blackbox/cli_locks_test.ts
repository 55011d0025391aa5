import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated, type Outcome, run } from "../support/command.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { eventually, git, sendSignal, TestProject } from "../support/project.ts";

const FILES = { "src/auth.ts": "one\ntwo\nthree\n", "src/login.ts": "login\n", "README.md": "r\n" };

async function twoSessions(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  return [
    await TestSession.start(project, "ada-session-1"),
    await TestSession.start(project, "bob-session-2"),
  ];
}

// deno-lint-ignore no-explicit-any
function json({ stdout }: Outcome): any {
  return JSON.parse(stdout);
}

/** Starts a command that goes on waiting; answers how to reach it. */
function start(project: TestProject, env: Record<string, string>, ...args: string[]) {
  const [command, ...flags] = CSC;
  const child = new Deno.Command(command, {
    args: [...flags, ...args],
    cwd: project.folder,
    env: isolated(project.folder, env),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = child.output().then(({ code, stdout, stderr }): Outcome => ({
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  }));
  return { pid: child.pid, ended };
}

/** Waits until somebody is in the queue of what is held under a name or path. */
async function somebodyWaits(project: TestProject, pattern: string): Promise<void> {
  await eventually(`somebody waits for ${pattern}`, async () => {
    const { locks, reservations } = json(await project.csc("locks", pattern, "--json"));
    return [...locks, ...reservations].some(({ waiting }) => waiting.length > 0);
  });
}

Deno.test("a lock belongs to the session it names, is extended, and its token rises", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const first = json(await ada.csc("lock", "deploy", "600", "--purpose", "the shop", "--json"));
  assertEquals(
    [first.acquired, first.lock_name, first.extended, first.held_by, first.purpose],
    [true, "resource:deploy", false, ada.id, "the shop"],
  );
  const again = await ada.csc("lock", "deploy", "900");
  assertMatch(again.stdout, /^Extended resource:deploy for 15 min, token \d+\n/);
  const refused = await bob.csc("lock", "deploy");
  assertEquals(refused.code, 1);
  assertMatch(
    refused.stderr,
    /error\[lock_held\]: resource:deploy is held by Session_1 \(the shop\), until .+\nhint: .+--wait/,
  );
  const answer = await bob.csc("lock", "deploy", "--json");
  assertEquals([answer.code, json(answer).acquired, json(answer).reason], [1, false, "held"]);

  assertEquals((await ada.csc("unlock", "deploy")).stdout, "Given back: resource:deploy\n");
  const second = json(await bob.csc("lock", "deploy", "--json"));
  assert(second.token > first.token);
});

Deno.test("`work` is what the branch is about; a holder that is no session is named", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await git(project.folder, "switch", "--quiet", "-c", "issue-42-auth");
  const made = json(await project.csc("lock", "work", "--holder", "ci-7", "--json"));
  assertEquals([made.lock_name, made.held_by, made.holder], ["issue:42", "ci-7", "ci-7"]);
  const other = await project.csc("lock", "issue:42", "--holder", "ci-8");
  assertMatch(other.stderr, /held by ci-7/);
  assertEquals((await project.csc("unlock", "work", "--holder", "ci-7")).code, 0);
  assertEquals((await project.csc("lock", "issue:42", "--holder", "ci-8")).code, 0);
  const freed = await project.csc("unlock", "--session", "ci-8", "--force");
  assertEquals([freed.code, freed.stdout], [0, "Taken from ci-8: issue:42\n"]);
});

Deno.test("malformed requests for a lock are refused", async (t) => {
  await using project = new TestProject();
  const cases: [args: string[], message: RegExp][] = [
    [[], /a lock's name is missing/],
    [["acquire"], /'acquire' of which lock\? Its name is missing/],
    [["a", "0"], /SECONDS takes a whole number of seconds from 1 to 86400/],
    [["a", "86401"], /SECONDS takes/],
    [["a", "ten"], /SECONDS takes/],
    [["a", "--wait", "3601"], /--wait takes a whole number of seconds from 0 to 3600/],
    [["a", "--wait", "-1"], /--wait takes/],
    [[""], /The lock's name is empty/],
    [["a\nb"], /characters that cannot be shown/],
    [["work"], /no branch here/],
    [["a", "--holder", "x\u001b[31m"], /--holder takes a name/],
  ];
  for (const [args, message] of cases) {
    await t.step(JSON.stringify(args), async () => {
      const holder = args.includes("--holder") ? [] : ["--holder", "ci"];
      const { code, stdout, stderr } = await project.csc("lock", ...args, ...holder);
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, message);
    });
  }
});

Deno.test("a lock is waited for: in vain, until it is free, or until Ctrl-C", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.csc("lock", "deploy");
  const vain = await bob.csc("lock", "deploy", "--wait", "1");
  assertEquals(vain.code, 3);
  assertMatch(vain.stderr, /error\[lock_timeout\]: Waited 1 s in vain: .+Session_1/);
  assertEquals(json(await bob.csc("lock", "deploy", "--wait", "1", "--json")).reason, "timed out");

  const called = start(project, { CLAUDE_SESSION_ID: bob.id }, "lock", "deploy", "--wait", "60");
  await somebodyWaits(project, "resource:deploy");
  sendSignal(called.pid, "SIGINT");
  assertEquals((await called.ended).code, 130);
  const { locks } = json(await project.csc("locks", "--json"));
  assertEquals([locks[0].held_by, locks[0].waiting], [ada.id, []], "it has left the queue");

  const waiting = start(project, { CLAUDE_SESSION_ID: bob.id }, "lock", "deploy", "--wait", "60");
  await somebodyWaits(project, "resource:deploy");
  await ada.csc("unlock");
  const { code, stdout } = await waiting.ended;
  assertEquals(code, 0);
  assertMatch(stdout, /^Acquired resource:deploy/);
});

Deno.test("a lock ends with its session, and an ended session gets none", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.csc("lock", "deploy", "86400");
  await ada.kill();
  assertEquals((await bob.csc("lock", "deploy")).code, 0, "the dead hold nothing");
  const late = await project.csc("lock", "other", "--holder", ada.id);
  assertEquals(late.code, 1);
  assertMatch(late.stderr, /The session ada-session-1 has ended/);
});

Deno.test("`unlock` gives back one's own file, or everything", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  await ada.edit(`${project.folder}/src/login.ts`, "changed\n");
  await ada.edit(`${project.folder}/README.md`, "changed\n", { agent_id: "agent-7" });
  await ada.csc("lock", "deploy");

  const one = json(await ada.csc("unlock", "src/auth.ts", "--json"));
  assertEquals(
    [one.forced, one.files, one.from],
    [false, [{ tree: project.folder, path: "src/auth.ts" }], []],
  );
  assertEquals((await bob.csc("check", "src/auth.ts")).code, 0);
  const again = await ada.csc("unlock", "src/auth.ts");
  assertEquals(again.code, 1);
  assertMatch(again.stderr, /Nobody holds the file .+auth\.ts or the lock resource:src\/auth\.ts/);

  const all = await ada.csc("unlock");
  assertEquals(all.stdout, "Given back: src/login.ts, README.md, resource:deploy\n");
  const { locks, reservations } = json(await project.csc("locks", "--json"));
  assertEquals([locks, reservations], [[], []]);
  assertEquals((await ada.csc("unlock")).stdout, "You hold nothing.\n");
  assertEquals((await project.csc("unlock")).code, 2);
});

Deno.test("what another session holds is taken by force only, and it is told", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/src/auth.ts`;
  await ada.edit(path, "changed\n");
  await bob.before(path);
  for (const who of [bob.csc("unlock", "src/auth.ts"), project.csc("unlock", "src/auth.ts")]) {
    const { code, stderr } = await who;
    assertEquals(code, 1);
    assertMatch(stderr, /error\[not_owner\]: src\/auth\.ts is held by Session_1\nhint: .+ --force/);
  }
  const wrong = await project.csc("unlock", "src/auth.ts", "--session", "Session_2", "--force");
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /held by Session_1, not by Session_2/);

  const forced = await project.csc("unlock", "src/auth.ts", "--force", "--reason", "lunch");
  assertEquals(forced.code, 0, forced.stderr);
  assertMatch(
    forced.stdout,
    /^Taken from Session_1: src\/auth\.ts\nIt is the turn of Session_2 now/,
  );
  assertStringIncludes(
    await ada.notices(),
    "your reservation of src/auth.ts was released by force: lunch",
  );
  assertStringIncludes(await bob.notices(), "It is your turn: src/auth.ts");
  const [event] = json(await project.csc("history", "--session", "Session_1", "--json"))
    .filter((one: { event: string }) => one.event === "force");
  assertEquals([event.path, event.detail.reason], ["src/auth.ts", "lunch"]);
  await bob.edit(path, "mine now\n");
});

Deno.test("one command lifts each denial: of an edit, and of git", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  await ada.edit(`${project.folder}/src/login.ts`, "changed\n");
  const denied = (await bob.shell("git stash")).said;
  assertEquals(denied.permissionDecision, "deny");
  const [, command] = /lift this with: csc (.+)$/m.exec(denied.permissionDecisionReason)!;
  const lifted = await project.csc(...command.split(" "));
  assertEquals(lifted.code, 0, lifted.stderr);
  assertMatch(lifted.stdout, /^Taken from Session_1: src\/auth\.ts, src\/login\.ts\n/);
  assertStringIncludes(lifted.stdout, "guarded no more");
  assertEquals((await bob.shell("git stash")).stdout, "");
  assertStringIncludes(await ada.notices(), "your reservation of src/auth.ts and 1 more");

  // What is edited from now on is guarded again; and so is a file that nobody holds any more.
  await ada.edit(`${project.folder}/src/auth.ts`, "changed again\n");
  await ada.csc("unlock");
  assertEquals((await bob.shell("git stash")).said.permissionDecision, "deny");
  const file = await project.csc("unlock", "src/auth.ts", "--force");
  assertEquals(file.code, 0, file.stderr);
  assertEquals((await bob.shell("git stash")).stdout, "");

  await ada.edit(`${project.folder}/src/login.ts`, "once more\n");
  const reason: string = (await bob.before(`${project.folder}/src/login.ts`)).said
    .permissionDecisionReason;
  const [, name] = /lift this with: csc unlock (\S+) --force$/m.exec(reason)!;
  // In a folder below, where a person may be.
  const options = { cwd: `${project.folder}/src` };
  assertEquals((await project.cscWith(options, "unlock", name, "--force")).code, 0);
});

Deno.test("the same path in another working tree is named, and not taken", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const other = project.beside("other");
  await git(project.folder, "worktree", "add", "--quiet", other, "-b", "side");
  await ada.edit(`${other}/src/auth.ts`, "changed\n");
  const missed = await project.csc("unlock", "src/auth.ts", "--force");
  assertEquals(missed.code, 1);
  assertMatch(
    missed.stderr,
    /hint: In another working tree, Session_1 holds .+\/other\/src\/auth\.ts/,
  );
  assertEquals((await project.csc("unlock", `${other}/src/auth.ts`, "--force")).code, 0);
});

Deno.test("a file is waited for: in vain, until it is given back, or until Ctrl-C", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/src/auth.ts`;
  await ada.edit(path, "changed\n");
  const vain = await bob.csc("wait", "src/auth.ts", "--timeout", "1");
  assertEquals(vain.code, 3);
  assertMatch(vain.stderr, /error\[lock_timeout\]: Waited in vain for src\/auth\.ts.+Session_1/);

  const env = { CLAUDE_SESSION_ID: bob.id };
  const called = start(project, env, "wait", "src/auth.ts");
  await somebodyWaits(project, "src/auth.ts");
  sendSignal(called.pid, "SIGINT");
  assertEquals((await called.ended).code, 130);
  const { reservations } = json(await project.csc("locks", "--json"));
  assertEquals([reservations[0].held_by, reservations[0].waiting], [ada.id, []]);

  const waiting = start(project, env, "wait", "src/auth.ts", "--json");
  await somebodyWaits(project, "src/auth.ts");
  await ada.csc("unlock", "src/auth.ts");
  const done = await waiting.ended;
  assertEquals([done.code, json(done).result, json(done).held_by], [0, "yours", bob.id]);
  assertEquals((await ada.before(path)).said.permissionDecision, "deny");
  await bob.edit(path, "mine\n");
});

Deno.test("whoever waits has its turn when the edits are committed by somebody else", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  const waiting = start(project, { CLAUDE_SESSION_ID: bob.id }, "wait", "src/auth.ts");
  await somebodyWaits(project, "src/auth.ts");
  await git(project.folder, "commit", "--quiet", "--all", "--message=in a terminal");
  const { code, stdout } = await waiting.ended;
  assertEquals(code, 0);
  assertMatch(stdout, /^src\/auth\.ts is yours for .+: read it again/);
});

Deno.test("with --notify one goes on, and is woken when one's turn comes", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  const path = `${project.folder}/src/auth.ts`;
  await ada.edit(path, "changed\n");
  const queued = await bob.csc("wait", "src/auth.ts", "--notify");
  assertEquals(queued.code, 0);
  assertMatch(queued.stdout, /^Number 1 in the queue for src\/auth\.ts, which Session_1 holds/);
  await ada.csc("unlock", "src/auth.ts");
  const woken = await bob.tell("FileChanged", { file_path: "inbox", event: "change" });
  assertEquals(woken.code, 2, "this exit code wakes an idle session");
  assertMatch(woken.stderr, /It is your turn: src\/auth\.ts .+ kept for you for 120 s/);
  await bob.edit(path, "mine\n");

  const free = json(await ada.csc("wait", "src/login.ts", "--notify", "--json"));
  assertEquals([free.result, free.held_by, free.state], ["yours", ada.id, "reserved"]);
  const own = await ada.csc("wait", "src/login.ts");
  assertEquals(own.code, 0);
});

Deno.test("those who would wait for each other are told so, and not queued", async () => {
  await using project = new TestProject();
  const [ada, bob] = await twoSessions(project);
  await using _a = ada;
  await using _b = bob;
  await ada.edit(`${project.folder}/src/auth.ts`, "changed\n");
  await bob.edit(`${project.folder}/src/login.ts`, "changed\n");
  assertEquals((await ada.csc("wait", "src/login.ts", "--notify")).code, 0);
  const circle = await bob.csc("wait", "src/auth.ts");
  assertEquals(circle.code, 1);
  assertMatch(
    circle.stderr,
    /error\[deadlock\]: Not waiting for src\/auth\.ts: Session_1 waits for/,
  );
});

Deno.test("what cannot be waited for is said", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session-1");
  const ignored = await ada.csc("wait", "node_modules/a/b.txt");
  assertEquals([ignored.code, ignored.stdout.includes("is not guarded")], [0, true]);
  const cases: [args: string[], message: RegExp][] = [
    [[], /a file is missing/],
    [[""], /a file's name is empty/],
    [["src"], /'src' is a folder\nhint: .+csc locks/],
    [["README.md", "--timeout", "0"], /--timeout takes a whole number of seconds from 1 to 3600/],
    [["README.md", "x"], /one word too many/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await ada.csc("wait", ...args);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, message);
  }
});

Deno.test("a lock and a wait end at once where the terminal is closed", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await project.csc("lock", "deploy", "--holder", "ci-1");
  const waiting = start(project, {}, "lock", "deploy", "--wait", "60", "--holder", "ci-2");
  await somebodyWaits(project, "resource:deploy");
  await run(["kill", "-TERM", String(waiting.pid)]);
  assertEquals((await waiting.ended).code, 130);
});
