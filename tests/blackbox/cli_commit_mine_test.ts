import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { git, TestProject } from "../support/project.ts";

Deno.test("`commit-mine` commits one's own hunks, gives the file back and wakes who waits", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "src/auth.ts": "one\ntwo\nthree\n", "README.md": "r\n" });
  await using ada = await TestSession.start(project, "ada-session-1");
  await using bob = await TestSession.start(project, "bob-session-2");
  await ada.edit(`${project.folder}/src/auth.ts`, "one\nTWO\nthree\n");
  const path = `${project.folder}/src/auth.ts`;
  await bob.before(path);
  Deno.writeTextFileSync(`${project.folder}/README.md`, "somebody else's\n");

  const missing = await ada.csc("commit-mine");
  assertEquals(missing.code, 2);
  assertMatch(missing.stderr, /a message is missing/);
  const planned = await ada.csc("commit-mine", "--dry-run");
  assertMatch(
    planned.stdout,
    /^Would commit 1 hunk in 1 file on main:\n {2}src\/auth\.ts \(1 hunk\)/,
  );
  assertEquals(await git(project.folder, "log", "-1", "--format=%s"), "files");

  const made = await ada.csc(
    "commit-mine",
    "-m",
    "Check the token",
    "-m",
    "-- as it should",
    "src",
  );
  assertEquals(made.code, 0, made.stderr);
  assertEquals(
    await git(project.folder, "log", "-1", "--format=%B"),
    "Check the token\n\n-- as it should",
  );
  assertEquals(await git(project.folder, "show", "--format=", "--name-only"), "src/auth.ts");
  assertStringIncludes(await bob.notices(), "It is your turn: src/auth.ts");
  assertEquals((await bob.csc("check", "src/auth.ts")).code, 0);
  assertMatch((await project.csc("history")).stdout, /Session_1 +COMMIT +commit: [0-9a-f]{12}/);

  const nothing = await ada.csc("commit-mine", "--message", "again");
  assertEquals(nothing.code, 1);
  assertMatch(nothing.stderr, /nothing_to_commit/);
});
