/** What a repository brings along never makes csc talk to an address that its user has not trusted. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { CSC, csc, isolated, type Outcome, run } from "../support/command.ts";
import { lstatOrNull } from "../../src/os/private_folder.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { CONFIG_NAME, eventually, git, TestProject } from "../support/project.ts";

/** An address on this machine that notes who connects to it, and says nothing. */
class Trap implements AsyncDisposable {
  /** How many have connected. */
  visits = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #done = this.#watch();

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** The address as csc names it. */
  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A configuration that names it as the store. */
  get config() {
    return {
      storage: { adapter: "kv", config: { path: `http://me:hunter2@127.0.0.1:${this.port}/` } },
    };
  }

  async #watch(): Promise<void> {
    for await (const connection of this.#listener) {
      this.visits++;
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
  }
}

/** What Deno's client of a KV server needs to try at all: without it, nobody would connect anyway. */
const TOKEN = { DENO_KV_ACCESS_TOKEN: "t" };

const runIn = (project: TestProject, ...args: string[]) => project.cscWith({ env: TOKEN }, ...args);

function refused({ code, stdout, stderr }: Outcome, trap: Trap): void {
  assertEquals([code, stdout], [2, ""], stderr);
  assertStringIncludes(stderr, "error[not_trusted]: ");
  assertStringIncludes(stderr, `kv at ${trap.address}`);
  assertStringIncludes(stderr, CONFIG_NAME);
  assertStringIncludes(stderr, "csc trust");
  assert(!stderr.includes("hunter2"), stderr);
}

Deno.test("no command talks to an address that only the repository names", async () => {
  await using trap = new Trap();
  await using project = new TestProject(trap.config);
  const calls = [
    ["status"],
    ["data", "list"],
    ["lock", "x", "--holder", "h"],
    ["locks"],
    ["cleanup"],
    ["refresh"],
    ["check", "a"],
    ["history"],
  ];
  for (const call of calls) refused(await runIn(project, ...call), trap);
  const shown = await runIn(project, "config", "show", "--json");
  assertEquals(shown.code, 0);
  assertStringIncludes(shown.stderr, "csc trust");
  assert(!`${shown.stdout}${shown.stderr}`.includes("hunter2"));
  assertEquals((await runIn(project, "config", "path")).code, 0);
  const { stdout } = await runIn(project, "doctor", "--json");
  const { findings } = JSON.parse(stdout);
  const trust = findings.find(({ check }: { check: string }) => check === "trust");
  assertEquals([trust.status, trust.fix], ["fail", "csc trust"]);
  assert(!findings.some(({ check }: { check: string }) => check === "store"));
  assertEquals(trap.visits, 0);
});

Deno.test("neither does the server, until it is trusted, and then without being started anew", async () => {
  await using trap = new Trap();
  await using project = new TestProject(trap.config);
  const client = await project.connect({ env: TOKEN });
  const { error, result } = await client.request("tools/call", {
    name: "list_scopes",
    arguments: {},
  });
  assertStringIncludes(JSON.stringify(error ?? result), "not_trusted");
  assertEquals(trap.visits, 0);
  assertEquals((await runIn(project, "trust", "--yes")).code, 0);
  client.request("tools/call", { name: "list_scopes", arguments: {} }).catch(() => {});
  await eventually("it connects", () => trap.visits > 0);
});

Deno.test("hooks let edits pass, say why, and tell the session's user what to do", async () => {
  await using trap = new Trap();
  await using project = new TestProject(trap.config);
  await repositoryWith(project, { "a.py": "a\n" });
  await using session = new TestSession(project, "ada-session", { env: TOKEN });
  const start = await session.tell("SessionStart", { source: "startup" });
  assertEquals([start.code, start.stderr], [0, ""]);
  assertStringIncludes(start.said.additionalContext, "nothing is coordinated here");
  assertStringIncludes(start.said.additionalContext, "do not run that yourself");
  assertStringIncludes(JSON.parse(start.stdout).systemMessage, "csc trust");
  const path = `${project.folder}/a.py`;
  for (const reply of [await session.before(path), await session.shell("rm a.py")]) {
    assertEquals([reply.code, reply.stdout], [1, ""], "the edit passes");
    assertStringIncludes(reply.stderr, "You have not trusted");
    assertStringIncludes(reply.stderr, "csc trust");
  }
  for (const event of ["UserPromptSubmit", "Stop", "SessionEnd"]) {
    assertEquals((await session.tell(event, { prompt: "x", reason: "other" })).code, 1, event);
  }
  const noted = Deno.readTextFileSync(
    `${project.folder}/state/claude-session-coordinator/hook-failures.log`,
  );
  assertStringIncludes(noted, "PreToolUse");
  assert(!`${noted}${start.stdout}`.includes("hunter2"));
  assertEquals(trap.visits, 0);
  // What the repository says of a store that fails holds here too.
  const coordination = { on_store_error: "deny" };
  project.write(CONFIG_NAME, JSON.stringify({ ...trap.config, coordination }));
  assertEquals((await session.before(path)).said.permissionDecision, "deny");
  assertEquals(trap.visits, 0);
});

