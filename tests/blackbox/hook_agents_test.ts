import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { denied, holders, passed, repositoryWith, TestSession } from "../support/hook.ts";
import { TestProject } from "../support/project.ts";

const FILES = { "a.py": "a\n", "b.py": "b\n", "c.py": "c\n", "d.py": "d\n" };
const ONE = { agent_id: "agent-one-1", agent_type: "general-purpose" };
const TWO = { agent_id: "agent-two-2", agent_type: "general-purpose" };

async function scene(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  return [ada, bob];
}

Deno.test("sub-agents hold for themselves: siblings and their parent exclude each other", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const a = `${project.folder}/a.py`;
  await ada.edit(a, "A\n", ONE);
  assertEquals(holders(project), { "a.py": "ada-session/agent-one-1" });
  await ada.edit(a, "A again\n", ONE); // it may go on
  for (const reply of [await ada.before(a, TWO), await ada.before(a), await bob.before(a)]) {
    assertStringIncludes(denied(reply), "File locked by Session_1 (sub-agent agent-on)");
  }
  denied(await ada.shell("echo x >> a.py", TWO));
  denied(await ada.shell("git stash", TWO));
  denied(await ada.shell("git add -A", TWO));
  denied(await ada.shell("git stash"));
  // What a command changes of a sibling's is found afterwards as well.
  const { after } = await ada.run(`f=a.py; echo x >> "$f"`, TWO);
  assertStringIncludes(after, "Session_1 (sub-agent agent-on) held a.py while you changed it");
  // Turns and batches of others end nothing of it.
  await ada.tell("Stop");
  await ada.tell("PostToolBatch", { ...TWO, tool_calls: [] });
  assertEquals(holders(project), { "a.py": "ada-session/agent-one-1" });
});

Deno.test("a sub-agent borrows from its waiting parent, and gives back when it stops", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const [a, b, c, d] = Object.keys(FILES).map((name) => `${project.folder}/${name}`);
  await ada.edit(a, "A\n");
  await ada.edit(b, "B\n");
  passed(await ada.before(d)); // is under way

  await ada.edit(a, "A2\n", ONE);
  passed(await ada.before(b, ONE)); // and is refused by the user
  await ada.edit(c, "C\n", ONE);
  denied(await ada.before(d, ONE));
  denied(await ada.before(a));
  assertEquals(holders(project), {
    "a.py": "ada-session/agent-one-1",
    "b.py": "ada-session/agent-one-1",
    "c.py": "ada-session/agent-one-1",
    "d.py": "ada-session",
  });
  // The parent's own edits are not foreign to it.
  passed(await ada.shell("git stash", ONE));

  const stop = { ...ONE, stop_hook_active: false, agent_transcript_path: "/t.jsonl" };
  assertEquals((await ada.tell("SubagentStop", stop)).code, 0);
  assertEquals(holders(project), {
    "a.py": "ada-session",
    "b.py": "ada-session",
    "c.py": "ada-session",
    "d.py": "ada-session",
  });
  for (const path of [a, b, c]) assertMatch(denied(await bob.before(path)), /by Session_1: /);
  passed(await ada.before(a));
  // Without a start, as the client sends it around `/compact`, it is no harm.
  assertEquals(passed(await ada.tell("SubagentStop", { stop_hook_active: false })), "");
});

Deno.test("what a sub-agent reserved and never used is free when it stops", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  passed(await ada.before(`${project.folder}/a.py`, ONE));
  denied(await bob.before(`${project.folder}/a.py`));
  await ada.tell("SubagentStop", ONE);
  assertEquals(holders(project)["a.py"], bob.id, "handed over to whoever waits");
  assertMatch(await bob.notices(), /It is your turn: a\.py is free now/);
  // Refused permission: nothing is told but the batch.
  const call = { tool_name: "Edit", tool_input: { file_path: `${project.folder}/b.py` } };
  passed(await ada.before(`${project.folder}/b.py`, TWO));
  await ada.tell("PostToolBatch", { ...TWO, tool_calls: [{ ...call, tool_use_id: "toolu_1" }] });
  passed(await bob.before(`${project.folder}/b.py`));
});

Deno.test("what a sub-agent was denied its parent is told, once, and not what came right later", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const [a, b] = ["a.py", "b.py"].map((name) => `${project.folder}/${name}`);
  await bob.edit(a, "bob's\n");
  await bob.edit(b, "bob's\n");
  await ada.notices(); // that bob has come
  denied(await ada.before(a, ONE));
  denied(await ada.before(b, ONE));
  denied(await ada.shell("git stash", ONE));
  denied(await ada.before(a, TWO));
  assertEquals(await ada.notices(), "", "the agents know it themselves so far");
  await bob.run("git checkout --quiet -- b.py");
  await ada.edit(b, "ada's\n", ONE); // its turn had come

  await ada.tell("SubagentStop", ONE);
  const batch = await ada.tell("PostToolBatch", { tool_calls: [] });
  const told: string = batch.said.additionalContext;
  assertStringIncludes(told, "your sub-agent agent-on was denied: a.py, git stash.");
  assertStringIncludes(told, "do not take its report of them as done");
  await ada.tell("SubagentStop", ONE);
  assertEquals(await ada.notices(), "", "it is told once");
  await ada.tell("SubagentStop", TWO);
  assertStringIncludes(await ada.notices(), "your sub-agent agent-tw was denied: a.py.");
  const history = await ada.csc("history", "--json");
  assertEquals(history.stdout.match(/"event": ?"deny"/g)?.length, 4, history.stdout);
  // It waits no more: with the file free nobody's turn is kept.
  await bob.run("git checkout --quiet -- a.py");
  assertEquals(holders(project), { "b.py": "ada-session" });
});
