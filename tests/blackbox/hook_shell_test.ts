import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import {
  denied,
  failed,
  holders,
  lift,
  passed,
  repositoryWith,
  TestSession,
} from "../support/hook.ts";
import { git, TestProject } from "../support/project.ts";

const FILES = {
  "held.py": "held\n",
  "free.py": "free\n",
  "sub/held.py": "held\n",
  "sub/deep/free.py": "free\n",
  "docs/c.md": "c\n",
};

/** A repository in which ada holds `held.py` and `sub/held.py`, and bob has a session too. */
async function scene(project: TestProject): Promise<[ada: TestSession, bob: TestSession]> {
  await repositoryWith(project, FILES);
  const ada = await TestSession.start(project, "ada-session");
  const bob = await TestSession.start(project, "bob-session");
  await ada.edit(`${project.folder}/held.py`, "HELD\n");
  await ada.edit(`${project.folder}/sub/held.py`, "HELD\n");
  return [ada, bob];
}

const WRITES = [
  "echo x > held.py",
  "echo x >> held.py",
  "echo x >| ./sub/../held.py",
  "cat free.py &> held.py",
  "cat > held.py <<'EOF'\nx\nEOF",
  "echo x | tee held.py",
  "echo x | tee -a free.py held.py > /dev/null",
  "sed -i s/held/x/ held.py",
  "sed -i.bak -e s/held/x/ held.py",
  "sed -i s/held/x/ *.py",
  "perl -pi -e s/held/x/ held.py",
  "mv held.py gone.py",
  "mv free.py held.py",
  "mv held.py sub/deep",
  "mv free.py docs/held.py && mv docs/held.py sub",
  "cp free.py held.py",
  "cp held.py sub",
  "cp -f free.py sub/held.py",
  "rm held.py",
  "rm -f sub/*.py",
  "rm -rf sub",
  "mv sub elsewhere",
  "truncate -s 0 held.py",
  "dd if=free.py of=held.py",
  "git restore held.py",
  "git restore --source HEAD~0 -- held.py",
  "git checkout -- held.py",
  "git checkout held.py",
  "git checkout HEAD -- sub",
  "git rm held.py",
  "git mv held.py x.py",
  "cd sub && echo x >> held.py",
  "cd sub; (cd ..; echo x > held.py)",
  "if true; then echo x > held.py; fi",
  "FOO=1 nice env BAR=2 tee held.py < free.py",
  `bash -c "echo x >> held.py"`,
  "make > held.py 2>&1 &",
];

Deno.test("a file that is held cannot be written by a shell command either", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  for (let i = 0; i < WRITES.length; i += 4) {
    const some = WRITES.slice(i, i + 4);
    const replies = await Promise.all(some.map((command) => bob.shell(command)));
    for (const [k, reply] of replies.entries()) {
      assertEquals(reply.said.permissionDecision, "deny", `${some[k]}: ${reply.stderr}`);
      assertMatch(denied(reply), /held\.py/, some[k]);
    }
  }
  // A target that has been reserved for a command which is then denied is free again.
  denied(await bob.shell("cp docs/c.md free.py && cp docs/c.md held.py"));
  assertEquals(holders(project), { "held.py": ada.id, "sub/held.py": ada.id });
  // The folder's denial can be lifted as well.
  const folder = denied(await bob.shell("rm -rf sub"));
  assertStringIncludes(folder, `${project.folder}/sub/ holds files that others are changing`);
  await lift(project, folder);
  passed(await bob.shell("rm -rf sub"));
});

const PASSING = [
  "cat held.py",
  "cat < held.py > /dev/null",
  "grep -r x . 2>/dev/null",
  "sed s/a/b/ held.py",
  "cp held.py copy.py",
  "mv free.py sub/deep/",
  "mv free.py sub",
  "cp free.py docs",
  "rm -rf docs sub/deep",
  "echo 'x > held.py'",
  "echo x > other.log",
  "test held.py -nt free.py && true",
  "git diff held.py",
  "git checkout -- free.py",
  "python3 -c 'print(1)' > build/held.py",
  "make held.py",
  `f=held.py; echo x > "$f"`,
  "eval echo x",
  "cat <<'EOF'\necho x > held.py\nEOF",
];

Deno.test("commands that surely write nothing of others pass in silence", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  for (let i = 0; i < PASSING.length; i += 4) {
    const some = PASSING.slice(i, i + 4);
    const replies = await Promise.all(some.map((command) => bob.shell(command)));
    for (const [k, reply] of replies.entries()) assertEquals(passed(reply), "", some[k]);
  }
});

Deno.test("what the parser missed is found after the command, and told to both", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const { before, after } = await bob.run(`f=held.py; echo more >> "$f"`);
  assertEquals(before, "");
  assertStringIncludes(after, "Session_1 held held.py while you changed it");
  assertMatch(await ada.notices(), /Session_2 changed held\.py while you held it/);
  assertEquals(await ada.notices(), "", "a notice is seen once");
  // Also where the command ends in another folder, fails, or works in another working tree.
  const side = project.beside("side");
  await git(project.folder, "worktree", "add", "--quiet", side, "-b", "side");
  await ada.edit(`${side}/held.py`, "side\n");
  const call = { tool_name: "Bash", tool_use_id: "toolu_moving" };
  const command = `f=held.py; cd ../side && echo more >> "$f" && false`;
  const input = { ...call, tool_input: { command } };
  passed(await bob.tell("PreToolUse", input));
  Deno.writeTextFileSync(`${side}/held.py`, "overwritten\n");
  const told = await bob.tell("PostToolUseFailure", { ...input, cwd: "/", error: "exit 1" });
  assertStringIncludes(passed(told), "Session_1 held held.py while you changed it");
  assertStringIncludes(await ada.notices(), "Session_2 changed held.py");
  // What the holder has changed itself meanwhile is nobody's fault.
  passed(await bob.tell("PreToolUse", { ...input, tool_use_id: "toolu_2" }));
  await ada.edit(`${side}/held.py`, "side again\n");
  assertEquals(passed(await bob.tell("PostToolUse", { ...input, tool_use_id: "toolu_2" })), "");
  assertEquals(await ada.notices(), "");
});

