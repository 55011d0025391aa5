/** What happens to the store of a csc server while its server, or the way to it, fails. */

import { CoordinatorError } from "../../src/domain/error.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { Tokens, type TokenWish } from "../../src/http/tokens.ts";
import type { Change } from "../../src/storage/adapter.ts";
import { ServerStore } from "../../src/storage/server/server.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { caughtUp, failureOf, recovered } from "../support/decided.ts";
import { csc } from "../support/command.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { Proxy } from "../support/proxy.ts";
import { StoreServer } from "../support/servers/server.ts";
import { TempFolder } from "../support/temp.ts";

/** A server of one's own, and clients that present tokens from files. */
class World implements AsyncDisposable {
  readonly #temp = new TempFolder();
  readonly #stack = new AsyncDisposableStack();
  readonly tokens: Tokens;

  private constructor(temp: TempFolder, readonly server: StoreServer) {
    this.#temp = temp;
    this.tokens = new Tokens(server.tokensPath);
  }

  static async start(): Promise<World> {
    const temp = new TempFolder();
    return new World(temp, await StoreServer.start(temp.path));
  }

  /** A client with a token of its own. */
  async client(wish: Partial<TokenWish> = {}, port = this.server.port): Promise<ServerStore> {
    const { token } = await this.tokens.create({ user: "ada", ...wish });
    return this.clientWith(token, port);
  }

  clientWith(
    token: string,
    port = this.server.port,
    { deadline, timeoutMs }: { deadline?: number; timeoutMs?: number } = {},
  ): ServerStore {
    const tokenFile = this.#temp.join(`token-${crypto.randomUUID()}`);
    Deno.writeTextFileSync(tokenFile, `${token}\n`);
    const url = `http://127.0.0.1:${port}`;
    const store = ServerStore.open({
      url,
      tokenFile,
      deadline,
      timeoutMs,
      limits: DEFAULT_LIMITS,
    });
    this.#stack.defer(() => store.close());
    return store;
  }

  /** A proxy before the server. */
  proxy(): Proxy {
    return this.#stack.use(new Proxy(this.server.port));
  }

  path(name: string): string {
    return this.#temp.join(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.tokens.close();
    await this.server[Symbol.asyncDispose]();
    this.#temp[Symbol.dispose]();
  }
}

/** Answers a connection's first request as a proxy does, and breaks it at the next one. */
async function answerOnce(connection: Deno.TcpConn, seen: string[]): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  try {
    for (let requests = 1;; requests++) {
      let text = "";
      while (!text.includes('"by":1')) {
        const size = await connection.read(buffer);
        if (size === null) return;
        text += decoder.decode(buffer.subarray(0, size), { stream: true });
      }
      seen.push(text);
      if (requests === 2) return;
      await connection.write(
        new TextEncoder().encode("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"),
      );
    }
  } catch {
    // The client has gone.
  } finally {
    connection.close();
  }
}

function collect(changes: AsyncIterable<Change>): Change[] {
  const told: Change[] = [];
  void (async () => {
    for await (const change of changes) told.push(change);
  })();
  return told;
}

const isWrite = (request: string) => request.includes('"op":"increment"');

function test(name: string, task: (world: World) => Promise<void>): void {
  Deno.test(`server: ${name}`, async () => {
    await using world = await World.start();
    await task(world);
  });
}