Deno.test("a hook follows what is trusted, and what is not any more, from its next event on", async () => {
  await using trap = new Trap();
  await using other = new Trap();
  await using project = new TestProject(trap.config);
  await repositoryWith(project, { "a.py": "a\n" });
  await using session = new TestSession(project, "ada-session", { env: TOKEN });
  const path = `${project.folder}/a.py`;
  const tries = async (what: string) => {
    const before = [trap.visits, other.visits];
    assertEquals((await session.before(path)).code, 1, what);
    return [trap.visits > before[0], other.visits > before[1]];
  };
  assertEquals(await tries("untrusted"), [false, false]);
  assertEquals((await runIn(project, "trust", "--yes")).code, 0);
  assertEquals(await tries("trusted"), [true, false]);
  assertEquals(await tries("trusted, from a snapshot"), [true, false]);
  project.write(CONFIG_NAME, JSON.stringify(other.config));
  assertEquals(await tries("another address"), [false, false]);
  project.write(CONFIG_NAME, JSON.stringify(trap.config));
  assertEquals(await tries("the first one again"), [true, false]);
  assertEquals((await runIn(project, "trust", "--remove")).code, 0);
  assertEquals(await tries("taken back"), [false, false]);
  project.write(
    "home/.config/claude-session-coordinator/config.json",
    JSON.stringify({ storage: { trusted_hosts: [`127.0.0.1:${trap.port}`] } }),
  );
  assertEquals(await tries("listed by the user"), [true, false]);
});

Deno.test("trust is for a repository: all its worktrees, and nothing beside it", async () => {
  await using trap = new Trap();
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const tree = project.beside("tree");
  await git(project.folder, "worktree", "add", "--quiet", tree);
  Deno.mkdirSync(`${tree}/.claude`);
  Deno.writeTextFileSync(`${tree}/${CONFIG_NAME}`, JSON.stringify(trap.config));
  const env = { ...TOKEN, CLAUDE_PROJECT_DIR: tree };
  refused(await project.cscWith({ env }, "status"), trap);
  assertEquals((await project.cscWith({ env }, "trust", "--yes")).code, 0);
  const { stdout } = await project.csc("trust", "--list", "--json");
  assertEquals(JSON.parse(stdout).map(({ project }: { project: string }) => project), [
    Deno.realPathSync(project.folder),
  ]);
  project.write(CONFIG_NAME, JSON.stringify(trap.config));
  const inMain = await runIn(project, "config", "show");
  assertEquals([inMain.code, inMain.stderr], [0, ""], "the main checkout asks for the same");

  const clone = project.beside("clone");
  await git(project.folder, "clone", "--quiet", project.folder, clone);
  Deno.mkdirSync(`${clone}/.claude`);
  Deno.writeTextFileSync(`${clone}/${CONFIG_NAME}`, JSON.stringify(trap.config));
  refused(await project.cscWith({ env: { ...TOKEN, CLAUDE_PROJECT_DIR: clone } }, "status"), trap);
  assertEquals(trap.visits, 0);
});

Deno.test("a bare repository, a linked file and a linked folder are a project's all the same", async () => {
  await using trap = new Trap();
  await using project = new TestProject();
  const bare = project.beside("bare.git");
  await git(project.folder, "init", "--quiet", "--bare", bare);
  Deno.mkdirSync(`${bare}/.claude`);
  Deno.writeTextFileSync(`${bare}/${CONFIG_NAME}`, JSON.stringify(trap.config));
  refused(await project.cscWith({ env: { ...TOKEN, CLAUDE_PROJECT_DIR: bare } }, "status"), trap);

  const elsewhere = project.write("elsewhere/config.json", JSON.stringify(trap.config));
  const linked = project.beside("linked");
  Deno.mkdirSync(`${linked}/.claude`, { recursive: true });
  Deno.symlinkSync(elsewhere, `${linked}/${CONFIG_NAME}`);
  const inLinked = { env: { ...TOKEN, CLAUDE_PROJECT_DIR: linked } };
  refused(await project.cscWith(inLinked, "status"), trap);
  assertEquals((await project.cscWith(inLinked, "trust", "--yes")).code, 0);
  const alias = project.beside("alias");
  Deno.symlinkSync(linked, alias);
  const shown = await project.cscWith(
    { env: { CLAUDE_PROJECT_DIR: alias } },
    "config",
    "show",
  );
  assertEquals([shown.code, shown.stderr], [0, ""], "the folder by its other name");
  assertEquals(trap.visits, 0);
});

