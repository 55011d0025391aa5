import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { run } from "../support/command.ts";
import { bearer, HttpSession, MCP_HEADERS } from "../support/http_client.ts";
import { HttpServer } from "../support/http_server.ts";
import { RawHttp } from "../support/raw_http.ts";
import { INITIALIZE, toolCall } from "../support/raw_server.ts";

const BODY = JSON.stringify(INITIALIZE);

/** Sends a request byte by byte as given; the answer's status. */
async function statusOf(server: HttpServer, lines: string[], body = ""): Promise<number> {
  using raw = await RawHttp.connect(server.port);
  const length = new TextEncoder().encode(body).length;
  await raw.send([...lines, `Content-Length: ${length}`, "Connection: close", "", body]);
  return (await raw.response()).status;
}

const JSON_LINES = [
  "Content-Type: application/json",
  "Accept: application/json, text/event-stream",
];

Deno.test("every refusal has its status, and says what to do in JSON", async (t) => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  const id = { "mcp-session-id": session.id };
  const cases: [what: string, status: number, path: string, init: RequestInit][] = [
    ["an unknown path", 404, "/nothing", {}],
    ["a path beside it", 404, "/mcp/", { method: "POST", headers: MCP_HEADERS, body: BODY }],
    ["another method", 405, "/mcp", { method: "PUT", headers: { ...MCP_HEADERS, ...id } }],
    ["another method at /sse", 405, "/sse", { method: "POST", body: BODY }],
    ["another method at /messages", 405, "/messages", {}],
    ["another method at /metrics", 405, "/metrics", { method: "DELETE" }],
    ["no session", 400, "/mcp", { method: "POST", headers: MCP_HEADERS, body: ping() }],
    ["no session for the stream", 400, "/mcp", { headers: MCP_HEADERS }],
    ["an unknown session", 404, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, "mcp-session-id": crypto.randomUUID() },
      body: ping(),
    }],
    ["a session that no text can be", 404, "/mcp", {
      headers: { ...MCP_HEADERS, "mcp-session-id": "__proto__" },
    }],
    ["answers that are not accepted", 406, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, accept: "application/json" },
      body: BODY,
    }],
    ["a stream that is not accepted", 406, "/mcp", {
      headers: { ...id, accept: "application/json" },
    }],
    ["another type", 415, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, "content-type": "text/plain" },
      body: BODY,
    }],
    ["a type that only looks so", 415, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, "content-type": "application/jsonp; x=application/json" },
      body: BODY,
    }],
    ["a form, as any page can send", 415, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, "content-type": "application/x-www-form-urlencoded" },
      body: BODY,
    }],
    ["no JSON", 400, "/mcp", { method: "POST", headers: MCP_HEADERS, body: "{" }],
    ["no message", 400, "/mcp", { method: "POST", headers: MCP_HEADERS, body: "[]" }],
    ["bytes that are no text", 400, "/mcp", {
      method: "POST",
      headers: MCP_HEADERS,
      body: new Uint8Array([0x22, 0xff, 0x22]),
    }],
    ["a batch", 400, "/mcp", { method: "POST", headers: MCP_HEADERS, body: `[${BODY}]` }],
    ["nesting without end", 400, "/mcp", {
      method: "POST",
      headers: MCP_HEADERS,
      body: "[".repeat(200_000),
    }],
    ["an unknown revision", 400, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, ...id, "mcp-protocol-version": "1999-01-01" },
      body: ping(),
    }],
    ["a second handshake", 400, "/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, ...id },
      body: BODY,
    }],
    ["a body of more than 1 MiB", 413, "/mcp", {
      method: "POST",
      headers: MCP_HEADERS,
      body: JSON.stringify({ ...INITIALIZE, filler: "x".repeat(1024 * 1024) }),
    }],
  ];
  for (const [what, status, path, init] of cases) {
    await t.step(`${what}: ${status}`, async () => {
      const response = await server.fetch(path, init);
      const text = await response.text();
      assertEquals(response.status, status, text);
      assertMatch(response.headers.get("content-type")!, /^application\/json/);
      const { error } = JSON.parse(text);
      assert(error.message.length > 10 && error.message.length < 400, error.message);
      assert(!/at .*\.ts:\d|Error:/.test(text), "no stack");
    });
  }
  assertEquals((await session.tool("list_locks")).count, 0, "and the server goes on");
});

function ping(): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
}

