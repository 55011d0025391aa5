import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { denied, holders, lift, passed, repositoryWith, TestSession } from "../support/hook.ts";
import { git, TestProject } from "../support/project.ts";

const FILES = {
  "a.py": "a\n",
  "b.py": "b\n",
  "docs/c.md": "c\n",
  "sub/d.py": "d\n",
  "other.txt": "o\n",
};

/** A repository with a branch `other`, in which ada has changed `a.py`, and bob has a session too. */
async function scene(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  await git(project.folder, "branch", "other");
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  await ada.edit(`${project.folder}/a.py`, "A\n");
  return [ada, bob];
}

/** Calls that change the tree at large, move HEAD or sweep away what is not committed. */
const SWEEPING = [
  "git checkout other",
  "git checkout -b new",
  "git checkout -f",
  "git checkout .",
  "git switch other",
  "git switch -c new",
  "git stash",
  "git stash push -u -m x",
  "git stash pop",
  "git reset --hard",
  "git reset --hard HEAD~0",
  "git clean -fd",
  "git rebase other",
  "git pull",
  "git pull --rebase origin main",
  "git merge other",
  "git cherry-pick other",
  "git restore .",
  "cd sub && git stash && cd ..",
  "true && git -C . checkout other || echo no",
  "bash -c 'git stash'",
  "git update-ref refs/heads/main other",
  "(cd docs; git reset --hard)",
];

Deno.test("no session pulls the working tree away from under another one", async (t) => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const shell = async (commands: readonly string[]) => {
    for (let i = 0; i < commands.length; i += 4) {
      const some = commands.slice(i, i + 4);
      const replies = await Promise.all(some.map((command) => bob.shell(command)));
      for (const [k, reply] of replies.entries()) {
        const reason = denied(reply);
        assertStringIncludes(reason, `working tree ${project.folder} under others`, some[k]);
        assertMatch(reason, /^- Session_1: a\.py \((reserved|uncommitted edit)\)$/m);
        assertMatch(reason, /^Work in a tree of your own instead: git worktree add .+ -b /m);
        assertStringIncludes(reason, "csc unlock --session Session_1 --force");
      }
    }
  };
  await t.step("while it has reserved a file", () => shell(SWEEPING));
  await t.step(
    "while it has an edit that is not committed, though it reserves nothing",
    async () => {
      assertEquals((await ada.csc("unlock")).code, 0);
      assertEquals(holders(project), {});
      await shell([SWEEPING[0], SWEEPING[6], SWEEPING[9], SWEEPING[11]]);
      // The file itself is free to be edited.
      passed(await bob.before(`${project.folder}/a.py`));
      await bob.tell("Stop");
    },
  );
  await t.step("but its own sessions may", async () => {
    for (const command of ["git stash", "git checkout other"]) passed(await ada.shell(command));
  });
  await t.step("and whoever works in a tree of its own, as was offered", async () => {
    const reason = denied(await bob.shell("git checkout -b new"));
    const offer = /git worktree add .+ -b /.exec(reason)![0] + "new";
    await bob.run(offer);
    const aside = /add (\S+)/.exec(offer)![1];
    await bob.run("git checkout --quiet -b newer && git reset --quiet --hard", {
      cwd: `${project.folder}/${aside}`,
    });
    assertEquals(Deno.readTextFileSync(`${project.folder}/a.py`), "A\n");
  });
  await t.step("until a person lifts it", async () => {
    await lift(project, denied(await bob.shell("git stash")));
    passed(await bob.shell("git stash"));
  });
});

/** Calls that leave alone what others have. */
const HARMLESS = [
  "git status",
  "git log --oneline -3",
  "git diff HEAD",
  "git fetch --all",
  "git stash list",
  "git stash show",
  "git checkout HEAD",
  "git reset",
  "git reset --soft",
  "git clean -n",
  "git clean -fd docs",
  "git stash push b.py",
  "git restore --staged a.py",
  "git checkout -- b.py",
  "git restore docs",
  "git branch -d other",
  "git update-ref refs/heads/other main",
  "git commit --dry-run -a",
  "git add -n .",
  "git worktree list",
  "echo git stash",
  "git help stash",
];

Deno.test("calls of git that leave alone what others have pass in silence", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  for (let i = 0; i < HARMLESS.length; i += 4) {
    const some = HARMLESS.slice(i, i + 4);
    const replies = await Promise.all(some.map((command) => bob.shell(command)));
    for (const [k, reply] of replies.entries()) assertEquals(passed(reply), "", some[k]);
  }
  // Where nobody else has anything, nothing is denied.
  await ada.tell("SessionEnd", { reason: "other" });
  assertEquals(passed(await bob.shell("git stash && git checkout other && git add -A")), "");
});