Deno.test("seed 004's config.yml names Redis: whose address counts is the user's, or is asked for", async () => {
  await using trap = new Trap();
  await using project = new TestProject();
  project.write(".claude/config.yml", "coordination: redis\n");
  const { code, stderr } = await project.csc("status");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "redis at redis://localhost:6379");
  assertStringIncludes(stderr, ".claude/config.yml");
  const env = { REDIS_URL: `redis://127.0.0.1:${trap.port}` };
  await using session = new TestSession(project, "ada-session");
  const start = () => session.tell("SessionStart", { source: "startup" }, env);
  const spoken = [(await project.cscWith({ env }, "status")).stderr, (await start()).stderr];
  assert(!spoken.join().includes("not trusted"), spoken.join());
  const visits = trap.visits;
  assert(visits > 0, "what REDIS_URL names is used");
  // A hook without the variable does not use what one with it has found.
  const said = (await session.tell("SessionStart", { source: "startup" })).said;
  assertStringIncludes(said.additionalContext, "redis at redis://localhost:6379");
  assertEquals(trap.visits, visits);
});

Deno.test("no store on the network is talked to unasked, whichever adapter a repository names", async () => {
  await using trap = new Trap();
  await using project = new TestProject();
  const host = `127.0.0.1:${trap.port}`;
  const stores: Record<string, object> = {
    redis: { url: `redis://me:hunter2@${host}` },
    "redis by sentinels": { sentinels: [host], sentinel_name: "main" },
    "redis as a cluster": { cluster: [`redis://${host}`] },
    postgres: { url: `postgres://me@${host}/team` },
    s3: { bucket: "team", endpoint: `http://${host}` },
    server: { url: `http://${host}` },
  };
  for (const [name, config] of Object.entries(stores)) {
    const adapter = name.split(" ")[0];
    project.write(CONFIG_NAME, JSON.stringify({ storage: { adapter, config } }));
    for (const call of [["status"], ["migrate", "--from", "local", "--to", adapter]]) {
      const { code, stderr } = await runIn(project, ...call);
      assertEquals(code, 2, `${name}: ${stderr}`);
      assertMatch(stderr, /error\[not_trusted\]: .*127\.0\.0\.1:\d+/, name);
      assert(!stderr.includes("hunter2"), stderr);
    }
  }
  assertEquals(trap.visits, 0);
});

Deno.test("a repository's log is written within it, whichever links it brings along", async () => {
  await using project = new TestProject();
  await git(project.folder, "init", "--quiet");
  const victim = project.beside("victim");
  Deno.mkdirSync(`${victim}/sub`, { recursive: true });
  Deno.writeTextFileSync(`${victim}/profile`, "mine\n");
  Deno.writeTextFileSync(`${project.folder}/.git/hooks/pre-commit`, "mine\n");
  Deno.symlinkSync(`${victim}/profile`, `${project.folder}/a.log`);
  Deno.symlinkSync(`${victim}/none`, `${project.folder}/b.log`);
  Deno.symlinkSync(victim, `${project.folder}/c`);
  const outside = ["a.log", "b.log", "c/profile", "c/sub/new.log", ".git/hooks/pre-commit"];
  for (const path of outside) {
    project.write(CONFIG_NAME, JSON.stringify({ log: { level: "debug", path } }));
    for (const call of [["status"], ["claim", "1"]]) {
      const { code, stderr } = await runIn(project, ...call);
      assertEquals(code, 2, path);
      assertMatch(stderr, /'log.path' lies outside the repository/, path);
    }
  }
  assertEquals(Deno.readTextFileSync(`${victim}/profile`), "mine\n");
  assertEquals(Array.from(Deno.readDirSync(victim), ({ name }) => name).sort(), ["profile", "sub"]);
  for (const path of ["logs/csc.log", ".claude/csc.log"]) {
    project.write(CONFIG_NAME, JSON.stringify({ log: { level: "debug", path } }));
    assertEquals((await runIn(project, "status")).code, 0, path);
  }
});

Deno.test("a repository's log goes no further once a link leads out of it", async () => {
  await using project = new TestProject();
  project.write(CONFIG_NAME, JSON.stringify({ log: { level: "debug", path: "logs/csc.log" } }));
  const server = await project.signedOn();
  const victim = project.beside("victim");
  Deno.mkdirSync(victim);
  Deno.writeTextFileSync(`${victim}/csc.log`, "mine\n");
  await eventually("it logs", () => lstatOrNull(`${project.folder}/logs/csc.log`) !== null);
  Deno.renameSync(`${project.folder}/logs/csc.log`, `${project.folder}/old`);
  Deno.symlinkSync(`${victim}/csc.log`, `${project.folder}/logs/csc.log`);
  await server.tool("sign_off");
  assertEquals(await server.close(), { code: 0, stderr: "" });
  assertEquals(Deno.readTextFileSync(`${victim}/csc.log`), "mine\n");
});

