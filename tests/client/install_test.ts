import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { listing } from "../support/files.ts";
import { assertDenied, assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { bash, call, read, write } from "./script.ts";

clientTest("`csc doctor` finds nothing wrong in a session, and the slash commands answer", {
  async play(scene) {
    const talk = scene.talk();
    await talk.turn("doctor", bash("csc doctor"), call("health_check"));
    const [doctor, health] = talk.shown.results("doctor");
    assertDone(doctor, health);
    assertEquals(JSON.parse(health.text).server, "healthy");
    assertEquals(JSON.parse(health.text).session_id, talk.id);
    await talk.command("/sc:session-status");
    const { alias } = await scene.registered(talk.id);
    assertStringIncludes(talk.shown.everything(), `The output of csc status:`);
    assert(new RegExp(`${alias}\\s+active`).test(talk.shown.everything()), "the status of now");
    await talk.end();
  },
});

clientTest("`csc install --project` does the same for whoever has `csc` on the PATH", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    for (const args of [["uninstall"], ["install", "--project"]]) {
      const { code, stderr } = await scene.csc(...args);
      assertEquals([code, stderr], [0, ""]);
    }
    const bin = scene.putOnPath();
    const options = { bin, mode: "--permission-mode acceptEdits --allowedTools Bash,mcp__csc" };
    const path = scene.path("a.txt");
    const alpha = scene.start({
      alpha: [
        { tool: "mcp__csc__register_session", input: { metadata: { intent: "rework a" } } },
        write(path, "alpha\n"),
        scene.until("denied"),
      ],
    }, options);
    await scene.awaited("denied");
    const beta = await scene.run(
      { beta: [read(path), write(path, "beta\n"), scene.tell("denied")] },
      options,
    );
    await alpha.endWell();
    assertDone(...alpha.shown.results("alpha"));
    assertDenied(
      beta.shown.results("beta")[1],
      `File locked by ${scene.alias(alpha.ids.alpha)} (rework a): a.txt`,
    );
    assertEquals(scene.read("a.txt"), "alpha\n");
  },
});

clientTest("`csc uninstall` leaves the home as before, and sessions that know nothing of csc", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const ours = (names: readonly string[]) =>
      names.filter((name) =>
        /(^|\/)(skills|commands|hooks|agents|settings[^/]*\.json|CLAUDE\.md|\.mcp\.json)(\/|$)/
          .test(name)
      );
    const first = await scene.run({ before: [write(scene.path("a.txt"), "before\n")] });
    assertStringIncludes(first.shown.told("before"), "csc: you are ");
    assert(ours(listing(scene.home)).length > 5, "the plugin is there");
    const { code, stderr } = await scene.csc("uninstall");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(ours(listing(scene.home)), []);
    assert(!listing(join(scene.home, ".local", "bin")).length, "nothing on the PATH");
    await scene.leavesNothing();
    const known = scene.sessions().size;

    const second = await scene.run({
      after: [write(scene.path("a.txt"), "after\n"), bash("command -v csc || echo none")],
    });
    const [written, found] = second.shown.results("after");
    assertDone(written, found);
    assertEquals([scene.read("a.txt"), found.text], ["after\n", "none"]);
    assert(
      !/csc: |mcp__plugin_sc|sc:session/.test(second.shown.told("after")),
      "nothing is said of it",
    );
    assertEquals(scene.sessions().size, known, "and nothing registers");
  },
});
