import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/project.ts";
import { assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { agent, bash, call } from "./script.ts";

clientTest("of two sessions one gets a lock; the other sees who has it, and gets it afterwards", {
  async play(scene) {
    const run = scene.start({
      alpha: [
        call("acquire_lock", { name: "issue:42", timeout: 600 }),
        scene.tell("locked"),
        scene.until("refused"),
      ],
      beta: [
        scene.until("locked"),
        call("acquire_lock", { name: "issue:42" }),
        call("list_locks"),
        bash("csc lock issue:42"),
        scene.tell("refused"),
        scene.until("alpha is gone"),
        call("acquire_lock", { name: "issue:42" }),
        call("check_lock", { name: "issue:42" }),
      ],
    });
    const { alpha, beta } = run.ids;
    await scene.happened("refused");
    assertEquals(holderOfLock(scene.leases()), alpha);
    await eventually("its locks end with it", () => holderOfLock(scene.leases()) === null, 30_000);
    scene.signal("alpha is gone");
    await run.endWell();

    const first = scene.alias(alpha);
    const [won] = run.shown.results("alpha").map(({ text }) => text);
    assertEquals(JSON.parse(won).success, true);
    const results = run.shown.results("beta");
    const refused = JSON.parse(results[1].text);
    assertEquals(
      [refused.success, refused.reason, refused.held_by, refused.holder, refused.worktree],
      [false, "lock_held", alpha, first, scene.project],
    );
    const [lock] = JSON.parse(results[2].text).locks;
    assertEquals([lock.name, lock.is_mine, lock.holder], ["issue:42", false, first]);
    assertEquals(results[3].isError, true, "the command line finds the same");
    const late = JSON.parse(results[6].text);
    assertEquals([late.success, late.token > JSON.parse(won).token], [true, true]);
    assertEquals(JSON.parse(results[7].text).held_by, beta);
  },
});

clientTest("a lock taken in a sub-agent is the sub-agent's, and ends with it", {
  async play(scene) {
    const run = scene.start({
      alpha: [
        agent(
          "child",
          call("acquire_lock", { name: "deploy" }),
          call("list_locks"),
          scene.tell("locked"),
          scene.until("seen"),
        ),
        call("check_lock", { name: "deploy" }),
      ],
    });
    await scene.happened("locked");
    const holder = holderOfLock(scene.leases());
    const agentId = scene.journal().find(({ agent }) => agent)?.agent;
    scene.signal("seen");
    await run.endWell();

    const [taken, listed] = run.shown.results("child");
    assertEquals(JSON.parse(taken.text).success, true);
    const [lock] = JSON.parse(listed.text).locks;
    assertEquals([lock.held_by, lock.holder], [holder, scene.alias(run.ids.alpha)]);
    assertEquals(holder?.split("/")[0], run.ids.alpha);
    assertEquals(holder?.split("/").length, 2, "the session and the sub-agent");
    assertEquals(agentId, undefined, "it has edited nothing");
    const [report, after] = run.shown.results("alpha");
    assertDone(report);
    assertEquals(JSON.parse(after.text).available, true, "nobody was left to give it back");
  },
});

function holderOfLock(
  leases: readonly { readonly scope: string; readonly holder: string | null }[],
): string | null {
  return leases.find(({ scope }) => scope.endsWith(":locks"))?.holder ?? null;
}
