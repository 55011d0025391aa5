/** `csc session` and `csc heartbeat`: sessions without hooks and without an MCP server. */

import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";
import { jsonOf } from "../support/background.ts";
import { type Outcome, run } from "../support/command.ts";
import { inShell, repositoryWith, TestSession } from "../support/hook.ts";
import { eventually, sendSignal, TestProject } from "../support/project.ts";

const as = (id: string) => ({ env: { CLAUDE_SESSION_ID: id } });

async function statusOf(project: TestProject, id: string) {
  const { sessions } = jsonOf(await project.csc("session", "status", "--json"));
  return sessions.find(({ session_id }: { session_id: string }) => session_id === id);
}

Deno.test("a session that a script has started is there when the script has ended", async () => {
  await using project = new TestProject();
  // The original took the script's own process for the session's, and removed it at the next look.
  const started = await inShell(project, "csc session start ci-42");
  assertEquals([started.code, started.stdout], [0, "Registered: Session_1 (ci-42)\n"]);
  const shown = await project.csc("session", "status");
  assertMatch(shown.stdout, /^Session_1 +active /m);
  await project.csc("session", "cleanup");
  await project.csc("refresh");
  assertEquals((await statusOf(project, "ci-42")).status, "active");
  const { my_session, sessions } = jsonOf(
    await project.cscWith(as("ci-42"), "session", "status", "--json"),
  );
  assertEquals([my_session, sessions[0].is_me, sessions[0].heartbeat_age_seconds < 60], [
    "ci-42",
    true,
    true,
  ]);
});

Deno.test("a session without a name gets one, and is told how to be it", async () => {
  await using project = new TestProject();
  const { stdout } = await inShell(project, "csc session start");
  const [, id] = /export CLAUDE_SESSION_ID=(cli-[0-9a-f-]{36})\n$/.exec(stdout)!;
  assertEquals((await project.cscWith(as(id), "lock", "deploy")).code, 0);
  assertEquals((await statusOf(project, id)).locks, ["resource:deploy"]);
  const again = jsonOf(await project.cscWith(as(id), "session", "start", "--json"));
  assertEquals([again.session_id, again.resumed], [id, true]);
});

Deno.test("a session is paused, taken up again, and ended with all that it holds", async () => {
  await using project = new TestProject();
  const run = (...args: string[]) => project.cscWith(as("ci-42"), ...args);
  await run("session", "start");
  await run("lock", "deploy", "600");
  await run("claim", "7", "A", "title");
  assertEquals((await run("session", "pause")).code, 0);
  assertEquals((await statusOf(project, "ci-42")).status, "paused");
  assertEquals((await project.csc("lock", "check", "deploy")).code, 1, "it keeps what it holds");
  await run("session", "start");
  assertEquals((await statusOf(project, "ci-42")).status, "active");
  const ended = await run("session", "end");
  assertEquals(ended.stdout, "Ended: Session_1\nGiven back: issue:7, resource:deploy\n");
  assertEquals((await project.csc("lock", "check", "deploy")).code, 0);
  assertEquals(await statusOf(project, "ci-42"), undefined);
  assertEquals((await run("session", "end")).code, 1);
  assertEquals((await run("lock", "deploy")).code, 1, "an ended session gets no lock");
  assertEquals((await run("session", "start")).code, 0);
  assertEquals((await run("lock", "deploy")).code, 0);
});

Deno.test("signs of life: touch, check, age and list", async () => {
  await using project = new TestProject();
  await project.csc("session", "start", "ci-42");
  const run = (...args: string[]) => project.cscWith(as("ci-42"), "heartbeat", ...args);
  assertEquals([(await run("touch")).code, (await run()).code], [0, 0]);
  const checked = await run("check");
  assertEquals(checked.code, 0);
  assertMatch(checked.stdout, /^active \(last heartbeat: \d+ s ago\)\n$/);
  const age = await run("age", "ci-42");
  assert(age.code === 0 && Number(age.stdout) >= 0 && Number(age.stdout) < 60, age.stdout);
  const { heartbeats } = jsonOf(await run("list", "--json"));
  assertEquals([heartbeats[0].session_id, heartbeats[0].daemon_pid], ["ci-42", null]);
  for (const [action, stdout] of [["check", "dead (not registered)\n"], ["age", "-1\n"]]) {
    const unknown = await run(action, "nobody");
    assertEquals([unknown.code, unknown.stdout], [1, stdout]);
  }
  assertEquals((await project.cscWith(as("nobody"), "heartbeat", "touch")).code, 1);
});

