import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/project.ts";
import { assertDenied, assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { agent, read, write } from "./script.ts";

clientTest("a sub-agent borrows a file from its waiting parent and gives it back", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const run = scene.start({
      alpha: [
        write(path, "parent\n"),
        agent("child", read(path), write(path, "child\n"), scene.tell("lent"), scene.until("seen")),
        read(path),
        write(path, "parent again\n"),
        scene.tell("back"),
        scene.until("seen again"),
      ],
    });
    const { alpha } = run.ids;
    await scene.happened("lent");
    const [session, child] = scene.holder("a.txt")?.split("/") ?? [];
    assertEquals(session, alpha);
    assert(child, "the sub-agent holds for itself");
    assertEquals(scene.read("a.txt"), "child\n");
    scene.signal("seen");
    await scene.happened("back");
    assertEquals(scene.holder("a.txt"), alpha, "the parent's again");
    scene.signal("seen again");
    await run.endWell();

    assertDone(...run.shown.results("child"), ...run.shown.results("alpha"));
    assertEquals(scene.read("a.txt"), "parent again\n");
    const edits = scene.journal().filter(({ event }) => event === "edit");
    assertEquals(edits.map(({ agent }) => agent), [undefined, child, undefined]);
    const tokens = edits.map(({ token }) => token);
    assert(tokens[0] < tokens[1] && tokens[1] < tokens[2], "each grant has a higher token");
  },
});

clientTest("sub-agents beside each other exclude each other, and the parent learns of a denial", {
  files: { "a.txt": "one\n", "b.txt": "two\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const run = scene.start({
      alpha: [
        [
          agent("first", write(path, "first\n"), scene.tell("written"), scene.until("denied")),
          agent(
            "second",
            scene.until("written"),
            read(path),
            write(path, "second\n"),
            scene.tell("denied"),
          ),
        ],
        read(path),
        write(path, "parent\n"),
        scene.tell("over"),
        scene.until("seen"),
      ],
    });
    const { alpha } = run.ids;
    await scene.happened("denied");
    const holder = scene.holder("a.txt")?.split("/")[1] ?? "";
    assertEquals(scene.read("a.txt"), "first\n");
    await scene.happened("over");
    assertEquals(scene.holder("a.txt"), alpha, "given back; nobody waits for it any more");
    scene.signal("seen");
    await run.endWell();

    assertDone(...run.shown.results("first"), ...run.shown.results("alpha"));
    const sibling = `${scene.alias(alpha)} (sub-agent ${holder.slice(0, 8)})`;
    assertDenied(run.shown.results("second")[2], `File locked by ${sibling}: a.txt`);
    const denial = scene.journal().find(({ event }) => event === "deny");
    assertEquals([denial.session, denial.path, denial.detail.holder], [
      alpha,
      "a.txt",
      `${alpha}/${holder}`,
    ]);
    assertStringIncludes(
      run.shown.told("alpha"),
      `csc: your sub-agent ${denial.agent.slice(0, 8)} was denied: a.txt.`,
    );
    assertEquals(scene.read("a.txt"), "parent\n");
  },
});

clientTest("a sub-agent that waits for another session's file has its turn while it still works", {
  files: { "a.txt": "one\n", "b.txt": "two\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const beta = scene.start({
      beta: [write(path, "beta\n"), scene.tell("written"), scene.until("denied")],
    });
    await scene.happened("written");
    const alpha = scene.start({
      alpha: [
        agent(
          "child",
          read(path),
          write(path, "too early\n"),
          scene.tell("denied"),
          scene.until("beta is gone"),
          read(path),
          write(path, "child\n"),
        ),
      ],
    });
    await beta.endWell();
    await eventually(
      "handed over",
      () => scene.holder("a.txt")?.startsWith(alpha.ids.alpha),
      30_000,
    );
    scene.signal("beta is gone");
    await alpha.endWell();

    const results = alpha.shown.results("child");
    assertDenied(results[1], `File locked by ${scene.alias(beta.ids.beta)}: a.txt`);
    assertStringIncludes(alpha.shown.told("child"), "csc: It is your turn: a.txt is free now");
    assert(!/It is your turn/.test(alpha.shown.told("alpha")), "it was the sub-agent's turn");
    assertDone(results[5]);
    assertEquals(scene.read("a.txt"), "child\n");
  },
});
