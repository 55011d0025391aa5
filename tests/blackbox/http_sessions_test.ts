import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "../support/assert.ts";
import {
  bearer,
  Client,
  EventReader,
  eventsIn,
  HttpSession,
  MCP_HEADERS,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from "../support/http_client.ts";
import { HttpServer } from "../support/http_server.ts";
import { eventually } from "../support/project.ts";
import { INITIALIZE, toolCall } from "../support/raw_server.ts";

Deno.test("a session shakes hands, signs on, stores, reads and signs off over HTTP", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  assertEquals((await session.request("tools/list")).result.tools.length, 16);
  const { session_id, project } = await session.tool("sign_on");
  assertEquals([session_id, project], ["claude_1", "project"]);
  const value = { todo: "ünïcode 😀", big: 1 };
  await session.tool("store_data", { scope: "issue:1", key: "k", value });
  assertEquals(await session.tool("retrieve_data", { scope: "issue:1", key: "k" }), value);
  const { result } = await session.request("resources/read", { uri: "session://context" });
  assertEquals(JSON.parse(result.contents[0].text).instances.claude_1, "taken");
  const health = await session.tool("health_check");
  assertEquals([health.server, health.port], ["healthy", server.port]);
  assertEquals((await session.tool("sign_off")).status, "signed off");
});

Deno.test("each of many sessions has an identity of its own, and none is held by two", async () => {
  await using server = await HttpServer.start();
  const sessions = await Promise.all(
    Array.from({ length: 30 }, () => HttpSession.open(server.url)),
  );
  const ids = await Promise.all(
    sessions.map(async (session) => (await session.tool("sign_on")).session_id),
  );
  assertEquals(new Set(ids).size, 30);
  const locks = await Promise.all(
    sessions.map(async (session) => (await session.tool("acquire_lock", { name: "deploy" }))),
  );
  assertEquals(locks.filter(({ success }) => success).length, 1);
  await Promise.all(sessions.map((session) => session.delete()));
  const last = await HttpSession.open(server.url);
  assertEquals((await last.tool("acquire_lock", { name: "deploy" })).success, true);
  assertEquals((await last.tool("sign_on")).session_id, "claude_1");
});

Deno.test("a session that is deleted gives back its instance and its locks before the answer", async () => {
  await using server = await HttpServer.start();
  const one = await HttpSession.open(server.url);
  await one.tool("sign_on", { session_id: "claude_7" });
  await one.tool("acquire_lock", { name: "deploy" });
  const other = await HttpSession.open(server.url);
  const refusal = await other.call("sign_on", { session_id: "claude_7" });
  assertEquals(refusal._meta["csc/code"], "instance_taken");
  assertEquals((await other.tool("acquire_lock", { name: "deploy" })).success, false);
  assertEquals((await one.delete()).status, 200);
  assertEquals((await other.tool("sign_on", { session_id: "claude_7" })).session_id, "claude_7");
  assertEquals((await other.tool("acquire_lock", { name: "deploy" })).success, true);
  const after = await one.post(toolCall(9, "list_locks"));
  assertEquals(after.status, 404);
  await after.body?.cancel();
});

Deno.test("an idle session ends by itself, one with an open stream does not", async () => {
  await using server = await HttpServer.start({ http: { idle_timeout_s: 1 } });
  const idle = await HttpSession.open(server.url);
  await idle.tool("sign_on", { session_id: "idle" });
  const watched = await HttpSession.open(server.url);
  await watched.tool("sign_on", { session_id: "watched" });
  await using _stream = await watched.stream();
  await eventually("the idle one is gone", async () => await server.metric("csc_sessions") === 1);
  const heir = await HttpSession.open(server.url);
  assertEquals((await heir.tool("sign_on", { session_id: "idle" })).session_id, "idle");
  const { isError } = await heir.call("sign_on", { session_id: "watched" });
  assert(isError, "its stream is open");
});

Deno.test("project and machine come from headers, and nothing of one is seen in another", async () => {
  await using server = await HttpServer.start();
  const place = (project: string, machine: string) => ({
    "x-csc-project": project,
    "x-csc-machine": machine,
  });
  const one = await HttpSession.open(server.url, place("acme/shop", "laptop"));
  const context = await one.tool("sign_on");
  assertEquals(context.full_scope_prefix, "laptop:acme/shop");
  await one.tool("store_data", { scope: "a", key: "k", value: 1 });
  await one.tool("acquire_lock", { name: "deploy" });
  const sibling = await HttpSession.open(server.url, place("acme/shop", "desk"));
  assertEquals((await sibling.tool("sign_on")).session_id, "claude_1", "machines have own pools");
  assertEquals((await sibling.tool("acquire_lock", { name: "deploy" })).success, false);
  const fromAfar = { scope: "a", key: "k", machine: "laptop" };
  assertEquals(await sibling.tool("retrieve_data", fromAfar), 1);
  const stranger = await HttpSession.open(server.url, place("acme/b%C3%BCro", "laptop"));
  assertEquals((await stranger.tool("sign_on")).project, "acme/büro");
  assertEquals(await stranger.tool("list_scopes"), []);
  assertEquals((await stranger.tool("acquire_lock", { name: "deploy" })).success, true);
});