Deno.test("a repository names no file that csc would read", async () => {
  await using project = new TestProject();
  for (const name of ["sslrootcert", "%73slrootcert"]) {
    const url = `postgres://localhost/team?${name}=/dev/zero`; // it never ends
    const config = { storage: { adapter: "postgres", config: { url } } };
    project.write(CONFIG_NAME, JSON.stringify(config));
    for (const call of [["status"], ["config", "show"], ["trust", "--yes"], ["doctor"]]) {
      const { code, stdout, stderr } = await runIn(project, ...call);
      assert(code !== 0, call.join(" "));
      const said = (stdout + stderr).replaceAll(/\s+/g, " "); // doctor wraps its table
      assertMatch(said, /names a file of yours/, call.join(" "));
    }
  }
});

Deno.test("a file that the user names is the user's own", async () => {
  await using trap = new Trap();
  await using project = new TestProject(trap.config);
  const env = { CLAUDE_SESSION_COORDINATOR_CONFIG: `${project.folder}/${CONFIG_NAME}` };
  for (const [args, extra] of [[["--config", CONFIG_NAME], {}], [[], env]] as const) {
    const before = trap.visits;
    const { stderr } = await project.cscWith({ env: { ...TOKEN, ...extra } }, "status", ...args);
    assert(!stderr.includes("not_trusted"), stderr);
    assert(trap.visits > before);
  }
});

Deno.test("csc trust says what it means, asks, lists and takes back", async (t) => {
  await using trap = new Trap();
  await using project = new TestProject(trap.config);
  await t.step("nobody to ask", async () => {
    const { code, stdout, stderr } = await project.csc("trust");
    assertEquals(code, 2);
    assertStringIncludes(stdout, trap.address);
    assertMatch(stderr, /nobody to ask here[^]*--yes/);
    assertEquals((await project.csc("trust", "--json")).code, 2);
    assertEquals((await project.csc("trust", "--list")).stdout, "No project's store is trusted.\n");
  });
  await t.step("at a terminal", async () => {
    assertMatch(await answered(project, "n"), /not trusted yet[^]*Trust it[^]*Nothing was changed/);
    assertMatch(await answered(project, ""), /Nothing was changed/);
    assertEquals(JSON.parse((await project.csc("trust", "--list", "--json")).stdout), []);
    assertMatch(await answered(project, "y"), /Trusted\. Sessions use it/);
    assertMatch(await answered(project, ""), /It may be used already/);
  });
  await t.step("for programs", async () => {
    const { code, stdout } = await project.csc("trust", "--yes", "--json");
    const said = JSON.parse(stdout);
    assertEquals([code, said.trusted, said.addresses, said.added], [0, true, [trap.address], []]);
  });
  await t.step("list and remove", async () => {
    const { stdout } = await project.csc("trust", "--list");
    assertStringIncludes(stdout, trap.address);
    assert(!stdout.includes("hunter2"));
    assertMatch((await project.csc("trust", "--remove")).stdout, /No longer trusted/);
    const again = await project.csc("trust", "--remove");
    assertEquals(again.code, 1);
    assertStringIncludes(again.stdout, "Nothing was trusted");
    await project.csc("trust", "--yes");
    const elsewhere = await project.csc("trust", "--remove", project.folder, "--json");
    assertEquals(JSON.parse(elsewhere.stdout).removed, [trap.address]);
  });
  await t.step("mistakes", async () => {
    for (const args of [["x"], ["--list", "--remove"], ["--lst"]]) {
      assertEquals((await project.csc("trust", ...args)).code, 2, args.join(" "));
    }
    project.write(CONFIG_NAME, "{}");
    const { code, stdout } = await project.csc("trust");
    assertEquals([code, /nothing to trust/.test(stdout)], [0, true]);
  });
  assertEquals(trap.visits, 0);
});

/** What `csc trust` shows on a terminal where the user types a line. */
async function answered(project: TestProject, line: string): Promise<string> {
  const command = [...CSC, "trust"].map((word) => `'${word}'`).join(" ");
  const { stdout } = await run(["script", "-qec", command, "/dev/null"], {
    cwd: project.folder,
    env: isolated(project.folder),
    stdin: `${line}\n`,
  });
  return stdout;
}

Deno.test("without a home nothing can be trusted, and it is said", async () => {
  await using trap = new Trap();
  await using project = new TestProject(trap.config);
  const { code, stderr } = await csc(project.folder, ["trust", "--yes"], { env: { HOME: "" } });
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, "HOME is not set");
});
