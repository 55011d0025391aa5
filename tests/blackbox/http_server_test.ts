import { DEFAULT_CONFIG } from "../../src/config/defaults.ts";
import { Host } from "../../src/http/host.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { NO_LOG } from "../../src/os/log.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { bearer, HttpSession, MCP_HEADERS } from "../support/http_client.ts";
import { HttpServer } from "../support/http_server.ts";
import { CONFIG_NAME, eventually, TestProject } from "../support/project.ts";
import { toolCall } from "../support/raw_server.ts";

const SIGNALS: Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP"];
for (const signal of SIGNALS) {
  Deno.test(`${signal} lets finish what is under way, signs all sessions off and ends with 0`, async () => {
    await using server = await HttpServer.start();
    const session = await HttpSession.open(server.url);
    await session.tool("sign_on");
    await session.tool("acquire_lock", { name: "deploy" });
    await using stream = await session.stream();
    const last = session.post(toolCall(1, "list_locks"));
    const { status } = await last.then((response) => response.text().then(() => response));
    assertEquals(status, 200);
    const startedAt = performance.now();
    const { code, stderr } = await server.stop(signal);
    assertEquals([code, stderr], [0, ""]);
    assert(performance.now() - startedAt < 5000);
    assertEquals(await stream.next(), null, "the stream was ended");
    assertEquals(server.project.claims(), []);
    const locks = server.project.stored() as Record<string, Record<string, { holder: unknown }>>;
    const held = Object.values(locks.locks ?? {}).filter(({ holder }) => holder !== null);
    assertEquals(held, []);
    await fetch(`${server.url}/health`).then(
      () => assert(false, "it must not listen any more"),
      () => {},
    );
  });
}

Deno.test("a request under way when the server is told to end is still answered", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  await session.tool("sign_on");
  const calls = Array.from(
    { length: 20 },
    (_, i) => session.tool("store_data", { scope: "a", key: `k${i}`, value: i }).then(() => true),
  );
  await Promise.race(calls);
  const { code } = await server.stop();
  assertEquals(code, 0);
  const answered = (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled");
  const stored = Object.keys(server.project.stored().a ?? {});
  assert(answered.length >= 1 && stored.length >= answered.length, "what was answered is there");
});

Deno.test("a server that was killed leaves claims that the next one frees", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  await session.tool("sign_on");
  server.process.kill("SIGKILL");
  await server.ended();
  assertEquals(server.project.claims(), ["claude_1"]);
  const { stdout } = await server.project.csc("status", "--json");
  const { instances } = JSON.parse(stdout);
  assertEquals(
    instances.find((one: { instance: string }) => one.instance === "claude_1").status,
    "available",
  );
});

Deno.test("sessions over HTTP and on standard input share a project's store", async () => {
  await using server = await HttpServer.start();
  const remote = await HttpSession.open(server.url);
  const { session_id } = await remote.tool("sign_on");
  const local = await server.project.signedOn();
  assertEquals(session_id, "claude_1");
  assertEquals((await local.tool("sign_on")).session_id, "claude_2");
  await remote.tool("acquire_lock", { name: "deploy" });
  const { success, holder } = await local.tool("acquire_lock", { name: "deploy" });
  assertEquals([success, typeof holder], [false, "string"]);
  await remote.tool("store_data", { scope: "a", key: "k", value: [1] });
  assertEquals(await local.tool("retrieve_data", { scope: "a", key: "k" }), [1]);
});

Deno.test("/health tells everybody whether it is up, and nothing else", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }] });
  const health = await server.fetch("/health", { headers: { host: "balancer.example" } });
  assertEquals(health.status, 200);
  assertEquals(await health.json(), { status: "up" });
  assertEquals((await server.fetch("/health", { method: "POST" })).status, 405);
});

Deno.test("however many ask for its health, the store is asked once at a time", async () => {
  let asked = 0;
  const metrics = new Metrics();
  const answer = Promise.withResolvers<boolean>();
  const host = Host.start({
    hostname: "127.0.0.1",
    port: 0,
    tls: null,
    settings: DEFAULT_CONFIG.http,
    tokens: { verify: () => Promise.resolve(null), isEmpty: () => true },
    own: { project: "p", machine: "m" },
    serve: () => ({ connect: () => Promise.resolve(), end: () => Promise.resolve() }),
    isUp: () => {
      asked++;
      return answer.promise;
    },
    metrics,
    log: NO_LOG,
  });
  const ask = async () => await (await fetch(`${host.url}/health`)).json();
  const all = Promise.all(Array.from({ length: 20 }, ask));
  await eventually("all ask", () => metrics.text().includes("csc_http_connections 20\n"));
  await eventually("it is asked", () => asked > 0);
  answer.resolve(true);
  assertEquals(new Set((await all).map(({ status }) => status)), new Set(["up"]));
  const before = asked;
  assert(before < 20, `${before}`);
  assertEquals(await ask(), { status: "up" });
  assertEquals(asked, before + 1);
  await host.shutdown();
});

