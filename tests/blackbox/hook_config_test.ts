import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import {
  denied,
  failed,
  holders,
  passed,
  repositoryWith,
  TestSession,
  timeOver,
} from "../support/hook.ts";
import { fileNames } from "../../src/storage/local/file_name.ts";
import { CONFIG_NAME, eventually, git, TestProject } from "../support/project.ts";
import { Stopwatch } from "../support/stopwatch.ts";
import { Worker } from "../support/workers.ts";

const FILES = { "a.py": "a\n", "b.py": "b\n", "sub/c.py": "c\n", "x.txt": "x\n" };

/** Two sessions under a configuration; the first has changed a file and not committed it. */
async function scene(
  project: TestProject,
): Promise<[ada: TestSession, bob: TestSession, path: string]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  const path = `${project.folder}/a.py`;
  await ada.edit(path, "A\n");
  await ada.edit(`${project.folder}/sub/c.py`, "C\n");
  return [ada, bob, path];
}

Deno.test("conflict_action 'warn' lets pass with a warning, and tells both afterwards", async () => {
  await using project = new TestProject({ coordination: { conflict_action: "warn" } });
  const [ada, bob, path] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const note = passed(await bob.before(path));
  assertStringIncludes(note, "a.py is held by Session_1");
  assertStringIncludes(note, "conflict_action is 'warn'");
  Deno.writeTextFileSync(path, "BOB\n");
  assertStringIncludes(passed(await bob.after(path)), "Session_1 held a.py while you changed it");
  assertMatch(await ada.notices(), /Session_2 changed a\.py while you held it/);
  assertEquals(holders(project)["a.py"], ada.id, "its reservation stays");
  assertMatch(passed(await bob.shell("echo x >> a.py")), /a\.py is held by Session_1/);
  for (const command of ["git stash", "git add -A", "rm -rf sub"]) {
    const said = passed(await bob.shell(command));
    assertStringIncludes(said, "it goes ahead as conflict_action is 'warn'", command);
    assertStringIncludes(said, "Session_1", command);
  }
});

Deno.test("conflict_action 'warn' decides in time however slow git is", async () => {
  await using project = new TestProject({ coordination: { conflict_action: "warn" } });
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session");
  const names = Array.from({ length: 8 }, (_, i) => `n${i}.py`);
  for (const name of names) await ada.edit(`${project.folder}/${name}`, "A\n");
  const bin = project.beside("bin");
  Deno.mkdirSync(bin);
  Deno.writeTextFileSync(`${bin}/git`, "#!/bin/sh\nexec sleep 10\n", { mode: 0o755 });
  const PATH = `${bin}:${Deno.env.get("PATH")}`;
  const call = { tool_name: "Bash", tool_use_id: "toolu_slow" };
  const tool_input = { command: `sed -i s/A/B/ ${names.join(" ")}` };
  using stopwatch = new Stopwatch();
  const said = passed(await bob.tell("PreToolUse", { ...call, tool_input }, { PATH }));
  const { ms } = stopwatch;
  assertStringIncludes(said, "is held by Session_1");
  assert(ms < 3000, `after ${ms} ms`); // 2 s, and the start of a process
});

Deno.test("conflict_action 'proceed' says nothing, and still keeps the record", async () => {
  await using project = new TestProject({ coordination: { conflict_action: "proceed" } });
  const [ada, bob, path] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  for (const command of ["echo x >> a.py", "git stash", "git add -A", "rm -rf sub"]) {
    assertEquals(passed(await bob.shell(command)), "", command);
  }
  assertEquals(passed(await bob.before(path)), "");
  assertEquals(holders(project)["a.py"], ada.id);
  const { stdout } = await bob.csc("history", "--json");
  assertStringIncludes(stdout, "overlap");
});

