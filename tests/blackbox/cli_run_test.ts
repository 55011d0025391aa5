/** `csc run`: a command that runs while it holds locks. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { background, jsonOf } from "../support/background.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { CALL, isFree, textOf } from "../support/locked.ts";
import { eventually, sendSignal, TestProject } from "../support/project.ts";
import { Stopwatch } from "../support/stopwatch.ts";

/** A line of shell that says its process number in a file, and then goes on for a minute. */
function sleeper(project: TestProject, name: string): [string, string, string] {
  return [
    "sh",
    "-c",
    `echo $$ > '${project.folder}/${name}.new'; mv '${project.folder}/${name}.new' '${project.folder}/${name}'; exec sleep 60`,
  ];
}

/** Ends the sleeper of a file. */
async function wake(project: TestProject, name: string): Promise<void> {
  sendSignal(Number(await textOf(project, name)), "SIGKILL");
}

Deno.test("the command has our input, output and its lock's name and token; its exit code is ours", async () => {
  await using project = new TestProject();
  const env = { CLAUDE_SESSION_ID: "some-session" };
  const line = 'cat; echo "$CSC_LOCK_NAME $CSC_LOCK_TOKEN $CLAUDE_SESSION_ID"; echo no >&2; exit 7';
  const done = await project.cscWith(
    { stdin: "from outside\n", env },
    ...["run", "--lock", "pytest", "--", "sh", "-c", line],
  );
  assertEquals(done.code, 7);
  assertMatch(done.stdout, /^from outside\nresource:pytest \d{10,} some-session\n$/);
  assertEquals(done.stderr, "no\n");
  assert(await isFree(project, "pytest"));
  assertEquals(jsonOf(await project.csc("session", "status", "--json")).session_count, 0);

  const dashes = await project.csc("run", "--lock", "a", "--", "echo", "--help", "--", "-x");
  assertEquals([dashes.code, dashes.stdout], [0, "--help -- -x\n"]);
  const killed = await project.csc("run", "--lock", "a", "--", "sh", "-c", "kill -9 $$");
  assertEquals(killed.code, 137, "as shells have it");
  const told = await project.csc("run", "--lock", "a", "--json", "--", "sh", "-c", "exit 3");
  const { exit_code, locks } = JSON.parse(told.stderr);
  assertEquals([told.code, told.stdout, exit_code, locks[0].name], [3, "", 3, "resource:a"]);
});

Deno.test("what cannot be started ends as in a shell, and gives the lock back", async () => {
  await using project = new TestProject();
  const absent = await project.csc("run", "--lock", "a", "--", "no-such-program");
  assertEquals(absent.code, 127);
  assertMatch(absent.stderr, /Cannot run 'no-such-program': there is no such program/);
  const file = project.write("plain.txt", "text\n");
  assertEquals((await project.csc("run", "--lock", "a", "--", file)).code, 126);
  assert(await isFree(project, "a"));
});

Deno.test("a held lock is refused at once, waited for in vain, or had in turn", async () => {
  await using project = new TestProject();
  await project.csc("lock", "a", "--holder", "ci-1");
  const refused = await project.csc("run", "--lock", "b", "--lock", "a", "--", "true");
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /error\[lock_held\]: resource:a is held by ci-1/);
  assert(await isFree(project, "b"), "what it had already is given back");
  const told = await project.csc("run", "--lock", "a", "--json", "--", "true");
  assertEquals([told.code, jsonOf(told).acquired, jsonOf(told).held_by], [1, false, "ci-1"]);
  assertEquals((await project.csc("run", "--lock", "a", "--wait", "1", "--", "true")).code, 3);
  await using next = background(
    project,
    {},
    "run",
    "--lock",
    "a",
    "--wait",
    "60",
    "--",
    "echo",
    "x",
  );
  await eventually("it waits", async () => {
    const { waiting } = jsonOf(await project.csc("lock", "info", "a", "--json"));
    return waiting.length === 1;
  });
  await project.csc("lock", "release", "a", "--holder", "ci-1");
  const { code, stdout } = await next.ended;
  assertEquals([code, stdout], [0, "x\n"]);
});

Deno.test("nothing runs twice at once: eight processes count to 24 in a file", async () => {
  await using project = new TestProject();
  const file = project.write("count", "0");
  const line = `n=$(cat '${file}'); sleep 0.02; echo $((n + 1)) > '${file}'`;
  const one = () => project.csc("run", "--lock", "count", "--wait", "120", "--", "sh", "-c", line);
  for (let round = 0; round < 3; round++) {
    const outcomes = await Promise.all(Array.from({ length: 8 }, one));
    const errors = outcomes.map(({ stderr }) => stderr).join("");
    assertEquals(outcomes.map(({ code }) => code), Array(8).fill(0), errors);
  }
  assertEquals(Deno.readTextFileSync(file).trim(), "24");
});