Deno.test("/metrics has sessions, requests, tool calls, store timings and memory, for admins", async () => {
  await using server = await HttpServer.start({
    tokens: [{ user: "ada", scopes: ["read", "write"] }, { user: "root", scopes: ["admin"] }],
  });
  const [ada, root] = server.tokens.map(bearer);
  const session = await HttpSession.open(server.url, ada);
  await session.tool("sign_on");
  await session.call("sign_on", { session_id: "no/name" });
  const refused = await server.fetch("/metrics", { headers: ada });
  assertEquals(refused.status, 403);
  assertStringIncludes(await refused.text(), "no scope 'admin'");
  const response = await server.fetch("/metrics", { headers: root });
  assertStringIncludes(response.headers.get("content-type")!, "text/plain; version=0.0.4");
  const text = await response.text();
  for (const line of text.trimEnd().split("\n")) {
    assertMatch(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+)$/);
  }
  const figures = [
    "csc_sessions 1",
    'csc_acts_total{act="sign_on",result="ok"} 1',
    'csc_acts_total{act="sign_on",result="invalid_argument"} 1',
    'csc_act_duration_seconds_count{act="sign_on"} 2',
    'csc_http_requests_total{route="/metrics",status="403"} 1',
    'csc_sessions_started_total{kind="streamable"} 1',
  ];
  for (const figure of figures) assertStringIncludes(text, `\n${figure}\n`);
  assertMatch(text, /\ncsc_store_operation_duration_seconds_bucket\{op="store",le="\+Inf"\} [1-9]/);
  assertMatch(text, /\nprocess_resident_memory_bytes [1-9]\d{6,}\n/);
  const mcp = Number(/csc_http_requests_total\{route="\/mcp",status="200"\} (\d+)/.exec(text)?.[1]);
  assert(mcp >= 3, text);
});

Deno.test("the audit log tells who did what to which scope and key, and no value", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada", tenant: "acme" }] });
  const session = await HttpSession.open(server.url, {
    ...bearer(server.tokens[0]),
    "x-csc-project": "acme/shop",
    "x-csc-machine": "laptop",
  });
  await session.tool("sign_on");
  const secret = "hunter2-in-a-value";
  await session.tool("store_data", { scope: "issue:15", key: "owner", value: secret });
  await session.tool("retrieve_data", { scope: "issue:15", key: "owner" });
  await session.tool("acquire_lock", { name: "deploy" });
  await session.call("sign_on", { session_id: "bad/name" });
  await session.request("resources/read", { uri: "session://context" });
  const lines = server.audit();
  const told = lines.map((
    { action, scope = null, key = null, result },
  ) => [action, scope, key, result]);
  assertEquals(told, [
    ["tool:sign_on", null, null, "ok"],
    ["tool:store_data", "issue:15", "owner", "ok"],
    ["tool:retrieve_data", "issue:15", "owner", "ok"],
    ["tool:acquire_lock", "deploy", null, "ok"],
    ["tool:sign_on", "bad/name", null, "invalid_argument"],
    ["resource:read", "session://context", null, "ok"],
  ]);
  for (const { time, user, tenant, project, machine } of lines) {
    assert(!Number.isNaN(Date.parse(String(time))));
    assertEquals([user, tenant, project, machine], ["ada", "acme", "acme/shop", "laptop"]);
  }
  const path = `${server.project.folder}/state/claude-session-coordinator/audit.jsonl`;
  const text = Deno.readTextFileSync(path);
  assert(!text.includes(secret) && !text.includes(server.tokens[0]));
  if (Deno.build.os !== "windows") assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
});

