/**
 * Starts the servers that stores need, each on a private port with its files in a temporary folder,
 * and runs the tests of `tests/stores` against them: `deno task test:stores [KIND…] [-- FLAG…]`. All
 * kinds without a name; flags are passed on to `deno test`. What cannot be started fails the run.
 *
 * @module
 */

import { type NetworkKind, SERVERS } from "../support/network_store.ts";
import { ROOT } from "../support/command.ts";
import { type RunningServers, startServers } from "../support/servers/run.ts";

const known = Object.keys(SERVERS) as NetworkKind[];

/** Runs the tests; answers the exit code. */
async function runTests(kinds: readonly NetworkKind[], flags: readonly string[]): Promise<number> {
  let servers: RunningServers;
  try {
    servers = await startServers(kinds);
  } catch (error) {
    console.error(`The tests of the stores cannot run: ${(error as Error).message}`);
    return 1;
  }
  try {
    const tests = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--quiet", ...flags, `${ROOT}tests/stores`],
      cwd: ROOT,
      env: servers.env,
    }).spawn();
    // Whoever ends the run ends the tests: the servers are then stopped as always.
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => tests.kill("SIGTERM"));
    }
    return (await tests.status).code;
  } finally {
    await servers.stop();
  }
}

if (import.meta.main) {
  const end = Deno.args.indexOf("--");
  const words = end < 0 ? Deno.args : Deno.args.slice(0, end);
  const unknown = words.find((word) => !known.includes(word as NetworkKind));
  if (unknown !== undefined) {
    console.error(`Unknown store '${unknown}'. Known: ${known.join(", ")}`);
    Deno.exit(2);
  }
  const kinds = words.length > 0 ? words as NetworkKind[] : known;
  Deno.exit(await runTests(kinds, end < 0 ? [] : Deno.args.slice(end + 1)));
}
