import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated, type Outcome, run } from "../support/command.ts";
import {
  denied,
  failed,
  holders,
  hookWith,
  passed,
  repositoryWith,
  TestSession,
} from "../support/hook.ts";
import { git, sendSignal, TestProject } from "../support/project.ts";

const FILES = { "a.py": "a\n", "b.py": "b\n" };

async function scene(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  await ada.edit(`${project.folder}/a.py`, "A\n");
  return [ada, bob];
}

function stateOf(project: TestProject): string {
  return `${project.folder}/.claude/session-state`;
}

/** The file of a scope of the store. */
function scopeFile(project: TestProject, scope: RegExp): string {
  for (const { name, isFile } of Deno.readDirSync(stateOf(project))) {
    const path = `${stateOf(project)}/${name}`;
    if (!isFile || !name.endsWith(".json")) continue;
    if (scope.test(JSON.parse(Deno.readTextFileSync(path)).scope)) return path;
  }
  throw new Error(`no scope like ${scope}`);
}

/** Changes the records of a scope behind the store's back. */
// deno-lint-ignore no-explicit-any
function tamper(project: TestProject, scope: RegExp, change: (record: any) => void): void {
  const path = scopeFile(project, scope);
  const file = JSON.parse(Deno.readTextFileSync(path));
  Object.values(file.data).forEach(change);
  Deno.writeTextFileSync(path, JSON.stringify(file));
}

/** How many failures are noted. */
function noted(project: TestProject): string[] {
  const path = `${project.folder}/state/claude-session-coordinator/hook-failures.log`;
  try {
    return Deno.readTextFileSync(path).trim().split("\n");
  } catch {
    return [];
  }
}

const BROKEN: Record<string, string> = {
  "is torn": '{\n  "scope": ":project:file:a.py",\n  "data": {\n    "x": {"v": 1,',
  "is empty": "",
  "is something else": "[1, 2, 3]",
};

Deno.test("a reservation whose file is damaged: said, noted, left as it is, and no other is harmed", async (t) => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = scopeFile(project, /:file:a\.py$/);
  const whole = Deno.readTextFileSync(path);
  for (const [what, text] of Object.entries(BROKEN)) {
    await t.step(what, async () => {
      Deno.writeTextFileSync(path, text);
      const said = failed(await bob.before(`${project.folder}/a.py`));
      assertStringIncludes(said, path);
      assertMatch(said, /left untouched|move it out/);
      assertEquals(Deno.readTextFileSync(path), text);
    });
  }
  passed(await bob.before(`${project.folder}/b.py`));
  assertEquals(noted(project).length, 3);
  const { code, stdout } = await project.csc("status");
  assertEquals(code, 0);
  assert(stdout.startsWith("!! Hooks failed 3 times"), stdout);
  Deno.writeTextFileSync(path, whole);
  denied(await bob.before(`${project.folder}/a.py`));
  // One command, as the message says, and it goes on.
  Deno.removeSync(path);
  passed(await bob.before(`${project.folder}/a.py`));
});

Deno.test("a damaged record denies nothing, and `csc cleanup --force` lifts it", async () => {
  await using project = new TestProject({ coordination: { on_store_error: "deny" } });
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  tamper(project, /:file:a\.py$/, (record) => record.holder = "nobody");
  const reason = denied(await bob.before(`${project.folder}/a.py`));
  assertMatch(reason, /csc cannot tell whether this is safe: .+ damaged/);
  assertStringIncludes(reason, "csc cleanup --force");
  assertEquals((await project.csc("cleanup", "--force")).code, 0);
  passed(await bob.before(`${project.folder}/a.py`));
  tamper(project, /:file:b\.py$|:file:a\.py$/, (record) => record.v = 2);
  assertMatch(denied(await bob.before(`${project.folder}/a.py`)), /a newer csc wrote it/);
});

Deno.test("a roster that cannot be read stops no session, loses nothing, and is said", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = scopeFile(project, /:sessions$/);
  const whole = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, whole.slice(0, whole.length / 2));
  for (const [event, fields] of [["SessionStart", { source: "resume" }], ["Stop", {}]] as const) {
    assertStringIncludes(failed(await bob.tell(event, fields)), path, event);
  }
  assertStringIncludes(failed(await bob.before(`${project.folder}/a.py`)), path);
  passed(await bob.before(`${project.folder}/b.py`)); // for this nobody else need be known
  Deno.writeTextFileSync(path, whole);
  denied(await bob.before(`${project.folder}/a.py`));
  assertEquals(noted(project).length, 3);
});

