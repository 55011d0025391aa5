/** `csc migrate` as people run it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, isolated, type Outcome, run } from "../support/command.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { CONFIG_NAME, eventually, sendSignal, TestProject } from "../support/project.ts";
import { freePort } from "../support/servers/redis.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { KvStore } from "../../src/storage/kv/kv.ts";

const STATE = ".claude/session-state";

/** Writes scopes as the Python reference lays them out: quicker than storing one key after another. */
function writeScopes(folder: string, scopes: number, keys: number): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (let s = 0; s < scopes; s++) {
    const scope = `laptop:ada/shop:issue:${s}`;
    const data = Object.fromEntries(
      Array.from(
        { length: keys },
        (_, k) => [`key ${k}`, { n: s * keys + k, text: "x".repeat(50) }],
      ),
    );
    Deno.writeTextFileSync(
      `${folder}/${scope.replaceAll(/[:/]/g, "__")}.json`,
      JSON.stringify({ scope, data, metadata: {} }),
    );
  }
}

async function keysIn(folder: string): Promise<number> {
  const store = new LocalStore({ folder, durable: false, limits: DEFAULT_LIMITS });
  let keys = 0;
  for (const scope of await store.listScopes()) keys += (await store.listKeys(scope)).length;
  await store.close();
  return keys;
}

/** What it printed; on standard error at most how far it was, where the machine is slow. */
function done({ code, stdout, stderr }: Outcome): string {
  const rest = stderr.replaceAll(/^(Counting|Moving|Comparing): .* keys\n/gm, "");
  assertEquals([code, rest], [0, ""], stdout);
  return stdout;
}

Deno.test("from the project's folder to a database and back, with a dry run before", async () => {
  await using project = new TestProject();
  writeScopes(`${project.folder}/${STATE}`, 3, 4);
  const target = project.beside("new", "store.kv");
  const call = ["migrate", "--from", "local", "--to", `kv:${target}`];
  const dry = done(await project.csc(...call, "--dry-run"));
  assertMatch(dry, /KEYS +NEW +SAME +DIFFERENT +SCOPE\n4 +4 +0 +0 +laptop:ada\/shop:issue:0\n/);
  assertMatch(dry, /Would move 12 keys of 3 scopes\. Nothing was written\./);
  assertEquals([...Deno.readDirSync(project.beside())].map(({ name }) => name), ["project"]);

  const first = done(await project.csc(...call));
  assertMatch(first, /Moved 12 keys of 3 scopes\.\nVerified: 12 keys are the same in both/);
  assertStringIncludes(first, `kv at ${target}`);
  assertMatch(
    done(await project.csc(...call)),
    /Moved 0 keys of 3 scopes; 12 keys were there already/,
  );

  const back = project.beside("back");
  const json = JSON.parse(
    done(await project.csc("migrate", "--from", `kv:${target}`, "--to", back, "--json")),
  );
  assertEquals([json.keys.moved, json.dry_run, json.interrupted], [12, false, false]);
  assertEquals(json.verified.ok, true);
  assertEquals(json.verified.keys, { source: 12, target: 12 });
  assertEquals(await keysIn(back), 12);
  assertEquals(await keysIn(`${project.folder}/${STATE}`), 12, "the source is as it was");
});

Deno.test("conflicts are listed and end with code 1, until they are to be overwritten", async () => {
  await using project = new TestProject();
  writeScopes(`${project.folder}/${STATE}`, 1, 2);
  const target = project.beside("target");
  const scope = "laptop:ada/shop:issue:0";
  const store = new LocalStore({ folder: target, durable: false, limits: DEFAULT_LIMITS });
  await store.store(scope, "key 1", "another");
  const call = ["migrate", "--from", "local", "--to", `local:${target}`];
  const dry = await project.csc(...call, "--dry-run");
  assertEquals(dry.code, 1);
  for (const { code, stdout } of [dry, await project.csc(...call)]) {
    assertEquals(code, 1);
    assertStringIncludes(stdout, `${scope} key 1: another value`);
    assertStringIncludes(stdout, "--overwrite");
  }
  assertEquals((await store.retrieve(scope, "key 1"))!.value, "another");
  assertEquals((await store.retrieve(scope, "key 0"))!.value, { n: 0, text: "x".repeat(50) });
  assertMatch(done(await project.csc(...call, "--overwrite")), /overwrote 1 key/);
  assertEquals((await store.retrieve(scope, "key 1"))!.value, { n: 1, text: "x".repeat(50) });
  await store.close();
});

Deno.test("an adapter's name means the configured store; a file of configuration means the one it names", async () => {
  const config = { storage: { adapter: "kv", config: { path: "data/team.kv" } } };
  await using project = new TestProject(config);
  const configured = await KvStore.open({
    path: (Deno.mkdirSync(`${project.folder}/data`), `${project.folder}/data/team.kv`),
    limits: DEFAULT_LIMITS,
  });
  await configured.store("m:p:issue:1", "k", 1);
  await configured.close();
  done(await project.csc("migrate", "--from", "kv", "--to", "local"));
  assertEquals(await keysIn(`${project.folder}/${STATE}`), 1);

  const file = project.beside("other.json");
  const other = { storage: { adapter: "local", config: { base_path: "elsewhere" } } };
  Deno.writeTextFileSync(file, JSON.stringify(other));
  done(await project.csc("migrate", "--from", CONFIG_NAME, "--to", file));
  assertEquals(await keysIn(`${project.folder}/elsewhere`), 1, "its paths start as --config's do");
});

