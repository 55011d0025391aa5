import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { eventually, sendSignal } from "../support/project.ts";
import { assertDenied, assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { bash, call, read, write } from "./script.ts";

clientTest(
  "two sessions, one file: the second is told who, why and for how long, then has its turn",
  {
    files: { "src/parser.ts": "one\n", "src/printer.ts": "two\n" },
    async play(scene) {
      const path = scene.path("src/parser.ts");
      const run = scene.start({
        alpha: [
          call("register_session", { metadata: { intent: "rework the parser", work_area: "src" } }),
          read(path),
          write(path, "alpha\n"),
          scene.tell("written"),
          scene.until("denied"),
        ],
        beta: [
          scene.until("written"),
          read(path),
          write(path, "too early\n"),
          scene.tell("denied"),
          scene.until("alpha is gone"),
          read(path),
          write(path, "beta\n"),
        ],
      });
      const { alpha, beta } = run.ids;
      await scene.happened("denied");
      assertEquals(scene.read("src/parser.ts"), "alpha\n", "the file is as its holder left it");
      assertEquals(scene.holder("src/parser.ts"), alpha);
      assertEquals(scene.leases().flatMap(({ waiters }) => waiters), [beta]);
      const [first, second] = [scene.alias(alpha), scene.alias(beta)];
      await eventually(
        "handed over to whoever waited",
        () => scene.holder("src/parser.ts") === beta,
        30_000,
      );
      assertEquals(scene.sessions().get(alpha)?.status, "completed");
      scene.signal("alpha is gone");
      await run.endWell();

      const results = run.shown.results("beta");
      assertDenied(
        results[2],
        `File locked by ${first} (rework the parser): src/parser.ts`,
        "Estimated completion: ",
        "60 minutes left",
        "You are number 1 in its queue",
        "Suggestion: work on ",
        "A person can lift this with: csc unlock ",
      );
      assertStringIncludes(
        run.shown.told("beta"),
        "csc: It is your turn: src/parser.ts is free now",
      );
      assertStringIncludes(run.shown.told("alpha"), `csc: ${second} waits for src/parser.ts`);
      assertDone(results[6]);
      assertEquals(scene.read("src/parser.ts"), "beta\n");
      const grants = scene.journal().filter(({ event }) => event === "reserve");
      assertEquals(grants.map(({ session }) => session), [alpha, beta]);
      assert(grants[0].token < grants[1].token, "tokens rise");
    },
  },
);

clientTest("`kill -9` of a client heals: within 2 s its file is free for others", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const alpha = scene.start({
      alpha: [write(path, "alpha\n"), scene.until("never")],
    });
    const beta = scene.start({ beta: [scene.until("killed"), read(path), write(path, "beta\n")] });
    await scene.awaited("never");
    await scene.awaited("killed");
    const { client_pid, life } = await scene.registered(alpha.ids.alpha);
    assertEquals(scene.holder("a.txt"), alpha.ids.alpha);
    const killedAt = Date.now();
    sendSignal(client_pid, "SIGKILL");
    scene.signal("killed");
    await beta.endWell();

    assertDone(beta.shown.results("beta")[2]);
    assertEquals(scene.read("a.txt"), "beta\n");
    const ending = scene.journal().find(({ event, session }) =>
      event === "end" && session === alpha.ids.alpha
    );
    assert(ending, "its end was noticed");
    const noticedMs = Date.parse(ending.at) - killedAt;
    assert(noticedMs < 2000, `noticed after ${noticedMs} ms`);
    await eventually("its server is gone", () => !isRunning(life!.pid));
  },
});

clientTest("a client killed together with its server is found dead by whoever comes next", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const alpha = scene.start({
      alpha: [write(path, "alpha\n"), scene.until("never")],
    });
    await scene.awaited("never");
    const { client_pid, life, alias } = await scene.registered(alpha.ids.alpha);
    sendSignal(life!.pid, "SIGKILL");
    sendSignal(client_pid, "SIGKILL");
    await eventually("both are gone", () => !isRunning(client_pid) && !isRunning(life!.pid));
    assertEquals(scene.holder("a.txt"), alpha.ids.alpha, "nobody was left to write it down");

    const { ids, shown } = await scene.run({ beta: [read(path), write(path, "beta\n")] });
    assertDone(...shown.results("beta"));
    assertEquals(scene.read("a.txt"), "beta\n");
    const told = shown.told("beta");
    assert(!told.includes(`${alias} (`), "the dead are not among those who work here");
    assertEquals(scene.sessions().get(alpha.ids.alpha)?.status, "completed");
    const ends = scene.journal().filter(({ event }) => event === "end");
    assertEquals(ends.map(({ session }) => session), [alpha.ids.alpha, ids.beta]);
  },
});