Deno.test("after kill -9 the lock is free for the next one, and for one who waits, long before its time", async () => {
  await using project = new TestProject();
  await using victim = background(
    project,
    {},
    "run",
    "--lock",
    "a",
    "--",
    ...sleeper(project, "pid"),
  );
  await textOf(project, "pid");
  const args = ["lock", "a", "--holder", "heir", "--wait", "60"];
  await using waiting = background(project, {}, ...args);
  await eventually("somebody waits", async () => {
    const { waiting } = jsonOf(await project.csc("lock", "info", "a", "--json"));
    return waiting.length === 1;
  });
  sendSignal(victim.pid, "SIGKILL");
  using stopwatch = new Stopwatch();
  assertEquals((await waiting.ended).code, 0);
  const { ms } = stopwatch;
  assert(ms < 2000, `the one who waited had it after ${ms} ms`);
  await project.csc("lock", "release", "a", "--holder", "heir");

  await wake(project, "pid");
  await using second = background(
    project,
    {},
    "run",
    "--lock",
    "a",
    "--",
    ...sleeper(project, "pid2"),
  );
  await textOf(project, "pid2");
  sendSignal(second.pid, "SIGKILL");
  await eventually("its process is gone", () => !isProcess(second.pid));
  assertEquals((await project.csc("lock", "a", "--holder", "next")).code, 0, "at the first try");
  await wake(project, "pid2");
});

function isProcess(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGURG");
    return true;
  } catch {
    return false;
  }
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 130], ["SIGHUP", 129]] as const) {
  Deno.test(`${signal} is passed on; the lock is given back; the exit code is ${code}`, async () => {
    await using project = new TestProject();
    const word = signal.slice(3);
    const line = `trap 'echo ${word} > '"'${project.folder}/got'"'; exit 5' ${word}; ` +
      `echo $$ > '${project.folder}/pid'; while :; do sleep 0.05; done`;
    await using running = background(project, {}, "run", "--lock", "a", "--", "sh", "-c", line);
    await textOf(project, "pid");
    assertEquals(await isFree(project, "a"), false);
    sendSignal(running.pid, signal);
    assertEquals((await running.ended).code, code);
    assertEquals(await textOf(project, "got"), `${word}\n`);
    assert(await isFree(project, "a"));
  });
}

Deno.test("a signal while it waits ends it with 130, and its place in the queue", async () => {
  await using project = new TestProject();
  await project.csc("lock", "a", "--holder", "ci-1");
  const args = ["run", "--lock", "a", "--lock", "0", "--wait", "60", "--", "true"];
  await using waiting = background(project, {}, ...args);
  const queue = async () => jsonOf(await project.csc("lock", "info", "a", "--json")).waiting;
  await eventually("it waits", async () => (await queue()).length === 1);
  sendSignal(waiting.pid, "SIGTERM");
  assertEquals((await waiting.ended).code, 130);
  assertEquals([await queue(), await isFree(project, "0")], [[], true]);
});

Deno.test("the lock is extended for as long as the command runs", async () => {
  await using project = new TestProject();
  const args = ["run", "--lock", "a", "--ttl", "4", "--", ...sleeper(project, "pid")];
  await using running = background(project, {}, ...args);
  await textOf(project, "pid");
  const before = jsonOf(await project.csc("lock", "info", "a", "--json"));
  // A lock of four seconds that nobody extends is over after five.
  const vain = await project.csc("lock", "a", "--wait", "7", "--holder", "other");
  assertEquals(vain.code, 3, vain.stdout);
  const after = jsonOf(await project.csc("lock", "info", "a", "--json"));
  assertEquals([after.token, after.held_by], [before.token, before.held_by]);
  await wake(project, "pid");
  assertEquals((await running.ended).code, 137);
});

Deno.test("who was stopped beyond the lock's time stops its command, and says so", async () => {
  await using project = new TestProject();
  const args = ["run", "--lock", "a", "--ttl", "2", "--", ...sleeper(project, "pid")];
  await using running = background(project, {}, ...args);
  const pid = Number(await textOf(project, "pid"));
  await project.stopAtRest(running.pid);
  const taken = await project.csc("lock", "a", "--wait", "60", "--holder", "other");
  assertEquals(taken.code, 0, taken.stderr);
  sendSignal(running.pid, "SIGCONT");
  const { code, stderr } = await running.ended;
  assertEquals(code, 1);
  assertMatch(stderr, /warning: the lock resource:a has ended before it was extended/);
  assertMatch(stderr, /error\[lock_lost\]: Stopped sh, as the lock resource:a was lost/);
  assert(!isProcess(pid), "the command has ended");
  assertEquals(jsonOf(await project.csc("lock", "info", "a", "--json")).held_by, "other");
});