Deno.test("a mistake is told before anything is touched", async () => {
  await using project = new TestProject();
  Deno.symlinkSync("nowhere", `${project.folder}/link`);
  const cases: [string[], RegExp][] = [
    [["--to", "kv"], /--from is missing/],
    [["--from", "local"], /--to is missing/],
    [["--from", "locl", "--to", "kv"], /'locl' names no store \(did you mean 'local'\?\)/i],
    [["--from", "local", "--to", "ftp://u:hunter2@h/"], /'ftp:\/\/\*\*\*@h\/' names no store/],
    [
      ["--from", "s3://u:hunter2@bucket/%zz", "--to", "kv"],
      /'s3:\/\/\*\*\*@bucket\/%zz' names no store/,
    ],
    [["--from", "local", "--to", "x".repeat(300)], /'x+' names no store/],
    [["--from", "local", "--to", "link"], /'link' names no store/],
    [["--from", "memory", "--to", "kv"], /'memory' ends with its process/],
    [["--from", "local", "--to", `local:${STATE}`], /name the same store/],
    [["--from", "local", "--to", "none.json"], /there is no such file/],
    [["--from", "local", "--to", "kv", "x"], /one word too many/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await project.csc("migrate", ...args);
    assertEquals([code, stdout], [2, ""], `${args.join(" ")}: ${stderr}`);
    assertMatch(stderr, message);
    assert(!stderr.includes("hunter2"));
  }
  const missing = await project.csc("migrate", "--from", "local", "--to", "kv");
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /There is no store at '.*session-state'/);
  const long = await project.csc("migrate", "--from", `./${"x".repeat(300)}`, "--to", "kv");
  assertMatch(long.stderr, /There is no store at '.*x'/);
  assertEquals([...Deno.readDirSync(project.folder)].map(({ name }) => name), ["link"]);
});

Deno.test("one file that is damaged is named, and the rest is moved", async () => {
  await using project = new TestProject();
  const folder = `${project.folder}/${STATE}`;
  writeScopes(folder, 3, 2);
  Deno.writeTextFileSync(`${folder}/damaged.json`, "{");
  const target = project.beside("target");
  const { code, stdout } = await project.csc("migrate", "--from", folder, "--to", target);
  assertEquals(code, 1);
  assertMatch(stdout, /Moved 6 keys of 3 scopes/);
  assertMatch(stdout, /Failed:\n.*Cannot read '.*damaged\.json' as it is not valid JSON/);
  assertEquals(await keysIn(target), 6);
});

Deno.test("a store that is in use is not moved, unless it is forced", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const call = ["migrate", "--from", "local", "--to", project.beside("target")];
  await using session = await TestSession.start(project, "ada-session");
  await session.csc("data", "set", "issue:1", "k", "1");
  const refused = await project.csc(...call);
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertMatch(refused.stderr, /error\[store_in_use\][^]*Session_1 in project \(process \d+ on/);
  const dry = await project.csc(...call, "--dry-run");
  assertEquals(dry.code, 0);
  assertStringIncludes(dry.stderr, "Session_1");
  const forced = await project.csc(...call, "--force");
  assertEquals(forced.code, 0, forced.stderr);
  assertStringIncludes(forced.stderr, "warning: ");
  assertMatch(forced.stdout, /Moved 1 key of 1 scope\.\nNot moved: \d+ scopes/);

  await session.tell("SessionEnd", { reason: "other" });
  await project.csc("lock", "deploy", "600", "--holder", "ci-42");
  assertMatch(
    (await project.csc(...call)).stderr,
    /ci-42 in project \(holds the lock resource:deploy\)/,
  );
  await project.csc("unlock", "deploy", "--holder", "ci-42");
  done(await project.csc(...call));
});

Deno.test("after a move sessions go on in the new store: instances, data and tokens", async () => {
  await using project = new TestProject();
  const client = await project.signedOn("claude_1");
  await client.tool("store_data", { scope: "session:claude_1", key: "todo", value: "a" });
  await client.close();
  const before = await project.csc("status", "--json");
  assertEquals(before.code, 0);
  done(await project.csc("migrate", "--from", "local", "--to", "kv"));
  project.write(CONFIG_NAME, JSON.stringify({ storage: { adapter: "kv" } }));
  const next = await project.signedOn("claude_1");
  const { result } = await next.request("tools/call", {
    name: "retrieve_data",
    arguments: { scope: "session:claude_1", key: "todo" },
  });
  assertStringIncludes(JSON.stringify(result), "a");
  await next.tool("store_data", { scope: "session:claude_1", key: "todo", value: "b" });
});