Deno.test("garbage in the journal, the snapshots and what is remembered of commands is no harm", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const folder = `${stateOf(project)}/.csc`;
  const rubbish = '{"at":5}\nnull\n{"event":"edit"}\n\0\0\n{"at":"x","event":"reserve","sess';
  Deno.writeTextFileSync(`${folder}/journal/ada-session.jsonl`, rubbish, { append: true });
  Deno.writeTextFileSync(`${folder}/journal/rubbish.jsonl`, rubbish);
  for (const name of ["snapshots", "pending"]) {
    const private_ = `${project.folder}/state/claude-session-coordinator/${name}`;
    Deno.mkdirSync(private_, { recursive: true });
    for (const { name } of Deno.readDirSync(private_)) {
      Deno.writeTextFileSync(`${private_}/${name}`, '{"version":');
    }
    Deno.writeTextFileSync(`${private_}/toolu_x`, "[");
  }
  denied(await bob.before(`${project.folder}/a.py`));
  denied(await bob.shell("git stash"));
  const call = { tool_name: "Bash", tool_input: { command: "ls" }, tool_use_id: "toolu_x" };
  assertEquals(passed(await bob.tell("PostToolUse", call)), "");
  passed(await bob.tell("SessionStart", { source: "compact" }));
  await ada.edit(`${project.folder}/a.py`, "AA\n");
  assertEquals((await ada.csc("history")).code, 0);
  assertEquals(noted(project), []);
});

Deno.test("a store that was removed is made anew; one that is something else is refused", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  Deno.removeSync(stateOf(project), { recursive: true });
  passed(await bob.before(`${project.folder}/a.py`));
  assertEquals(holders(project), { "a.py": bob.id });
  denied(await ada.before(`${project.folder}/a.py`));
  Deno.removeSync(stateOf(project), { recursive: true });
  Deno.writeTextFileSync(stateOf(project), "a file");
  assertStringIncludes(failed(await ada.before(`${project.folder}/a.py`)), stateOf(project));
  Deno.removeSync(stateOf(project));
  Deno.symlinkSync(project.beside("elsewhere"), stateOf(project));
  assertMatch(failed(await ada.before(`${project.folder}/a.py`)), /symbolic link/);
});

/** Runs a hook as a user whom modes bind: the super-user without the right to ignore them. */
async function boundByModes(project: TestProject, event: object): Promise<Outcome> {
  const bounds = ["--bounding-set=-dac_override,-dac_read_search"];
  return await run([...Deno.uid() === 0 ? ["setpriv", ...bounds] : [], ...CSC, "hook"], {
    cwd: project.folder,
    env: { ...isolated(project.folder), CLAUDE_PID: String(Deno.pid) },
    stdin: JSON.stringify({ session_id: "eve-session", cwd: project.folder, ...event }),
  });
}

async function chmod(mode: string, path: string): Promise<void> {
  assert((await run(["chmod", "-R", mode, path])).code === 0);
}

Deno.test("a store that can only be read: said and noted; denied where the configuration wants it", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const event = {
    hook_event_name: "PreToolUse",
    tool_name: "Edit",
    tool_input: { file_path: `${project.folder}/b.py` },
  };
  await chmod("a+rX,a-w", stateOf(project));
  try {
    const reply = await boundByModes(project, event);
    assertMatch(failed({ ...reply, said: {} }), /Cannot \w+ '.+session-state.+Permission denied/);
    assertMatch(reply.stderr, /Check who owns the file/);
    assertEquals(noted(project).length, 1);
    assertEquals((await boundByModes(project, { hook_event_name: "SessionStart" })).code, 1);
    const held = { ...event, tool_input: { file_path: `${project.folder}/a.py` } };
    failed({ ...await boundByModes(project, held), said: {} });
  } finally {
    await chmod("u+w", stateOf(project));
  }
  assertEquals(holders(project), { "a.py": ada.id }, "nothing is lost");
});

Deno.test("a full disk: said, nothing half written, and all goes on when there is room", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const before = project.stored();
  const event = {
    session_id: bob.id,
    hook_event_name: "PreToolUse",
    tool_name: "Edit",
    tool_input: { file_path: `${project.folder}/b.py` },
  };
  // Coverage would be written to the full disk too.
  const script = `trap "" XFSZ; unset DENO_COVERAGE_DIR; ulimit -f 0; exec "$0" "$@"`;
  const onFullDisk = (event: object) =>
    run(["bash", "-c", script, ...CSC, "hook"], {
      cwd: project.folder,
      env: { ...isolated(project.folder), CLAUDE_PID: String(bob.pid) },
      stdin: JSON.stringify(event),
    });
  const reply = await onFullDisk(event);
  assertMatch(failed({ ...reply, said: {} }), /Cannot write '.+session-state.+'/);
  const others = [
    { ...event, hook_event_name: "SessionStart", source: "compact" },
    { ...event, hook_event_name: "SessionEnd", reason: "other" },
  ];
  for (const one of others) failed({ ...await onFullDisk(one), said: {} });
  assertEquals(project.stored(), before);
  assertEquals([...Deno.readDirSync(`${stateOf(project)}/.csc/tmp`)], []);
  denied(await bob.before(`${project.folder}/a.py`));
  passed(await bob.before(`${project.folder}/b.py`));
});

