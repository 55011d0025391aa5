import { assert, assertEquals } from "../support/assert.ts";
import { assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { bash, type Step, write } from "./script.ts";

const COUNT = 16;

clientTest("sixteen sessions at once, on a file each and one that all want", {
  files: { "shared.txt": "" },
  async play(scene) {
    const names = Array.from({ length: COUNT }, (_, i) => `session-${i + 1}`);
    const scripts = Object.fromEntries(names.map((name): [string, Step[]] => [name, [
      write(scene.path(`${name}.txt`), `${name}\n`),
      bash("csc wait shared.txt --timeout 200"),
      bash(`echo ${name} >> shared.txt`),
      bash("csc unlock shared.txt"),
    ]]));
    const run = await scene.run(scripts, { limitS: 240 });

    for (const name of names) {
      const results = run.shown.results(name);
      assertEquals(results.length, 4, `${name} did all its steps`);
      assertDone(...results);
      assertEquals(scene.read(`${name}.txt`), `${name}\n`);
    }
    const lines = scene.read("shared.txt")!.trim().split("\n");
    assertEquals(lines.toSorted(), names.toSorted(), "each line once, none lost");

    const journal = scene.journal().filter(({ path }) => path === "shared.txt");
    assertEquals(journal.filter(({ event }) => event === "overlap" || event === "take-over"), []);
    const edits = journal.filter(({ event }) => event === "edit")
      .sort((one, other) => one.token - other.token);
    assertEquals(edits.map(({ session }) => session), lines.map((name) => run.ids[name]));
    for (const [i, { session, token, before }] of edits.entries()) {
      if (i === 0) continue;
      assert(token > edits[i - 1].token, "each grant has a higher token");
      assertEquals(before, edits[i - 1].after, `${session} began where the one before it ended`);
    }
    const grants = journal.filter(({ event }) => event === "reserve" || event === "hand-over");
    const owners = new Map(grants.map(({ token, session }) => [token, session]));
    for (const { token, session } of grants) {
      assertEquals(owners.get(token), session, "no two have held it under one token");
    }
  },
});
