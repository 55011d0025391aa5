/** Sessions of two machines that share a project on a store. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { passed } from "../support/hook.ts";
import { Machines, SHARED_KINDS } from "../support/machines.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually, sendSignal } from "../support/project.ts";
import { Stopwatch } from "../support/stopwatch.ts";

/** For how long a session counts as live that gives no sign: less than its lease by what was left. */
const LEAST_MS = 14_000;
/** Take-over after a crash takes 22 s there at the most, and 2 s on the machine itself. */
const MOST_MS = { far: 22_000, near: 2_000 } as const;
/** A process that looks has to start. */
const START_MS = 1000;

for (const kind of runningKinds().filter((one) => SHARED_KINDS.includes(one))) {
  Deno.test(`two machines on ${kind}: they see each other's sessions and locks, and files are of one machine`, async () => {
    await using machines = await Machines.open(kind);
    const { a, b } = machines;
    await using ada = await a.start("ada");
    await using bob = await b.start("bob");
    assertEquals((await a.cscAs("ada", "lock", "deploy")).code, 0);
    const refused = await b.cscAs("bob", "lock", "deploy");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "resource:deploy is held by Session_1");
    const path = (clone: string) => join(clone, "shared.txt");
    await ada.edit(path(a.clone), "one");
    const note = passed(await bob.before(path(b.clone)));
    assertStringIncludes(note, "Session_1");
    assertStringIncludes(note, `another working tree, alpha:${a.clone}`);
    const { sessions, locks } = await b.json("status");
    assertEquals(sessions.map((one: { alias: string }) => one.alias), ["Session_1", "Session_2"]);
    assertEquals(locks.map((one: { held_by: string }) => one.held_by), ["ada"]);
    const shown = await b.csc("status");
    assertMatch(shown.stdout, /Session_1 .*@/, "its process is on another host");
    assertMatch(shown.stdout, /in alpha:/, "a path of another machine is not named from here");
    const held = (await b.csc("locks")).stdout;
    assertMatch(held, /held from alpha:/);
    assertMatch(held, /Files in alpha:/);
    assertMatch((await b.csc("check", "shared.txt")).stdout, /also held in alpha:/);
    await ada.tell("SessionEnd", { reason: "other" });
    assertEquals((await b.cscAs("bob", "lock", "deploy")).code, 0);
  });

  Deno.test(`two machines on ${kind}: a client that is gone frees nothing there but what its own machine ends`, async () => {
    await using machines = await Machines.open(kind);
    const { a, b } = machines;
    const ada = await a.start("ada");
    await a.cscAs("ada", "lock", "deploy");
    sendSignal(ada.pid, "SIGKILL");
    await ada[Symbol.asyncDispose]();
    await b.csc("refresh");
    assertEquals(
      (await b.csc("lock", "deploy", "--holder", "ci")).code,
      1,
      "nobody renewed a lease",
    );
    await eventually("its own machine sees that it is gone", async () => {
      await a.csc("refresh");
      return (await b.csc("lock", "deploy", "--holder", "ci")).code === 0;
    });
  });

  Deno.test(`two machines on ${kind}: a session is rung for what happens on the other one`, async () => {
    await using machines = await Machines.open(kind);
    const { a, b } = machines;
    const { said } = await a.tell("ada", "SessionStart", { source: "startup" });
    const [inbox] = said.watchPaths;
    const server = await a.serve();
    await eventually("it is served", async () => (await rowOf(b, "ada"))?.standing === "live");
    assertEquals((await a.cscAs("ada", "lock", "deploy")).code, 0);
    assertEquals(Deno.readTextFileSync(inbox), "");
    assertEquals((await b.csc("unlock", "deploy", "--force")).code, 0);
    await eventually("its inbox has changed", () => Deno.readTextFileSync(inbox) !== "");
    const told = passed(await a.tell("ada", "UserPromptSubmit", { prompt: "go on" }));
    assertStringIncludes(told, "resource:deploy was released by force");
    await server.close();
  });

  Deno.test(`a crash on ${kind}: others of the machine go on at once, another machine after its lease`, async () => {
    await using near = await Machines.open(kind);
    await using far = await Machines.open(kind);
    const crash = async ({ a }: Machines) => {
      const victim = await a.serve();
      assert((await victim.tool("acquire_lock", { name: "deploy", timeout: 3600 })).success);
      victim.process.kill("SIGKILL");
      await victim.process.status;
    };
    const free = async (machine: Machines["a"]) =>
      (await machine.csc("lock", "deploy", "--holder", "ci")).code === 0;
    await Promise.all([
      (async () => {
        await crash(near);
        using stopwatch = new Stopwatch();
        await eventually("it is free here", () => free(near.a), 60_000);
        const { ms } = stopwatch;
        assert(ms < MOST_MS.near + START_MS, `after ${ms} ms`);
      })(),
      (async () => {
        await crash(far);
        using stopwatch = new Stopwatch();
        const start = performance.now();
        assertEquals((await far.b.csc("lock", "deploy", "--holder", "ci", "--wait", "60")).code, 0);
        const { ms } = stopwatch;
        assert(performance.now() - start > LEAST_MS, "a session that may live keeps it");
        assert(ms < MOST_MS.far + START_MS, `after ${ms} ms`);
      })(),
    ]);
  });

  Deno.test(`a machine on ${kind} that slept: its session comes back, keeps what nobody took, and is told what it lost`, async () => {
    await using looked = await Machines.open(kind);
    await using ended = await Machines.open(kind);
    await Promise.all([sleepThrough(looked, false), sleepThrough(ended, true)]);
  });
}

