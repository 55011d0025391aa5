import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { denied, holders, lift, passed, repositoryWith, TestSession } from "../support/hook.ts";
import { git, TestProject } from "../support/project.ts";

const FILES = { "src/auth.py": "one\n", "src/login.py": "login\n", "docs/a.md": "a\n" };

/** A repository in which ada has changed `src/auth.py`, and bob has a session in the same tree. */
async function held(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  await ada.edit(`${project.folder}/src/auth.py`, "ONE\n");
  return [ada, bob];
}

Deno.test("what decides is the file's real path, whatever folder the session is in", async () => {
  await using project = new TestProject();
  const [ada, bob] = await held(project);
  await using _a = ada;
  await using _b = bob;
  const tree = project.folder;
  const side = project.beside("side");
  await git(tree, "worktree", "add", "--quiet", side, "-b", "side");
  const file = `${tree}/src/auth.py`;
  Deno.symlinkSync(file, `${side}/link.py`);
  Deno.symlinkSync(`${tree}/src`, `${side}/linked`);

  const ways: [path: string, cwd: string][] = [
    [file, tree],
    [file, `${tree}/src`],
    [file, `${tree}/docs`],
    [file, side],
    [file, "/"],
    ["src/auth.py", tree],
    ["auth.py", `${tree}/src`],
    ["../src/auth.py", `${tree}/docs`],
    ["../project/src/auth.py", side],
    [`${tree}/src/../docs/.././src//auth.py`, side],
    [`${side}/link.py`, side],
    [`${side}/linked/auth.py`, side],
  ];
  for (const [path, cwd] of ways) {
    const reason = denied(await bob.before(path, { cwd }));
    const judged = `⚠️ File locked by Session_1: src/auth.py in ${tree}\n`;
    assert(reason.startsWith(judged), `${path} from ${cwd}: ${reason}`);
  }
  // A session that was started in the other working tree is judged by the file as well.
  await using eve = await TestSession.start(project, "eve-session", { folder: side });
  assertStringIncludes(denied(await eve.before(file)), file);
  assertStringIncludes(denied(await eve.shell("echo x >> ../project/src/auth.py")), file);
});

Deno.test("the same path in another working tree is another file: a note, no denial", async () => {
  await using project = new TestProject();
  const [ada, bob] = await held(project);
  await using _a = ada;
  await using _b = bob;
  const side = project.beside("side");
  await git(project.folder, "worktree", "add", "--quiet", side, "-b", "side");
  // Though the session sits in the main working tree.
  const note = passed(await bob.before(`${side}/src/auth.py`));
  assertStringIncludes(note, "Session_1 is changing the same path in another working tree");
  assertStringIncludes(note, project.folder);
  assertStringIncludes(note, "Nothing is blocked");
  assertEquals(passed(await bob.before(`${side}/src/login.py`)), "");
  await bob.edit(`${side}/src/auth.py`, "changed in the side tree\n");
  assertStringIncludes(passed(await ada.before(`${project.folder}/src/auth.py`)), "Session_2");
});

const NAMES: Record<string, string> = {
  "blanks and a newline": "two  words\n\tand\rmore .py",
  "what means something to a shell": `it's "a" \\ $HOME\`id\`;&.py`,
  "an escape sequence": "\x1b[31mred\x07\u202egpj.py",
  "a leading dash": "-rf ~.py",
  "an emoji, another script, a pattern": "🦊 שלום a:b*c?[d].py",
};

Deno.test("every name is held as itself, and the command in the denial lifts it", async (t) => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session");
  for (const [what, name] of Object.entries(NAMES)) {
    await t.step(what, async () => {
      const path = `${project.folder}/${name}`;
      await ada.edit(path, "ada's\n");
      assertEquals(holders(project)[name], ada.id);
      const reason = denied(await bob.before(path));
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x09\x0b-\x1f]/.test(reason), "nothing that steers a terminal is printed");
      assertEquals(reason.split("\n").length, 5, reason);
      await lift(project, reason);
      passed(await bob.before(path));
      assertEquals(holders(project)[name], bob.id);
    });
  }
});

Deno.test("composed and decomposed Unicode name one reservation", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session");
  const pairs = [["caf\u00e9.py", "cafe\u0301.py"], ["nai\u0308ve.py", "na\u00efve.py"]];
  for (const [name, other] of pairs) {
    const composed = name.normalize("NFC");
    await ada.edit(`${project.folder}/${name}`, "ada's\n");
    assertEquals(holders(project)[composed], ada.id);
    denied(await bob.before(`${project.folder}/${other}`));
    // What is not committed yet is still held after any call of git, however the name is written.
    await ada.run("git status");
    denied(await bob.before(`${project.folder}/${other}`));
    await ada.run(`git add -- '${name}' && git commit --quiet -m '${name}'`);
    assertEquals(holders(project)[composed], bob.id, "committed, and handed over");
  }
});