Deno.test("sessions that were silent for long are idle, stale, and abandoned; those are cleaned up", async () => {
  await using project = new TestProject();
  for (const id of ["young", "idle", "stale", "old"]) await project.csc("session", "start", id);
  await project.csc("lock", "deploy", "86400", "--holder", "old");
  const folder = `${project.folder}/.claude/session-state`;
  const [path] = [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`)
    .filter((one) => one.endsWith("__sessions.json"));
  const text = JSON.parse(Deno.readTextFileSync(path));
  for (const [id, seconds] of [["idle", 600], ["stale", 7200], ["old", 90_000]] as const) {
    const at = new Date(Date.now() - seconds * 1000).toISOString();
    const record = text.data[id];
    // Another host's, as this one's uptime may be less than a day.
    text.data[id] = {
      ...record,
      host: "elsewhere",
      last_activity: at,
      heartbeat: { at, uptime_s: 0 },
    };
  }
  Deno.writeTextFileSync(path, JSON.stringify(text));
  const check = (id: string) => project.csc("heartbeat", "check", id);
  const codes: [string, number][] = [["young", 0], ["idle", 0], ["stale", 1], ["old", 1]];
  const words = ["active", "idle", "stale", "abandoned"];
  for (const [i, [id, code]] of codes.entries()) {
    const outcome = await check(id);
    assertEquals([outcome.code, outcome.stdout.split(" ")[0]], [code, words[i]]);
  }
  const cleaned = jsonOf(await project.csc("heartbeat", "cleanup", "--json"));
  assertEquals(cleaned.abandoned, ["Session_4"]);
  assertEquals((await check("old")).stdout.split(" ")[0], "dead");
  assertEquals((await project.csc("lock", "check", "deploy")).code, 0);
  assertEquals((await check("stale")).stdout.split(" ")[0], "stale", "it may come back");
});

/** Starts a daemon; it is stopped with the scope. */
async function withDaemon(
  project: TestProject,
  args: readonly string[],
): Promise<AsyncDisposable & { readonly pid: number }> {
  const outcome = await project.csc("heartbeat", "daemon", "ci-42", ...args, "--json");
  assertEquals(outcome.code, 0, outcome.stderr);
  const { pid, started } = jsonOf(outcome);
  assert(started);
  return {
    pid,
    async [Symbol.asyncDispose]() {
      sendSignal(pid, "SIGCONT");
      sendSignal(pid, "SIGKILL");
      await eventually("the daemon has ended", () => !isThere(pid));
    },
  };
}

function isThere(pid: number): boolean {
  try {
    // A process that has ended stays visible until its parent has looked.
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

Deno.test("a daemon proves that its session lives, is there once, and is stopped", async () => {
  await using project = new TestProject();
  await project.csc("session", "start", "ci-42");
  await using daemon = await withDaemon(project, ["--interval", "1"]);
  await eventually(
    "it stands for the session",
    async () => (await statusOf(project, "ci-42")).standing === "live",
  );
  const again = jsonOf(await project.csc("heartbeat", "daemon", "ci-42", "--json"));
  assertEquals([again.pid, again.started], [daemon.pid, false]);
  assertEquals(
    jsonOf(await project.csc("heartbeat", "list", "--json")).heartbeats[0].daemon_pid,
    daemon.pid,
  );
  const stopped = await project.csc("heartbeat", "stop", "ci-42");
  assertEquals([stopped.code, stopped.stdout], [
    0,
    `Heartbeat daemon stopped: process ${daemon.pid}\n`,
  ]);
  await eventually("its process is gone", () => !isThere(daemon.pid));
  assertEquals((await statusOf(project, "ci-42")).status, "active", "the session goes on");
  assertEquals((await project.csc("heartbeat", "stop", "ci-42")).code, 0, "none is no failure");
});

Deno.test("daemons that are started at once: one stays", async () => {
  await using project = new TestProject();
  await project.csc("session", "start", "ci-42");
  const start = () => project.csc("heartbeat", "daemon", "ci-42", "--json");
  const outcomes = await Promise.all([start(), start(), start()]);
  assertEquals(outcomes.map(({ code }) => code), [0, 0, 0]);
  const daemons = async () => {
    const { stdout } = await run(["ps", "-eo", "pid,args"]);
    return stdout.split("\n").filter((line) =>
      line.includes("heartbeat daemon --foreground") && inProject(line, project)
    );
  };
  try {
    await eventually("one is left", async () => (await daemons()).length === 1, 30_000);
  } finally {
    await project.csc("heartbeat", "stop", "ci-42");
  }
  assertEquals(await daemons(), []);
});

/** Whether a line of `ps` is about a process in a project's folder. */
function inProject(line: string, project: TestProject): boolean {
  try {
    return Deno.readLinkSync(`/proc/${Number.parseInt(line)}/cwd`) === project.folder;
  } catch {
    return false;
  }
}

Deno.test("a daemon ends with its session, with its process, and without its file", async () => {
  await using project = new TestProject();
  await project.csc("session", "start", "ci-42");
  {
    await using daemon = await withDaemon(project, []);
    await project.csc("session", "end", "ci-42");
    await eventually("it has ended with its session", () => !isThere(daemon.pid));
  }
  await project.csc("session", "start", "ci-42");
  await project.csc("lock", "deploy", "--holder", "ci-42");
  {
    const shell = new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
    await using daemon = await withDaemon(project, ["--pid", String(shell.pid)]);
    shell.kill("SIGKILL");
    await shell.status;
    await eventually("it has ended with the process", () => !isThere(daemon.pid));
    assertEquals((await project.csc("lock", "check", "deploy")).code, 0, "and so has the session");
  }
  await project.csc("session", "start", "ci-42");
  {
    await using daemon = await withDaemon(project, []);
    Deno.removeSync(pidFile(project));
    await eventually("it has ended without its file", () => !isThere(daemon.pid));
  }
});

/** The file that tells which process the daemon is. */
function pidFile(project: TestProject): string {
  const folder = `${project.folder}/.claude/session-state/.csc/heartbeat`;
  const [name] = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return `${folder}/${name}`;
}

Deno.test("a daemon of a client's session ends with the client", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.txt": "a\n" });
  await using ada = await TestSession.start(project, "ci-42");
  await using daemon = await withDaemon(project, []);
  await eventually(
    "it stands for the session",
    async () => (await statusOf(project, "ci-42")).standing === "live",
  );
  await ada.csc("lock", "deploy");
  await ada.kill();
  await eventually("it has ended with the client", () => !isThere(daemon.pid));
  assertEquals((await project.csc("lock", "check", "deploy")).code, 0);
});

Deno.test("a number that belongs to another process by now is never signalled", async () => {
  await using project = new TestProject();
  await project.csc("session", "start", "ci-42");
  const innocent = new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
  try {
    let path: string;
    {
      await using daemon = await withDaemon(project, []);
      path = pidFile(project);
      sendSignal(daemon.pid, "SIGKILL");
      await eventually("it is gone", () => !isThere(daemon.pid));
    }
    const { status, standing } = await statusOf(project, "ci-42");
    assertEquals([status, standing], ["active", "unproven"], "its end proves nothing");
    const left = JSON.parse(Deno.readTextFileSync(path));
    assertNotEquals(left.pid, innocent.pid);
    Deno.writeTextFileSync(path, JSON.stringify({ ...left, pid: innocent.pid }));
    const stopped = await project.csc("heartbeat", "stop", "ci-42");
    assertEquals(stopped.code, 0);
    assertMatch(stopped.stdout, /was not running any more; its file is removed/);
    assert(isThere(innocent.pid), "it has not been touched");
    await using _next = await withDaemon(project, []);
    const elsewhere = { ...JSON.parse(Deno.readTextFileSync(path)), host: "another" };
    Deno.writeTextFileSync(path, JSON.stringify(elsewhere));
    const refused = await project.csc("heartbeat", "stop", "ci-42");
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /error\[not_owner\]: The heartbeat daemon runs on another/);
  } finally {
    innocent.kill("SIGKILL");
    await innocent.status;
  }
});

Deno.test("a daemon that does not listen is stopped by force", async () => {
  await using project = new TestProject();
  await project.csc("session", "start", "ci-42");
  await using daemon = await withDaemon(project, []);
  await project.stopAtRest(daemon.pid);
  assertEquals((await project.csc("heartbeat", "stop", "ci-42")).code, 0);
  await eventually("it is gone", () => !isThere(daemon.pid));
});

const MISTAKES: [args: string[], message: RegExp][] = [
  [["session"], /an action is missing/],
  [["session", "strat"], /unknown action 'strat' \(did you mean 'start'\?\)/],
  [["session", "cleanup", "x"], /'x' is one word too many/],
  [["session", "start", "a\u001b[31m"], /takes a name/],
  [["session", "end"], /no session is known here: name one, or set CLAUDE_SESSION_ID/],
  [["heartbeat"], /no session is known here/],
  [["heartbeat", "tuch"], /unknown action 'tuch' \(did you mean 'touch'\?\)/],
  [["heartbeat", "list", "x"], /'x' is one word too many/],
  [["heartbeat", "touch", "--interval", "5"], /--interval is for 'daemon'/],
  [["heartbeat", "daemon", "a", "--interval", "0"], /--interval takes a whole number of seconds/],
  [["heartbeat", "daemon", "a", "--pid", "x"], /--pid takes the number of a process/],
];
Deno.test("a mistake in a call of session or heartbeat is told, and ends with code 2", async (t) => {
  await using project = new TestProject();
  for (const [args, message] of MISTAKES) {
    await t.step(JSON.stringify(args), async () => {
      const { code, stdout, stderr }: Outcome = await project.csc(...args);
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, message);
    });
  }
});