Deno.test("without a valid token it is 401, whatever was sent instead", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }] });
  const [token] = server.tokens;
  const wrong = [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    `Basic ${btoa(`ada:${token}`)}`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token}x`,
    `Bearer ${token.toUpperCase()}`,
    token,
    "Bearer \u00e4\u00f6\u00fc",
    `Bearer ${"x".repeat(5000)}`,
  ];
  for (const authorization of wrong) {
    const headers = { ...MCP_HEADERS, ...(authorization !== undefined && { authorization }) };
    for (const path of ["/mcp", "/sse", "/messages", "/metrics", "/store", "/nothing"]) {
      const response = await server.fetch(path, { method: "POST", headers, body: BODY });
      const text = await response.text();
      assertEquals(response.status, 401, `${authorization} ${path}`);
      assertMatch(response.headers.get("www-authenticate")!, /^Bearer realm="csc"/);
      assert(!text.includes(token.slice(0, 12)), "no token is told");
    }
  }
  const response = await server.fetch("/mcp", {
    method: "POST",
    headers: { ...MCP_HEADERS, authorization: `bearer  ${token} ` },
    body: BODY,
  });
  assertEquals(response.status, 200);
  await response.body?.cancel();
  const inUrl = await server.fetch(`/mcp?token=${token}`, { headers: MCP_HEADERS });
  assertEquals(inUrl.status, 401, "never in a URL");
  await inUrl.body?.cancel();
});

Deno.test("tokens that cannot be read, or are gone, let nobody in", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }] });
  const path = `${server.project.folder}/state/claude-session-coordinator/tokens.json`;
  const text = Deno.readTextFileSync(path);
  const ask = async (token: Record<string, string> = {}) => {
    const response = await server.fetch("/mcp", {
      method: "POST",
      headers: { ...MCP_HEADERS, ...token },
      body: BODY,
    });
    return [response.status, await response.text()] as const;
  };
  Deno.writeTextFileSync(path, "{");
  const [status, said] = await ask(bearer(server.tokens[0]));
  assertEquals(status, 500);
  assertEquals((await ask())[0], 401);
  assert(!said.includes(server.project.folder), said);
  Deno.removeSync(path);
  assertEquals((await ask())[0], 401);
  Deno.writeTextFileSync(path, text, { mode: 0o600 });
  const session = await HttpSession.open(server.url, bearer(server.tokens[0]));
  assertEquals((await session.tool("sign_on")).session_id, "claude_1");
});

Deno.test("a page whose name leads here by its name server gets 403, as does another page", async () => {
  await using server = await HttpServer.start({
    http: {
      allowed_hosts: ["coordinator.example.org", "proxy.example.org:8443"],
      allowed_origins: ["https://dash.example.org"],
    },
    args: ["--allow-host", "CSC.example.org"],
  });
  const { port } = server;
  const hosts: [host: string, status: number][] = [
    [`127.0.0.1:${port}`, 200],
    [`localhost:${port}`, 200],
    [`[::1]:${port}`, 200],
    ["localhost", 200],
    [`LOCALHOST:${port}`, 200],
    ["coordinator.example.org", 200],
    ["coordinator.example.org:9000", 200],
    [`csc.example.org:${port}`, 200],
    ["other.csc.example.org", 403],
    ["proxy.example.org:8443", 200],
    ["proxy.example.org", 403],
    [`evil.example:${port}`, 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["evil.example#localhost", 403],
    ["localhost@evil.example", 403],
    ["0.0.0.0", 403],
    ["192.0.2.7", 403],
  ];
  for (const [host, status] of hosts) {
    const got = await statusOf(
      server,
      ["POST /mcp HTTP/1.1", `Host: ${host}`, ...JSON_LINES],
      BODY,
    );
    // What is no host at all the HTTP server itself may refuse.
    assert(got === status || (status === 403 && got === 400), `${host}: ${got}`);
  }
  const origins: [origin: string, status: number][] = [
    [`http://127.0.0.1:${port}`, 200],
    ["https://dash.example.org", 200],
    ["https://dash.example.org:444", 403],
    ["http://dash.example.org", 403],
    [`https://127.0.0.1:${port}`, 403],
    ["http://127.0.0.1", 403],
    ["http://localhost:3000", 403],
    ["http://evil.example", 403],
    ["null", 403],
    ["", 403],
  ];
  for (const [origin, status] of origins) {
    const lines = [`Host: 127.0.0.1:${port}`, `Origin: ${origin}`, ...JSON_LINES];
    assertEquals(await statusOf(server, ["POST /mcp HTTP/1.1", ...lines], BODY), status, origin);
  }
  // What a page fetches without wanting to see the answer has no origin.
  for (const site of ["cross-site", "same-site"]) {
    const lines = [`Host: 127.0.0.1:${port}`, `Sec-Fetch-Site: ${site}`];
    assertEquals(await statusOf(server, ["GET /metrics HTTP/1.1", ...lines]), 403, site);
  }
});