Deno.test("the audit log is renamed when it is large, old ones go, and it can be left out", async () => {
  await using server = await HttpServer.start({
    http: { audit_max_bytes: 10_000, audit_keep_files: 2 },
  });
  const session = await HttpSession.open(server.url);
  const files = () =>
    [...Deno.readDirSync(`${server.project.folder}/state/claude-session-coordinator`)]
      .map(({ name }) => name).filter((name) => /^audit\.jsonl(\.\d)?$/.test(name)).sort();
  await eventually("it was renamed thrice", async () => {
    for (let i = 0; i < 60; i++) await session.tool("list_locks", { pattern: "x".repeat(300) });
    return files().length === 3;
  }, 30_000);
  assertEquals(files(), ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
  assert(server.audit("audit.jsonl.1").length > 10, "each line is whole");
  await using quiet = await HttpServer.start({ http: { audit_path: "off" } });
  await (await HttpSession.open(quiet.url)).tool("list_locks");
  const path = `${quiet.project.folder}/state/claude-session-coordinator/audit.jsonl`;
  let isThere = true;
  try {
    Deno.statSync(path);
  } catch {
    isThere = false;
  }
  assert(!isThere);
});

const MISTAKES: [what: string, args: string[], told: RegExp][] = [
  ["an address that is none", ["--http", "http://x:1/"], /is no address/],
  [
    "a host that is none",
    ["--http", "--allow-host", "http://x"],
    /--allow-host must be a host's name/,
  ],
  ["a host without --http", ["--allow-host", "x"], /needs --http/],
  ["a port that is none", ["--http", "127.0.0.1:99999"], /must be a number from 0 to 65535/],
  ["an address without --http", ["127.0.0.1:8082"], /makes sense with --http only/],
  ["a certificate without --http", ["--tls-cert", "x"], /needs --http/],
  ["a certificate without its key", ["--http", "--tls-cert", "x"], /are needed together/],
  ["a file that is not there", ["--http", "--tls-cert", "x", "--tls-key", "y"], /cannot be read/],
  ["two addresses", ["--http", "a", "b"], /one word too many/],
  ["an address of another machine", ["--http", "127.0.0.1.invalid:0"], /without a token/],
];
Deno.test("mistakes on the command line are told in two lines", async (t) => {
  await using project = new TestProject();
  for (const [what, args, told] of MISTAKES) {
    await t.step(what, async () => {
      const { code, stdout, stderr } = await project.csc("serve", ...args);
      assert(code === 1 || code === 2, `${code}`);
      assertEquals(stdout, "");
      assertMatch(stderr, told);
      assertEquals(stderr.trimEnd().split("\n").length, 2);
    });
  }
});

Deno.test("a port that is taken is said, and SERVER_PORT chooses another", async () => {
  await using server = await HttpServer.start();
  const { code, stderr } = await server.project.csc("serve", "--http", String(server.port));
  assertEquals(code, 2);
  assertStringIncludes(stderr, "another program does");
  const env = { SERVER_PORT: String(server.port) };
  const again = await server.project.cscWith({ env }, "serve", "--http");
  assertStringIncludes(again.stderr, `127.0.0.1:${server.port}`);
  const bad = await server.project.cscWith({ env: { SERVER_PORT: "many" } }, "serve", "--http");
  assertStringIncludes(bad.stderr, "SERVER_PORT is 'many'");
});

Deno.test("a file that comes with a repository has no say in who may use the server", async () => {
  await using project = new TestProject({ http: { allowed_origins: ["https://evil.example"] } });
  const { code, stderr } = await project.csc("serve", "--http", ":0");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "http.allowed_origins");
  assertStringIncludes(stderr, CONFIG_NAME);
});

Deno.test("settings that make no sense are refused by name", async () => {
  for (
    const [http, told] of [
      [{ allowed_hosts: ["http://x"] }, "allowed_hosts"],
      [{ allowed_origins: ["example.org"] }, "allowed_origins"],
      [{ max_body_bytes: 1 }, "max_body_bytes"],
      [{ idle_timeout: 1 }, "did you mean 'idle_timeout_s'"],
    ] as const
  ) {
    await using server = await HttpServer.spawn({ http });
    const { code, stderr } = await server.ended();
    assertEquals(code, 2);
    assertStringIncludes(stderr, told);
  }
});

Deno.test("the store of other machines is there too: audited, and for tokens alone", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }] });
  const ask = async (body: object, headers: Record<string, string>) => {
    const response = await server.fetch("/store", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ v: 1, ...body }),
    });
    return { status: response.status, said: await response.json() };
  };
  const ada = { ...bearer(server.tokens[0]), "x-csc-hook-ms": "12.5" };
  const value = "a value";
  const put = { op: "store", id: "1", scope: "m:p:s", key: "k", value };
  assertEquals((await ask(put, ada)).said.ok, true);
  const got = await ask({ op: "retrieve", scope: "m:p:s", key: "k" }, ada);
  assertEquals(got.said.result.value, value);
  const unknown = await server.fetch("/store", { method: "POST" });
  assertEquals(unknown.status, 401);
  assertStringIncludes(await unknown.text(), "carries no token");
  const large = await ask({ ...put, id: "2", value: "x".repeat(2_000_000) }, ada);
  assertEquals([large.status, large.said.error.code], [413, "value_refused"]);
  const session = await HttpSession.open(server.url, {
    ...ada,
    "x-csc-project": "p",
    "x-csc-machine": "m",
  });
  await session.tool("sign_on");
  assertEquals(await session.tool("retrieve_data", { scope: "s", key: "k" }), value);
  const told = server.audit().filter(({ action }) => String(action).startsWith("store:"));
  assertEquals(told.map(({ action, scope, key, result }) => [action, scope, key, result]), [
    ["store:store", "m:p:s", "k", "ok"],
    ["store:retrieve", "m:p:s", "k", "ok"],
  ]);
});

Deno.test("a stream that a client opens is refused where one is open, and MCP goes on", async () => {
  await using server = await HttpServer.start();
  const session = await HttpSession.open(server.url);
  await using _one = await session.stream();
  const two = await server.fetch("/mcp", {
    headers: { ...MCP_HEADERS, "mcp-session-id": session.id },
  });
  assertEquals(two.status, 409);
  await two.body?.cancel();
  assertEquals((await session.tool("list_locks")).count, 0);
});