/** A session's server is stopped beyond its lease; meanwhile another machine takes its lock. */
async function sleepThrough({ a, b }: Machines, isEnded: boolean): Promise<void> {
  const files = ["one.txt", "two.txt"].map((name) => join(a.clone, name));
  const call = (path: string) => ({ tool_name: "Edit", tool_input: { file_path: path } });
  await a.tell("ada", "SessionStart", { source: "startup" });
  const server = await a.serve();
  await eventually("it is served", async () => (await rowOf(a, "ada"))?.standing === "live");
  for (const path of files) {
    passed(await a.tell("ada", "PreToolUse", call(path)));
    Deno.writeTextFileSync(path, "ada's");
    passed(await a.tell("ada", "PostToolUse", { ...call(path), tool_response: {} }));
  }
  assertEquals((await a.cscAs("ada", "lock", "deploy")).code, 0);
  assertEquals((await a.cscAs("ada", "lock", "db")).code, 0);
  sendSignal(server.process.pid, "SIGSTOP");
  await using bob = await b.start("bob");
  assertEquals((await b.cscAs(bob.id, "lock", "deploy", "--wait", "60")).code, 0);
  if (isEnded) {
    assertStringIncludes((await b.csc("refresh")).stdout, "Ended Session_1");
    assertEquals((await b.json("status")).sessions.length, 2, "and shown for some minutes");
  }
  sendSignal(server.process.pid, "SIGCONT");
  await eventually("it is back", async () => (await rowOf(b, "ada"))?.standing === "live");
  let told = "";
  await eventually("it is told what it lost", async () => {
    told += passed(await a.tell("ada", "UserPromptSubmit", { prompt: "go on" }));
    return told !== "";
  });
  assertStringIncludes(told, "the lock resource:deploy (now held by Session_2)");
  assertEquals(told.includes("resource:db"), isEnded, told);
  assertEquals(told.includes("one.txt"), isEnded, told);
  assertEquals((await rowOf(b, "ada"))?.alias, "Session_1", "the name that people know it by");
  assertEquals((await a.cscAs("bob", "check", files[0])).code, isEnded ? 0 : 1);
  assertEquals((await a.csc("lock", "db", "--holder", "ci")).code, isEnded ? 0 : 1);
  assertStringIncludes((await a.csc("history")).stdout, "two.txt", "its journal is there");
  await server.close();
}

async function rowOf(
  machine: Machines["a"],
  session: string,
): Promise<{ standing: string; alias: string } | undefined> {
  const { sessions } = await machine.json("status");
  return sessions.find((one: { session_id: string }) => one.session_id === session);
}
