/** A client has one session at a time: what of that holds where the end of the last one was lost. */

import { assertEquals, assertMatch } from "../support/assert.ts";
import {
  denied,
  holders,
  hook,
  type HookInput,
  passed,
  repositoryWith,
  TestSession,
} from "../support/hook.ts";
import { eventually, TestProject } from "../support/project.ts";

const NEW = { session_id: "new" };
const CLEARED = { ...NEW, source: "clear" };

async function scene(): Promise<TestProject> {
  const project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  return project;
}

/** The sessions that have not ended. */
async function active(project: TestProject): Promise<string[]> {
  const { sessions } = JSON.parse((await project.csc("status", "--json")).stdout);
  const live = sessions.filter((one: { standing: string }) => one.standing !== "dead");
  return live.map((one: { session_id: string }) => one.session_id);
}

Deno.test("after /clear a session whose end was lost is not in the way of the next one", async () => {
  await using project = await scene();
  await using client = await TestSession.start(project, "old");
  const path = `${project.folder}/a.py`;
  await client.edit(path, "A\n");
  await client.csc("lock", "db");
  const context = passed(await client.tell("SessionStart", CLEARED));
  assertMatch(context, /you are Session_2 .*No other session is active/s);
  assertEquals(await active(project), ["new"]);
  assertEquals(JSON.parse((await client.csc("locks", "--json")).stdout).locks, []);
  await client.edit(path, "AA\n", NEW);
  assertEquals(holders(project), { "a.py": "new" });
});

Deno.test("nor where its start was lost too, once the user says something", async () => {
  await using project = await scene();
  await using client = await TestSession.start(project, "old");
  const path = `${project.folder}/a.py`;
  await client.edit(path, "A\n");
  passed(await client.tell("UserPromptSubmit", { ...NEW, prompt: "go on" }));
  passed(await client.before(path, NEW));
});

Deno.test("a late tool call of the old session ends nothing of the new one", async () => {
  await using project = await scene();
  await using client = await TestSession.start(project, "old");
  const path = `${project.folder}/a.py`;
  passed(await client.tell("SessionStart", CLEARED));
  await client.edit(path, "A\n", NEW);
  denied(await client.before(path));
  assertEquals(holders(project), { "a.py": "new" });
  assertEquals(await active(project), ["old", "new"], "it has come back, until the user goes on");
  passed(await client.tell("UserPromptSubmit", { ...NEW, prompt: "go on" }));
  assertEquals(await active(project), ["new"]);
});

Deno.test("a fork in a process of its own ends nothing", async () => {
  await using project = await scene();
  await using client = await TestSession.start(project, "old");
  await using fork = new TestSession(project, "fork");
  passed(await fork.tell("SessionStart", { source: "fork" }));
  assertEquals(await active(project), ["old", "fork"]);
  // Forked in the client itself, it has the client's process, and the session before it is closed.
  passed(await client.tell("SessionStart", { session_id: "other-fork", source: "fork" }));
  assertEquals(await active(project), ["fork", "other-fork"]);
});

Deno.test("the server goes on for the new session; one that only starts with the number ends nothing", async () => {
  await using project = await scene();
  // This process stands for the client, so that the server which it starts serves the session.
  const tell = (event: HookInput) => hook(project, event, Deno.pid);
  const start = (session_id: string, source: string) =>
    tell({ hook_event_name: "SessionStart", session_id, source });
  passed(await start("old", "startup"));
  const server = await project.connect();
  const served = async () => (await server.tool("session_status")).my_session;
  assertEquals(await served(), "old");
  // An older client that was started within the session has the outer one's number from its environment.
  passed(await start("inner", "startup"));
  assertEquals(await active(project), ["old", "inner"]);

  passed(await start("new", "clear"));
  assertEquals(await active(project), ["new"]);
  await eventually("the server follows", async () => await served() === "new");
});
