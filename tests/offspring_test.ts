import { offspringEnded } from "../src/cli/locks/offspring.ts";
import { assertEquals } from "./support/assert.ts";
import { stateOf } from "./support/locked.ts";
import { eventually, sendSignal } from "./support/project.ts";

/** A shell that leads a session and runs a line; nobody takes note of its end for a minute. */
async function neglected(line: string): Promise<{ leader: number } & AsyncDisposable> {
  const shell = `echo $$; exec >&-; eval "$0"`;
  const guardian = new Deno.Command("sh", {
    args: ["-c", `setsid sh -c '${shell}' "$0" & exec sleep 60 >&-`, line],
    stdout: "piped",
  }).spawn();
  const leader = Number(await new Response(guardian.stdout).text());
  await eventually("the shell has ended", async () => await stateOf(leader) === "");
  return {
    leader,
    async [Symbol.asyncDispose]() {
      sendSignal(-leader, "SIGKILL");
      guardian.kill("SIGKILL");
      await guardian.status;
    },
  };
}

Deno.test(
  "what has ended counts as that, also while nobody has taken note of it",
  { ignore: Deno.build.os !== "linux" }, // elsewhere the system soon takes note of it
  async () => {
    await using dead = await neglected("");
    assertEquals(await offspringEnded(dead.leader, 1000), true);
    const misleading = "printf 'x) Z 1 1 1 ' > /proc/self/comm; kill -STOP \\$\\$";
    await using alive = await neglected(`sh -c "${misleading}" &`);
    assertEquals(await offspringEnded(alive.leader, 300), false);
    sendSignal(-alive.leader, "SIGKILL");
    assertEquals(await offspringEnded(alive.leader, 5000), true);
  },
);