Deno.test("what a session writes by commands is its own as if it had edited it", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  await bob.run("sed -i s/free/FREE/ free.py && echo x > new.py");
  const held = { "held.py": ada.id, "sub/held.py": ada.id };
  assertEquals(holders(project), { ...held, "free.py": bob.id, "new.py": bob.id });
  denied(await ada.before(`${project.folder}/new.py`));
  const { code, stderr } = await bob.csc("commit-mine", "-m", "bob");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await git(project.folder, "show", "--name-only", "--format="), "free.py\nnew.py");
  // A branch of the command that was not taken has written nothing, and holds nothing.
  const before = holders(project);
  await bob.run("false && echo x > docs/c.md; true");
  await bob.run("cp free.py docs/c.md && git checkout --quiet -- docs/c.md");
  assertEquals(holders(project), before);
  // `git checkout -- file` gives back what it has reverted.
  await bob.edit(`${project.folder}/docs/c.md`, "C\n");
  assertEquals(holders(project)["docs/c.md"], bob.id);
  await bob.run("git checkout --quiet -- docs/c.md");
  assertEquals(holders(project)["docs/c.md"], undefined);
});

Deno.test("a command is judged by what it reaches: the home folder, other repositories", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const other = project.beside("other");
  await git(project.folder, "clone", "--quiet", project.folder, other);
  await git(other, "config", "user.email", "t@example.org");
  await git(other, "config", "user.name", "t");
  await using eve = await TestSession.start(project, "eve-session", { folder: other });
  const env = { HOME: project.folder };
  for (
    const command of [
      "echo x >> ../project/held.py",
      `echo x > ${project.folder}/held.py`,
      "cd ../project && rm held.py",
      "git -C ../project stash",
      "cd ../project && git add -A",
    ]
  ) assertStringIncludes(denied(await eve.shell(command)), "Session_1", command);
  const home = (command: string) => eve.tell("PreToolUse", bash(command), env);
  denied(await home("echo x > ~/held.py"));
  denied(await home("cd && git stash"));
  denied(await home("cd ~/sub && rm held.py"));
  passed(await home("echo x > ~nobody/held.py"));
  passed(await home("echo x > ./~/held.py"));
  // What it changes there, it holds there.
  await eve.run("echo x > ../project/free.py");
  assertStringIncludes(denied(await bob.before(`${project.folder}/free.py`)), "Session_3");
  await eve.tell("SessionEnd", { reason: "other" });
  assertEquals(holders(project)["free.py"], bob.id, "handed over to whoever waits");
});

function bash(command: string) {
  return { tool_name: "Bash", tool_input: { command }, tool_use_id: `toolu_${command.length}` };
}

Deno.test("PowerShell, monitors and notebooks are guarded alike", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const notebook = `${project.folder}/n.ipynb`;
  const edit = { tool_name: "NotebookEdit", tool_input: { notebook_path: notebook } };
  passed(await ada.tell("PreToolUse", edit));
  denied(await bob.tell("PreToolUse", edit));
  for (
    const [tool_name, command] of [
      ["PowerShell", "Set-Content -Path held.py -Value x"],
      ["PowerShell", "'x' | Out-File -Append held.py"],
      ["PowerShell", "Remove-Item .\\sub\\held.py -Force"],
      ["PowerShell", "git stash"],
      ["Monitor", "tail -f free.py >> held.py"],
    ]
  ) {
    const input = { tool_name, tool_input: { command } };
    denied(await bob.tell("PreToolUse", input));
  }
  for (const tool_name of ["Read", "Grep", "WebFetch", "TodoWrite", "mcp__other__write"]) {
    const tool_input = { file_path: `${project.folder}/held.py`, command: "rm held.py" };
    assertEquals(passed(await bob.tell("PreToolUse", { tool_name, tool_input })), "");
  }
});

Deno.test("no command is too long, too deep or too broken to be decided on in time", async () => {
  await using project = new TestProject();
  const [ada, bob] = await scene(project);
  await using _a = ada;
  await using _b = bob;
  const commands = [
    "echo ".padEnd(900_000, "x "),
    "(".repeat(50_000),
    "$(".repeat(20_000) + ")".repeat(20_000),
    "cat <<A <<B <<C\n".repeat(2_000),
    "echo x > f" + " > g".repeat(5_000),
    "rm -rf " + Array.from({ length: 5_000 }, (_, i) => `d${i}/../d${i}`).join(" "),
    Array.from({ length: 300 }, (_, i) => `git add f${i}.py && git -C sub stash push f${i}`).join(
      ";",
    ),
    "echo 'never closed",
    "echo \ud800 > \udfff.py",
    "* ? [ ] { } ! ~ # % ^ & | ; < >",
  ];
  for (const command of commands) {
    const started = performance.now();
    const reply = await bob.shell(command);
    const ms = performance.now() - started;
    assert(ms < 3000, `${ms} ms: ${command.slice(0, 40)}`);
    if (reply.code !== 0) failed(reply);
    assertEquals(reply.said.permissionDecision, undefined, command.slice(0, 40));
  }
  // Of many targets the one that is held is not overlooked.
  const many = Array.from({ length: 300 }, (_, i) => `f${i}.py`).join(" ");
  denied(await bob.shell(`touch x; rm -f ${many} held.py`));
});