Deno.test("no wall clock ends a reservation, or keeps it: only the host's uptime counts", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  // As a process sees it whose clock is years ahead or behind of the one that wrote.
  for (const year of ["1999", "2099"]) {
    tamper(project, /:file:a\.py$/, (record) => {
      record.renewed_at = `${year}-01-01T00:00:00.000Z`;
      record.acquired_at = `${year}-01-01T00:00:00.000Z`;
    });
    denied(await bob.before(`${project.folder}/a.py`));
    passed(await ada.before(`${project.folder}/a.py`));
  }
  // Nor does it make a session silent whose file could then be taken over.
  tamper(project, /:sessions$/, (record) => {
    record.last_activity = record.heartbeat.at = "1999-01-01T00:00:00.000Z";
  });
  denied(await bob.before(`${project.folder}/a.py`));
  const faketime = Deno.env.get("CSC_FAKETIME");
  for (const offset of faketime ? ["-3y", "+3y"] : []) {
    const env = { LD_PRELOAD: faketime!, FAKETIME: offset };
    const edit = { tool_name: "Edit", tool_input: { file_path: `${project.folder}/a.py` } };
    denied(await bob.tell("PreToolUse", edit, env));
    passed(await ada.tell("PreToolUse", edit, env));
  }
  // A reboot ends it: the uptime is below the one that was noted.
  tamper(project, /:file:a\.py$/, (record) => record.renewed_s = Deno.osUptime() + 100_000);
  passed(await bob.before(`${project.folder}/a.py`));
  assertEquals(holders(project)["a.py"], bob.id);
  // And the sessions of before, whatever processes have their numbers now.
  tamper(project, /:file:a\.py$/, (record) => record.renewed_s = Math.floor(Deno.osUptime()));
  tamper(project, /:sessions$/, (record) => record.heartbeat.uptime_s = Deno.osUptime() + 100_000);
  passed(await ada.before(`${project.folder}/a.py`));
});

Deno.test("without HOME and PATH, and in folders that are gone, it decides all the same", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const bare = {
    CLAUDE_PROJECT_DIR: project.folder,
    CLAUDE_PID: String(bob.pid),
    DENO_DIR: isolated(project.folder).DENO_DIR,
  };
  const tell = (event: object, env: Record<string, string> = {}, cwd = project.folder) =>
    run([...CSC, "hook"], {
      cwd,
      env: { ...bare, ...env },
      clearEnv: true,
      stdin: JSON.stringify({ session_id: bob.id, cwd: project.folder, ...event }),
    }).then((reply) => ({
      ...reply,
      said: reply.stdout === "" ? {} : JSON.parse(reply.stdout).hookSpecificOutput,
    }));
  const edit = (name: string) => ({
    hook_event_name: "PreToolUse",
    tool_name: "Edit",
    tool_input: { file_path: `${project.folder}/${name}` },
  });
  const shell = { ...edit(""), tool_name: "Bash", tool_input: { command: "git stash; > ~/x.py" } };
  denied(await tell(edit("a.py")));
  passed(await tell(edit("b.py")));
  denied(await tell(shell));
  passed(await tell({ hook_event_name: "SessionStart", source: "compact" }));
  passed(await tell({ ...shell, hook_event_name: "PostToolUse", tool_input: { command: "ls" } }));

  // The project's folder was removed, or is none: the file's own repository decides.
  const gone = project.beside("gone");
  for (const CLAUDE_PROJECT_DIR of [gone, `${project.folder}/a.py`, "relative"]) {
    denied(await tell({ ...edit("a.py"), cwd: gone }, { CLAUDE_PROJECT_DIR }));
  }
  const ends = { hook_event_name: "SessionEnd", reason: "other" };
  assertMatch(
    failed(await tell({ ...ends, cwd: gone }, { CLAUDE_PROJECT_DIR: gone })),
    /The project's folder '.+gone' is not there/,
  );
  assertEquals([...Deno.readDirSync(project.beside("."))].map(({ name }) => name), ["project"]);

  // The current folder was removed under the client.
  const removed = project.beside("removed");
  Deno.mkdirSync(removed);
  const script = `cd '${removed}' && rmdir '${removed}' && exec "$@"`;
  const { code, stdout, stderr } = await run(["bash", "-c", script, "-", ...CSC, "hook"], {
    env: { ...bare, PATH: Deno.env.get("PATH")! },
    clearEnv: true,
    stdin: JSON.stringify({ session_id: bob.id, cwd: removed, ...edit("a.py") }),
  });
  assert(stdout.includes('"deny"') || code === 1, stderr);
  assert(!/^\s+at /m.test(stderr), stderr);
});

