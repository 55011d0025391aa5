import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { hook, passed } from "../support/hook.ts";
import { eventually, git, makeRepository, TestProject } from "../support/project.ts";

const names = (answer: { locks: { name: string }[] }) => answer.locks.map(({ name }) => name);

Deno.test("of many servers that ask for one lock at once, one has it, and the others learn who", async () => {
  await using project = new TestProject();
  const clients = await Promise.all(Array.from({ length: 6 }, () => project.connect()));
  const answers = await Promise.all(
    clients.map((client) => client.tool("acquire_lock", { name: "issue:42", timeout: 60 })),
  );
  const winners = answers.filter(({ success }) => success);
  assertEquals(winners.length, 1);
  assertEquals(winners[0].lock_name, "issue:42");
  assertEquals(winners[0].key, "claude:locks:issue:42");
  const { session_id: holder } = await clients[answers.indexOf(winners[0])].tool("heartbeat");
  for (const answer of answers.filter(({ success }) => !success)) {
    assertEquals([answer.reason, answer.held_by], ["lock_held", holder]);
    assertMatch(answer.holder, /^Session_\d+$/);
    assert(Date.parse(answer.expires_at) > Date.now());
  }
});

Deno.test("one's own lock is extended, with the same token; the next grant has a higher one", async () => {
  await using project = new TestProject();
  const [ada, bob] = await Promise.all([project.connect(), project.connect()]);
  const first = await ada.tool("acquire_lock", { name: "deploy", timeout: 60 });
  const again = await ada.tool("acquire_lock", { lock_name: "deploy", timeout_seconds: 600 });
  assertEquals([again.success, again.extended, again.lock_name], [true, true, "resource:deploy"]);
  assertEquals(again.token, first.token);
  assert(Date.parse(again.expires_at) > Date.parse(first.expires_at));
  assertEquals(await ada.tool("release_lock", { name: "deploy" }), {
    success: true,
    lock_name: "resource:deploy",
  });
  const next = await bob.tool("acquire_lock", { name: "deploy" });
  assert(next.success && next.token > first.token);
});

Deno.test("a lock is released by its holder only", async () => {
  await using project = new TestProject();
  const [ada, bob] = await Promise.all([project.connect(), project.connect()]);
  assertEquals((await bob.tool("release_lock", { name: "x" })).reason, "lock_not_found");
  await ada.tool("acquire_lock", { name: "x" });
  const refusal = await bob.tool("release_lock", { name: "x" });
  const { session_id } = await ada.tool("heartbeat");
  assertEquals([refusal.success, refusal.reason, refusal.held_by], [
    false,
    "not_owner",
    session_id,
  ]);
  assertEquals((await ada.tool("check_lock", { name: "x" })).is_mine, true);
  assertEquals((await bob.tool("check_lock", { name: "x" })).is_mine, false);
});

Deno.test("a lock ends at its own deadline", async () => {
  await using project = new TestProject();
  const [ada, bob] = await Promise.all([project.connect(), project.connect()]);
  await ada.tool("acquire_lock", { name: "short", timeout: 1 });
  assertEquals((await bob.tool("acquire_lock", { name: "short" })).success, false);
  await eventually(
    "the lock is free",
    async () => (await bob.tool("acquire_lock", { name: "short" })).success,
  );
});

Deno.test("a lock ends with its server, however that ends", async () => {
  await using project = new TestProject();
  const bob = await project.connect();
  for (const end of ["close", "kill"] as const) {
    const ada = await project.connect();
    assert((await ada.tool("acquire_lock", { name: "x", timeout: 3600 })).success);
    await ada[end]();
    const endedAt = performance.now();
    await eventually("the lock is free", async () => {
      const answer = await bob.tool("acquire_lock", { name: "x" });
      return answer.success;
    });
    assert(performance.now() - endedAt < 2000, end);
    await bob.tool("release_lock", { name: "x" });
  }
});

Deno.test("locks are listed by name, those that match a glob", async () => {
  await using project = new TestProject();
  const ada = await project.connect();
  for (const name of ["wave:5c.1", "issue:2", "issue:1"]) await ada.tool("acquire_lock", { name });
  const all = await ada.tool("list_locks");
  assertEquals([all.count, all.pattern, names(all)], [3, "*", ["issue:1", "issue:2", "wave:5c.1"]]);
  assertEquals(names(await ada.tool("list_locks", { pattern: "issue:*" })), ["issue:1", "issue:2"]);
});

