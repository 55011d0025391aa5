import { SseTransport } from "../../src/http/sse_transport.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { bearer, HttpSession } from "../support/http_client.ts";
import { HttpServer } from "../support/http_server.ts";
import { eventually } from "../support/project.ts";
import { RawHttp } from "../support/raw_http.ts";

/** How many connections are left half open. */
const CROWD = 500;

/** The kinds of connection that a client can leave half open, and what is sent on them. */
const HALF_OPEN: readonly (readonly string[])[] = [
  [],
  ["POST /mcp HT"],
  ["POST /mcp HTTP/1.1", "Host: localhost", "X-Slow: "],
];

async function crowd(server: HttpServer, count: number): Promise<RawHttp[]> {
  return await Promise.all(Array.from({ length: count }, async (_, i) => {
    const raw = await RawHttp.connect(server.port);
    const lines = HALF_OPEN[i % HALF_OPEN.length];
    if (lines.length > 0) await raw.send(lines);
    return raw;
  }));
}

/** How many files a process has open. */
function openFiles(server: HttpServer): number {
  return [...Deno.readDirSync(`/proc/${server.process.pid}/fd`)].length;
}

Deno.test({
  name: "connections left half open hold up nobody, are closed in time, and leave nothing behind",
  ignore: Deno.build.os !== "linux", // elsewhere nobody tells which files a process has open
  async fn() {
    await using server = await HttpServer.start({ http: { header_timeout_s: 2 } });
    const session = await HttpSession.open(server.url);
    await session.tool("sign_on");
    const before = openFiles(server);
    const raws = await crowd(server, CROWD);
    try {
      await eventually("they are there", () => openFiles(server) >= before + CROWD);
      for (let i = 0; i < 20; i++) {
        await session.tool("store_data", { scope: "a", key: "k", value: i });
      }
      assertEquals(await session.tool("retrieve_data", { scope: "a", key: "k" }), 19);
      const others = await HttpSession.open(server.url);
      assertEquals((await others.tool("sign_on")).session_id, "claude_2");
      // Each is closed from the other side: reading comes to its end.
      await Promise.all(raws.map((raw) => raw.text()));
      await eventually("nothing is left", () => openFiles(server) <= before + 20);
      assert(await server.metric("csc_http_connections") < 20);
    } finally {
      for (const raw of raws) raw[Symbol.dispose]();
    }
  },
});

Deno.test("a head that comes drop by drop is cut off, one that is too long refused", async () => {
  await using server = await HttpServer.start({ http: { header_timeout_s: 1 } });
  using slow = await RawHttp.connect(server.port);
  await slow.send(["GET /health HTTP/1.1", "Host: localhost", ""]);
  const drip = setInterval(
    () => slow.write(new TextEncoder().encode("X-A: b\r\n")).catch(() => {}),
    100,
  );
  try {
    assertEquals(await slow.text(), "", "cut off without an answer");
  } finally {
    clearInterval(drip);
  }
  using long = await RawHttp.connect(server.port);
  await long.send(["GET /health HTTP/1.1", "Host: localhost", `X-Long: ${"x".repeat(100_000)}`]);
  assertEquals((await long.response()).status, 431);
  using none = await RawHttp.connect(server.port);
  await none.write(new Uint8Array([0x16, 0x03, 0x01, 0x02, 0x00]));
  assertEquals(await none.text(), "", "TLS on a port without it");
  const health = await server.fetch("/health");
  assertEquals(await health.json(), { status: "up" });
});

Deno.test("on a connection that was used, the next head has to come in time too", async () => {
  await using server = await HttpServer.start({ http: { header_timeout_s: 1 } });
  using raw = await RawHttp.connect(server.port);
  await raw.send(["GET /health HTTP/1.1", "Host: localhost", "", ""]);
  const answers = raw.text();
  await eventually("it was answered", async () => {
    return await server.metric('csc_http_requests_total{route="/health",status="200"}') === 1;
  });
  await raw.send(["GET /health HTTP/1.1", "Host:"]);
  assertEquals((await answers).match(/HTTP\/1\.1 200/g)?.length, 1);
});

Deno.test("a body that stops in the middle is given up with 408", async () => {
  await using server = await HttpServer.start({ http: { body_timeout_s: 1 } });
  for (const path of ["/mcp", "/store"]) {
    using raw = await RawHttp.connect(server.port);
    await raw.send([
      `POST ${path} HTTP/1.1`,
      `Host: localhost:${server.port}`,
      "Content-Type: application/json",
      "Accept: application/json, text/event-stream",
      "Content-Length: 1000",
      "",
      '{"jsonrpc"',
    ]);
    assertEquals((await raw.response()).status, 408, path);
  }
});

Deno.test("200 MB of a body are not read, whether they were announced or not", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  const head = [
    `Host: localhost:${server.port}`,
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
  ];
  const before = await server.metric("process_resident_memory_bytes");
  for (
    const [path, framing] of [
      ["/mcp", "Content-Length: 200000000"],
      ["/mcp", "Transfer-Encoding: chunked"],
      ["/store", "Content-Length: 200000000"],
      ["/store", "Transfer-Encoding: chunked"],
    ]
  ) {
    using raw = await RawHttp.connect(server.port);
    await raw.send([`POST ${path} HTTP/1.1`, ...head, framing, "", ""]);
    const sent = sendMuch(raw, framing.startsWith("Transfer"));
    assertEquals((await raw.response()).status, 413, `${path} ${framing}`);
    raw[Symbol.dispose]();
    assert(await sent < 200_000_000, "it was cut off");
  }
  const grownBy = await server.metric("process_resident_memory_bytes") - before;
  assert(grownBy < 60_000_000, `memory grew by ${grownBy} bytes`);
  assertEquals((await session.tool("list_locks")).count, 0, "and the server goes on");
});

