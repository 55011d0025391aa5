/** Moving data to and from the stores that are servers. */

import { DEFAULT_LIMITS, type Json, parseJson } from "../../src/domain/json.ts";
import { FLOOR_KEY } from "../../src/lease/token_floor.ts";
import { canonical } from "../../src/migrate/content.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { isDone } from "../../src/migrate/report.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import "../../src/storage/builtin.ts";
import { MemoryStore } from "../../src/storage/memory.ts";
import { openStore } from "../../src/storage/registry.ts";
import { HOSTILE_NAMES } from "../storage/contract/names.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated } from "../support/command.ts";
import { type NetworkKind, openNetwork, runningKinds } from "../support/network_store.ts";
import { eventually, sendSignal, TestProject } from "../support/project.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { TempFolder } from "../support/temp.ts";

const STATE = ".claude/session-state";

async function move(from: StorageAdapter, to: StorageAdapter) {
  const report = await migrate(from, to, { isDryRun: false, overwrite: false });
  assert(isDone(report), JSON.stringify(report));
}

/** What a store holds, with whole minutes for the ends of entries. */
async function contentOf(store: StorageAdapter): Promise<string[]> {
  const nowMs = await store.now();
  const lines: string[] = [];
  for (const scope of await store.listScopes()) {
    for (const [key, entry] of await store.retrieveAll(scope)) {
      const { value, author, expiresAtMs, fence } = entry;
      const minutes = expiresAtMs === null ? null : Math.round((expiresAtMs - nowMs) / 60_000);
      lines.push(JSON.stringify([scope, key, canonical(value), author, minutes, fence]));
    }
  }
  return lines.sort();
}

for (const kind of runningKinds()) {
  Deno.test(`${kind}: everything arrives, and comes back the same`, async () => {
    using temp = new TempFolder();
    const [source, back] = [new MemoryStore(), new MemoryStore()];
    const names = kind === "s3" ? HOSTILE_NAMES.slice(0, 6) : HOSTILE_NAMES;
    for (const name of names) await source.store(name, name, { [name]: name }, { author: name });
    const big = parseJson('{"a":12345678901234567890,"b":1e400,"c":0.1,"d":"\\u0000\\u2028"}');
    await source.store("s", "digits", big);
    await source.store("s", "null", null, { fence: 7, ttlMs: 3_600_000 });
    await source.store("m:p:session:claude_1", "todo", ["a"], { fence: 41, author: "claude_1" });
    const wanted = await contentOf(source);
    const there = await openNetwork(kind, temp.path, { limits: DEFAULT_LIMITS });
    await move(source, there);
    assertEquals((await there.retrieve("m:p:csc:book", FLOOR_KEY))?.value, 41);
    await there.deleteScope("m:p:csc:book");
    assertEquals(await contentOf(there), wanted);
    await move(source, there);
    await move(there, back);
    await back.deleteScope("m:p:csc:book");
    assertEquals(await contentOf(back), wanted);
    await there.close();
  });
}

/** The settings by which processes of a test find the server, in a namespace of the test's own. */
const SETTINGS: Partial<Record<NetworkKind, (namespace: string) => Record<string, unknown>>> = {
  redis: (prefix) => ({ url: Deno.env.get("CSC_TEST_REDIS_URL"), prefix: `${prefix}:` }),
  postgres: (schema) => ({ url: Deno.env.get("CSC_TEST_POSTGRES_URL"), schema }),
};

const KEYS = 10_000;

/** Writes scopes as the Python reference lays them out. */
function writeScopes(project: TestProject, keys: number): void {
  for (let s = 0; s < 100; s++) {
    const scope = `laptop:ada/shop:issue:${s}`;
    const data = Object.fromEntries(
      Array.from({ length: keys / 100 }, (_, k) => [`key ${k}`, { n: s * keys + k }]),
    );
    const name = scope.replaceAll(/[:/]/g, "__");
    project.write(`${STATE}/${name}.json`, JSON.stringify({ scope, data, metadata: {} }));
  }
}