Deno.test("a session outside of any repository holds files by its project's folder", async () => {
  await using project = new TestProject();
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session");
  const file = project.write("build/app/main.py", "one\n"); // below an ignored folder: of the tree
  const other = project.write("src/main.py", "one\n");
  Deno.symlinkSync(other, `${project.folder}/link.py`);
  await ada.edit(file, "ignored\n");
  await ada.edit(other, "ada's\n");
  assertEquals(holders(project), { "src/main.py": ada.id });
  passed(await bob.before(file));
  denied(await bob.before("main.py", { cwd: `${project.folder}/src` }));
  const reason = denied(await bob.before(`${project.folder}/link.py`));
  assertStringIncludes(reason, `src/main.py in ${project.folder}`);
  denied(await bob.shell("sed -i s/one/two/ src/main.py"));
  assertEquals(passed(await bob.shell("git status; git stash; git add -A")), "");
  denied(await bob.shell("rm -rf src"));
  await lift(project, reason);
  passed(await bob.shell("rm -rf src"));
  passed(await bob.before(other));
  // What lies elsewhere, below /tmp, is nobody's work.
  passed(await bob.before(project.beside("scratch.py")));
  assertEquals(Object.keys(holders(project)), ["src/main.py"]);
});

Deno.test("the working trees of a bare repository share one state", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const bare = project.beside("bare.git");
  await git(project.folder, "clone", "--quiet", "--bare", project.folder, bare);
  const [one, two] = [project.beside("one"), project.beside("two")];
  await git(bare, "worktree", "add", "--quiet", one, "-b", "one");
  await git(bare, "worktree", "add", "--quiet", two, "-b", "two");
  await using ada = await TestSession.start(project, "ada-session", { folder: one });
  await using bob = await TestSession.start(project, "bob-session", { folder: two });
  await ada.edit(`${one}/src/auth.py`, "ONE\n");
  assertStringIncludes(
    passed(await bob.before(`${two}/src/auth.py`)),
    "the same path in another working tree",
  );
  assertStringIncludes(denied(await bob.before(`${one}/src/auth.py`)), `${one}/src/auth.py`);
  denied(await bob.shell(`git -C ${one} reset --hard`));
  assertEquals(
    passed(await bob.tell("SessionStart", { source: "compact" })).includes("../one"),
    true,
  );
});

Deno.test("a submodule and a nested repository are trees of their own, found by the file", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const library = project.beside("library");
  await git(project.folder, "clone", "--quiet", project.folder, library);
  const allow = ["-c", "protocol.file.allow=always"];
  await git(project.folder, ...allow, "submodule", "--quiet", "add", library, "lib");
  await git(project.folder, "commit", "--quiet", "-m", "library");
  const nested = join(project.folder, "nested");
  await git(project.folder, "clone", "--quiet", library, nested);
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session");
  for (const tree of ["lib", "nested"]) {
    const file = `${project.folder}/${tree}/src/auth.py`;
    await ada.edit(file, "ONE\n");
    assertStringIncludes(denied(await bob.before(file)), file);
    denied(await bob.before("src/auth.py", { cwd: `${project.folder}/${tree}` }));
    denied(await bob.shell(`cp README ${tree}/src/auth.py`));
    denied(await bob.shell(`cd ${tree} && git checkout -- src/auth.py`));
    denied(await bob.shell(`git -C ${tree} stash`));
    // The file of the same name in the outer repository is another one.
    passed(await bob.before(`${project.folder}/src/auth.py`));
  }
  // What a session holds in another repository ends with it as well.
  assertEquals((await ada.tell("SessionEnd", { reason: "clear" })).code, 0);
  for (const tree of ["lib", "nested"]) {
    passed(await bob.before(`${project.folder}/${tree}/src/auth.py`));
  }
});

Deno.test("a name that no file system takes is nobody's file", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  await using ada = await TestSession.start(project, "ada-session");
  const started = performance.now();
  for (const path of ["", "nul\0.py", "a/".repeat(200_000) + "b.py", "x".repeat(1_000_000)]) {
    assertEquals(passed(await ada.before(path)), "");
  }
  const long = join(project.folder, "n".repeat(240), "m".repeat(240), "l".repeat(240), "a.py");
  passed(await ada.before(long));
  assertEquals(Object.keys(holders(project)).length, 1);
  await using bob = await TestSession.start(project, "bob-session");
  denied(await bob.before(long));
  assert(performance.now() - started < 12_000);
});