Deno.test("a session stays in the project that it was opened for", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url, { "x-csc-project": "one" });
  const moved = await session.post(toolCall(1, "sign_on"), { "x-csc-project": "two" });
  assertEquals(moved.status, 400);
  assertStringIncludes((await moved.json()).error.message, "another project");
  for (const name of ["", "a:b", "x".repeat(201), "a%00b", " a%20"]) {
    const response = await new HttpSession(server.url).post(INITIALIZE, { "x-csc-project": name });
    assertEquals(response.status, 400, name);
    await response.body?.cancel();
  }
});

Deno.test("a token names whose data one sees, and which projects and machines one may name", async () => {
  await using server = await HttpServer.start({
    tokens: [
      { user: "ada", projects: ["acme/*"], machines: ["laptop"] },
      { user: "bob", tenant: "other" },
      { user: "cleo", projects: ["acme/shop"] },
    ],
  });
  const [ada, bob, cleo] = server.tokens.map(bearer);
  const open = (headers: Record<string, string>) => HttpSession.open(server.url, headers);
  const adas = await open({ ...ada, "x-csc-project": "acme/shop" });
  assertEquals((await adas.tool("sign_on")).full_scope_prefix, "laptop:acme/shop");
  await adas.tool("store_data", { scope: "a", key: "k", value: "ada's" });
  const cleos = await open(cleo);
  const context = await cleos.tool("sign_on");
  assertEquals(context.full_scope_prefix, "cleo:acme/shop", "the token's only project, her name");
  const where = { scope: "a", key: "k", machine: "laptop" };
  assertEquals(await cleos.tool("retrieve_data", where), "ada's");
  const bobs = await open({ ...bob, "x-csc-project": "acme/shop", "x-csc-machine": "laptop" });
  assertEquals((await bobs.tool("sign_on")).session_id, "claude_1", "another tenant's pool");
  assertEquals(await bobs.tool("retrieve_data", where), null);
  const refused: Record<string, string>[] = [
    { "x-csc-project": "other/shop" },
    { "x-csc-project": "acme/a", "x-csc-machine": "desk" },
  ];
  for (const headers of refused) {
    const response = await new HttpSession(server.url, ada).post(INITIALIZE, headers);
    assertEquals(response.status, 403);
    assertEquals((await response.json()).error.data.code, "forbidden");
  }
});

Deno.test("a session is nobody's but its user's: to others it is as if there were none", async () => {
  await using server = await HttpServer.start({
    tokens: [{ user: "ada" }, { user: "bob" }, { user: "ada", tenant: "other" }, { user: "ada" }],
  });
  const [ada, bob, namesake, second] = server.tokens.map(bearer);
  const session = await HttpSession.open(server.url, ada);
  await session.tool("sign_on");
  const ask = async (headers: Record<string, string>, id: string, method: string) => {
    const response = await server.fetch("/mcp", {
      method,
      headers: { ...MCP_HEADERS, ...headers, "mcp-session-id": id },
      ...(method === "POST" && { body: JSON.stringify(toolCall(5, "sign_off")) }),
    });
    return { status: response.status, text: await response.text() };
  };
  for (const method of ["POST", "GET", "DELETE"]) {
    const unknown = await ask(bob, crypto.randomUUID(), method);
    assertEquals(unknown.status, 404);
    assertEquals(await ask(bob, session.id, method), unknown);
    assertEquals(await ask(namesake, session.id, method), unknown);
  }
  assertEquals((await ask(second, session.id, "POST")).status, 200, "a second token of the same");
});

Deno.test("a token that was revoked is refused at once, also in an open session", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }] });
  const session = await HttpSession.open(server.url, bearer(server.tokens[0]));
  await session.tool("sign_on");
  const { tokenFile } = server;
  await tokenFile.revoke(tokenFile.list()[0].id);
  const response = await session.post(toolCall(1, "list_locks"));
  assertEquals(response.status, 401);
  await response.body?.cancel();
  const open = await server.fetch("/mcp", { headers: MCP_HEADERS });
  assertEquals(open.status, 401, "without the last token the server is not open to everybody");
  await open.body?.cancel();
});