Deno.test("enable_file_locks false guards nothing; auto_register false guards all the same", async (t) => {
  await t.step("enable_file_locks", async () => {
    await using project = new TestProject({ coordination: { enable_file_locks: false } });
    const [ada, bob, path] = await scene(project);
    await using _a = ada;
    await using _b = bob;
    assertEquals(holders(project), {});
    assertEquals(passed(await bob.before(path)), "");
    assertEquals(passed(await bob.shell("rm a.py; git stash; git add -A; rm -rf sub")), "");
    assertMatch(
      passed(await bob.tell("SessionStart", { source: "resume" })),
      /Session_1 \(active, in this working tree/,
    );
  });
  await t.step("auto_register", async () => {
    await using project = new TestProject({ coordination: { auto_register: false } });
    const [ada, bob, path] = await scene(project);
    await using _a = ada;
    await using _b = bob;
    assertEquals(passed(await bob.tell("SessionStart", { source: "resume" })), "");
    const { sessions } = JSON.parse((await project.csc("status", "--json")).stdout);
    assertEquals(sessions, []);
    assertStringIncludes(denied(await bob.before(path)), "File locked by session ada-sess");
    denied(await bob.shell("git stash"));
    await ada.tell("SessionEnd", { reason: "other" });
    assertEquals(holders(project), { "a.py": bob.id });
  });
});

Deno.test("files that are ignored block nobody; those that are critical do", async () => {
  await using project = new TestProject({
    coordination: { ignore_files: ["gen/", "*.lock"], critical_files: ["gen/keep.py"] },
  });
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  for (const name of ["gen/x.py", "deep/gen/y.py", "package.lock"]) {
    const path = project.write(name, "1\n");
    await ada.edit(path, "2\n");
    assertEquals(passed(await bob.before(path)), "", name);
    assertEquals(passed(await bob.shell(`echo x > ${name}`)), "", name);
  }
  const keep = project.write("gen/keep.py", "1\n");
  await ada.edit(keep, "2\n");
  denied(await bob.before(keep));
});

Deno.test("a reservation ends when its file type's time has passed without activity", async () => {
  await using project = new TestProject({ coordination: { timeouts: { "*.txt": 2, "*.py": 60 } } });
  const [ada, bob, path] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const text = `${project.folder}/x.txt`;
  await ada.edit(text, "X\n");
  denied(await bob.before(text, { tool_name: "Write" }));
  await timeOver(project, "x.txt");
  passed(await bob.before(text));
  assertMatch(denied(await bob.before(path)), /reservation has (60|5\d) s left/);
});

Deno.test("show_notifications false: nobody is told who waits, everybody whose turn it is", async () => {
  await using project = new TestProject({ coordination: { show_notifications: false } });
  const [ada, bob, path] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  denied(await bob.before(path));
  assertEquals(await ada.notices(), "");
  await ada.run("git commit --quiet -am ada");
  assertMatch(await bob.notices(), /It is your turn: a\.py/);
});

Deno.test("multi_project shows who is at work in the other projects of the store, and locks nothing there", async () => {
  await using web = new TestProject();
  await using api = new TestProject();
  const storage = { adapter: "local", config: { base_path: web.beside("store") } };
  const configure = (project: TestProject, multi_project: boolean) =>
    project.write(CONFIG_NAME, JSON.stringify({ storage, coordination: { multi_project } }));
  for (const [project, name] of [[web, "acme/web"], [api, "acme/api"]] as const) {
    configure(project, true);
    await repositoryWith(project, FILES);
    await git(project.folder, "remote", "add", "origin", `https://example.org/${name}.git`);
  }
  await using ada = await TestSession.start(web, "ada-session");
  await ada.csc("intent", "fix the login");
  await ada.csc("lock", "deploy");
  await ada.edit(`${web.folder}/a.py`, "A\n");
  await using gone = await TestSession.start(web, "gone-session");
  await gone.kill();
  await using bob = await TestSession.start(api, "bob-session");
  const shown = async () => {
    const context = passed(await bob.tell("SessionStart", { source: "resume" }));
    const { stdout } = await bob.csc("status");
    const { other_projects } = JSON.parse((await bob.csc("status", "--json")).stdout);
    return { context, stdout, other_projects };
  };
  const { context, stdout, other_projects } = await shown();
  assertStringIncludes(
    context,
    "\n- At work in other projects on this store: acme/web (1 session)\n",
  );
  assertStringIncludes(context, "No other session is active");
  assertMatch(
    stdout,
    /^PROJECT +SESSION +STATE +LAST +WORKS ON\nacme\/web +Session_1 +active, silent\? +\d+s +fix the login$/m,
  );
  const [{ project, sessions }] = other_projects;
  assertEquals([other_projects.length, project, sessions.length], [1, "acme/web", 1]);
  const [{ session_id, alias, status, intent }] = sessions;
  assertEquals([session_id, alias, status, intent], [
    ada.id,
    "Session_1",
    "active",
    "fix the login",
  ]);
  assertEquals((await bob.csc("lock", "deploy")).code, 0, "a lock is of its project");
  passed(await bob.before(`${api.folder}/a.py`));

  configure(api, false);
  const without = await shown();
  assertEquals(without.other_projects, []);
  assert(!`${without.context}${without.stdout}`.includes("acme/web"));
});

Deno.test("notification_types says what a session is told; what was taken from it, it is told anyway", async () => {
  const told = {
    session_start: /sessions that started: Session_3 \(a third one\)/,
    session_complete: /sessions that ended: Session_3/,
    conflict_detected: /Session_2 waits for a\.py/,
    lock_acquired: /It is your turn: a\.py/,
  };
  const all = Object.keys(told) as (keyof typeof told)[];
  await Promise.all([all, [], ...all.map((type) => [type])].map(async (types) => {
    await using project = new TestProject({ coordination: { notification_types: types } });
    const [ada, bob, path] = await scene(project);
    await using _a = ada;
    await using _b = bob;
    await ada.notices();
    await using eve = await TestSession.start(project, "eve-session");
    await eve.csc("intent", "a third one");
    denied(await bob.before(path));
    await ada.csc("lock", "deploy");
    await bob.csc("unlock", "deploy", "--force");
    const first = await ada.notices();
    await eve.tell("SessionEnd", { reason: "other" });
    const texts = [first, await ada.notices()];
    await ada.run("git commit --quiet -am ada");
    texts.push(await bob.notices());
    for (const type of all) {
      const isTold = told[type].test(texts.join("\n"));
      assertEquals(isTold, types.includes(type), `${type} of ${types}: ${texts.join("\n")}`);
    }
    assertStringIncludes(first, "your lock resource:deploy was released by force");
    assertEquals(await ada.notices(), "", "told once");
  }));
});

Deno.test("who starts and ends is told with a prompt, and wakes nobody", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await ada.tell("Stop");
  const woken = await ada.tell("FileChanged", { file_path: "inbox", event: "change" });
  assertEquals([woken.code, woken.stdout, woken.stderr], [0, "", ""]);
  assertEquals(await ada.notices(), "csc: sessions that started: Session_2");
  await bob.kill();
  assertEquals(await ada.notices(), "csc: sessions that ended: Session_2", "its process is gone");
  assertEquals(await ada.notices(), "");
});

