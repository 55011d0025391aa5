import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import {
  git,
  makeRepository,
  readPrompt,
  readResource,
  type ServerOptions,
  TestProject,
} from "../support/project.ts";

/** Starts servers, then lets them all sign on at the same moment; answers what each was told. */
async function race(project: TestProject, count: number) {
  const clients = await Promise.all(Array.from({ length: count }, () => project.connect()));
  const outcomes = await Promise.all(clients.map((client) => client.call("sign_on")));
  return outcomes.map(({ isError, texts, code }) => ({
    id: isError ? null : JSON.parse(texts[0]).session_id as string,
    text: texts[0],
    code,
  }));
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `claude_${i + 1}`).sort();

for (const count of [5, 12]) {
  Deno.test(`${count} processes that sign on together get ${count} identities`, async () => {
    await using project = new TestProject();
    const outcomes = await race(project, count);
    assertEquals(outcomes.map(({ id }) => id).sort(), numbered(count), "the first ones, no gaps");
    assertEquals(project.claims(), numbered(count));
  });
}

Deno.test("five processes on the store `kv` get five identities and keep all that they write", async () => {
  await using project = new TestProject({ storage: { adapter: "kv" } });
  const clients = await Promise.all(Array.from({ length: 5 }, () => project.connect()));
  const sessions = await Promise.all(clients.map((client) => client.tool("sign_on")));
  assertEquals(sessions.map(({ session_id }) => session_id).sort(), numbered(5));
  const writes = clients.flatMap((client, i) =>
    [1, 2, 3].map((n) => client.tool("store_data", { scope: "all", key: `${i}.${n}`, value: n }))
  );
  await Promise.all(writes);
  assertEquals((await clients[0].tool("list_keys", { scope: "all" })).length, 15);
  await clients[4].kill();
  assertEquals(
    (await clients[0].tool("sign_on", { session_id: sessions[4].session_id })).session_id,
    sessions[4].session_id,
  );
});

Deno.test("with the store `memory` each process is alone", async () => {
  await using project = new TestProject({ storage: { adapter: "memory" } });
  const [ada, bob] = [await project.signedOn(), await project.signedOn()];
  await ada.tool("store_data", { scope: "a", key: "k", value: 1 });
  assertEquals(await ada.tool("list_scopes"), ["a"]);
  assertEquals(await bob.tool("list_scopes"), []);
  assertEquals((await bob.tool("sign_on")).session_id, "claude_1");
});

Deno.test("processes that sign on as their very first message get different identities", async () => {
  await using project = new TestProject();
  const ids = await Promise.all(Array.from({ length: 5 }, async () => {
    const client = project.start();
    const answer = client.replyTo("on");
    const call = { name: "sign_on", arguments: {} };
    const shaken = client.initialize();
    await client.send({ jsonrpc: "2.0", id: "on", method: "tools/call", params: call });
    await shaken;
    return (await answer).result.structuredContent.session_id;
  }));
  assertEquals(ids.sort(), numbered(5));
});

Deno.test("`sign_on` refuses a taken instance and names its holder", async () => {
  await using project = new TestProject();
  const env = { CLAUDE_CODE_SESSION_ID: "0b7e-session" };
  const holder = await project.signedOn("claude_3", { env });
  const other = await project.connect();
  const { isError, texts, code } = await other.call("sign_on", { session_id: "claude_3" });
  assertEquals([isError, code], [true, "instance_taken"]);
  const [fact, hint, ...more] = texts[0].split("\n");
  assertEquals(more, []);
  assertStringIncludes(fact, "Cannot claim claude_3");
  assertStringIncludes(fact, `process ${holder.process.pid} on ${Deno.hostname()}`);
  assertStringIncludes(fact, "0b7e-session");
  assertMatch(fact, /since \d{4}-\d\d-\d\dT/);
  assertStringIncludes(hint, "sign_on() without session_id");
  assertEquals((await other.tool("sign_on")).session_id, "claude_1");
});

Deno.test("of ten that ask for one instance at the same time exactly one gets it", async () => {
  await using project = new TestProject();
  const clients = await Promise.all(Array.from({ length: 10 }, () => project.connect()));
  const outcomes = await Promise.all(
    clients.map((client) => client.call("sign_on", { session_id: "boss" })),
  );
  assertEquals(outcomes.filter(({ isError }) => !isError).length, 1);
  const codes = new Set(outcomes.filter(({ isError }) => isError).map(({ code }) => code));
  assertEquals([...codes], ["instance_taken"]);
});