Deno.test("the lock `work` is named after what the branch is about", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder);
  const ada = await project.connect();
  const branches = {
    "issue-42-auth": "issue:42",
    "wave-5c.1-parser": "wave:5c.1",
    "wave-5c-1-parser": "wave:5c.1",
    "wave-3-x": "wave:3",
    "feature": "branch:feature",
  };
  for (const [branch, name] of Object.entries(branches)) {
    await git(project.folder, "checkout", "--quiet", "-B", branch);
    assertEquals((await ada.tool("acquire_lock", { name: "work" })).lock_name, name);
  }
});

Deno.test("a wrong name or time is refused with what is right", async () => {
  await using project = new TestProject();
  const ada = await project.connect();
  for (
    const args of [
      {},
      { name: "" },
      { name: "a\nb" },
      { name: "x".repeat(501) },
      {
        name: "x",
        timeout: 0,
      },
      { name: "x", timeout: 86_401 },
      { name: "x", timeout: 1.5 },
    ]
  ) {
    const { isError, texts } = await ada.call("acquire_lock", args);
    assert(isError, JSON.stringify(args));
    assertEquals(texts[0].split("\n").length, 2);
  }
  const { texts } = await ada.call("check_lock", { name: "work" });
  assertStringIncludes(texts[0], "branch");
});

Deno.test("sessions see what each other says of its work", async () => {
  await using project = new TestProject();
  const [ada, bob] = await Promise.all([project.connect(), project.connect()]);
  const registered = await ada.tool("register_session", {
    metadata: { intent: "voice selection", percent_done: 60, work_area: "frontend" },
  });
  assert(registered.success);
  await ada.tool("register_session", { metadata: { work_area: null } });
  await bob.tool("heartbeat");
  const status = await bob.tool("session_status");
  assertEquals(status.session_count, 2);
  const seen = status.sessions.find(({ is_me }: { is_me: boolean }) => !is_me);
  assertEquals(seen.session_id, registered.session_id);
  const { intent, percent_done, work_area } = seen.metadata;
  assertEquals([intent, percent_done, work_area], ["voice selection", 60, undefined]);
  assertEquals([seen.status, seen.status_icon], ["active", "🟢"]);
  assert(status.my_session !== registered.session_id);
  await ada.close();
  await eventually(
    "the one that ended is not shown any more",
    async () => (await bob.tool("session_status")).session_count === 1,
  );
});

Deno.test("what a sub-agent holds is its own, and neither its session's nor its sibling's", async () => {
  await using project = new TestProject();
  const tell = (hook_event_name: string, fields: object = {}) =>
    hook(project, { session_id: "ada-session", hook_event_name, ...fields }, Deno.pid);
  passed(await tell("SessionStart", { source: "startup" }));
  const client = await project.connect();
  let calls = 0;
  const call = async (agent_id: string | undefined, name: string, args: object) => {
    const tool_use_id = `toolu_${calls++}`;
    const tool_name = `mcp__plugin_sc_csc__${name}`;
    passed(await tell("PreToolUse", { tool_name, tool_use_id, tool_input: args, agent_id }));
    const _meta = { "claudecode/toolUseId": tool_use_id };
    const { result } = await client.request("tools/call", { name, arguments: args, _meta });
    return result.structuredContent;
  };
  assertEquals((await call("one", "acquire_lock", { name: "deploy" })).success, true);
  for (const [agent, isMine] of [["one", true], ["two", false], [undefined, false]] as const) {
    const { available, is_mine } = await call(agent, "check_lock", { name: "deploy" });
    assertEquals([available, is_mine], [false, isMine], agent);
    const { locks } = await call(agent, "list_locks", {});
    assertEquals(locks.map((lock: { is_mine: boolean }) => lock.is_mine), [isMine], agent);
  }
  assertEquals((await call(undefined, "release_lock", { name: "deploy" })).reason, "not_owner");
  assertEquals((await call("one", "release_lock", { name: "deploy" })).success, true);
  await client.close();
});

Deno.test("the health check tells of the store", async () => {
  await using project = new TestProject();
  const ada = await project.connect();
  const health = await ada.tool("health_check");
  assertEquals([health.server, health.store.adapter, health.store.connected, health.port], [
    "healthy",
    "local",
    true,
    null,
  ]);
  assertEquals(health.redis.connected, false);
});

Deno.test("reading tools register nobody and leave no file", async () => {
  await using project = new TestProject();
  const ada = await project.connect();
  for (const tool of ["check_lock", "list_locks", "session_status", "health_check"]) {
    await ada.tool(tool, tool === "check_lock" ? { name: "x" } : {});
  }
  await ada.close();
  const left = [...Deno.readDirSync(project.folder)].map(({ name }) => name);
  assertEquals(left.filter((name) => name !== "state"), []); // where the test keeps the log
});