Deno.test("what sweeps in others' edits is denied, with the command that adds only one's own", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const odd = `new 'file'.py`;
  await bob.edit(`${project.folder}/b.py`, "B\n");
  await bob.edit(`${project.folder}/${odd}`, "new\n");
  const commands = [
    "git add -A",
    "git add .",
    "git add --all",
    "git add -u",
    "git add *.py",
    "git add a.py",
    "git commit -am everything",
    "git commit -a -m everything",
    "git commit --all --message everything",
    "git commit -m one a.py",
    "git add . && git commit -m everything",
  ];
  let reason = "";
  for (let i = 0; i < commands.length; i += 4) {
    const some = commands.slice(i, i + 4);
    for (const reply of await Promise.all(some.map((command) => bob.shell(command)))) {
      reason = denied(reply);
      assertStringIncludes(reason, "would sweep in what others are changing");
      assertMatch(reason, /^- Session_1: a\.py \(reserved\)$/m);
    }
  }
  // From a folder below the command is the same, for the tree's top.
  const below = denied(await bob.shell("git add -A ..", { cwd: `${project.folder}/sub` }));
  assertStringIncludes(below, `git -C ${project.folder} add -- b.py`);

  const [, add] = /^Add only what is yours: (.+)$/m.exec(reason)!;
  await bob.run(add);
  assertEquals(
    await git(project.folder, "diff", "--cached", "--name-only", "-z"),
    `b.py\0${odd}\0`,
  );
  await bob.run("git commit --quiet -m bob");
  assertEquals(
    await git(project.folder, "show", "--name-only", "--format=%s", "-z"),
    `bob\0\nb.py\0${odd}\0`,
  );
  assertEquals(holders(project), { "a.py": ada.id }, "what is committed is free");
  assertEquals(passed(await bob.shell("git add docs sub other.txt b.py")), "");
  const nothing = denied(await bob.shell("git add -A"));
  assertStringIncludes(nothing, "You have no uncommitted edits of your own");
});

Deno.test("a commit does not take along what another session has staged", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await ada.run("git add a.py"); // and is about to go on
  await bob.edit(`${project.folder}/b.py`, "B\n");
  const reason = denied(await bob.shell("git add b.py && git commit -m bob"));
  assertStringIncludes(reason, "would commit what others have staged");
  const [, only] = /^Commit only what is yours: (.+)$/m.exec(reason)!;
  await bob.run("git add b.py");
  await bob.run(only.replace("MESSAGE", "bob"));
  assertEquals(await git(project.folder, "show", "--name-only", "--format="), "b.py");
  assertEquals(await git(project.folder, "diff", "--cached", "--name-only"), "a.py");
  assertEquals(passed(await ada.shell("git commit -m ada")), "", "its own it may commit");
});

Deno.test("commit-mine commits exactly one's own hunks of a file that two have changed", async () => {
  await using project = new TestProject({ coordination: { conflict_action: "warn" } });
  await repositoryWith(project, { "a.py": "1\n2\n3\n4\n5\n6\n7\n8\n9\n" });
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session");
  await ada.edit(`${project.folder}/a.py`, "one\n2\n3\n4\n5\n6\n7\n8\n9\n");
  const note = passed(await bob.before(`${project.folder}/a.py`));
  assertStringIncludes(note, "a.py is held by Session_1");
  Deno.writeTextFileSync(`${project.folder}/a.py`, "one\n2\n3\n4\n5\n6\n7\n8\nnine\n");
  assertStringIncludes(passed(await bob.after(`${project.folder}/a.py`)), "Session_1");
  const { code, stderr } = await bob.csc("commit-mine", "-m", "bob");
  assertEquals([code, stderr], [0, ""]);
  const diff = await git(project.folder, "show", "--format=", "-U0");
  assert(diff.includes("+nine") && !diff.includes("+one"), diff);
  assertEquals(
    Deno.readTextFileSync(`${project.folder}/a.py`),
    "one\n2\n3\n4\n5\n6\n7\n8\nnine\n",
  );
});

Deno.test("the stash is one for all working trees, and whoever uses it is told so", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const side = project.beside("side");
  await git(project.folder, "worktree", "add", "--quiet", side, "-b", "side");
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session", { folder: side });
  await ada.edit(`${project.folder}/a.py`, "A\n");
  await bob.edit(`${side}/a.py`, "side\n");
  for (const command of ["git stash", "git stash pop"]) {
    const note = passed(await bob.shell(command));
    assertStringIncludes(note, "all working trees of this repository share one stash");
    assertStringIncludes(note, `Session_1 works in ${project.folder}`);
    assertStringIncludes(note, "git stash apply COMMIT");
  }
  // In the other's tree it is denied, whatever folder the call is made from.
  denied(await bob.shell(`git -C ${project.folder} stash`));
  denied(await bob.shell(`git worktree remove --force ${project.folder}`));
  assertEquals(passed(await bob.shell("git checkout other.txt")), "");
});

Deno.test("a branch that moves is told at the next start, whoever moved it", async () => {
  await using project = new TestProject();
  await repositoryWith(project, FILES);
  const side = project.beside("side");
  await git(project.folder, "branch", "other");
  await git(project.folder, "worktree", "add", "--quiet", side, "-b", "side");
  await using ada = await TestSession.start(project, "ada-session");
  await using bob = await TestSession.start(project, "bob-session", { folder: side });
  const calm = (await ada.tell("SessionStart", { source: "compact" })).said.additionalContext;
  assert(!calm.includes("moved"), calm);
  // Outside the guard, as a person does in a terminal.
  await git(project.folder, "checkout", "--quiet", "other");
  await git(project.folder, "commit", "--quiet", "--allow-empty", "--message=x");
  const [own, theirs] = [
    (await ada.tell("SessionStart", { source: "compact" })).said.additionalContext,
    (await bob.tell("SessionStart", { source: "resume" })).said.additionalContext,
  ];
  assertMatch(own, /This working tree moved: from main at \w{8} to other at \w{8}/);
  assertMatch(own, /Read files again/);
  // What bob has seen before, and ada has been told of meanwhile, is no news any more.
  assert(!theirs.includes("This working tree moved"), theirs);
  await git(side, "commit", "--quiet", "--allow-empty", "--message=y");
  const news = (await ada.tell("SessionStart", { source: "compact" })).said.additionalContext;
  assertMatch(news, /Session_2's working tree moved: from side at \w{8} to side at \w{8}/);
  const again = (await ada.tell("SessionStart", { source: "compact" })).said.additionalContext;
  assert(!again.includes("This working tree moved"), again);
});