Deno.test("a browser learns what a page of an allowed origin may do, and no other page", async () => {
  await using server = await HttpServer.start({
    http: { allowed_origins: ["https://dash.example.org"] },
    tokens: [{ user: "ada" }],
  });
  const ask = (origin: string) =>
    server.fetch("/mcp", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
  const allowed = await ask("https://dash.example.org");
  assertEquals(allowed.status, 204);
  assertEquals(allowed.headers.get("access-control-allow-origin"), "https://dash.example.org");
  assertStringIncludes(allowed.headers.get("access-control-allow-headers")!, "mcp-session-id");
  const other = await ask("https://evil.example");
  assertEquals([other.status, other.headers.get("access-control-allow-origin")], [403, null]);
  await other.body?.cancel();
});

Deno.test("who asks too often is told when to come back, and others are not held up", async () => {
  await using server = await HttpServer.start({
    http: { rate_per_minute: 60 },
    tokens: [{ user: "ada" }, { user: "bob" }],
  });
  const [ada, bob] = server.tokens.map(bearer);
  const ask = async (headers: Record<string, string>) => {
    const response = await server.fetch("/nothing", { headers });
    await response.body?.cancel();
    return response;
  };
  let last = await ask(ada);
  for (let i = 0; i < 100 && last.status !== 429; i++) last = await ask(ada);
  assertEquals(last.status, 429);
  assertMatch(last.headers.get("retry-after")!, /^[1-9]\d*$/);
  assertEquals((await ask(bob)).status, 404);
  let unknown = await ask({});
  for (let i = 0; i < 100 && unknown.status !== 429; i++) unknown = await ask({});
  assertEquals(unknown.status, 429, "who has no token is limited too");
  assertEquals((await ask(bob)).status, 404);
});

Deno.test("beyond loopback it listens only where there is a token", async () => {
  for (const address of ["0.0.0.0:0", "[::]:0", "0.0.0.0"]) {
    await using server = await HttpServer.spawn({ address });
    const { code, stdout, stderr } = await server.ended();
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "without a token");
    assertStringIncludes(stderr, "csc token create");
  }
  await using server = await HttpServer.start({
    address: "0.0.0.0:0",
    tokens: [{ user: "ada" }],
  });
  assertMatch(server.url, /^http:\/\/0\.0\.0\.0:\d+$/);
  const url = `http://127.0.0.1:${server.port}`;
  const session = await HttpSession.open(url, bearer(server.tokens[0]));
  assertEquals((await session.tool("sign_on")).session_id, "claude_1");
  const response = await fetch(`${url}/mcp`, { headers: MCP_HEADERS });
  assertEquals(response.status, 401);
  await response.body?.cancel();
});

Deno.test("TLS by files: it serves over it, and nothing without it", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "csc-tls-" });
  try {
    const [key, cert] = [`${folder}/key.pem`, `${folder}/cert.pem`];
    const made = await run([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ]);
    assertEquals(made.code, 0, made.stderr);
    await using server = await HttpServer.start({ args: ["--tls-cert", cert, "--tls-key", key] });
    assertMatch(server.url, /^https:/);
    const client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(cert)] });
    try {
      const post = (body: object, headers: Record<string, string> = {}) =>
        server.fetch("/mcp", {
          method: "POST",
          headers: { ...MCP_HEADERS, ...headers },
          body: JSON.stringify(body),
          client,
        });
      const opened = await post(INITIALIZE, { origin: server.url });
      assertEquals(opened.status, 200);
      await opened.text();
      const id = opened.headers.get("mcp-session-id")!;
      const called = await post(toolCall(1, "sign_on"), { "mcp-session-id": id });
      assertStringIncludes(await called.text(), "claude_1");
    } finally {
      client.close();
    }
    using raw = await RawHttp.connect(server.port);
    await raw.send(["GET /health HTTP/1.1", "Host: localhost", "", ""]);
    assert(!(await raw.text()).includes("HTTP/1.1 200"), "no plain HTTP");
    assertEquals((await server.stop()).code, 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
