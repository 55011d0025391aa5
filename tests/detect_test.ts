import { git, runGit } from "../src/detect/git.ts";
import { detectMachine } from "../src/detect/machine.ts";
import { detectProject, projectOfRemote } from "../src/detect/project.ts";
import { findRepository } from "../src/detect/repository.ts";
import { assert, assertEquals, assertStringIncludes } from "./support/assert.ts";
import { eventually, git as realGit, makeRepository } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";

const REMOTES: [remote: string, project: string | null][] = [
  ["git@github.com:ada/engine.git", "ada/engine"],
  ["git@github.com:ada/engine", "ada/engine"],
  ["github.com:ada/engine.git", "ada/engine"],
  ["git@github.com:/ada/engine.git", "ada/engine"],
  ["git@[::1]:ada/engine.git", "ada/engine"],
  ["git@[2001:db8::7]:ada/engine.git", "ada/engine"],
  ["ssh://git@github.com/ada/engine.git", "ada/engine"],
  ["ssh://git@github.com:2222/ada/engine.git", "ada/engine"],
  ["ssh://git@[::1]:2222/ada/engine.git", "ada/engine"],
  ["https://github.com/ada/engine", "ada/engine"],
  ["https://github.com/ada/engine.git", "ada/engine"],
  ["https://github.com/ada/engine.git/", "ada/engine"],
  ["https://github.com/ada/engine/", "ada/engine"],
  ["https://github.com//ada//engine", "ada/engine"],
  ["https://ada:token@github.com:8443/ada/engine.git", "ada/engine"],
  ["https://gitlab.example.org/group/sub/deep/engine.git", "group/sub/deep/engine"],
  ["git@gitlab.example.org:group/sub/engine.git", "group/sub/engine"],
  ["http://github.com/ada/engine.git", "ada/engine"],
  ["git://example.org/engine.git", "engine"],
  ["HTTPS://GitHub.com/Ada/Engine.GIT.git", "Ada/Engine.GIT"],
  ["https://github.com/ada/engine.git?x=1#y", "ada/engine"],
  ["  https://github.com/ada/engine.git\n", "ada/engine"],
  ["https://github.com/ada/git", "ada/git"],
  ["https://github.com/ada/my.github.io", "ada/my.github.io"],
  ["/srv/git/ada/engine.git", "ada/engine"],
  ["../engine.git", "engine"],
  ["./engine", "engine"],
  ["file:///srv/git/ada/engine.git", "ada/engine"],
  ["C:\\repos\\ada\\engine.git", "ada/engine"],
  ["C:/repos/ada/engine", "ada/engine"],
  ["https://github.com", null],
  ["https://github.com/", null],
  ["https://github.com/.git", null],
  ["", null],
  ["/", null],
];
for (const [remote, project] of REMOTES) {
  Deno.test(`the remote '${remote.trim()}' belongs to the project ${project ?? "of no name"}`, () => {
    assertEquals(projectOfRemote(remote), project);
  });
}

Deno.test("a plain repository is found from its top and from a folder below", async () => {
  using temp = new TempFolder();
  const top = temp.join("engine");
  await makeRepository(top);
  Deno.mkdirSync(`${top}/a/b`, { recursive: true });
  const repository = { worktree: top, commonFolder: `${top}/.git`, mainFolder: top };
  assertEquals(findRepository(top), repository);
  assertEquals(findRepository(`${top}/a/b`), repository);
});

Deno.test("a linked worktree has the main checkout as its main folder", async () => {
  using temp = new TempFolder();
  const [top, linked] = [temp.join("engine"), temp.join("linked")];
  await makeRepository(top);
  await realGit(top, "worktree", "add", "--quiet", linked);
  Deno.mkdirSync(`${linked}/a`);
  const expected = { worktree: linked, commonFolder: `${top}/.git`, mainFolder: top };
  assertEquals(findRepository(linked), expected);
  assertEquals(findRepository(`${linked}/a`), expected);
});

Deno.test("a worktree with a relative link to its repository is found too", async () => {
  using temp = new TempFolder();
  const [top, linked] = [temp.join("engine"), temp.join("linked")];
  await makeRepository(top);
  await realGit(top, "worktree", "add", "--quiet", linked);
  Deno.writeTextFileSync(`${linked}/.git`, "gitdir: ../engine/.git/worktrees/linked\n");
  assertEquals(findRepository(linked)?.mainFolder, top);
});

