import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { ROOT } from "../support/command.ts";
import { schemaFaults } from "../support/json_schema.ts";
import { eventually, readResource, TestProject } from "../support/project.ts";

const VERSION = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)).version;
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

// deno-lint-ignore no-explicit-any
async function listTools(project: TestProject): Promise<any[]> {
  const client = await project.connect();
  return (await client.request("tools/list")).result.tools;
}

Deno.test("`initialize` answers who the server is and what it can do", async () => {
  await using project = new TestProject();
  const { result } = await project.start().initialize();
  assertEquals(result.serverInfo.name, "csc");
  assertEquals(result.serverInfo.version, VERSION);
  assertEquals(result.protocolVersion, "2025-11-25");
  assertEquals(result.capabilities, {
    tools: {},
    resources: { listChanged: true, subscribe: true },
    prompts: {},
    completions: {},
    logging: {},
  });
});

Deno.test("a store that fails is told to whoever watches over the client, unless it asked for less", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  await client.tool("store_data", { scope: "a", key: "k", value: 1 });
  const folder = `${project.folder}/.claude/session-state`;
  for (const { name } of Deno.readDirSync(folder)) {
    if (/__a\.json$/.test(name)) Deno.writeTextFileSync(`${folder}/${name}`, "{");
  }
  const read = () => client.call("retrieve_data", { scope: "a", key: "k" });
  const messages = () =>
    client.notifications.filter(({ method }) => method === "notifications/message");
  assertEquals((await read()).code, "store_corrupt");
  await eventually("it is told", () => messages().length === 1);
  const { level, data } = messages()[0].params as { level: string; data: string };
  assertEquals(level, "error");
  assertMatch(data, /^retrieve_data a k refused \(store_corrupt\)/);
  assertEquals((await client.request("logging/setLevel", { level: "emergency" })).result, {});
  await read();
  await client.request("ping");
  assertEquals(messages().length, 1);
});

Deno.test("the instructions have at most 2 KB and name the first step and the last", async () => {
  await using project = new TestProject();
  const { instructions } = (await project.start().initialize()).result;
  assert(new TextEncoder().encode(instructions).length <= 2048);
  for (const word of ["sign_on", "sign_off", "session://context", "store_data"]) {
    assertStringIncludes(instructions, word);
  }
});

Deno.test("an older revision of the protocol is spoken too", async () => {
  await using project = new TestProject();
  const client = project.start();
  const reply = await client.request("initialize", {
    protocolVersion: "2024-11-05",
    capabilities: {},
    clientInfo: { name: "old", version: "1" },
  });
  assertEquals(reply.result.protocolVersion, "2024-11-05");
});

Deno.test("the sixteen tools are listed under the seeds' names", async () => {
  await using project = new TestProject();
  const tools = await listTools(project);
  assertEquals(tools.map(({ name }) => name), [
    "sign_on",
    "sign_off",
    "store_data",
    "retrieve_data",
    "delete_data",
    "list_keys",
    "list_scopes",
    "delete_scope",
    "acquire_lock",
    "release_lock",
    "check_lock",
    "list_locks",
    "register_session",
    "heartbeat",
    "session_status",
    "health_check",
  ]);
});

Deno.test("names, descriptions and input schemas have at most 8 kB, a description 2 kB", async () => {
  await using project = new TestProject();
  const tools = await listTools(project);
  const shown = tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }));
  assert(bytes(shown) <= 8000, `${bytes(shown)} bytes`);
  for (const { name, description } of tools) assert(bytes(description) <= 2000, name);
});

Deno.test("the parameters are those of the seeds, and `machine` on the tools that read", async () => {
  await using project = new TestProject();
  const tools = await listTools(project);
  const parameters = tools.map(({ name, inputSchema }) => {
    assertEquals(inputSchema.type, "object", name);
    assertEquals(inputSchema.additionalProperties, false, name);
    const required = inputSchema.required ?? [];
    const names = Object.keys(inputSchema.properties ?? {});
    return [name, names.map((one) => required.includes(one) ? one : `${one}?`).join(" ")];
  });
  assertEquals(Object.fromEntries(parameters), {
    sign_on: "session_id?",
    sign_off: "",
    store_data: "scope key value",
    retrieve_data: "scope key machine?",
    delete_data: "scope key",
    list_keys: "scope machine?",
    list_scopes: "pattern? machine?",
    delete_scope: "scope",
    acquire_lock: "name? timeout? lock_name? timeout_seconds?",
    release_lock: "name? lock_name?",
    check_lock: "name? lock_name?",
    list_locks: "pattern?",
    register_session: "metadata?",
    heartbeat: "",
    session_status: "",
    health_check: "",
  });
});

