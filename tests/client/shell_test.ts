import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { assertDenied, assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { bash, call, read, write } from "./script.ts";

clientTest("a shell command that writes to a held file is denied, whichever way it writes", {
  files: { "a.txt": "one\n", "mine.txt": "mine\n" },
  async play(scene) {
    const commands = [
      "echo more >> a.txt",
      "sed -i s/alpha/beta/ a.txt",
      `cd .. && printf x > ${scene.path("a.txt")}`,
      "cat mine.txt | tee a.txt",
      "mv mine.txt a.txt",
      "rm -f a.txt",
      "git checkout -- a.txt",
    ];
    const alpha = scene.start({
      alpha: [
        call("register_session", { metadata: { intent: "rework a" } }),
        write(scene.path("a.txt"), "alpha\n"),
        scene.until("denied"),
      ],
    });
    await scene.awaited("denied");
    const beta = await scene.run({
      beta: [...commands.map(bash), bash("cat a.txt > copy.txt"), scene.tell("denied")],
    });
    await alpha.endWell();

    const results = beta.shown.results("beta");
    const first = scene.alias(alpha.ids.alpha);
    for (const [i, command] of commands.entries()) {
      assertDenied(results[i], `File locked by ${first} (rework a): a.txt`);
      assert(/^PreToolUse:Bash /.test(results[i].text), command);
    }
    assertDone(results[commands.length]);
    assertEquals(
      [scene.read("a.txt"), scene.read("mine.txt"), scene.read("copy.txt")],
      ["alpha\n", "mine\n", "alpha\n"],
    );
    const denials = scene.journal().filter(({ event }) => event === "deny");
    assertEquals(
      denials.map(({ path, tool }) => [path, tool]),
      commands.map(() => ["a.txt", "Bash"]),
    );
  },
});

clientTest(
  "git that would pull the tree away from under another session is denied, with a way out",
  {
    files: { "a.txt": "one\n", "b.txt": "two\n", "c.txt": "three\n" },
    async play(scene) {
      await scene.git("branch", "other");
      const alpha = scene.start({
        alpha: [
          write(scene.path("a.txt"), "alpha\n"),
          write(scene.path("c.txt"), "alpha\n"),
          bash("csc unlock c.txt"), // changed and not committed, but not reserved any more
          scene.until("over"),
        ],
      });
      await scene.awaited("over");
      const verbs = ["stash", "checkout other", "switch other", "reset --hard", "clean -fd"];
      const beta = scene.talk();
      await beta.turn("denied", ...verbs.map((verb) => bash(`git ${verb}`)));
      const denials = beta.shown.results("denied");
      const first = scene.alias(alpha.ids.alpha);
      for (const [i, verb] of verbs.entries()) {
        assertDenied(
          denials[i],
          `'git ${verb.split(" ")[0]}`,
          `would change the working tree ${scene.project} under others:`,
          `- ${first}: `,
          "a.txt (reserved)",
          "c.txt (uncommitted edit)",
          `csc unlock --session ${first} --force`,
        );
      }
      assertEquals(await scene.git("branch", "--show-current"), "main");
      assertEquals(await scene.git("stash", "list"), "");
      assertEquals([scene.read("a.txt"), scene.read("c.txt")], ["alpha\n", "alpha\n"]);

      const offered = /^Work in a tree of your own instead: (git worktree add .*)$/m.exec(
        denials[0].text,
      )?.[1] ?? "";
      await beta.turn("aside", bash(offered.replace("NEW-BRANCH", "mine")));
      assertDone(beta.shown.results("aside")[0]);
      assertStringIncludes(await scene.git("worktree", "list"), "[mine]");
      await beta.end();
      scene.signal("over");
      await alpha.endWell();
    },
  },
);

clientTest(
  "git that would sweep in another session's edits is denied with the command that does not",
  {
    files: { "a.txt": "one\n", "b.txt": "two\n", "c.txt": "three\n" },
    async play(scene) {
      const alpha = scene.start({
        alpha: [
          write(scene.path("a.txt"), "alpha\n"),
          write(scene.path("c.txt"), "alpha\n"),
          bash("csc unlock c.txt"),
          scene.until("over"),
        ],
      });
      await scene.awaited("over");
      const beta = scene.talk();
      const sweeping = ["git add -A", "git add .", "git commit -a -m all", "git commit -am all"];
      await beta.turn(
        "denied",
        read(scene.path("b.txt")),
        write(scene.path("b.txt"), "beta\n"),
        write(scene.path("with space.txt"), "beta\n"),
        ...sweeping.map(bash),
      );
      const denials = beta.shown.results("denied").slice(3);
      const first = scene.alias(alpha.ids.alpha);
      const exact = "git add -- b.txt 'with space.txt'";
      for (const denial of denials) {
        assertDenied(
          denial,
          "would sweep in what others are changing:",
          `- ${first}: `,
          "a.txt (reserved)",
          "c.txt (uncommitted edit)",
          `Add only what is yours: ${exact}`,
          "csc commit-mine -m MESSAGE",
        );
      }
      assertEquals(denials.length, sweeping.length);
      assertEquals(await scene.git("diff", "--cached", "--name-only"), "", "nothing was added");

      await beta.turn("exact", bash(exact), bash("git commit -q -m 'of beta'"));
      assertDone(...beta.shown.results("exact"));
      const committed = await scene.git("show", "--name-only", "--format=%s");
      assertEquals(committed.split("\n").filter((line) => line !== ""), [
        "of beta",
        "b.txt",
        "with space.txt",
      ]);
      const own = scene.journal().filter(({ event, session }) =>
        event === "release" && session === beta.id
      );
      assertEquals(own.map(({ path, detail }) => [path, detail]), [
        ["b.txt", "committed or reverted"],
        ["with space.txt", "committed or reverted"],
      ]);
      await beta.end();
      scene.signal("over");
      await alpha.endWell();
      assertEquals([scene.read("a.txt"), scene.read("c.txt")], ["alpha\n", "alpha\n"]);
    },
  },
);

clientTest("a write that no hook could foresee is found afterwards, and told to both", {
  files: { "a.txt": "one\n", "change.sh": "f=a.txt; printf 'by a script\\n' > $f\n" },
  async play(scene) {
    const alpha = scene.start({
      alpha: [write(scene.path("a.txt"), "alpha\n"), scene.until("changed")],
    });
    await scene.awaited("changed");
    const beta = await scene.run({
      beta: [
        bash("cat a.txt"),
        bash("sh change.sh"),
        bash(`node -e 'require("fs").writeFileSync("a.txt", "by a program, unseen")'`),
        scene.tell("changed"),
      ],
    });
    await alpha.endWell();

    const [first, second] = [scene.alias(alpha.ids.alpha), scene.alias(beta.ids.beta)];
    assertDone(...beta.shown.results("beta"));
    const told = beta.shown.told("beta");
    const words = `csc: ${first} held a.txt while you changed it. Read it again`;
    assertEquals(told.split(words).length - 1, 2, "each time, and not for reading it");
    assertStringIncludes(
      alpha.shown.told("alpha"),
      `csc: ${second} changed a.txt while you held it. Read it again`,
    );
    assertEquals(scene.read("a.txt"), "by a program, unseen");
    const overlaps = scene.journal().filter(({ event }) => event === "overlap");
    assertEquals(overlaps.map(({ session, path, detail }) => [session, path, detail.with]), [
      [beta.ids.beta, "a.txt", first],
      [beta.ids.beta, "a.txt", first],
    ]);
  },
});