/** Puts a program `git` in front of all others that writes down its process and never answers. */
function hangingGit(project: TestProject): { env: Record<string, string>; pids: string } {
  const [folder, pids] = [project.beside("bin"), project.beside("pids")];
  Deno.mkdirSync(folder);
  const script = `#!/bin/sh\necho $$ >> ${pids}\nexec sleep 60\n`;
  Deno.writeTextFileSync(`${folder}/git`, script, { mode: 0o755 });
  return { env: { PATH: `${folder}:${Deno.env.get("PATH")}` }, pids };
}

Deno.test("a git that never answers delays no decision beyond its time, nor counts as consent", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await ada.csc("unlock"); // what it has changed is not committed, though nothing is reserved
  await bob.edit(`${project.folder}/b.py`, "B\n");
  const { env, pids } = hangingGit(project);
  const bash = (command: string) => ({ tool_name: "Bash", tool_input: { command } });
  try {
    const commands = ["git stash", "git add -A", "git commit -am x"];
    await Promise.all(commands.map(async (command) => {
      const startedAt = performance.now();
      const reason = denied(await bob.tell("PreToolUse", bash(command), env));
      const ms = performance.now() - startedAt;
      assertStringIncludes(reason, "a.py (uncommitted edit)");
      assert(ms < 4000, `${command}: ${ms} ms`); // two seconds, and a slow start
    }));
    const edit = { tool_name: "Edit", tool_input: { file_path: `${project.folder}/b.py` } };
    denied(await ada.tell("PreToolUse", edit, env));
    passed(await bob.tell("PostToolUse", bash("git commit -m x"), env));
    assertEquals(holders(project)["b.py"], bob.id, "nobody takes silence for a commit");
    // A project that is not known yet: its name is git's to tell.
    Deno.removeSync(`${project.folder}/state/claude-session-coordinator/snapshots`, {
      recursive: true,
    });
    await git(project.folder, "remote", "add", "origin", "git@example.org:a/b.git");
    const startedAt = performance.now();
    failed(await bob.tell("PreToolUse", edit, env));
    assert(performance.now() - startedAt < 2500);
  } finally {
    for (const pid of Deno.readTextFileSync(pids).trim().split("\n")) sendSignal(+pid, "SIGKILL");
  }
});

Deno.test("a configuration that is wrong is named, and stops nobody", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const path = project.write(".claude/session-coordinator-config.json", "{ not json");
  assertStringIncludes(failed(await bob.before(`${project.folder}/a.py`)), path);
  project.write(".claude/session-coordinator-config.json", '{"coordination":{"lock_timeout":"x"}}');
  assertStringIncludes(failed(await bob.before(`${project.folder}/a.py`)), "lock_timeout");
  Deno.removeSync(path);
  project.write(".claude/coordination.yaml", "session_coordination:\n  lock_timeout: [\n");
  assertStringIncludes(failed(await bob.before(`${project.folder}/a.py`)), "coordination.yaml");
  Deno.removeSync(`${project.folder}/.claude/coordination.yaml`);
  denied(await bob.before(`${project.folder}/a.py`));
});

Deno.test("a client that no longer listens, or has gone, gets no stack trace", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const event = JSON.stringify({
    session_id: bob.id,
    hook_event_name: "SessionStart",
    source: "compact",
  });
  const words = CSC.map((word) => `'${word}'`).join(" ");
  const { stderr } = await run(
    ["bash", "-c", `printf %s '${event}' | ( sleep 0.3; cat ) | { ${words} hook; } | true`],
    { cwd: project.folder, env: { ...isolated(project.folder), CLAUDE_PID: String(bob.pid) } },
  );
  assertEquals(stderr, "");
  const gone = await hookWith(project, { stdin: "", env: { CLAUDE_PID: "4194303" } });
  assertEquals([gone.code, gone.stdout, gone.stderr], [1, "", ""]);
});
