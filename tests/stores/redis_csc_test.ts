/** The program on Redis: two machines that share it, hooks without it, and what the doctor says. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { denied, failed, hook, passed } from "../support/hook.ts";
import { runningKinds } from "../support/network_store.ts";
import { makeRepository, TestProject } from "../support/project.ts";
import { OwnRedis } from "../support/redis_client.ts";

const ORIGIN = "https://example.com/owner/repo.git";
/** A hook decides within two seconds; starting it on a slow machine takes some more. */
const HOOK_MS = 8000;

/** A clone of one repository on a machine of its own; what it runs is told where Redis is. */
async function machine(name: string, own: OwnRedis, coordination: object = {}) {
  const project = new TestProject();
  await makeRepository(project.folder, ORIGIN);
  const config = project.beside("config.json");
  const text = JSON.stringify({
    storage: { adapter: "redis", config: { url: own.server.url } },
    session: { machine_id: name },
    coordination,
  });
  Deno.writeTextFileSync(config, text, { mode: 0o600 });
  const env = { CLAUDE_SESSION_COORDINATOR_CONFIG: config };
  const run = (...args: string[]) => project.cscWith({ env }, ...args);
  const beforeEdit = (path: string) =>
    hook(
      project,
      {
        hook_event_name: "PreToolUse",
        session_id: `session-of-${name}`,
        tool_name: "Write",
        tool_use_id: crypto.randomUUID(),
        tool_input: { file_path: `${project.folder}/${path}`, content: "" },
      },
      Deno.pid,
      env,
    );
  return { run, beforeEdit, [Symbol.asyncDispose]: () => project[Symbol.asyncDispose]() };
}

if (runningKinds().includes("redis")) {
  Deno.test("redis: a lock that one machine holds is held on the other", async () => {
    await using own = await OwnRedis.start();
    await using one = await machine("one", own);
    await using two = await machine("two", own);
    const taken = await one.run("lock", "deploy", "--holder", "ada");
    assertEquals(taken.code, 0, taken.stderr);
    const refused = await two.run("lock", "deploy", "--holder", "bob");
    assertEquals(refused.code, 1, refused.stdout);
    assertStringIncludes(refused.stderr, "ada");
    assertStringIncludes((await two.run("locks")).stdout, "deploy");
    assertEquals((await one.run("unlock", "deploy", "--holder", "ada")).code, 0);
    assertEquals((await two.run("lock", "deploy", "--holder", "bob")).code, 0);
  });

  Deno.test("redis: the health check tells of it, whether it is up or not", async () => {
    await using own = await OwnRedis.start();
    await using project = new TestProject({
      storage: { adapter: "redis", config: { url: own.server.url } },
    });
    assertEquals((await project.csc("trust", "--yes")).code, 0);
    const client = await project.connect();
    const { redis, store } = await client.tool("health_check");
    assertEquals([redis.connected, store.connected], [true, true]);
    assertMatch(redis.redis_version, /^\d+\.\d+/);
    assert(Number.isInteger(redis.uptime_seconds) && redis.uptime_seconds < 600);
    await own.server.kill();
    const down = await client.tool("health_check");
    assertEquals([down.server, down.redis.connected], ["degraded", false]);
    assertMatch(down.redis.error, /Redis at redis:\/\/127\.0\.0\.1/);
  });

  Deno.test("redis: a hook reserves through it, and decides in time without it", async () => {
    await using own = await OwnRedis.start();
    await using open = await machine("open", own);
    await using strict = await machine("strict", own, { on_store_error: "deny" });
    passed(await open.beforeEdit("a.ts"));
    passed(await strict.beforeEdit("b.ts"));
    assertMatch((await open.run("check", "a.ts")).stdout, /a\.ts/);
    own.server.pause();
    const startedAt = performance.now();
    assertMatch(failed(await open.beforeEdit("c.ts")), /Redis|the store/);
    assert(performance.now() - startedAt < HOOK_MS);
    own.server.resume();
    await own.server.kill();
    assertMatch(failed(await open.beforeEdit("c.ts")), /Redis at redis:\/\/127\.0\.0\.1/);
    assertMatch(denied(await strict.beforeEdit("c.ts")), /Redis at redis:\/\/127\.0\.0\.1/);
    await own.server.restart();
    passed(await open.beforeEdit("c.ts"));
    passed(await strict.beforeEdit("d.ts"));
  });

  Deno.test("redis: the doctor sees a server that forgets, and one that refuses", async () => {
    await using own = await OwnRedis.start({ args: ["--appendonly", "no"] });
    await using one = await machine("one", own);
    const found = async (): Promise<{ status: string; detail: string; fix: string }[]> => {
      const { stdout } = await one.run("doctor", "--json");
      const { findings } = JSON.parse(stdout);
      return findings.filter(({ check }: { check: string }) => check === "store");
    };
    const [store, weakness] = await found();
    assertEquals([store.status, weakness.status], ["ok", "warn"], JSON.stringify(store));
    assertMatch(weakness.detail, /no append-only file/);
    assertMatch(weakness.fix, /^redis-cli CONFIG SET appendonly yes/);
    await own.server.changePassword("another");
    const [refused] = await found();
    assertEquals(refused.status, "fail");
    assertMatch(refused.detail, /refuses the user or the password/);
    assertMatch(refused.fix, /CSC_REDIS_PASSWORD/);
  });
}