Deno.test("a lock that is taken by force stops the command, or only warns", async () => {
  await using project = new TestProject();
  for (const mode of ["stop", "warn"] as const) {
    const line = `echo $$ > '${project.folder}/${mode}'; ` +
      `while [ ! -e '${project.folder}/go' ]; do sleep 0.05; done; exit 4`;
    const args = ["run", "--lock", "a", "--ttl", "4", "--on-lost", mode, "--", "sh", "-c", line];
    await using running = background(project, {}, ...args);
    await textOf(project, mode);
    await project.csc("lock", "force-release", "a", "--reason", "a fire");
    await eventually("it is told", () => running.told().includes("was taken by force"), 30_000);
    if (mode === "warn") project.write("go", "");
    const { code, stderr } = await running.ended;
    assertEquals(code, mode === "stop" ? 1 : 4, stderr);
    assertMatch(stderr, /the lock resource:a was taken by force by a person: a fire/);
    assertMatch(stderr, mode === "stop" ? /lock_lost/ : /the command goes on without it/);
  }
});

Deno.test("commands within the command use its locks, and leave them to it", async () => {
  await using project = new TestProject();
  const inner = `${CALL} run --lock a --lock b -- sh -c 'echo "$CSC_LOCKS" > "$0/inner"' "$0"`;
  const line =
    `echo "$CSC_LOCKS" > "$0/outer"; ${inner}; ${CALL} lock check a; ${CALL} lock check b`;
  const args = ["run", "--lock", "a", "--", "sh", "-c", line, project.folder];
  const done = await project.csc(...args);
  assertEquals(done.code, 0, done.stderr);
  const [outer, within] = ["outer", "inner"].map((name) =>
    JSON.parse(Deno.readTextFileSync(`${project.folder}/${name}`))
  );
  assertEquals(within["resource:a"], outer["resource:a"], "the same grant");
  assert(within["resource:b"] > 0);
  assertMatch(done.stdout, /^held by run-.+\navailable\n$/);
});

Deno.test("it uses what its session holds, and keeps two commands of one session apart", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.txt": "a\n" });
  await using ada = await TestSession.start(project, "ada-session-1");
  const { token } = jsonOf(await ada.csc("lock", "deploy", "600", "--json"));
  const used = await ada.csc("run", "--lock", "deploy", "--", "sh", "-c", 'echo "$CSC_LOCK_TOKEN"');
  assertEquals([used.code, used.stdout], [0, `${token}\n`]);
  const { held_by } = jsonOf(await project.csc("lock", "info", "deploy", "--json"));
  assertEquals(held_by, ada.id, "it is the session's as before");
  const other = await project.csc("run", "--lock", "deploy", "--", "true");
  assertEquals(other.code, 1);

  const env = { CLAUDE_SESSION_ID: ada.id };
  const args = ["run", "--lock", "pytest", "--", ...sleeper(project, "pid")];
  await using _running = background(project, env, ...args);
  await textOf(project, "pid");
  assertEquals((await ada.csc("run", "--lock", "pytest", "--", "true")).code, 1);
  await wake(project, "pid");
});

Deno.test("others see who holds it and what for", async () => {
  await using project = new TestProject();
  const args = ["run", "--lock", "a", "--holder", "ci-42", "--", ...sleeper(project, "pid")];
  await using _running = background(project, {}, ...args);
  await textOf(project, "pid");
  const info = jsonOf(await project.csc("lock", "info", "a", "--json"));
  assertEquals([info.holder, info.purpose], ["ci-42", "csc run sh"]);
  const { sessions } = jsonOf(await project.csc("status", "--json"));
  assertEquals([sessions[0].alias, sessions[0].standing], ["ci-42", "live"]);
  const forced = await project.csc("unlock", "--session", "ci-42", "--force");
  assertEquals(forced.code, 0, forced.stderr);
  await wake(project, "pid");
});

const MISTAKES: [args: string[], message: RegExp][] = [
  [["--", "true"], /--lock NAME is missing/],
  [["--lock", "a"], /a command is missing behind --/],
  [["--lock", "a", "--"], /a command is missing behind --/],
  [["--lock", "a", "--ttl", "0", "--", "true"], /--ttl takes a whole number of seconds from 1/],
  [["--lock", "a", "--wait", "x", "--", "true"], /--wait takes a whole number of seconds/],
  [["--lock", "a", "--on-lost", "die", "--", "true"], /--on-lost takes 'stop' or 'warn'/],
  [["--lock", "", "--", "true"], /the option --lock needs a value/],
  [["--lock", "a\tb", "--", "true"], /characters that cannot be shown/],
  [["--lock", "work", "--", "true"], /no branch here/],
  [["--lokc", "a", "--", "true"], /unknown option --lokc \(did you mean '--lock'\?\)/],
];
Deno.test("a mistake in a call of run is told before anything runs", async (t) => {
  await using project = new TestProject();
  for (const [args, message] of MISTAKES) {
    await t.step(JSON.stringify(args), async () => {
      const { code, stdout, stderr } = await project.csc("run", ...args);
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, message);
    });
  }
});
