/** `csc run`: what becomes of that which the command has started in turn. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { background } from "../support/background.ts";
import { isolated } from "../support/command.ts";
import { CALL, isFree, stateOf, textOf } from "../support/locked.ts";
import { eventually, pause, sendSignal, TestProject } from "../support/project.ts";

/**
 * Writes a command that ends at once when it is told to, and its child, which then does something
 * else. Each says its number in a file; the child has not our output, as we would wait for its end.
 * What the command is called with stands in front of its child.
 */
function writeFamily(project: TestProject, onSignal: string): void {
  project.write("parent.sh", 'echo $$ > parent; "$@" sh child.sh > /dev/null 2>&1; :');
  // Where the test fails, it ends with the project's folder.
  const loop = "while [ -e child.sh ]; do sleep 0.05; done";
  project.write(
    "child.sh",
    `trap '${onSignal}' INT TERM; echo $$ > child.new; mv child.new child; ${loop}`,
  );
}

/** The numbers of the command and of its child, once both run. */
async function pidsOf(project: TestProject): Promise<{ parent: number; child: number }> {
  const child = Number(await textOf(project, "child"));
  return { parent: Number(await textOf(project, "parent")), child };
}

const FAMILY = ["sh", "parent.sh"];
const WITHIN = ["sh", "-c", `${CALL} run --lock b -- sh parent.sh; :`];
const WAYS = [
  ["SIGTERM", "", FAMILY, true],
  ["SIGINT", "", FAMILY, true],
  ["SIGTERM", ", through a csc run within", WITHIN, true],
  // Elsewhere nobody tells who is in another group.
  ["SIGTERM", ", also in another group", [...FAMILY, "timeout", "60"], Deno.build.os === "linux"],
] as const;
for (const [signal, how, command, isHere] of WAYS) {
  const name = `${signal} reaches the command's children${how}; the lock is held until they ended`;
  Deno.test(name, { ignore: !isHere }, async () => {
    await using project = new TestProject();
    writeFamily(project, "echo > told; while [ ! -e go ]; do sleep 0.05; done; exit");
    await using running = background(project, {}, "run", "--lock", "a", "--", ...command);
    const { parent, child } = await pidsOf(project);
    sendSignal(running.pid, signal);
    await textOf(project, "told");
    // Shells themselves wait for their children after SIGINT.
    if (signal !== "SIGINT") await eventually("it ended", async () => await stateOf(parent) === "");
    assertEquals(await isFree(project, "a"), false, "its child still runs");
    project.write("go", "");
    assertEquals((await running.ended).code, 130);
    assertEquals(await stateOf(child), "");
    assert(await isFree(project, "a"));
  });
}

Deno.test("a child that does not end when it is told to is ended by force, and then the lock is free", async () => {
  await using told = new TestProject();
  await using lost = new TestProject();
  const running = [told, lost].map((project) => {
    writeFamily(project, "");
    return background(project, {}, "run", "--lock", "a", "--ttl", "4", "--", "sh", "parent.sh");
  });
  await using _told = running[0];
  await using _lost = running[1];
  const children = [(await pidsOf(told)).child, (await pidsOf(lost)).child];
  sendSignal(running[0].pid, "SIGTERM");
  await lost.csc("lock", "force-release", "a", "--reason", "a fire");
  assertEquals(await isFree(told, "a"), false);
  const [afterTold, afterLost] = await Promise.all(running.map(({ ended }) => ended));
  assertEquals([afterTold.code, afterLost.code], [130, 1]);
  assertMatch(afterLost.stderr, /error\[lock_lost\]/);
  assertEquals(await Promise.all(children.map(stateOf)), ["", ""]);
  assert(await isFree(told, "a"));
});

Deno.test("what a command leaves behind when it ends by itself is not waited for, and goes on", async () => {
  await using project = new TestProject();
  const line = "sleep 60 > /dev/null 2>&1 & echo $! > daemon";
  const done = await project.csc("run", "--lock", "a", "--", "sh", "-c", line);
  const daemon = Number(await textOf(project, "daemon"));
  try {
    assertEquals([done.code, done.stderr, await isFree(project, "a")], [0, "", true]);
    assertEquals(await stateOf(daemon), "S");
  } finally {
    sendSignal(daemon, "SIGKILL");
  }
});

Deno.test("who is stopped as by Ctrl-Z stops the command as well, and goes on with it", async () => {
  await using project = new TestProject();
  writeFamily(project, "exit");
  await using running = background(project, {}, "run", "--lock", "a", "--", "sh", "parent.sh");
  const pids = Object.values(await pidsOf(project));
  const states = () => Promise.all(pids.map(stateOf));
  sendSignal(running.pid, "SIGTSTP");
  await eventually("both are stopped", async () => (await states()).join("") === "TT");
  assertEquals(await stateOf(running.pid), "T");
  sendSignal(running.pid, "SIGCONT");
  await eventually("both go on", async () => !(await states()).includes("T"));
  sendSignal(running.pid, "SIGTERM");
  assertEquals((await running.ended).code, 130);
});

Deno.test(
  "on a terminal the command can ask there, and Ctrl-C reaches it once, whatever it reads from",
  { ignore: Deno.build.os !== "linux" }, // `script` is another one elsewhere
  async () => {
    await using project = new TestProject();
    const wait = "while [ -e command.sh ] && [ ! -e go ]; do sleep 0.05; done";
    project.write(
      "command.sh",
      `: < /dev/tty && echo > asked; trap "echo INT >> got" INT; echo $PPID > csc; ${wait}`,
    );
    const call = `${CALL} run --lock a -- sh command.sh < /dev/null`;
    const terminal = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", call, "/dev/null"],
      cwd: project.folder,
      env: isolated(project.folder, { SHELL: "/bin/sh" }),
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const keyboard = terminal.stdin.getWriter();
    const csc = Number(await textOf(project, "csc"));
    // What it passes on comes late, as two signals at once are one.
    sendSignal(csc, "SIGSTOP");
    await keyboard.write(new TextEncoder().encode("\x03"));
    await textOf(project, "got");
    sendSignal(csc, "SIGCONT");
    await pause(500);
    project.write("go", "");
    assertEquals((await terminal.status).code, 130);
    await keyboard.abort();
    assertEquals([await textOf(project, "got"), await textOf(project, "asked")], ["INT\n", "\n"]);
  },
);
