import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { bash, edit, read } from "./script.ts";

const LINES = Array.from({ length: 30 }, (_, i) => `line ${i + 1}\n`).join("");

clientTest("`csc commit-mine` in two sessions commits only the hunks that each has written", {
  files: {
    "both.txt": LINES,
    ".claude/session-coordinator-config.json": JSON.stringify({
      coordination: { conflict_action: "warn" },
    }),
  },
  async play(scene) {
    const path = scene.path("both.txt");
    const run = scene.start({
      alpha: [
        read(path),
        edit(path, "line 3\n", "line 3 of alpha\n"),
        scene.tell("first"),
        scene.until("second"),
        bash("csc commit-mine -m 'of alpha'"),
        scene.tell("third"),
      ],
      beta: [
        scene.until("first"),
        read(path),
        edit(path, "line 20\n", "line 20 of beta\n"),
        scene.tell("second"),
        scene.until("third"),
        bash("csc commit-mine -m 'of beta'"),
      ],
    });
    await run.endWell();

    assertDone(...run.shown.results("alpha"), ...run.shown.results("beta"));
    assertStringIncludes(run.shown.told("beta"), "both.txt is held by Session_");
    assertStringIncludes(run.shown.results("alpha")[4].text, "Committed 1 hunk in 1 file on main");
    assertStringIncludes(run.shown.results("beta")[5].text, "Committed 1 hunk in 1 file on main");
    const hunks = async (commit: string) => {
      const patch = await scene.git("show", "--format=%s", "--unified=0", commit);
      return patch.split("\n").filter((line) => /^of |^[-+](?![-+])/.test(line));
    };
    assertEquals(await hunks("HEAD~1"), ["of alpha", "-line 3", "+line 3 of alpha"]);
    assertEquals(await hunks("HEAD"), ["of beta", "-line 20", "+line 20 of beta"]);
    assertEquals(await scene.git("status", "--porcelain"), "", "nothing is left, staged or not");
  },
});