Deno.test("the annotations say which tools read, which destroy and that none leaves this world", async () => {
  await using project = new TestProject();
  const tools = await listTools(project);
  const having = (wanted: (annotations: Record<string, boolean>) => boolean) =>
    tools.filter(({ annotations }) => wanted(annotations)).map(({ name }) => name);
  assertEquals(having(({ openWorldHint }) => openWorldHint === false).length, 16);
  assertEquals(having(({ readOnlyHint }) => readOnlyHint), [
    "retrieve_data",
    "list_keys",
    "list_scopes",
    "check_lock",
    "list_locks",
    "session_status",
    "health_check",
  ]);
  assertEquals(having(({ destructiveHint }) => destructiveHint), [
    "store_data",
    "delete_data",
    "delete_scope",
  ]);
});

Deno.test("every answer's structured content is valid against the tool's output schema", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  const { tools } = (await client.request("tools/list")).result;
  const scope = "issue:15";
  const calls: [tool: string, args: Record<string, unknown>][] = [
    ["sign_off", {}],
    ["sign_on", {}],
    ["store_data", { scope, key: "k", value: { a: [1, null] } }],
    ["retrieve_data", { scope, key: "k" }],
    ["retrieve_data", { scope, key: "nothing" }],
    ["list_keys", { scope }],
    ["list_scopes", {}],
    ["delete_data", { scope, key: "k" }],
    ["delete_scope", { scope }],
    ["sign_off", {}],
    ["check_lock", { name: "issue:1" }],
    ["acquire_lock", { name: "issue:1", timeout: 60 }],
    ["acquire_lock", { lock_name: "issue:1", timeout_seconds: 60 }],
    ["check_lock", { name: "issue:1" }],
    ["list_locks", { pattern: "issue:*" }],
    ["release_lock", { name: "issue:1" }],
    ["release_lock", { name: "issue:1" }],
    ["register_session", { metadata: { intent: "tests", percent_done: 10 } }],
    ["heartbeat", {}],
    ["session_status", {}],
    ["health_check", {}],
  ];
  for (const [name, args] of calls) {
    const { isError, structured } = await client.call(name, args);
    assert(!isError, name);
    // deno-lint-ignore no-explicit-any
    const { outputSchema } = tools.find((tool: any) => tool.name === name);
    assertEquals(outputSchema.type, "object", name);
    assertEquals(schemaFaults(outputSchema, structured), [], name);
  }
});

Deno.test("`resources/list` shows the fixed resources and one for each session that is there", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  const uris = async () =>
    (await client.request("resources/list")).result.resources.map(
      (resource: { uri: string; name: string; mimeType: string }) => {
        assert(resource.name);
        assertEquals(resource.mimeType, "application/json");
        return resource.uri;
      },
    );
  assertEquals(await uris(), ["session://context", "session://storage-config", "session://graph"]);
  await client.tool("sign_on");
  assertEquals((await uris())[3], "session://state/claude_1");
});

Deno.test("`resources/list` works without a usable configuration", async () => {
  await using project = new TestProject({ storage: { adapter: "nothing" } });
  const client = await project.connect();
  const { resources } = (await client.request("resources/list")).result;
  assertEquals(resources.length, 3);
});

Deno.test("the templates are those for states and for values", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  const { resourceTemplates } = (await client.request("resources/templates/list")).result;
  assertEquals(
    resourceTemplates.map(({ uriTemplate }: { uriTemplate: string }) => uriTemplate),
    ["session://state/{id}", "session://data/{scope}/{key}"],
  );
});

Deno.test("the prompts are `startup` and `sign-off`, and an unknown one is refused with them named", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  const { prompts } = (await client.request("prompts/list")).result;
  assertEquals(prompts.map(({ name }: { name: string }) => name), ["startup", "sign-off"]);
  const { error } = await client.request("prompts/get", { name: "sign_off_prompt" });
  assertEquals(error?.code, -32602);
  assertMatch(error!.message, /sign_off_prompt.*startup, sign-off/);
});