clientTest("at its start a session sees who else works here, on what, and which files they hold", {
  files: { "core/a.txt": "one\n", "web/b.txt": "two\n" },
  async play(scene) {
    const alpha = scene.start({
      alpha: [
        bash('csc intent "rework the core" --area core && csc progress 40'),
        write(scene.path("core/a.txt"), "alpha\n"),
        scene.tell("written"),
        scene.until("seen"),
      ],
    });
    await scene.happened("written");
    const { ids, shown } = await scene.run({ beta: [bash("csc status"), scene.tell("seen")] });
    await alpha.endWell();
    const first = scene.alias(alpha.ids.alpha);
    const context = /csc: you are [^]*?(?=\n\n)/.exec(shown.told("beta"))?.[0] ?? "";
    assertStringIncludes(context, `csc: you are ${scene.alias(ids.beta)} in proj.`);
    const line = context.split("\n").find((one) => one.startsWith(`- ${first} `)) ?? "";
    for (
      const word of [
        "active, in this working tree, branch main",
        "rework the core; core",
        "40 % done",
        "holds core/a.txt",
      ]
    ) {
      assertStringIncludes(line, word);
    }
    assertStringIncludes(context, "Changed by others since you last looked: core/a.txt");
    assert(context.length < 2400, "a few hundred tokens at the most");
    const status = shown.results("beta")[0].text;
    assertMatch(status, new RegExp(`${first}\\s+active`));
    assertStringIncludes(status, "files: core/a.txt");
  },
});

clientTest("a refused permission leaves no reservation", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const alpha = scene.start(
      { alpha: [read(path), write(path, "alpha\n"), scene.tell("refused"), scene.until("seen")] },
      { mode: "--permission-mode default --allowedTools Bash" },
    );
    await scene.happened("refused");
    assertEquals(scene.holder("a.txt"), null);
    assertEquals(scene.read("a.txt"), "one\n");
    const beta = await scene.run({ beta: [read(path), write(path, "beta\n")] });
    scene.signal("seen");
    await alpha.endWell();

    const refused = alpha.shown.results("alpha")[1];
    assert(refused.isError && /requested permissions/.test(refused.text), refused.text);
    assertDone(...beta.shown.results("beta"));
    assertEquals(scene.read("a.txt"), "beta\n");
    const own = scene.journal().filter(({ session, path }) =>
      session === alpha.ids.alpha && path === "a.txt"
    );
    assertEquals(own.map(({ event, detail }) => [event, detail]), [
      ["reserve", undefined],
      ["release", "never used"],
    ]);
  },
});

clientTest("two worktrees of one repository do not collide: a note, and no denial", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const other = join(scene.folder, "other");
    await scene.git("worktree", "add", "--quiet", other, "-b", "side");
    const alpha = scene.start({
      alpha: [write(scene.path("a.txt"), "alpha\n"), scene.tell("written"), scene.until("seen")],
    });
    await scene.happened("written");
    const path = join(other, "a.txt");
    const beta = await scene.run(
      { beta: [read(path), write(path, "beta\n"), scene.tell("both"), scene.tell("seen")] },
      { folder: other },
    );
    await alpha.endWell();

    const first = scene.alias(alpha.ids.alpha);
    assertDone(...beta.shown.results("beta"));
    assertEquals([scene.read("a.txt"), Deno.readTextFileSync(path)], ["alpha\n", "beta\n"]);
    const told = beta.shown.told("beta");
    assertStringIncludes(told, `- ${first} (active, in ../proj, branch main); holds a.txt`);
    assertStringIncludes(
      told,
      `csc: ${first} is changing the same path in another working tree, ${scene.project}.`,
    );
    const trees = scene.journal().filter(({ event }) => event === "edit").map(({ tree }) => tree);
    assertEquals(trees, [scene.project, other]);
  },
});

function isRunning(pid: number): boolean {
  try {
    // A process that nobody has waited for yet is as dead as one that is gone.
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
