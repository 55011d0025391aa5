/** Instances, data and commands of two machines that share a store: what `local` promises holds there. */

import { assertEquals } from "../support/assert.ts";
import { Machines, SHARED_KINDS } from "../support/machines.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";

for (const kind of runningKinds().filter((one) => SHARED_KINDS.includes(one))) {
  Deno.test(`${kind}: five sign_on() at once get five instances, and each machine has its own`, async () => {
    await using machines = await Machines.open(kind);
    const { a, b } = machines;
    const servers = await Promise.all(Array.from({ length: 5 }, () => a.serve()));
    const claims = await Promise.all(servers.map((server) => server.tool("sign_on")));
    const ids = claims.map(({ session_id }) => session_id as string);
    assertEquals(new Set(ids).size, 5, ids.join());
    const late = await a.serve();
    assertEquals((await late.call("sign_on", { session_id: ids[0] })).code, "instance_taken");
    const elsewhere = await b.serve();
    assertEquals((await elsewhere.tool("sign_on")).session_id, "claude_1");
  });

  Deno.test(`${kind}: an instance whose server was killed is free for the next on its machine`, async () => {
    await using machines = await Machines.open(kind);
    const { a } = machines;
    const victim = await a.serve();
    await victim.tool("sign_on");
    await victim.tool("store_data", {
      scope: "session:claude_1",
      key: "task",
      value: { issue: 15 },
    });
    await victim.kill("SIGKILL");
    const heir = await a.serve();
    const args = { session_id: "claude_1" };
    await eventually("it is free", async () => !(await heir.call("sign_on", args)).isError, 5000);
    const kept = await heir.tool("retrieve_data", { scope: "session:claude_1", key: "task" });
    assertEquals(kept, { issue: 15 });
  });

  Deno.test(`${kind}: one machine reads another's data of the project, and sees no other way to it`, async () => {
    await using machines = await Machines.open(kind);
    const { a, b } = machines;
    const [ada, bob] = [await a.serve(), await b.serve()];
    await ada.tool("sign_on");
    await bob.tool("sign_on");
    const args = { scope: "issue:15", key: "owner" };
    await ada.tool("store_data", { ...args, value: "ada" });
    assertEquals(await bob.tool("retrieve_data", args), null);
    assertEquals(await bob.tool("retrieve_data", { ...args, machine: "alpha" }), "ada");
  });

  Deno.test(`${kind}: csc run on two machines counts to 12 without losing one`, async () => {
    await using machines = await Machines.open(kind);
    const { a, b } = machines;
    const counter = `${a.clone}/counter`;
    Deno.writeTextFileSync(counter, "0");
    const script = `n=$(cat '${counter}'); sleep 0.05; echo $((n + 1)) > '${counter}'`;
    const one = (machine: typeof a) =>
      machine.csc("run", "--lock", "count", "--wait", "120", "--", "sh", "-c", script);
    const outcomes = await Promise.all(
      [a, b].flatMap((machine) =>
        Array.from({ length: 3 }, async () => [await one(machine), await one(machine)])
      ),
    );
    for (const { code, stderr } of outcomes.flat()) assertEquals(code, 0, stderr);
    assertEquals(Deno.readTextFileSync(counter).trim(), "12");
  });
}