Deno.test("completion offers instances, scopes and keys", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  await client.tool("store_data", { scope: "issue:15", key: "plan", value: 1 });
  await client.tool("store_data", { scope: "issue:16", key: "plan", value: 1 });
  await client.tool("store_data", { scope: "other", key: "x", value: 1 });
  const complete = async (name: string, value: string, args: Record<string, string> = {}) => {
    const uri = name === "id" ? "session://state/{id}" : "session://data/{scope}/{key}";
    const { result } = await client.request("completion/complete", {
      ref: { type: "ref/resource", uri },
      argument: { name, value },
      context: { arguments: args },
    });
    assertEquals(result.completion.total, result.completion.values.length);
    return result.completion.values;
  };
  assertEquals(await complete("id", "claude_"), ["claude_1", "claude_2", "claude_3", "claude_4"]);
  assertEquals(await complete("id", "claude_3"), ["claude_3"]);
  assertEquals(await complete("scope", "issue"), ["issue:15", "issue:16"]);
  assertEquals(await complete("scope", "*"), [], "a star means itself");
  assertEquals(await complete("scope", "csc:"), [], "the coordinator's own stay hidden");
  assertEquals(await complete("key", "p", { scope: "issue:15" }), ["plan"]);
  assertEquals(await complete("key", "p"), []);
  assertEquals(await complete("colour", ""), []);
});

Deno.test("a completion offers at most 100 values and says that there are more", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  const keys = Array.from({ length: 120 }, (_, i) => `k${i}`);
  await Promise.all(
    keys.map((key) => client.tool("store_data", { scope: "many", key, value: 0 })),
  );
  const { result } = await client.request("completion/complete", {
    ref: { type: "ref/resource", uri: "session://data/{scope}/{key}" },
    argument: { name: "key", value: "" },
    context: { arguments: { scope: "many" } },
  });
  assertEquals(result.completion.values.length, 100);
  assertEquals([result.completion.total, result.completion.hasMore], [120, true]);
});

Deno.test("who subscribed to a state is told when it changes, and no more after unsubscribing", async () => {
  await using project = new TestProject();
  const watcher = await project.connect();
  const worker = await project.signedOn();
  const uri = "session://state/claude_1";
  await watcher.request("resources/subscribe", { uri });
  const updates = () =>
    watcher.notifications.filter(({ method, params }) =>
      method === "notifications/resources/updated" && (params as { uri: string }).uri === uri
    ).length;
  let value = 0;
  // Stored again until the watch, which begins in the background, has seen one.
  await eventually("the first update", async () => {
    await worker.tool("store_data", { scope: "session:claude_1", key: "status", value: value++ });
    return updates() > 0;
  });
  await watcher.request("resources/unsubscribe", { uri });
  const before = updates();
  await worker.tool("store_data", { scope: "session:claude_1", key: "status", value: "last" });
  await eventually(
    "the change is readable",
    async () => (await readResource(watcher, uri)).status === "last",
  );
  await watcher.request("ping");
  assertEquals(updates(), before);
});

Deno.test("a signed-on session is told when another signs on, signs off, or is killed", async () => {
  await using project = new TestProject({
    session: { heartbeat_interval_ms: 200, heartbeat_timeout_ms: 5000 },
  });
  const watcher = await project.signedOn();
  await watcher.request("resources/subscribe", { uri: "session://context" });
  const told = (method: string) =>
    watcher.notifications.filter((one) => one.method === `notifications/${method}`).length;
  const listChanges = () => told("resources/list_changed");
  const other = await project.connect();
  // Signed on and off until the watch, which begins in the background, has seen it.
  await eventually("told of a sign-on", async () => {
    const before = listChanges();
    await other.tool("sign_off");
    await other.tool("sign_on", { session_id: "claude_2" });
    return await eventually("seen", () => listChanges() > before || null, 1000).catch(() => null);
  });
  await eventually("the context is announced", () => told("resources/updated") > 0);
  let before = listChanges();
  await other.tool("sign_off");
  await eventually("told of a sign-off", () => listChanges() > before);
  await other.tool("sign_on", { session_id: "claude_2" });
  await eventually("told of the sign-on again", () => listChanges() > before + 1);
  before = listChanges();
  await other.kill();
  await eventually("told of a kill", () => listChanges() > before);
});