for (const kind of ["/mcp", "/sse"]) {
  Deno.test(`a token that was revoked ends the stream that it opened at ${kind}`, async () => {
    await using server = await HttpServer.start({ tokens: [{ user: "ada" }, { user: "bob" }] });
    const [ada, bob] = server.tokens.map(bearer);
    const open = async (token: Record<string, string>) =>
      kind === "/mcp"
        ? await (await HttpSession.open(server.url, token)).stream()
        : new EventReader(await server.fetch(kind, { headers: { ...MCP_HEADERS, ...token } }));
    await using adas = await open(ada);
    await using bobs = await open(bob);
    if (kind === "/sse") { for (const one of [adas, bobs]) assert(await one.next()); }
    const { tokenFile } = server;
    await tokenFile.revoke(tokenFile.list()[0].id);
    let isOver = false;
    void adas.next().catch(() => null).then((event) => isOver = event === null);
    await eventually("it ends", () => isOver, 30_000);
    const later = new Promise<string>((resolve) => setTimeout(() => resolve("open"), 1000));
    const next = bobs.next().then(() => "ended", () => "ended");
    assertEquals(await Promise.race([next, later]), "open", "another's");
  });
}

Deno.test("a token for one machine does not read what another has stored", async () => {
  await using server = await HttpServer.start({
    tokens: [
      { user: "ada", projects: ["acme"], machines: ["laptop"] },
      { user: "bob", projects: ["acme"], machines: ["desk", "lap*"] },
    ],
  });
  const [ada, bob] = await Promise.all(
    server.tokens.map((token) =>
      HttpSession.open(server.url, { ...bearer(token), "x-csc-machine": "laptop" })
    ),
  );
  for (const one of [ada, bob]) await one.tool("sign_on");
  const reads: [name: string, args: object][] = [
    ["retrieve_data", { scope: "a", key: "k", machine: "desk" }],
    ["list_keys", { scope: "a", machine: "desk" }],
    ["list_scopes", { machine: "desk" }],
    ["list_scopes", { machine: "" }],
  ];
  for (const [name, args] of reads) {
    const { isError, _meta } = await ada.call(name, args);
    assertEquals([isError, _meta?.["csc/code"]], [true, "forbidden"], `${name} ${args}`);
  }
  assertEquals(await bob.tool("list_scopes", { machine: "desk" }), []);
  assertEquals(await ada.tool("list_scopes", { machine: "laptop" }), []);
  const told = server.audit().filter(({ action }) => action === "tool:list_scopes");
  assertEquals(told.map(({ user, machine, result }) => [user, machine, result]), [
    ["ada", "desk", "forbidden"],
    ["ada", "", "forbidden"],
    ["bob", "desk", "ok"],
    ["ada", "laptop", "ok"],
  ]);
});

Deno.test("a token's scopes say what it may be used for", async () => {
  await using server = await HttpServer.start({
    tokens: [{ user: "reader", scopes: ["read"] }, { user: "writer", scopes: ["write"] }],
  });
  const [reader, writer] = await Promise.all(
    server.tokens.map((token) => HttpSession.open(server.url, bearer(token))),
  );
  for (
    const [session, name, lacks] of [[reader, "sign_on", "write"], [
      writer,
      "list_locks",
      "read",
    ]] as const
  ) {
    const { isError, content, _meta } = await session.call(name);
    assert(isError);
    assertEquals(_meta["csc/code"], "forbidden");
    assertStringIncludes(content[0].text, `no scope '${lacks}'`);
    assertEquals(content[0].text.split("\n").length, 2);
  }
  assertEquals((await reader.tool("list_locks")).count, 0);
  assertEquals((await writer.tool("sign_on")).session_id, "claude_1");
  const { error } = await writer.request("resources/read", { uri: "session://context" });
  assertStringIncludes(error.message, "no scope 'read'");
  assertEquals((await writer.request("resources/list")).result.resources.length, 3);
});

Deno.test("there is a limit of sessions, for each user and for all", async () => {
  await using server = await HttpServer.start({
    http: { max_sessions: 3, max_sessions_per_user: 2 },
    tokens: [{ user: "ada" }, { user: "bob" }],
  });
  const [ada, bob] = server.tokens.map(bearer);
  const first = await HttpSession.open(server.url, ada);
  await HttpSession.open(server.url, ada);
  const refused = async (headers: Record<string, string>) => {
    const response = await new HttpSession(server.url, headers).post(INITIALIZE);
    await response.body?.cancel();
    return [response.status, response.headers.get("retry-after")];
  };
  assertEquals(await refused(ada), [429, "10"]);
  await HttpSession.open(server.url, bob);
  assertEquals(await refused(bob), [503, "10"]);
  await first.delete();
  await HttpSession.open(server.url, bob);
});

