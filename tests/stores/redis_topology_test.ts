/** Redis behind TLS, sentinels or as a cluster, with real servers. */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { RedisStore } from "../../src/storage/redis/redis.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertFails } from "../support/decided.ts";
import { type Outcome, run } from "../support/command.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually, pause, TestProject } from "../support/project.ts";
import { OwnRedis, useAll } from "../support/redis_client.ts";
import { freePort, RedisServer, type RedisServerOptions } from "../support/servers/redis.ts";
import { TempFolder } from "../support/temp.ts";
import { type CallOutcome, runWorker } from "../support/workers.ts";

const CLUSTER = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
/** Such nodes go on while another is down. */
const PARTIAL = [...CLUSTER, "--cluster-require-full-coverage", "no"];
/** The client of a cluster leaves timers for a moment after its end; such tests come last. */
const CLUSTER_TEST = { sanitizeOps: false, sanitizeResources: false };
const FAILOVER_MS = 20_000;

const SCHEMES = ["redis", "rediss"] as const;
type Scheme = typeof SCHEMES[number];

/** A certificate that signs itself, as arguments of `redis-server`. */
async function certificate(
  folder: string,
  names = "DNS:localhost,IP:127.0.0.1",
): Promise<{ cert: string; args: string[] }> {
  const [key, cert] = [`${folder}/key.pem`, `${folder}/cert.pem`];
  const { code, stderr } = await run([
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-keyout", key, "-out", cert, "-subj", "/CN=localhost"],
    ...["-addext", `subjectAltName=${names}`],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  assertEquals(code, 0, stderr);
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
  return { cert, args: [...files, "--tls-auth-clients", "no"] };
}

/** Whether a cluster serves its slots, as one of its nodes sees it. */
async function isFormed(node: RedisServer): Promise<boolean> {
  return (await node.command("CLUSTER", "INFO")).includes("cluster_state:ok");
}

/** Makes a cluster of one node. */
async function formAlone({ server }: OwnRedis): Promise<void> {
  await server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await eventually("it is formed", () => isFormed(server));
}

/** Has the program use a store, which trusts whom the certificate is of. */
async function useTrusting(cert: string, config: Record<string, unknown>): Promise<Outcome> {
  await using project = new TestProject();
  const file = project.beside("config.json");
  const text = JSON.stringify({ storage: { adapter: "redis", config } });
  Deno.writeTextFileSync(file, text, { mode: 0o600 });
  const env = { CLAUDE_SESSION_COORDINATOR_CONFIG: file, DENO_CERT: cert };
  return await project.cscWith({ env }, "locks");
}

if (runningKinds().includes("redis")) {
  Deno.test("redis: `rediss:` speaks TLS, with a server that it can verify only", async () => {
    using temp = new TempFolder();
    const { cert, args } = await certificate(temp.path);
    const tlsPort = freePort();
    await using own = await OwnRedis.start({ args: [...args, "--tls-port", String(tlsPort)] });
    for (const host of ["127.0.0.1", "localhost"]) {
      const url = own.server.url.replace(/^redis:(.*)@.*/, `rediss:$1@${host}:${tlsPort}`);
      const [stored] = await runWorker({
        do: "calls",
        kind: "redis",
        folder: temp.path,
        calls: [["increment", "s", host]],
      }, { env: { CSC_TEST_REDIS_URL: url, DENO_CERT: cert } }) as CallOutcome[];
      assertEquals(stored.result, 1, JSON.stringify(stored.error));
      const unverified = own.client({}, url);
      const error = await assertFails("store_unreachable", () => unverified.increment("s", "n"));
      assertMatch(error.hint, /DENO_CERT/);
    }
  });

  Deno.test("redis: sentinels tell the primary, also after it has changed", async () => {
    await using stack = new AsyncDisposableStack();
    const temp = stack.use(new TempFolder());
    for (const name of ["first", "second", "sentinel"]) Deno.mkdirSync(temp.join(name));
    const first = stack.use(await RedisServer.start(temp.join("first")));
    const master = ["--replicaof", `127.0.0.1 ${first.port}`, "--masterauth", first.password];
    const second = stack.use(await RedisServer.start(temp.join("second"), { args: master }));
    await first.command("CONFIG", "SET", "masterauth", first.password);
    const configuration = temp.join("sentinel", "sentinel.conf");
    Deno.writeTextFileSync(
      configuration,
      [
        `sentinel monitor team 127.0.0.1 ${first.port} 1`,
        `sentinel auth-pass team ${first.password}`,
        "sentinel down-after-milliseconds team 1000",
        "sentinel failover-timeout team 3000",
      ].join("\n"),
    );
    const sentinel = stack.use(
      await RedisServer.start(temp.join("sentinel"), { sentinel: configuration }),
    );
    const store = new RedisStore({
      settings: {
        url: first.url,
        sentinels: [sentinel.url],
        sentinel_name: "team",
      },
      limits: DEFAULT_LIMITS,
    });
    stack.defer(() => store.close());
    await useAll(store);
    await store.store("s", "k", "kept");
    assertEquals(store.place.location, `'team' of the sentinels 127.0.0.1:${sentinel.port}`);
    await eventually("the sentinel knows the replica", async () => {
      return (await sentinel.command("SENTINEL", "REPLICAS", "team")).includes(`${second.port}`);
    }, FAILOVER_MS);
    await eventually("the replica has it", async () => {
      return await second.command("HGET", "claude-sessions:s:k", "value") === '"kept"';
    }, FAILOVER_MS);
    await first.kill();
    await eventually(
      "the replica has become the primary",
      () => store.increment("s", "n").catch(() => null),
      FAILOVER_MS,
    );
    assertEquals((await store.retrieve("s", "k"))?.value, "kept");
    assertMatch(await second.command("ROLE"), /^master/);

    const unknown = new RedisStore({
      settings: { sentinels: [sentinel.url], sentinel_name: "nobody" },
      limits: DEFAULT_LIMITS,
    });
    stack.defer(() => unknown.close());
    await assertFails("store_unreachable", () => unknown.store("s", "k", 1));
  });

  Deno.test("redis: the primary speaks TLS as `url` says, the sentinels as their own URLs", async (test) => {
    await using stack = new AsyncDisposableStack();
    const temp = stack.use(new TempFolder());
    const { cert, args } = await certificate(temp.path);
    const start = async (name: string, options: RedisServerOptions = {}) => {
      Deno.mkdirSync(temp.join(name));
      const tlsPort = freePort();
      const tls = [...args, "--tls-port", String(tlsPort)];
      const server = await RedisServer.start(temp.join(name), { ...options, args: tls });
      const { port, password } = stack.use(server);
      return { redis: port, rediss: tlsPort, password };
    };
    const primary = await start("primary");
    const configuration = temp.join("sentinel.conf");
    // It tells what it has been told, also of a primary that it does not reach itself.
    const monitor = (scheme: Scheme) => `sentinel monitor ${scheme} 127.0.0.1 ${primary[scheme]} 1`;
    Deno.writeTextFileSync(configuration, SCHEMES.map(monitor).join("\n"));
    const sentinel = await start("sentinel", { sentinel: configuration });
    for (const [one, other] of SCHEMES.flatMap((one) => SCHEMES.map((other) => [one, other]))) {
      await test.step(`${one}: by sentinels of ${other}:`, async () => {
        const config = {
          url: `${one}://:${primary.password}@not-asked.invalid`,
          sentinels: [`${other}://:${sentinel.password}@127.0.0.1:${sentinel[other]}`],
          sentinel_name: one,
        };
        const { code, stderr } = await useTrusting(cert, config);
        assertEquals(code, 0, stderr);
      });
    }
  });

  Deno.test(
    "redis: a cluster of three, whose names all are in one slot",
    CLUSTER_TEST,
    async () => {
      await using stack = new AsyncDisposableStack();
      const temp = stack.use(new TempFolder());
      const servers: RedisServer[] = [];
      for (const name of ["a", "b", "c"]) {
        Deno.mkdirSync(temp.join(name));
        servers.push(stack.use(await RedisServer.start(temp.join(name), { args: PARTIAL })));
      }
      const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
      await servers[0].command("--cluster", "create", ...addresses, "--cluster-yes");
      await eventually("it is formed", () => isFormed(servers[1]));
      const slot = Number(await servers[0].command("CLUSTER", "KEYSLOT", "{claude-sessions:}"));
      servers.splice(Math.floor(slot / (16384 / 3)), 1); // the one that has our names
      const settings = { cluster: servers.map(({ url }) => url) };
      const store = new RedisStore({ settings, limits: DEFAULT_LIMITS });
      stack.defer(() => store.close());
      await eventually("it answers", () => store.listScopes().catch(() => null));
      await useAll(store);
      await Promise.all(Array.from({ length: 50 }, () => store.increment("s", "n")));
      assertEquals((await store.retrieve("s", "n"))?.value, 50);
      assertMatch(store.place.location, /^the cluster of 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+$/);

      const changes = (await store.watch())[Symbol.asyncIterator]();
      await servers[0].kill(); // which is listened to, and has not our slot
      const next = changes.next();
      await eventually("it listens to another node", async () => {
        await store.increment("s", "n").catch(() => null);
        return await Promise.race([next, pause(100).then(() => null)]);
      }, FAILOVER_MS);

      const single = new RedisStore({ settings: { url: servers[1].url }, limits: DEFAULT_LIMITS });
      stack.defer(() => single.close());
      const error = await assertFails("store_io", () => single.store("s", "k", 1));
      assertMatch(error.hint, /storage\.config\.cluster/);
    },
  );

  Deno.test("redis: a cluster over TLS, whose certificate is for a name", async () => {
    using temp = new TempFolder();
    const { cert, args } = await certificate(temp.path, "DNS:localhost");
    const tlsPort = freePort();
    const named = [
      ...["--cluster-announce-hostname", "localhost"],
      ...["--cluster-preferred-endpoint-type", "hostname"],
    ];
    const tls = [...args, "--tls-port", String(tlsPort), "--tls-cluster", "yes"];
    await using own = await OwnRedis.start({ args: [...CLUSTER, ...named, ...tls] });
    await formAlone(own);
    const url = `rediss://:${own.server.password}@localhost:${tlsPort}`;
    const { code, stderr } = await useTrusting(cert, { cluster: [url] });
    assertEquals(code, 0, stderr);
  });

  Deno.test("redis: a node of a cluster that is killed repeats nothing", CLUSTER_TEST, async () => {
    await using own = await OwnRedis.start({ args: CLUSTER });
    await formAlone(own);
    const store = own.client({ settings: { url: undefined, cluster: [own.server.url] } });
    let [acknowledged, unknown] = [0, 0];
    for (let kill = 0; kill < 3; kill++) {
      const counting = Promise.all(Array.from({ length: 100 }, async () => {
        try {
          await store.increment("s", "n");
          acknowledged++;
        } catch (error) {
          if ((error as { code?: string }).code === "outcome_unknown") unknown++;
          else assertEquals((error as { code?: string }).code, "store_unreachable");
        }
      }));
      await own.server.kill();
      await counting;
      await own.server.restart();
      await eventually("it is back", () => isFormed(own.server));
      await eventually("it answers", () => store.listScopes().catch(() => null));
    }
    const count = ((await store.retrieve("s", "n"))?.value ?? 0) as number;
    assert(count >= acknowledged && count <= acknowledged + unknown, `${count}: ${acknowledged}`);
  });
}