Deno.test("auto_cleanup_stale says whether gone sessions end by themselves; journals have a time of their own", async () => {
  await Promise.all([true, false].map(async (auto_cleanup_stale) => {
    await using project = new TestProject({ coordination: { auto_cleanup_stale } });
    const [ada, bob, path] = await scene(project);
    await using _a = ada;
    await using _b = bob;
    const old = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    const journal = `${project.folder}/.claude/session-state/.csc/journal/${"0".repeat(8)}.jsonl`;
    const standingOf = async (session: string): Promise<string | undefined> => {
      const { sessions } = JSON.parse((await project.csc("status", "--json")).stdout);
      return sessions.find((one: { session_id: string; status: string }) =>
        one.session_id === session && one.status !== "completed"
      )?.standing;
    };
    await ada.kill();
    passed(await bob.tell("SessionStart", { source: "resume" }));
    assertEquals(await standingOf(ada.id), auto_cleanup_stale ? undefined : "dead", "at a start");
    Deno.writeTextFileSync(journal, "");
    Deno.utimeSync(journal, old, old);
    await using eve = await TestSession.start(project, "eve-session");
    const server = await project.connect();
    await server.tool("register_session", {});
    await eve.kill();
    await eventually("the journal is gone", () => !exists(journal));
    assertEquals(
      await standingOf(eve.id),
      auto_cleanup_stale ? undefined : "dead",
      "by the server",
    );
    passed(await bob.before(path)); // whoever is gone is in nobody's way
    await project.csc("refresh");
    assertEquals([await standingOf(ada.id), await standingOf(eve.id)], [undefined, undefined]);
  }));
});

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test("heartbeat_interval says how often a session's server gives a sign of its life", async () => {
  const coordination = { heartbeat_interval: 2, session_timeout: 60 };
  await using project = new TestProject({ coordination });
  const server = await project.connect();
  await server.tool("register_session", {});
  const beats = () => {
    const [record] = Object.values(project.stored().sessions ?? {});
    return (record as { heartbeat: { at: string } }).heartbeat.at;
  };
  const first = beats();
  const startedAt = performance.now();
  await eventually("it gives another sign", () => beats() !== first);
  const second = beats();
  await eventually("and another", () => beats() !== second);
  const ms = performance.now() - startedAt;
  assert(ms < 10_000, `${ms} ms`);
});

