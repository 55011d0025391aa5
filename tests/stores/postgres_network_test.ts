/**
 * What lies between a client and PostgreSQL fails: answers come late, twice, in part or not at all.
 */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PostgresStore } from "../../src/storage/postgres/postgres.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { run } from "../support/command.ts";
import { failureOf, nextKey, recovered } from "../support/decided.ts";
import { runningKinds } from "../support/network_store.ts";
import { type Fault, Proxy } from "../support/proxy.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { TempFolder } from "../support/temp.ts";

const isRunning = runningKinds().includes("postgres");

/** A store whose connections go through a proxy. */
class Scene implements AsyncDisposable {
  private constructor(readonly proxy: Proxy, readonly store: PostgresStore) {}

  static async open(server: PostgresServer): Promise<Scene> {
    const proxy = new Proxy(server.port);
    const url = server.urlOf(proxy.port);
    const store = new PostgresStore({ url, limits: DEFAULT_LIMITS });
    await store.now();
    return new Scene(proxy, store);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await this.proxy[Symbol.asyncDispose]();
  }
}

if (isRunning) {
  Deno.test("postgres: an answer is cut, dropped, doubled or swallowed, or a request doubled", async (test) => {
    await using server = await PostgresServer.create();
    for (const fault of ["cut", "drop", "double", "swallow", "repeat"] satisfies Fault[]) {
      await test.step(`to a write: ${fault}`, async () => {
        await using scene = await Scene.open(server);
        const { proxy, store } = scene;
        const key = `count-${fault}`;
        await store.increment("s", key);
        await store.store("s", "other", "other");
        const struck = proxy.strike(fault, (request) => request.includes(key));
        if (fault === "double" || fault === "repeat") {
          assertEquals(await store.increment("s", key), 2, "the first answer is the right one");
        } else {
          const error = await failureOf(() => store.increment("s", key));
          assertEquals(error.code, "outcome_unknown", error.message);
        }
        await struck;
        // The request had reached the server; had it been sent again, there would be one more.
        assertEquals((await recovered(() => store.retrieve("s", key)))?.value, 2);
        assertEquals((await store.retrieve("s", "other"))?.value, "other");
        assertEquals(await recovered(() => store.increment("s", key)), 3);
      });

      await test.step(`to a read: ${fault}`, async () => {
        await using scene = await Scene.open(server);
        const { proxy, store } = scene;
        for (const key of ["read-a", "read-b"]) await store.store("s", key, key);
        await store.retrieve("s", "read-a");
        const struck = proxy.strike(fault, (request) => request.includes("read-a"));
        const read = () => store.retrieve("s", "read-a");
        if (fault === "swallow") assertEquals((await failureOf(read)).code, "store_unreachable");
        else assertEquals((await read())?.value, "read-a", "a read is sent again");
        await struck;
        assertEquals((await recovered(() => store.retrieve("s", "read-b")))?.value, "read-b");
        assertEquals((await recovered(read))?.value, "read-a");
      });
    }
  });

  Deno.test("postgres: answers come late", async () => {
    await using server = await PostgresServer.create();
    await using scene = await Scene.open(server);
    const { proxy, store } = scene;
    await store.increment("s", "k");
    proxy.delayMs = 150;
    assertEquals(await store.increment("s", "k"), 2, "late is not never");
    proxy.delayMs = 5_000;
    assertEquals((await failureOf(() => store.increment("s", "k"))).code, "outcome_unknown");
    assertEquals((await failureOf(() => store.retrieve("s", "k"))).code, "store_unreachable");
    proxy.delayMs = 0;
    const value = (await recovered(() => store.retrieve("s", "k")))?.value;
    assertEquals(value, 3, "it happened, and once");
  });

  Deno.test("postgres: a deadline comes before two seconds are over", async () => {
    await using server = await PostgresServer.create();
    await using scene = await Scene.open(server);
    scene.proxy.delayMs = 5_000;
    const startedAt = performance.now();
    const store = new PostgresStore({
      url: server.urlOf(scene.proxy.port),
      limits: DEFAULT_LIMITS,
      deadline: startedAt + 300,
    });
    const error = await failureOf(() => store.store("s", "k", 1));
    assertEquals(error.code, "store_unreachable", "it has not even connected");
    assert(performance.now() - startedAt < 1500, "after 300 ms");
    await store.close();
  });

  Deno.test("postgres: connections break, and nobody listens for a while", async () => {
    await using server = await PostgresServer.create();
    await using scene = await Scene.open(server);
    const { proxy, store } = scene;
    const direct = new PostgresStore({ url: server.url, limits: DEFAULT_LIMITS });
    const changes = (await store.watch("s"))[Symbol.asyncIterator]();
    proxy.refuses = true;
    proxy.breakAll();
    const error = await failureOf(() => store.store("s", "k", 1));
    assert(["store_unreachable", "outcome_unknown"].includes(error.code), error.message);
    await direct.store("s", "meanwhile", 1);
    proxy.refuses = false;
    assertEquals((await changes.next()).value?.key, "meanwhile");
    assert((await recovered(() => store.store("s", "k", 2))).ok);
    await changes.return?.();
    await direct.close();
  });

  Deno.test("postgres: a watch whose connection is dead, though not closed, listens anew within 5 s", async () => {
    await using server = await PostgresServer.create();
    await using scene = await Scene.open(server);
    const { proxy, store } = scene;
    const direct = new PostgresStore({ url: server.url, limits: DEFAULT_LIMITS });
    const changes = (await store.watch("s"))[Symbol.asyncIterator]();
    assertEquals(proxy.connections, 2, "one to read with, one to listen with");
    proxy.muteAll();
    await direct.store("s", "missed", 1);
    assertEquals(await nextKey(changes), "missed");
    await direct.store("s", "told", 1);
    assertEquals(await nextKey(changes), "told");
    await changes.return?.();
    await direct.close();
  });

  Deno.test("postgres: a process that closes its store ends, also while the server is stopped", async () => {
    await using server = await PostgresServer.create();
    using folder = new TempFolder();
    const script = folder.join("main.ts");
    const src = new URL("../../src/", import.meta.url);
    await Deno.writeTextFile(
      script,
      `import { PostgresStore } from "${src}storage/postgres/postgres.ts";
      const limits = { maxValueBytes: 1000 };
      const store = new PostgresStore({ url: Deno.args[0], limits });
      await store.store("s", "k", 1);
      const changes = await store.watch();
      const goesOn = new Promise((resolve) => Deno.addSignalListener("SIGUSR2", resolve));
      Deno.kill(${Deno.pid}, "SIGUSR1");
      await goesOn;
      await store.increment("s", "k").catch((error) => console.log(error.code));
      await store.close();
      for await (const _ of changes) console.log("a change");`,
    );
    const waits = Promise.withResolvers<void>();
    const onReady = () => waits.resolve();
    Deno.addSignalListener("SIGUSR1", onReady);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", "--config", config, script, server.url],
      stdout: "piped",
    }).spawn();
    try {
      await waits.promise;
      server.signal("SIGSTOP");
      child.kill("SIGUSR2");
      const { stdout, code } = await child.output();
      assertEquals([new TextDecoder().decode(stdout).trim(), code], ["outcome_unknown", 0]);
    } finally {
      Deno.removeSignalListener("SIGUSR1", onReady);
      server.signal("SIGCONT");
    }
  });

  Deno.test("postgres: a minified bundle tells errors apart as the source does", async () => {
    await using server = await PostgresServer.create();
    using folder = new TempFolder();
    const [entry, bundle] = [folder.join("main.ts"), folder.join("bundle.js")];
    const src = new URL("../../src/", import.meta.url);
    await Deno.writeTextFile(
      entry,
      `import { PostgresStore } from "${src}storage/postgres/postgres.ts";
      const open = (url) => new PostgresStore({ url, limits: { maxValueBytes: 1000 } });
      const store = open(Deno.args[0]);
      console.log(await store.increment("s", "k")); // no schema is an error that it mends
      await store.close();
      const other = open(Deno.args[0].replace(/:[^:@]+@/, ":wrong@"));
      await other.now().catch((error) => console.log(error.code));
      await other.close();`,
    );
    const config = ["--config", new URL("../../deno.json", import.meta.url).pathname];
    const flags = ["bundle", "--quiet", "--minify", ...config, "--output", bundle];
    const bundled = await run([Deno.execPath(), ...flags, entry]);
    assertEquals(bundled.code, 0, bundled.stderr);
    const { stdout, stderr } = await run([Deno.execPath(), "run", "-A", bundle, server.url]);
    assertEquals(stdout, "1\nstore_io\n", stderr);
  });

  Deno.test("postgres: TLS, also where the server's certificate must be known", async () => {
    using folder = new TempFolder();
    const certificate = await makeCertificate(folder);
    await using server = await PostgresServer.create();
    await server.useCertificate(certificate);
    const check = async (parameters: string) => {
      const url = `${server.url.replace("127.0.0.1", "localhost")}?${parameters}`;
      const store = new PostgresStore({ url, limits: DEFAULT_LIMITS });
      try {
        await store.store("s", "k", parameters);
        const [encrypted] = await server.sql(
          "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'csc'",
        );
        return encrypted;
      } finally {
        await store.close();
      }
    };
    assertEquals(await check("sslmode=disable"), "f");
    for (const mode of ["prefer", "require"]) assertEquals(await check(`sslmode=${mode}`), "t");
    assertEquals(await check(`sslrootcert=${certificate.path}`), "t");
    const error = await failureOf(() => check("sslmode=verify-full"));
    assertEquals(error.code, "store_unreachable");
    assertMatch(error.message, /certificate|issuer/i);
  });
}

interface Certificate {
  readonly path: string;
  readonly key: string;
}

async function makeCertificate(folder: TempFolder): Promise<Certificate> {
  const [path, key] = [folder.join("server.crt"), folder.join("server.key")];
  const made = await run([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-days", "2", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", path],
  ]);
  assertEquals(made.code, 0, made.stderr);
  return { path, key };
}