Deno.test("a stream that was cut goes on where it ended, and no other session's with it", async () => {
  await using server = await HttpServer.start();
  const watcher = await HttpSession.open(server.url);
  await watcher.tool("sign_on", { session_id: "watcher" });
  await watcher.request("resources/subscribe", { uri: "session://state/worker" });
  const worker = await HttpSession.open(server.url);
  await worker.tool("sign_on", { session_id: "worker" });
  const store = (value: number) =>
    worker.tool("store_data", { scope: "session:worker", key: "status", value });
  const isUpdate = (data: string) => data.includes("session://state/worker");
  let last = "";
  {
    await using stream = await watcher.stream();
    await store(1);
    const update = await eventually("it is told", async () => {
      const event = await stream.next();
      return event && isUpdate(event.data) ? event : null;
    });
    last = update.id;
    assertNotEquals(last, "");
  }
  await store(2);
  await using stream = await watcher.stream({ "last-event-id": last });
  await eventually("it is told what it missed", async () => {
    const event = await stream.next();
    return event && isUpdate(event.data) ? event : null;
  });
  const foreign = await HttpSession.open(server.url);
  const response = await server.fetch("/mcp", {
    headers: { ...MCP_HEADERS, "mcp-session-id": foreign.id, "last-event-id": last },
  });
  assertEquals(response.status, 400);
  assertStringIncludes(await response.text(), "none of this session");
});

Deno.test("an answer whose connection was cut is had again with Last-Event-ID", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  await session.tool("sign_on");
  const cut = new AbortController();
  const response = await fetch(`${server.url}/mcp`, {
    method: "POST",
    headers: { ...MCP_HEADERS, "mcp-session-id": session.id },
    body: JSON.stringify(toolCall(77, "list_scopes")),
    signal: cut.signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const [{ id }] = eventsIn((await reader.read()).value!);
  cut.abort();
  await reader.cancel().catch(() => {});
  await using stream = await session.stream({ "last-event-id": id });
  const event = await stream.next();
  assertEquals(JSON.parse(event!.data).id, 77);
});

Deno.test("the SDK's client works over the streamable transport and over the older pair", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }] });
  const requestInit = { headers: bearer(server.tokens[0]) };
  const streamable = new Client({ name: "one", version: "1" });
  const sse = new Client({ name: "two", version: "1" });
  await streamable.connect(
    new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), { requestInit }),
  );
  await sse.connect(new SSEClientTransport(new URL(`${server.url}/sse`), { requestInit }));
  try {
    const ids = [];
    for (const client of [streamable, sse]) {
      assertEquals((await client.listTools()).tools.length, 16);
      const { structuredContent } = await client.callTool({ name: "sign_on", arguments: {} });
      ids.push((structuredContent as { session_id: string }).session_id);
    }
    assertEquals(ids, ["claude_1", "claude_2"]);
  } finally {
    await sse.close();
    await streamable.close();
  }
  const heir = await HttpSession.open(server.url, requestInit.headers);
  await eventually("the end of the stream ends the older session", async () => {
    return !(await heir.call("sign_on", { session_id: "claude_2" })).isError;
  });
});

Deno.test("what is sent to an older session is for its user alone, and checked as elsewhere", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }, { user: "bob" }] });
  const [ada, bob] = server.tokens.map(bearer);
  const stream = await server.fetch("/sse", { headers: { accept: "text/event-stream", ...ada } });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  const [{ event, data }] = eventsIn((await reader.read()).value!);
  assertEquals(event, "endpoint");
  const send = async (path: string, headers: Record<string, string>, body: string) => {
    const response = await server.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    await response.body?.cancel();
    return response.status;
  };
  const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  assertEquals(await send(data, bob, ping), 404);
  assertEquals(await send("/messages", ada, ping), 400);
  assertEquals(await send(data, { ...ada, "content-type": "text/plain" }, ping), 415);
  assertEquals(await send(data, ada, "{"), 400);
  assertEquals(await send(data, ada, ping), 202);
  const [answer] = eventsIn((await reader.read()).value!);
  assertEquals(JSON.parse(answer.data), { jsonrpc: "2.0", id: 1, result: {} });
  await reader.cancel();
});