Deno.test("a bare repository and its worktrees agree on the repository's folder", async () => {
  using temp = new TempFolder();
  await makeRepository(temp.join("seed"));
  await realGit(temp.path, "clone", "--quiet", "--bare", "seed", "engine.git");
  const bare = temp.join("engine.git");
  await realGit(bare, "worktree", "add", "--quiet", temp.join("linked"));
  const of = (worktree: string) => ({ worktree, commonFolder: bare, mainFolder: bare });
  assertEquals(findRepository(bare), of(bare));
  assertEquals(findRepository(temp.join("linked")), of(temp.join("linked")));
});

Deno.test("a bare repository in a folder `.git` beside its worktrees is bare all the same", async () => {
  using temp = new TempFolder();
  await makeRepository(temp.join("seed"));
  await realGit(temp.path, "clone", "--quiet", "--bare", "seed", "engine/.git");
  const common = temp.join("engine", ".git");
  await realGit(common, "worktree", "add", "--quiet", temp.join("engine", "one"));
  assertEquals(findRepository(temp.join("engine", "one"))?.mainFolder, common);
  assertEquals(findRepository(temp.join("engine"))?.mainFolder, common);
});

Deno.test("a folder that only looks like a bare repository leads nowhere else", async () => {
  using temp = new TempFolder();
  await makeRepository(temp.join("mine"));
  for (const name of ["config", "commondir"]) {
    const bait = temp.join(`bait-${name}`);
    for (const part of ["objects", "refs"]) Deno.mkdirSync(`${bait}/${part}`, { recursive: true });
    Deno.writeTextFileSync(`${bait}/HEAD`, "ref: refs/heads/main\n");
    const mine = temp.join("mine");
    const text = name === "config" ? `[core]\n\tworktree = ${mine}\n` : `${mine}/.git\n`;
    Deno.writeTextFileSync(`${bait}/${name}`, text);
    assertEquals(findRepository(bait), { worktree: bait, commonFolder: bait, mainFolder: bait });
  }
});

Deno.test("a submodule is a repository of its own", async () => {
  using temp = new TempFolder();
  await makeRepository(temp.join("part"));
  await makeRepository(temp.join("whole"));
  await realGit(
    temp.join("whole"),
    "-c",
    "protocol.file.allow=always",
    "submodule",
    "--quiet",
    "add",
    "../part",
    "vendored",
  );
  const top = temp.join("whole", "vendored");
  assertEquals(findRepository(top), {
    worktree: top,
    commonFolder: temp.join("whole", ".git", "modules", "vendored"),
    mainFolder: top,
  });
});

Deno.test("a repository with its git folder elsewhere is found", async () => {
  using temp = new TempFolder();
  const top = temp.join("engine");
  await realGit(temp.path, "init", "--quiet", "--separate-git-dir", "store.git", "engine");
  assertEquals(findRepository(top)?.worktree, top);
  assertEquals(findRepository(top)?.commonFolder, temp.join("store.git"));
});

Deno.test("where there is no repository none is found, and broken links lead nowhere", () => {
  using temp = new TempFolder();
  assertEquals(findRepository(temp.path), null);
  assertEquals(findRepository(temp.join("not", "there")), null);
  Deno.mkdirSync(temp.join(".git"));
  assertEquals(findRepository(temp.path), null, "an empty folder .git");
});

Deno.test("a link through a symbolic link leads to the real repository", async () => {
  using temp = new TempFolder();
  const top = temp.join("engine");
  await makeRepository(top);
  Deno.symlinkSync(top, temp.join("alias"));
  assertEquals(findRepository(temp.join("alias"))?.worktree, top);
});

/** Where programs are looked for while a test runs. */
class FakePath implements Disposable {
  readonly #before = Deno.env.get("PATH");

  constructor(path: string | null) {
    if (path === null) Deno.env.delete("PATH");
    else Deno.env.set("PATH", path);
  }