/** Starts a migration of many keys that a test interrupts. */
function start(project: TestProject, target: string): Deno.ChildProcess {
  return new Deno.Command(CSC[0], {
    args: [...CSC.slice(1), "migrate", "--from", "local", "--to", target],
    cwd: project.folder,
    env: isolated(project.folder),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const [SCOPES, KEYS] = [60, 20];
const MANY = 2000;

Deno.test("killed in the middle again and again, and run once more, it is whole", async () => {
  await using project = new TestProject();
  writeScopes(`${project.folder}/${STATE}`, SCOPES, KEYS);
  const { child, target } = await stoppedEarly(project, SCOPES * KEYS);
  await kill(child);
  for (let round = 0; round < 2; round++) {
    const before = await keysIn(target);
    const next = start(project, target);
    let hasEnded = false;
    next.status.then(() => hasEnded = true);
    const goesOn = async () => hasEnded || await keysIn(target) > before;
    await eventually("it goes on", goesOn, 30_000);
    await kill(next);
  }
  const there = await keysIn(target);
  const last = done(await project.csc("migrate", "--from", "local", "--to", target, "--json"));
  const { keys, verified } = JSON.parse(last);
  assertEquals([keys.same, keys.moved], [there, SCOPES * KEYS - there]);
  assertEquals([verified.ok, verified.keys.target], [true, SCOPES * KEYS]);
});

async function kill(child: Deno.ChildProcess): Promise<void> {
  sendSignal(child.pid, "SIGKILL");
  await child.output();
}

Deno.test("a single Ctrl-C ends it in an orderly way, with what was done", async () => {
  await using project = new TestProject();
  // All in one file: the store then works without a pause.
  writeScopes(`${project.folder}/${STATE}`, 1, MANY);
  let target = "";
  for (let round = 0; round < 4; round++) {
    target = project.beside(`target ${round}`);
    const child = start(project, target);
    await eventually("it has moved something", async () => await keysIn(target) > 0, 30_000);
    sendSignal(child.pid, "SIGINT");
    const { code, stdout } = await child.output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 130, text);
    const told = Number(/Moved ([\d,]+) keys? of/.exec(text)?.[1].replace(",", ""));
    assertEquals(told, await keysIn(target));
    assert(told < MANY, "it did not go on to the end");
    assertStringIncludes(text, "Interrupted. Run the same command again");
  }
  done(await project.csc("migrate", "--from", "local", "--to", target));
});

/** Starts a migration and stops it where it stands, with most still to do. */
async function stoppedEarly(
  project: TestProject,
  keys: number,
): Promise<{ child: Deno.ChildProcess; target: string }> {
  for (let round = 0;; round++) {
    const target = project.beside(`target ${round}`);
    const child = start(project, target);
    await eventually("it has moved something", async () => await keysIn(target) > 0, 30_000);
    sendSignal(child.pid, "SIGSTOP");
    if (await keysIn(target) < keys / 2) return { child, target };
    await kill(child); // it was too quick, or looked at too late
  }
}

Deno.test("on a terminal there is a bar", async () => {
  await using project = new TestProject();
  writeScopes(`${project.folder}/${STATE}`, 20, 10);
  const words = [...CSC, "migrate", "--from", "local", "--to", project.beside("target")];
  const command = words.map((word) => `'${word}'`).join(" ");
  const { code, stdout } = await run(["script", "-qec", command, "/dev/null"], {
    cwd: project.folder,
    env: isolated(project.folder),
    stdin: "",
  });
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /\[#*-*\] Moving: \d+ of 200 keys/);
  assertMatch(stdout, /Moved 200 keys of 20 scopes/);
});

Deno.test("a repository's own configuration never makes it talk to anybody", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let visits = 0;
  const watching = (async () => {
    for await (const connection of listener) {
      visits++;
      connection.close();
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const storage = { adapter: "kv", config: { path: `http://127.0.0.1:${port}/` } };
  await using project = new TestProject({ storage });
  writeScopes(`${project.folder}/${STATE}`, 1, 1);
  const env = { DENO_KV_ACCESS_TOKEN: "t" };
  for (const words of [["--from", "local", "--to", "kv"], ["--from", "kv", "--to", "local"]]) {
    const { code, stderr } = await project.cscWith({ env }, "migrate", ...words);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "error[not_trusted]");
  }
  assertEquals(visits, 0);
  done(await project.cscWith({ env }, "migrate", "--from", "local", "--to", project.beside("t")));
  assertEquals(visits, 0);
  listener.close();
  await watching;
});

Deno.test("a target that is away is told, and not that there was nothing to move", async () => {
  await using project = new TestProject();
  writeScopes(`${project.folder}/${STATE}`, 1, 1);
  const url = `redis://127.0.0.1:${freePort()}`;
  const { code, stdout } = await project.csc("migrate", "--from", "local", "--to", url);
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "Nothing was moved.");
  assertStringIncludes(stdout, "nothing was written");
  assert(!stdout.includes("Verified"), stdout);
});