Deno.test("signing on twice answers the same identity, also when it is asked for by name", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  const first = await client.tool("sign_on");
  assertEquals(await client.tool("sign_on"), first);
  assertEquals(await client.tool("sign_on", { session_id: "claude_1" }), first);
  assertEquals(project.claims(), ["claude_1"]);
});

Deno.test("signing on as another moves, and gives the first identity back", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  assertEquals((await client.tool("sign_on", { session_id: "claude_4" })).session_id, "claude_4");
  assertEquals(project.claims(), ["claude_4"]);
  const other = await project.connect();
  assertEquals((await other.tool("sign_on")).session_id, "claude_1");
  const refusal = await client.call("sign_on", { session_id: "claude_1" });
  assert(refusal.isError);
  assertEquals(
    (await client.tool("sign_on")).session_id,
    "claude_4",
    "a refused move changes nothing",
  );
});

Deno.test("the pool keeps claude_2 to claude_4 after the first claim", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  assertEquals(project.stored().instances.registry, {
    claude_1: "taken",
    claude_2: "available",
    claude_3: "available",
    claude_4: "available",
  });
  await client.tool("sign_off");
  const { instances, first_available } = await readResource(client, "session://context");
  assertEquals(Object.values(instances), Array(4).fill("available"));
  assertEquals(first_available, "claude_1");
});

Deno.test("the pool grows beyond four, in natural order, and there is always a free one", async () => {
  await using project = new TestProject();
  const outcomes = await race(project, 11);
  assert(outcomes.every(({ id }) => id !== null));
  const reader = await project.connect();
  const { instances, first_available } = await readResource(reader, "session://context");
  assertEquals(Object.keys(instances), Array.from({ length: 12 }, (_, i) => `claude_${i + 1}`));
  assertEquals([first_available, instances.claude_12], ["claude_12", "available"]);
});

Deno.test("an instance with a name of its own joins the pool and stays in it", async () => {
  await using project = new TestProject();
  const client = await project.signedOn("reviewer");
  await client.tool("sign_off");
  const { instances } = await readResource(client, "session://context");
  assertEquals(instances.reviewer, "available");
});

const LIMITED = { session: { max_instances: 2 } };

Deno.test("at the limit the next session is refused, and told so by the prompt too", async () => {
  await using project = new TestProject(LIMITED);
  await Promise.all([project.signedOn(), project.signedOn()]);
  const third = await project.connect();
  const { texts, code } = await third.call("sign_on");
  assertEquals(code, "all_taken");
  assertMatch(texts[0], /^All instances of project are taken \(the limit is 2\)\n.*max_instances/);
  assertMatch(await readPrompt(third, "startup"), /All instances are currently taken in project/);
  const { instances, first_available } = await readResource(third, "session://context");
  assertEquals(instances, { claude_1: "taken", claude_2: "taken" });
  assertEquals(first_available, null);
});

Deno.test("a free name asked for at the limit is refused at once", async () => {
  await using project = new TestProject(LIMITED);
  await Promise.all([project.signedOn(), project.signedOn()]);
  const third = await project.connect();
  const startedAt = performance.now();
  const { code } = await third.call("sign_on", { session_id: "claude_9" });
  const tookMs = Math.round(performance.now() - startedAt);
  assertEquals(code, "all_taken");
  assertEquals(project.claims(), ["claude_1", "claude_2"]);
  assert(tookMs < 2000, `it took ${tookMs} ms`);
});

Deno.test("a place that became free at the limit can be claimed", async () => {
  await using project = new TestProject(LIMITED);
  const [first] = [await project.signedOn(), await project.signedOn()];
  const third = await project.connect();
  assert((await third.call("sign_on")).isError);
  await first.close();
  assertEquals((await third.tool("sign_on")).session_id, "claude_1");
});

Deno.test("six that race for two places never hold more than two", async () => {
  await using project = new TestProject(LIMITED);
  const outcomes = await race(project, 6);
  assertEquals(outcomes.filter(({ id }) => id !== null).length, 2);
  for (const { id, code } of outcomes) if (id === null) assertEquals(code, "all_taken");
  assertEquals(project.claims().length, 2);
});

