import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { TestProject } from "../support/project.ts";
import { INITIALIZE, INITIALIZED, RawServer, toolCall } from "../support/raw_server.ts";

const PING = (id: number | string) => ({ jsonrpc: "2.0", id, method: "ping" });

Deno.test("the first question `server/discover` is answered at once with -32601", async () => {
  await using project = new TestProject();
  const client = project.start();
  const reply = await client.request("server/discover");
  assertEquals(reply.error?.code, -32601);
  assertEquals((await client.initialize()).result.serverInfo.name, "csc");
});

Deno.test("an unknown method is answered with -32601 and its id", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  for (const method of ["tools/destroy", "resources", "", "__proto__"]) {
    assertEquals((await client.request(method)).error?.code, -32601, method);
  }
});

Deno.test("an unknown notification is passed over", async () => {
  await using project = new TestProject();
  const client = await project.connect();
  await client.send({ jsonrpc: "2.0", method: "notifications/of-tomorrow", params: { a: 1 } });
  assertEquals((await client.request("ping")).result, {});
});

const NOT_JSON: [what: string, line: string][] = [
  ["a text", "hello"],
  ["an unfinished object", '{"jsonrpc":"2.0","id":1,'],
  ["`NaN`", '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}'],
  ["`Infinity`", '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":Infinity}}'],
  ["single quotes", "{'jsonrpc':'2.0'}"],
];
for (const [what, line] of NOT_JSON) {
  Deno.test(`${what} instead of JSON is answered with -32700, and the server goes on`, async () => {
    await using project = new TestProject();
    const client = await project.connect();
    const refusal = client.replyTo("null");
    await client.send(line);
    assertEquals((await refusal).error?.code, -32700);
    assertEquals((await client.request("ping")).result, {});
  });
}

const NO_MESSAGES: [what: string, line: string, id: number | string | null][] = [
  ["a number", "42", null],
  ["a string", '"ping"', null],
  ["null", "null", null],
  ["an empty object", "{}", null],
  ["a batch", '[{"jsonrpc":"2.0","id":71,"method":"ping"}]', null],
  ["an empty batch", "[]", null],
  ["an old version", '{"jsonrpc":"1.0","id":72,"method":"ping"}', 72],
  ["no version", '{"id":"a","method":"ping"}', "a"],
  ["a method that is no text", '{"jsonrpc":"2.0","id":73,"method":5,"params":7}', 73],
  ["params that are a text", '{"jsonrpc":"2.0","id":74,"method":"ping","params":"x"}', 74],
  ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"ping"}', null],
  ["100,000 nested arrays", "[".repeat(100_000) + "]".repeat(100_000), null],
];
Deno.test("what is JSON but no message is answered with -32600 and its id", async (t) => {
  await using project = new TestProject();
  const client = await project.connect();
  for (const [what, line, id] of NO_MESSAGES) {
    await t.step(what, async () => {
      const refusal = client.replyTo(id ?? "null");
      await client.send(line);
      assertEquals((await refusal).error?.code, -32600);
    });
  }
  assertEquals((await client.request("ping")).result, {});
});

Deno.test("a 40 MB line is answered with an error carrying its id, and the server goes on", async (t) => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  const filler = new TextEncoder().encode("x".repeat(1_000_000));
  const sendLong = async (before: string, after: string) => {
    await server.write(before);
    for (let i = 0; i < 40; i++) await server.write(filler);
    await server.write(after + "\n");
  };
  await server.send(INITIALIZE, INITIALIZED);
  await t.step("the id in front", async () => {
    await sendLong('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"x":"', '"}}');
    assertEquals((await server.reply(7)).error.code, -32600);
  });
  await t.step("the id behind", async () => {
    await sendLong('{"method":"tools/call","params":{"x":"', '"},"jsonrpc":"2.0","id":"last"}');
    assertMatch((await server.reply("last")).error.message, /longer than \d+ bytes/);
  });
  await server.send(PING(8));
  assertEquals((await server.reply(8)).result, {});
});

Deno.test("a value of 10 MB is refused in two lines, and nothing is stored", async () => {
  await using project = new TestProject();
  const client = await project.signedOn();
  const value = "x".repeat(10_000_000);
  const { isError, texts, code } = await client.call("store_data", { scope: "a", key: "k", value });
  assert(isError);
  assertEquals(code, "value_refused");
  assertEquals(texts[0].split("\n").length, 2);
  assert(texts[0].length < 500, "the value is not quoted");
  assertEquals(await client.tool("list_keys", { scope: "a" }), []);
});

Deno.test("a value nested 100,000 levels deep is refused, and the server goes on", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.send(INITIALIZE, INITIALIZED, toolCall(1, "sign_on"));
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const call = JSON.stringify(toolCall(2, "store_data", { scope: "a", key: "k", value: 0 }));
  await server.write(call.replace('"value":0', `"value":${deep}`) + "\n");
  const { result } = await server.reply(2);
  assert(result.isError);
  assertEquals(result.content[0].text.split("\n").length, 2);
  await server.send(PING(3));
  await server.reply(3);
});

Deno.test("blank lines are passed over and lines may end with CRLF", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.write(`\n\r\n   \n${JSON.stringify(INITIALIZE)}\r\n\n`);
  await server.write(`${JSON.stringify(PING(1))}\r\n`);
  assertEquals((await server.reply(1)).result, {});
  assertEquals(server.messages.length, 2);
});