/** Sends up to 200 MB; answers how many bytes were taken. */
async function sendMuch(raw: RawHttp, isChunked: boolean): Promise<number> {
  const data = new Uint8Array(1_000_000).fill(0x20);
  const encoder = new TextEncoder();
  let sent = 0;
  try {
    for (; sent < 200_000_000; sent += data.length) {
      if (isChunked) await raw.write(encoder.encode(`${data.length.toString(16)}\r\n`));
      await raw.write(data);
      if (isChunked) await raw.write(encoder.encode("\r\n"));
    }
  } catch {
    // The server has closed.
  }
  return sent;
}

Deno.test("where there are too many connections, those that sent nothing make room", async () => {
  await using server = await HttpServer.start({
    http: { max_connections: 50, header_timeout_s: 600 },
  });
  const raws = await crowd(server, 120);
  try {
    const session = await HttpSession.open(server.url);
    assertEquals((await session.tool("sign_on")).session_id, "claude_1");
    assert(await server.metric("csc_http_connections") <= 50);
  } finally {
    for (const raw of raws) raw[Symbol.dispose]();
  }
});

/** Connections on each of which something is sent, until no more is taken. */
async function senders(server: HttpServer, count: number, text: string): Promise<RawHttp[]> {
  const bytes = new TextEncoder().encode(text);
  return await Promise.all(Array.from({ length: count }, async () => {
    const raw = await RawHttp.connect(server.port);
    void raw.write(bytes).catch(() => {}); // it may be closed, or never be read
    return raw;
  }));
}

const ASK_HEALTH = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

Deno.test("connections that were used by nobody known make room as well", async () => {
  await using server = await HttpServer.start({
    http: { max_connections: 20 },
    tokens: [{ user: "ada" }],
  });
  const raws: RawHttp[] = [];
  const crowd = async () => {
    for (let i = 0; i < 40; i++) raws.push(...await senders(server, 1, ASK_HEALTH));
  };
  try {
    await crowd();
    const session = await HttpSession.open(server.url, bearer(server.tokens[0]));
    await session.request("resources/subscribe", { uri: "session://context" });
    await using stream = await session.stream();
    await crowd();
    await session.tool("sign_on");
    assertStringIncludes((await stream.next())?.data ?? "cut", "notifications/");
  } finally {
    for (const raw of raws) raw[Symbol.dispose]();
  }
});

Deno.test("who asks and asks but reads no answer is cut off, and holds up nobody", async () => {
  await using server = await HttpServer.start({ http: { max_connections: 10, body_timeout_s: 1 } });
  // More answers than what lies between the two can hold.
  const raws = await senders(server, 10, ASK_HEALTH.repeat(50_000));
  try {
    await eventually(
      "all are cut off",
      async () => await server.metric("csc_http_connections").catch(() => 10) <= 2,
      30_000,
    );
  } finally {
    for (const raw of raws) raw[Symbol.dispose]();
  }
});

Deno.test("subscriptions to what cannot be do not fill the memory", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  const uri = `session://data/s/${"k".repeat(500_000)}`;
  const { error } = await session.request("resources/subscribe", { uri });
  assertStringIncludes(error.message, "Cannot subscribe");
  assert(error.message.length < 500);
});

Deno.test("an older session that leaves many megabytes unread ends", async () => {
  const transport = new SseTransport("id", "/messages");
  let isClosed = false;
  transport.onclose = () => isClosed = true;
  await transport.start();
  const params = { data: "x".repeat(1024 * 1024) };
  for (let i = 0; i < 100 && !isClosed; i++) {
    await transport.send({ jsonrpc: "2.0", method: "notifications/message", params });
  }
  assert(isClosed);
  await transport.close();
});

Deno.test("a host that no address can have is refused, and leaves no trace of the program", async () => {
  await using server = await HttpServer.start();
  for (const host of ["a b", "[::1", "localhost:99999", "%zz"]) {
    using raw = await RawHttp.connect(server.port);
    await raw.send(["GET /mcp HTTP/1.1", `Host: ${host}`, "Connection: close", "", ""]);
    const { status, text } = await raw.response();
    assert(status >= 400 && status < 500, `${host}: ${text}`);
  }
  assertEquals((await server.stop()).stderr, "");
});

Deno.test("what looks like two requests in one is not taken for two", async () => {
  await using server = await HttpServer.start();
  const smuggled = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
  using raw = await RawHttp.connect(server.port);
  await raw.send([
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    `Content-Length: ${smuggled.length + 5}`,
    "Transfer-Encoding: chunked",
    "Connection: close",
    "",
    "0",
    "",
    smuggled,
  ]);
  const { text } = await raw.response();
  assert((text.match(/HTTP\/1\.1/g)?.length ?? 0) <= 1, text);
});