Deno.test("a session that lists tools, resources and prompts claims nothing and leaves no folder", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  for (const method of ["tools/list", "resources/list", "prompts/list"]) {
    assert((await client.request(method)).result);
  }
  assertEquals((await client.close()).code, 0);
  assertEquals([...Deno.readDirSync(project.folder)].map(({ name }) => name), ["state"], "the log");
});

Deno.test("two projects do not see each other, though they share a store", async () => {
  await using project = new TestProject({
    storage: { adapter: "local", config: { base_path: "../shared" } },
  });
  const config = project.folder + "/.claude/session-coordinator-config.json";
  const other: ServerOptions = {
    folder: project.beside("other"),
    env: { CLAUDE_SESSION_COORDINATOR_CONFIG: config },
  };
  Deno.mkdirSync(other.folder!);
  const [ada, bob] = [await project.signedOn(), await project.signedOn(undefined, other)];
  assertEquals((await ada.tool("sign_on")).project, "project");
  assertEquals((await bob.tool("sign_on")).session_id, "claude_1");
  await ada.tool("store_data", { scope: "issue:1", key: "k", value: 1 });
  assertEquals(await bob.tool("list_scopes"), []);
  assertEquals(await bob.tool("retrieve_data", { scope: "issue:1", key: "k" }), null);
});

Deno.test("two worktrees of one repository share instances and data", async () => {
  await using project = new TestProject();
  const main = project.beside("main");
  await makeRepository(main, "git@example.org:ada/engine.git");
  await git(main, "worktree", "add", "--quiet", "../linked");
  const ada = await project.signedOn(undefined, { folder: main });
  const bob = await project.connect({ folder: project.beside("linked") });
  const session = await bob.tool("sign_on");
  assertEquals([session.project, session.session_id], ["ada/engine", "claude_2"]);
  await ada.tool("store_data", { scope: "issue:1", key: "k", value: "from main" });
  assertEquals(await bob.tool("retrieve_data", { scope: "issue:1", key: "k" }), "from main");
  assertEquals(await git(main, "status", "--porcelain"), "", "the store's folder ignores itself");
});

Deno.test("the store of a bare repository's worktrees is in the repository", async () => {
  await using project = new TestProject();
  await makeRepository(project.beside("seed"));
  await git(project.beside(), "clone", "--quiet", "--bare", "seed", "engine.git");
  const bare = project.beside("engine.git");
  for (const name of ["one", "two"]) {
    await git(bare, "worktree", "add", "--quiet", `../${name}`, "-b", name);
  }
  await project.signedOn(undefined, { folder: project.beside("one") });
  const two = await project.connect({ folder: project.beside("two") });
  assertEquals((await two.tool("sign_on")).session_id, "claude_2");
  assert(Deno.statSync(`${bare}/.claude/session-state`).isDirectory);
});

const SCOPE = (name: string) => `laptop:project:${name}`;
const scopeFile = (name: string, data: object) =>
  JSON.stringify({ scope: SCOPE(name), data, metadata: {} }, null, 2);

Deno.test("a registry that the Python reference wrote blocks nobody", async () => {
  await using project = new TestProject({ session: { machine_id: "laptop" } });
  project.write(
    ".claude/session-state/laptop__project__instances.json",
    scopeFile("instances", { registry: { claude_1: "taken", claude_7: "taken" } }),
  );
  const client = await project.connect();
  assertEquals((await client.tool("sign_on")).session_id, "claude_1");
  const { instances } = await readResource(client, "session://context");
  assertEquals(Object.keys(instances).length, 5);
  assertEquals(instances.claude_7, "available");
});

Deno.test("records that are no claims block nobody", async (t) => {
  const records = [null, 5, "taken", [], {}, { life: 1 }, { life: "x", heartbeat: {} }];
  for (const record of records) {
    await t.step(JSON.stringify(record), async () => {
      await using project = new TestProject({
        session: { machine_id: "laptop", max_instances: 1 },
      });
      project.write(
        ".claude/session-state/laptop__project__csc__claims.json",
        scopeFile("csc:claims", { claude_1: record }),
      );
      const client = await project.connect();
      assertEquals((await client.tool("sign_on")).session_id, "claude_1");
    });
  }
});