Deno.test("a store that is held by a stopped process: decided in time, as on_store_error says", async () => {
  await Promise.all((["allow", "ask", "deny"] as const).map(whileHeld));
});

/** Has a hook ask a store that a stopped process holds. */
async function whileHeld(action: "allow" | "ask" | "deny"): Promise<void> {
  await using project = new TestProject({ coordination: { on_store_error: action } });
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session");
  await ada.edit(`${project.folder}/b.py`, "B\n");
  const { bucket } = fileNames(":project:file:a.py");
  const lock = `${project.folder}/.claude/session-state/.csc/locks/${
    bucket.toString(16).padStart(2, "0")
  }`;
  await using holder = new Worker({ do: "hold", path: lock });
  await holder.ready();
  holder.kill("SIGSTOP");
  const startedAt = performance.now();
  const reply = await ada.before(`${project.folder}/a.py`);
  const ms = performance.now() - startedAt;
  assert(ms < 2500, `${ms} ms`);
  if (action === "allow") assertStringIncludes(failed(reply), `Cannot get the lock '${lock}'`);
  else {
    assertEquals([reply.code, reply.said.permissionDecision], [0, action]);
    const reason: string = reply.said.permissionDecisionReason;
    assertStringIncludes(reason, "csc cannot tell whether this is safe");
    assertStringIncludes(reason, "a stopped process may hold it");
  }
  const { stdout } = await project.csc("status");
  assert(stdout.startsWith("!! Hooks failed once"), stdout);
  // With it gone all goes on at once.
  holder.kill();
  await holder.rest();
  assertEquals(passed(await ada.before(`${project.folder}/a.py`)), "");
}

Deno.test("a change of the configuration counts from the next hook on", async () => {
  await using project = new TestProject();
  const [ada, bob, path] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  denied(await bob.before(path));
  project.write(
    ".claude/coordination.yaml",
    "session_coordination:\n  conflict_action: proceed\n",
  );
  assertEquals(passed(await bob.before(path)), "");
  project.write(
    ".claude/session-coordinator-config.json",
    '{"coordination":{"conflict_action":"block"}}', // which wins
  );
  denied(await bob.before(path));
});

Deno.test("hooks see at once that the environment, or config.yml, names another store", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.txt": "a\n" });
  await using ada = await TestSession.start(project, "ada-session-1");
  await using bob = await TestSession.start(project, "bob-session-2");
  const path = `${project.folder}/a.txt`;
  await ada.edit(path, "changed\n");
  denied(await bob.before(path));
  const env = { COORDINATION_DIR: project.beside("shared") };
  await using carl = await TestSession.start(project, "carl-session-3", { env });
  passed(await carl.before(path));
  assert(Deno.statSync(`${env.COORDINATION_DIR}/session-state`).isDirectory);
  denied(await bob.before(path));

  project.write(".claude/config.yml", "coordination: reddis\n");
  const message = failed(await bob.before(path));
  assertMatch(message, /config\.yml:1: 'coordination' names an unknown mode 'reddis'/);
  project.write(".claude/config.yml", "coordination: local\n");
  denied(await bob.before(path));
});