if (runningKinds().includes("server")) {
  test("nothing is written where nobody listens, and it says so", async (world) => {
    const store = await world.client();
    await world.server.kill();
    const error = await failureOf(() => store.store("s", "k", 1));
    assertEquals(error.code, "store_unreachable");
    assertMatch(error.message, /http:\/\/127\.0\.0\.1:\d+: .*refused.*; nothing was written/);
    assertEquals((await failureOf(() => store.retrieve("s", "k"))).code, "store_unreachable");
    assertEquals((await failureOf(() => store.watch())).code, "store_unreachable");
    await world.server.restart();
    await recovered(() => store.retrieve("s", "probe"));
    assertEquals(await store.retrieve("s", "k"), null);
  });

  test("what was acknowledged is there after the server was killed", async (world) => {
    const store = await world.client();
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const writing = (async () => {
        for (;;) {
          await store.increment("s", "k");
          acknowledged++;
        }
      })().catch((error) => error);
      const before = acknowledged;
      await eventually("it writes", () => Promise.resolve(acknowledged > before + 5));
      await world.server.kill();
      const error = await writing;
      assert(error instanceof CoordinatorError, `${error}`);
      const isKnown = error.code === "store_unreachable";
      assert(isKnown || error.code === "outcome_unknown", error.code);
      await world.server.restart();
      await recovered(() => store.retrieve("s", "probe"));
      const value = Number((await store.retrieve("s", "k"))?.value);
      assert(value === acknowledged || (!isKnown && value === acknowledged + 1), error.code);
      acknowledged = value;
    }
  });

  test("while the server is stopped every operation decides, and says what it knows", async (world) => {
    const store = await world.client();
    await store.store("s", "k", 1);
    world.server.pause();
    const [write, read] = await Promise.all([
      failureOf(() => store.store("s", "k", 2)),
      failureOf(() => store.retrieve("s", "k")),
    ]);
    assertEquals([write.code, read.code], ["outcome_unknown", "store_unreachable"]);
    assertMatch(write.message, /whether key 'k' of scope 's' was written is unknown/);
    world.server.resume();
    await recovered(() => store.retrieve("s", "probe"));
    const value = (await store.retrieve("s", "k"))?.value;
    assert(value === 1 || value === 2, "it happened or not: that was unknown");
  });

  test("a hook's deadline is kept", async (world) => {
    const { token } = await world.tokens.create({ user: "ada" });
    const store = world.clientWith(token, world.server.port, {
      deadline: performance.now() + 300,
    });
    world.server.pause();
    const startMs = performance.now();
    await failureOf(() => store.retrieve("s", "k"));
    assert(performance.now() - startMs < 1500, "not the usual two seconds");
    world.server.resume();
  });

  test("closing ends what is under way", async (world) => {
    const store = await world.client();
    const told = store.watch();
    await told;
    world.server.pause();
    const pending = failureOf(() => store.retrieve("s", "k"));
    await store.close();
    await pending;
    world.server.resume();
  });

  for (const fault of ["cut", "drop", "double", "swallow"] as const) {
    test(`a write whose answer is lost (${fault}) happens once, and its client knows`, async (world) => {
      const proxy = world.proxy();
      const store = await world.client({}, proxy.port);
      const direct = await world.client();
      for (let i = 1; i <= 3; i++) {
        const struck = proxy.strike(fault, isWrite);
        assertEquals(await store.increment("s", "k"), i);
        await struck;
        assertEquals((await direct.retrieve("s", "k"))?.value, i);
      }
      const created = proxy.strike(fault, (request) => request.includes('"op":"store"'));
      const result = await store.store("s", "new", 1, { expected: "absent" });
      await created;
      assert(result.ok, "the second try was not refused because of the first");
      assertEquals((await direct.retrieve("s", "new"))?.version, result.version);
    });

    test(`a read whose answer is lost (${fault}) is read again`, async (world) => {
      const proxy = world.proxy();
      const store = await world.client({}, proxy.port);
      await store.store("s", "k", { text: "x".repeat(1000) });
      const struck = proxy.strike(fault, (request) => request.includes('"op":"retrieve"'));
      const entry = await store.retrieve("s", "k");
      await struck;
      assertEquals(entry?.value, { text: "x".repeat(1000) });
    });
  }

  test("a write whose answer is lost with the server is not done again by the next one", async (world) => {
    const proxy = world.proxy();
    const store = await world.client({}, proxy.port);
    await store.increment("s", "k");
    const struck = proxy.strike("swallow", isWrite);
    const writing = failureOf(() => store.increment("s", "k"));
    await struck;
    await world.server.restart();
    assertEquals((await writing).code, "outcome_unknown");
    const direct = await world.client();
    assertEquals((await direct.retrieve("s", "k"))?.value, 2, "it had happened");
  });

  test("a write reaches the server once, also by a connection that breaks with it", async (world) => {
    const seen: string[] = [];
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      for await (const connection of listener) void answerOnce(connection, seen);
    })();
    const store = await world.client({}, listener.addr.port);
    await failureOf(() => store.increment("s", "k"));
    const ids = seen.map((text) => /"id":"([^"]+)"/.exec(text)?.[1]);
    assert(ids.length > 2 && ids.every((id) => id === ids[0]));
    const unmarked = seen.filter((text) => !text.includes("again_ms"));
    assertEquals(unmarked.length, 1, "only the first attempt does not say that it is sent again");
    await store.close();
    listener.close();
    await serving;
  });

  test("a slow way is waited for, unless it takes too long", async (world) => {
    const proxy = world.proxy();
    const store = await world.client({}, proxy.port);
    proxy.delayMs = 300;
    assertEquals(await store.increment("s", "k"), 1);
    proxy.delayMs = 1300;
    assertEquals((await failureOf(() => store.increment("s", "k"))).code, "outcome_unknown");
    proxy.delayMs = 0;
    proxy.breakAll();
    await recovered(() => store.retrieve("s", "probe"));
    assertEquals((await store.retrieve("s", "k"))?.value, 2, "it happened, and once");
  });

  test("a watch goes on after a restart and tells what changed meanwhile", async (world) => {
    const proxy = world.proxy();
    const [watching, writing] = [await world.client({}, proxy.port), await world.client()];
    for (const key of ["same", "changed", "gone"]) await writing.store("s", key, 1);
    const told = collect(await watching.watch("s*"));
    const has = (key: string, fits: (change: Change) => boolean = () => true) => () =>
      Promise.resolve(told.some((change) => change.key === key && fits(change)));
    await writing.store("s", "live", 1);
    await eventually("it tells", has("live"));
    proxy.refuses = true;
    proxy.breakAll();
    await world.server.restart();
    await recovered(() => writing.retrieve("s", "probe"));
    await writing.store("s", "changed", 2);
    await writing.store("s2", "new", 1);
    await writing.store("other", "not watched", 1);
    await writing.delete("s", "gone");
    proxy.refuses = false;
    await caughtUp("it tells what changed", has("changed"));
    await caughtUp("it tells what is new", has("new", ({ scope }) => scope === "s2"));
    await caughtUp("it tells what is gone", has("gone", ({ version }) => version === null));
    await writing.store("s", "later", 1);
    await eventually("it tells what changes later", has("later"));
    assert(!await has("same")(), "what is as it was is not told");
    assert(!await has("not watched")());
  });

  test("a token that is revoked ends its requests and its watch at once", async (world) => {
    const { token, record } = await world.tokens.create({ user: "ada" });
    const [store, other] = [world.clientWith(token), await world.client()];
    await store.store("s", "k", 1);
    const told = collect(await store.watch());
    await world.tokens.revoke(record.id);
    const error = await failureOf(() => store.retrieve("s", "k"));
    assertEquals(error.code, "unauthorized");
    assertMatch(error.message + error.hint, /CSC_TOKEN/);
    assertEquals((await failureOf(() => store.store("s", "k", 2))).code, "unauthorized");
    // The server looks at it with each heartbeat; until then the watch may still tell something.
    await eventually("the watch has ended", async () => {
      const before = told.length;
      await other.store("s", "k", 1);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return told.length === before;
    });
    await other.store("s", "after", 1);
    await other.store("s", "after", 2);
    assert(!told.some(({ key }) => key === "after"));
  });

  test("a wrong token, and none, are told apart from a server that is down", async (world) => {
    for (const token of ["", `csc_${"A".repeat(43)}`, "x"]) {
      const store = world.clientWith(token);
      for (const task of [() => store.retrieve("s", "k"), () => store.watch()]) {
        assertEquals((await failureOf(task)).code, "unauthorized");
      }
    }
    const store = world.clientWith("csc_ü");
    assertEquals((await failureOf(() => store.retrieve("s", "k"))).code, "unauthorized");
  });

  test("tenants never see each other", async (world) => {
    const [ada, bob] = [
      await world.client({ tenant: "ada" }),
      await world.client({ user: "bob", tenant: "bob" }),
    ];
    const told = collect(await bob.watch());
    await ada.store("s", "k", "ada's", { fence: 9 });
    assertEquals(await bob.retrieve("s", "k"), null);
    assertEquals(await bob.listScopes(), []);
    assert((await bob.store("s", "k", "bob's", { expected: "absent", fence: 1 })).ok);
    assertEquals((await ada.retrieve("s", "k"))?.value, "ada's");
    await bob.deleteScope("s");
    assertEquals(await ada.listKeys("s"), ["k"]);
    await bob.store("s", "last", 1);
    await eventually(
      "it tells of its own",
      () => Promise.resolve(told.some(({ key }) => key === "last")),
    );
    assertEquals(told.filter(({ key }) => key === "k").length % 2, 0, "its own write and deletion");
  });

  test("projects and machines beyond the token are refused", async (world) => {
    const store = await world.client({ projects: ["acme/*"], machines: ["ci-*"] });
    assert((await store.store(":acme/shop:locks", "k", 1)).ok);
    assert((await store.store("ci-1:acme/shop:issue:1", "k", 1)).ok);
    for (const scope of [":other:locks", "laptop:acme/shop:issue:1", "plain"]) {
      const error = await failureOf(() => store.store(scope, "k", 1));
      assertEquals(error.code, "forbidden");
      assertMatch(error.message, /the token is for projects acme\/\* and machines ci-\*/);
    }
    const reader = await world.client({ scopes: ["read"] });
    assertEquals((await failureOf(() => reader.store("s", "k", 1))).code, "forbidden");
  });

  test("what answers but is no csc server is named as such", async (world) => {
    const answers = [
      () => new Response("<html>hello</html>"),
      () => new Response("{}", { headers: { "content-type": "application/json" } }),
      () => new Response("gone", { status: 404 }),
      () => Response.redirect("http://127.0.0.1:1/elsewhere", 302),
    ];
    for (const answer of answers) {
      const asked: Request[] = [];
      await using other = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        async (request) => {
          asked.push(request);
          await request.text();
          return answer();
        },
      );
      const store = await world.client({}, other.addr.port);
      const error = await failureOf(() => store.store("s", "k", 1));
      assertEquals(error.code, "store_unreachable");
      assertMatch(error.message + error.hint, /is no csc server.*csc serve --http/s);
      assertEquals(asked.length, 1, "asked once");
      await store.close();
    }
  });

  test("a host that has too much to do is asked again, then left alone", async (world) => {
    let refusals = 2;
    await using other = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const body = await request.text();
        return refusals-- > 0
          ? new Response("busy", { status: 503 })
          : Response.json({ v: 1, id: JSON.parse(body).id, ok: true, result: 7 });
      },
    );
    const store = await world.client({}, other.addr.port);
    assertEquals(await store.increment("s", "k"), 7);
    refusals = Infinity;
    assertEquals((await failureOf(() => store.increment("s", "k"))).code, "store_busy");
    await store.close();
  });

  test("500 requests at once count right", async (world) => {
    const { token } = await world.tokens.create({ user: "ada" });
    const store = world.clientWith(token, world.server.port, { timeoutMs: 60_000 });
    const sums = await Promise.all(Array.from({ length: 500 }, () => store.increment("s", "k")));
    assertEquals(new Set(sums).size, 500);
    assertEquals((await store.retrieve("s", "k"))?.value, 500);
  });

  test("commands of two machines share data and locks through it", async (world) => {
    const { token } = await world.tokens.create({ user: "ada" });
    const machine = async (name: string, ...args: string[]) => {
      const folder = world.path(name);
      Deno.mkdirSync(`${folder}/home/.config/claude-session-coordinator`, { recursive: true });
      Deno.mkdirSync(`${folder}/shop`, { recursive: true });
      Deno.writeTextFileSync(
        `${folder}/home/.config/claude-session-coordinator/config.json`,
        JSON.stringify({
          storage: { adapter: "server", config: { url: world.server.url } },
          session: { machine_id: name },
        }),
      );
      const env = { CSC_TOKEN: token, CLAUDE_PROJECT_DIR: `${folder}/shop` };
      return await csc(folder, args, { env });
    };
    const stored = await machine("one", "data", "set", "issue:15", "points", "3");
    assertEquals(stored.code, 0, stored.stderr);
    const read = await machine("two", "data", "get", "issue:15", "points", "--machine", "one");
    assertEquals([read.stdout, read.stderr], ["3\n", ""]);
  });
}
