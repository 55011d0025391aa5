import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/project.ts";
import { assertDenied, assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { call, read, write } from "./script.ts";

clientTest("`/clear` ends the old session, and the server serves the new one", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const talk = scene.talk();
    await talk.turn(
      "before",
      write(scene.path("a.txt"), "before\n"),
      call("acquire_lock", { name: "issue:1" }),
    );
    const server = (await scene.registered(talk.id)).life?.pid;
    assertEquals([scene.holder("a.txt"), holderOf(scene.leases(), "issue:1")], [talk.id, talk.id]);
    await talk.command("/clear");
    assertEquals(scene.sessions().get(talk.id)?.status, "completed");
    assertEquals([scene.holder("a.txt"), holderOf(scene.leases(), "issue:1")], [null, null]);

    await talk.turn(
      "after",
      call("acquire_lock", { name: "issue:1" }),
      call("register_session", { metadata: { intent: "afresh" } }),
      write(scene.path("a.txt"), "after\n"),
    );
    const [before, after] = talk.shown.sessions();
    assertEquals(before, talk.id);
    assert(after !== undefined && after !== before, "the client goes on under a new id");
    assertEquals([scene.holder("a.txt"), holderOf(scene.leases(), "issue:1")], [after, after]);
    const { metadata, life, alias } = await scene.registered(after);
    assertEquals([metadata.intent, life?.pid], ["afresh", server], "the same server");
    assertStringIncludes(talk.shown.context("after"), `csc: you are ${alias} in proj.`);
    assertDone(...talk.shown.results("after"));
    await talk.end();
  },
});

clientTest(
  "`/compact` keeps the session and what it holds, and tells it again who else works here",
  {
    files: { "a.txt": "one\n" },
    async play(scene) {
      const talk = scene.talk();
      await talk.turn("before", write(scene.path("a.txt"), "before\n"));
      const { alias } = await scene.registered(talk.id);
      await talk.command("/compact");
      assertEquals(scene.holder("a.txt"), talk.id);
      await talk.turn("after", write(scene.path("a.txt"), "after\n"));
      assertEquals(talk.shown.sessions(), [talk.id]);
      assertDone(...talk.shown.results("after"));
      const context = talk.shown.context("after");
      assert(!context.includes("<<before>>"), "the old context is gone");
      assertStringIncludes(context, `csc: you are ${alias} in proj.`);
      const [record, ...others] = scene.sessions().values();
      assertEquals([record.session, record.alias, record.status, others.length], [
        talk.id,
        alias,
        "active",
        0,
      ]);
      const starts = scene.journal().filter(({ event }) => event === "start");
      assertEquals(starts.map(({ detail }) => detail.source), ["startup", "compact"]);
      await talk.end();
    },
  },
);

clientTest("a session that is idle is woken when its turn comes", {
  files: { "a.txt": "one\n" },
  async play(scene) {
    const path = scene.path("a.txt");
    const alpha = scene.start({ alpha: [write(path, "alpha\n"), scene.until("idle")] });
    await scene.awaited("idle");
    const beta = scene.talk();
    await beta.turn("denied", read(path), write(path, "too early\n"));
    assertDenied(beta.shown.results("denied")[1], "You are number 1 in its queue");
    scene.signal("idle");
    await alpha.endWell();

    // Nobody says anything to it: the client asks its model by itself.
    await beta.turnsReach(2);
    const told = beta.shown.told("denied");
    assertStringIncludes(
      told,
      "csc: It is your turn: a.txt is free now and kept for you for 120 s",
    );
    await eventually("it is kept", () => scene.holder("a.txt") === beta.id);
    await beta.turn("again", read(path), write(path, "beta\n"));
    assertDone(...beta.shown.results("again"));
    assertEquals(scene.read("a.txt"), "beta\n");
    await beta.end();
  },
});

clientTest("a session that is resumed is the same one, and is not open twice", {
  files: { "a.txt": "one\n", "b.txt": "two\n" },
  async play(scene) {
    const first = await scene.run({
      first: [
        call("register_session", { metadata: { intent: "rework a" } }),
        write(scene.path("a.txt"), "first\n"),
      ],
    });
    const id = first.ids.first;
    const { alias } = scene.sessions().get(id)!;

    const again = scene.talk({ resume: id });
    await again.turn("again", write(scene.path("a.txt"), "again\n"));
    assertDone(...again.shown.results("again"));
    assertStringIncludes(again.shown.context("again"), `csc: you are ${alias} in proj.`);
    const { client_pid, metadata } = await scene.registered(id);
    assertEquals(metadata.intent, "rework a");

    const twin = await scene.run({ twin: [write(scene.path("b.txt"), "twin\n")] }, { resume: id });
    const open = `is already open as ${alias}, in process ${client_pid}`;
    assertStringIncludes(twin.shown.context("twin"), open);
    const [denied] = twin.shown.results("twin");
    assert(denied.isError, "two with one id cannot keep out of each other's files");
    assertStringIncludes(denied.text, open);
    assertEquals([scene.read("b.txt"), scene.holder("a.txt")], ["two\n", id]);
    assertEquals(scene.sessions().get(id)?.status, "active", "the twin's end was not its own");
    await again.end();
    assertEquals(scene.sessions().size, 1);
  },
});

function holderOf(
  leases: readonly { readonly key: string; readonly holder: string | null }[],
  name: string,
): string | null {
  return leases.find(({ key }) => key === name)?.holder ?? null;
}