Deno.test("a request may come in pieces, also cut within a character", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.send(INITIALIZE, INITIALIZED, toolCall("on", "sign_on"));
  const args = { scope: "a", key: "k", value: "smile 😀 日本語" };
  const bytes = new TextEncoder().encode(
    JSON.stringify(toolCall("set", "store_data", args)) + "\n",
  );
  for (let at = 0; at < bytes.length; at += 3) await server.write(bytes.subarray(at, at + 3));
  await server.reply("set");
  await server.send(toolCall("get", "retrieve_data", { scope: "a", key: "k" }));
  const { result } = await server.reply("get");
  assertEquals(result.structuredContent, { result: args.value });
});

Deno.test("several requests in one piece are each answered", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.send(INITIALIZE, INITIALIZED, ...Array.from({ length: 50 }, (_, i) => PING(i)));
  for (let i = 0; i < 50; i++) await server.reply(i);
});

Deno.test("`sign_on` and calls that need it may be sent without waiting", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.send(
    INITIALIZE,
    INITIALIZED,
    toolCall(1, "sign_on"),
    toolCall(2, "store_data", { scope: "a", key: "k", value: 1 }),
    toolCall(3, "store_data", { scope: "a", key: "k", value: 2 }),
    toolCall(4, "retrieve_data", { scope: "a", key: "k" }),
    toolCall(5, "sign_off"),
    toolCall(6, "retrieve_data", { scope: "a", key: "k" }),
  );
  assertEquals((await server.reply(4)).result.structuredContent, { result: 2 });
  assertEquals((await server.reply(6)).result.isError, true);
});

Deno.test("answers in flight are delivered after the end of the input", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.send(
    INITIALIZE,
    INITIALIZED,
    toolCall(1, "sign_on"),
    toolCall(2, "store_data", { scope: "a", key: "k", value: 1 }),
    toolCall(3, "list_scopes"),
    toolCall(4, "sign_off"),
  );
  await server.closeInput();
  assertEquals((await server.ended()).code, 0);
  const answers = server.messages.filter(({ method }) => method === undefined);
  assertEquals(answers.map(({ id }) => id), ["init", 1, 2, 3, 4]);
  assertEquals(answers[3].result.structuredContent, { result: ["a"] });
});

Deno.test("a last line without a line's end is a message too", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.write(JSON.stringify(INITIALIZE));
  await server.closeInput();
  assertEquals((await server.ended()).code, 0);
  assertEquals(server.messages.map(({ id }) => id), ["init"]);
});

Deno.test("an input that ends before anything was said ends the server with code 0", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.closeInput();
  assertEquals(await server.ended(), { code: 0, stderr: "" });
});

Deno.test("a client that stops listening ends the server, which signs off", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  await server.send(INITIALIZE, INITIALIZED, toolCall(1, "sign_on"));
  await server.reply(1);
  assertEquals(project.claims(), ["claude_1"]);
  await server.closeOutput();
  await server.send(PING(2), PING(3)).catch(() => {});
  const { code, stderr } = await server.ended();
  assertEquals(code, 0);
  assert(!stderr.includes("    at "), stderr);
  assertEquals(project.claims(), []);
});

Deno.test("nothing but protocol goes to standard output, whatever is wrong", async () => {
  await using project = new TestProject({ storage: { adapter: "locla" } });
  await using server = new RawServer(project.folder);
  await server.send(INITIALIZE, INITIALIZED, toolCall(1, "sign_on"));
  const { result } = await server.reply(1); // RawServer fails on a line that is no JSON
  assert(result.isError);
  assertStringIncludes(result.content[0].text, "Unknown adapter type: locla");
});

Deno.test("a wrong configuration does not keep the server from starting, and once mended it works", async () => {
  await using project = new TestProject({ storage: { adapter: "locla" } });
  const client = await project.connect();
  assertEquals((await client.request("tools/list")).result.tools.length, 16);
  const refusal = await client.call("sign_on");
  assertEquals(refusal.texts[0].split("\n").length, 2);
  project.write(".claude/session-coordinator-config.json", "{}");
  assertEquals((await client.tool("sign_on")).session_id, "claude_1");
});

Deno.test("a protocol revision that the server does not know is answered with one that it does", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  const params = { ...INITIALIZE.params, protocolVersion: "2099-01-01" };
  await server.send({ ...INITIALIZE, params });
  assertMatch((await server.reply("init")).result.protocolVersion, /^202\d-\d\d-\d\d$/);
});

Deno.test("a cancelled request holds up neither those behind it nor the server's end", async () => {
  await using project = new TestProject();
  await using server = new RawServer(project.folder);
  const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
  await server.send(INITIALIZE, INITIALIZED, toolCall(1, "sign_on"), cancel, PING(2));
  await server.reply(2);
  await server.send(toolCall(3, "sign_off"));
  await server.reply(3);
  const startedAt = performance.now();
  await server.closeInput();
  await server.ended();
  const tookMs = performance.now() - startedAt;
  assert(tookMs < 1500, `the end took ${tookMs} ms: an answer is awaited that never comes`);
});