for (const kind of runningKinds()) {
  const settingsOf = SETTINGS[kind];
  if (!settingsOf) continue;

  Deno.test(`${kind}: csc migrate is killed in the middle, run again, and 10,000 keys are there`, async () => {
    await using project = new TestProject();
    writeScopes(project, KEYS);
    const config = settingsOf(`m${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`);
    project.write("team.json", JSON.stringify({ storage: { adapter: kind, config } }));
    const context = { baseFolder: "/", limits: DEFAULT_LIMITS, onUnreadable: () => {} };
    const store = await openStore(kind, config as Record<string, Json>, context);
    const before = await killedInTheMiddle(project, store);
    const { code, stdout, stderr } = await project.csc(
      ...["migrate", "--from", "local", "--to", "team.json", "--json"],
    );
    assertEquals(code, 0, stderr + stdout.slice(0, 2000));
    const said = JSON.parse(stdout);
    // What the killed one had asked for last, the server may have done after it was counted.
    assert(said.keys.same >= before, `${said.keys.same} >= ${before}`);
    assertEquals(said.keys.same + said.keys.moved, KEYS);
    assertEquals(said.verified.keys, { source: KEYS, target: KEYS });
    assertEquals(await keysIn(store), KEYS);
    await store.close();
    const secret = /:([^:@/]+)@/.exec(String(config.url))![1];
    assert(!`${stdout}${stderr}`.includes(secret), "the password is not shown");
  });
}

/** Kills a migration once it has moved something; answers how many keys it has moved. */
async function killedInTheMiddle(project: TestProject, store: StorageAdapter): Promise<number> {
  for (;;) {
    const child = new Deno.Command(CSC[0], {
      args: [...CSC.slice(1), "migrate", "--from", "local", "--to", "team.json"],
      cwd: project.folder,
      env: isolated(project.folder),
      stdout: "null",
      stderr: "null",
    }).spawn();
    const isOver = child.status;
    await eventually("it moves", async () => (await store.listScopes()).length > 0, 60_000);
    sendSignal(child.pid, "SIGKILL");
    await isOver;
    const moved = await keysIn(store);
    if (moved < KEYS) return moved;
    for (const scope of await store.listScopes()) await store.deleteScope(scope); // it was too quick
  }
}

async function keysIn(store: StorageAdapter): Promise<number> {
  let keys = 0;
  for (const scope of await store.listScopes()) keys += (await store.listKeys(scope)).length;
  return keys;
}

if (runningKinds().includes("redis")) {
  Deno.test("seed 002's command: csc migrate --from local --to redis://HOST:PORT", async () => {
    await using project = new TestProject();
    writeScopes(project, 100);
    const url = Deno.env.get("CSC_TEST_REDIS_URL")!;
    const { code, stdout, stderr } = await project.csc("migrate", "--from", "local", "--to", url);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /Moved 100 keys of 100 scopes\.\nVerified: 100 keys are the same in both/);
    assertStringIncludes(stdout, `redis at redis://${new URL(url).host}`);
    const back = project.beside("back");
    const again = await project.csc(
      "migrate",
      "--from",
      url,
      "--to",
      back,
      "--scope",
      "laptop:ada/*",
    );
    assertEquals(again.code, 0, again.stderr);
    const folder = new LocalStore({ folder: back, durable: false, limits: DEFAULT_LIMITS });
    assertEquals((await folder.listScopes()).length, 100);
    await folder.close();
  });

  Deno.test("redis: killed and started again while data is moved, nothing is missing or refused", async () => {
    using temp = new TempFolder();
    await using server = await RedisServer.start(temp.path, { args: ["--appendfsync", "always"] });
    const source = new MemoryStore();
    for (let n = 0; n < 4000; n++) await source.store(`s${n % 20}`, `k${n}`, n, { author: "ada" });
    const context = { baseFolder: "/", limits: DEFAULT_LIMITS, onUnreadable: () => {} };
    const to = await openStore("redis", { url: server.url }, context);
    let restarted: Promise<void> | null = null;
    const report = await migrate(source, to, {
      isDryRun: false,
      overwrite: false,
      onProgress: ({ step, done }) => {
        if (step === "moving" && done > 300) {
          restarted ??= server.kill().then(() => server.restart());
        }
      },
    });
    await restarted;
    assert(restarted !== null && isDone(report), JSON.stringify(report).slice(0, 2000));
    assertEquals(await keysIn(to), 4000);
    await to.close();
  });
}