  [Symbol.dispose](): void {
    if (this.#before !== undefined) Deno.env.set("PATH", this.#before);
  }
}

/** Puts a program `git` into the folder, and that folder in front of all others. */
function fakeGit(temp: TempFolder, script: string): FakePath {
  Deno.mkdirSync(temp.join("bin"), { recursive: true });
  Deno.writeTextFileSync(temp.join("bin", "git"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return new FakePath(`${temp.join("bin")}:${Deno.env.get("PATH")}`);
}

Deno.test("the project is owner/repo of the remote `origin`, also in a worktree", async () => {
  using temp = new TempFolder();
  const [top, linked] = [temp.join("engine"), temp.join("linked")];
  await makeRepository(top, "git@example.org:Ada/Engine.git");
  await realGit(top, "worktree", "add", "--quiet", linked);
  for (const folder of [top, linked]) {
    const project = await detectProject(folder, findRepository(folder), "git");
    assertEquals(project, { id: "Ada/Engine", foundBy: "the remote 'origin'" });
  }
});

Deno.test("without a remote the project is the main checkout's name, in all worktrees", async () => {
  using temp = new TempFolder();
  const [top, linked] = [temp.join("engine"), temp.join("linked")];
  await makeRepository(top);
  await realGit(top, "worktree", "add", "--quiet", linked);
  for (const folder of [top, linked, `${top}/.git`]) {
    assertEquals((await detectProject(folder, findRepository(folder), "git")).id, "engine");
  }
});

Deno.test("`directory` takes the folder's name and asks nobody", async () => {
  using temp = new TempFolder();
  using _ = fakeGit(temp, `touch ${temp.join("asked")}`);
  const folder = temp.join("my folder:x\u202e");
  await makeRepository(temp.join("plain"));
  Deno.removeSync(temp.join("asked"), { recursive: true });
  const { id } = await detectProject(folder, null, "directory");
  assertEquals(id, "my folder-x\ufffd", "no separator of scopes, nothing that hides");
  assert(!exists(temp.join("asked")));
});

Deno.test("a folder without repository gives its name", async () => {
  assertEquals((await detectProject("/a/engine", null, "git")).id, "engine");
  assertEquals((await detectProject("/", null, "git")).id, "project");
  assertEquals((await detectProject("/a/engine.git", null, "git")).id, "engine");
});

const BROKEN: [what: string, script: string, why: string][] = [
  ["fails", "exit 128", "git ended with code 128"],
  ["is killed", "kill -9 $$", "git ended with code"],
  ["prints nothing", "exit 0", "the remote's URL names none"],
  ["prints no name", "echo /..//./", "the remote's URL names none"],
];
for (const [what, script, why] of BROKEN) {
  Deno.test(`where git ${what} the project is the folder's name`, async () => {
    using temp = new TempFolder();
    const top = temp.join("engine");
    await makeRepository(top, "git@example.org:ada/other.git");
    using _ = fakeGit(temp, script);
    const project = await detectProject(top, findRepository(top), "git");
    assertEquals(project.id, "engine");
    assertStringIncludes(project.foundBy, why);
  });
}

Deno.test("what git prints beyond measure becomes an id of at most 200 characters without colons", async () => {
  using temp = new TempFolder();
  const top = temp.join("engine");
  await makeRepository(top);
  using _ = fakeGit(temp, "head -c 100000 /dev/zero | tr '\\0' 'a'; printf ':x\\033[2J/b:c'");
  const { id } = await detectProject(top, findRepository(top), "git");
  assert(id.length <= 200 && !id.includes(":") && !id.includes("\u001b"), id);
});

Deno.test("what git prints that is no text becomes a name that can be shown", async () => {
  using temp = new TempFolder();
  const top = temp.join("engine");
  await makeRepository(top);
  using _ = fakeGit(temp, "printf '\\377\\000\\033x/y'");
  assertEquals((await detectProject(top, findRepository(top), "git")).id, "\ufffd\ufffd\ufffdx/y");
});

Deno.test("a slow git is given up at its time, though a grandchild holds the pipe", async () => {
  using temp = new TempFolder();
  const pid = temp.join("pid");
  using _ = fakeGit(temp, `sleep 30 & echo $! > ${pid}; sleep 30`);
  const startedAt = performance.now();
  const answer = await git(["remote"], temp.path, 300);
  const tookMs = performance.now() - startedAt;
  const grandchild = Number(Deno.readTextFileSync(pid));
  Deno.kill(grandchild, "SIGKILL");
  assertEquals(answer, { ok: false, why: "git did not answer within 0.3 s" });
  assert(tookMs < 2000, `${tookMs} ms`);
});

Deno.test("a git that ends while its grandchild holds the pipe does not hold us", async () => {
  using temp = new TempFolder();
  const pid = temp.join("pid");
  using _ = fakeGit(temp, `sleep 30 & echo $! > ${pid}; echo x`);
  const startedAt = performance.now();
  await git(["remote"], temp.path, 300);
  assert(performance.now() - startedAt < 2000);
  Deno.kill(Number(Deno.readTextFileSync(pid)), "SIGKILL");
});

Deno.test("git that was given up is killed", async () => {
  using temp = new TempFolder();
  const pid = temp.join("pid");
  using _ = fakeGit(temp, `echo $$ > ${pid}; exec sleep 30`);
  await git(["remote"], temp.path, 300);
  const process = Number(Deno.readTextFileSync(pid));
  await eventually("it is gone", () => !exists(`/proc/${process}/cmdline`) || isZombie(process));
});

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
}

Deno.test("git has no input, may not ask on the terminal, and gets no foreign library path", async () => {
  using temp = new TempFolder();
  using _ = fakeGit(temp, "cat; env");
  Deno.env.set("SECRET_OF_THE_TEST", "x");
  const answer = await git(["remote"], temp.path, 3000);
  Deno.env.delete("SECRET_OF_THE_TEST");
  assert(answer.ok);
  assertStringIncludes(answer.text, "GIT_TERMINAL_PROMPT=0");
  assertStringIncludes(answer.text, "GIT_OPTIONAL_LOCKS=0");
  assert(!answer.text.includes("SECRET_OF_THE_TEST"));
  assert(!/^(LD_|GIT_DIR|GIT_WORK_TREE)/m.test(answer.text));
});

Deno.test("no shell sees the arguments", async () => {
  using temp = new TempFolder();
  using _ = fakeGit(temp, 'printf "%s|" "$@"');
  const args = ["$(id)", "; touch x", "a b", "*"];
  assertEquals(await git(args, temp.path), { ok: true, text: "$(id)|; touch x|a b|*|" });
});

Deno.test("git is found without PATH, and its absence is an answer", async () => {
  using temp = new TempFolder();
  await makeRepository(temp.join("engine"), "git@example.org:ada/engine.git");
  const ask = () => git(["remote", "get-url", "origin"], temp.join("engine"));
  {
    using _ = new FakePath(null);
    assert((await ask()).ok);
  }
  {
    // What a Deno without PATH makes of it: a folder of its own that has no git.
    using _ = new FakePath(temp.path);
    assert((await ask()).ok, "the usual places are tried after PATH");
  }
  const gone = await git(["remote"], temp.join("no", "such", "folder"));
  assert(!gone.ok);
});

Deno.test("the machine is the configured id, else the host's name, without what parts scopes", () => {
  assertEquals(detectMachine("laptop"), "laptop");
  assertEquals(detectMachine("auto"), Deno.hostname());
  assertEquals(detectMachine("a:b\u001b[2J"), "a-b\ufffd[2J");
  assertEquals(detectMachine("  "), "localhost");
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a worktree whose repository is not there is a folder of its own", () => {
  using temp = new TempFolder();
  Deno.mkdirSync(temp.join("tree"));
  Deno.writeTextFileSync(temp.join("tree", ".git"), `gitdir: ${temp.join("gone", "x")}\n`);
  assertEquals(findRepository(temp.join("tree")), null);
});

Deno.test("git takes and gives bytes, and its complaints apart from them", async () => {
  using temp = new TempFolder();
  using _ = fakeGit(temp, "cat; echo complaint >&2; exit 7");
  const input = new Uint8Array(200_000).map((_, index) => index % 256);
  const { code, stdout, stderr } = await runGit(["x"], temp.path, { input });
  assertEquals([code, stderr], [7, "complaint\n"]);
  assertEquals(stdout, input);
});

Deno.test("a git call ends at its time, or when it is told to, whatever its grandchildren hold", async () => {
  using temp = new TempFolder();
  const pid = temp.join("pid");
  using _ = fakeGit(temp, `sleep 30 & echo $! > ${pid}; echo x; wait`);
  const startedAt = performance.now();
  const late = await runGit(["x"], temp.path, { timeoutMs: 300 });
  assertEquals([late.code, late.stderr], [null, "git did not answer within 0.3 s"]);
  Deno.kill(Number(Deno.readTextFileSync(pid)), "SIGKILL");
  const signal = AbortSignal.timeout(300);
  const told = await runGit(["x"], temp.path, { signal, mayLinger: true });
  assert(told.code !== 0 && told.code !== null);
  Deno.kill(Number(Deno.readTextFileSync(pid)), "SIGKILL");
  using _lingering = fakeGit(temp, `sleep 30 & echo $! > ${pid}; echo x`);
  const ended = await runGit(["x"], temp.path, { mayLinger: true });
  assertEquals([ended.code, ended.stdout], [0, new TextEncoder().encode("x\n")]);
  Deno.kill(Number(Deno.readTextFileSync(pid)), "SIGKILL");
  assert(performance.now() - startedAt < 5000);
});
