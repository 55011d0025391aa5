import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { denied, holders, passed, repositoryWith, TestSession } from "../support/hook.ts";
import { Container, inNamespaces } from "../support/pid_namespace.ts";
import { eventually, TestProject } from "../support/project.ts";

const STARTUP = { source: "startup" };

Deno.test(
  inNamespaces("clients with one process number in two containers are two sessions"),
  async () => {
    await using project = new TestProject();
    await repositoryWith(project, { "a.py": "a\n" });
    await using one = await Container.start(project, "one");
    await using two = await Container.start(project, "two");
    passed(await one.tell("SessionStart", STARTUP));
    passed(await two.tell("SessionStart", STARTUP));
    const mine = async ({ server }: Container) => (await server.tool("session_status")).my_session;
    assertEquals([await mine(one), await mine(two)], ["one", "two"]);
    const acquire = ({ server }: Container) =>
      server.tool("acquire_lock", { lock_name: "db", timeout_seconds: 60 });
    assertEquals((await acquire(one)).success, true);
    const { success, held_by } = await acquire(two);
    assertEquals([success, held_by], [false, "one"]);
  },
);

Deno.test(
  inNamespaces("a session is not ended for a process that cannot be seen from a container"),
  async () => {
    await using project = new TestProject();
    await repositoryWith(project, { "a.py": "a\n" });
    const path = `${project.folder}/a.py`;
    await using ada = await TestSession.start(project, "ada-session");
    await ada.edit(path, "A\n");
    await using eve = await Container.start(project, "eve-session");
    const context = passed(await eve.tell("SessionStart", STARTUP));
    assertStringIncludes(context, "in this working tree", "they share it");
    assertStringIncludes(context, "holds a.py");
    const edit = { tool_name: "Edit", tool_input: { file_path: path }, tool_use_id: "t" };
    denied(await eve.tell("PreToolUse", edit));
    assertEquals(holders(project), { "a.py": ada.id });

    // The life of a server is seen from outside too.
    await eventually("her server stands for her", async () => {
      const { sessions } = JSON.parse((await ada.csc("status", "--json")).stdout);
      return sessions.some((one: { session_id: string; standing: string }) =>
        one.session_id === "eve-session" && one.standing === "live"
      );
    });
  },
);
