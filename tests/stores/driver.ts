/**
 * Starts the servers that stores need, each on a private port with its files in a temporary folder,
 * and runs the tests of `tests/stores` against them: `deno task test:stores [KIND…] [-- FLAG…]`. All
 * kinds without a name; flags are passed on to `deno test`. What cannot be started fails the run.
 *
 * @module
 */

import {
  type NetworkKind,
  serverModule,
  SERVERS,
  type TestServer,
} from "../support/network_store.ts";
import { ROOT } from "../support/command.ts";

const known = Object.keys(SERVERS) as NetworkKind[];

/** Runs the tests; answers the exit code. */
async function runTests(kinds: readonly NetworkKind[], flags: readonly string[]): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "csc-stores-" });
  const servers: TestServer[] = [];
  try {
    const env: Record<string, string> = { CSC_TEST_STORES: kinds.join(",") };
    for (const kind of kinds) {
      const { start } = await serverModule(kind);
      await Deno.mkdir(`${folder}/${kind}`);
      servers.push(await start(`${folder}/${kind}`));
      Object.assign(env, servers.at(-1)!.env);
    }
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--quiet", ...flags, `${ROOT}tests/stores`],
      cwd: ROOT,
      env,
    }).spawn().status;
    return code;
  } catch (error) {
    console.error(`The tests of the stores cannot run: ${(error as Error).message}`);
    return 1;
  } finally {
    for (const server of servers) await server.stop();
    await Deno.remove(folder, { recursive: true }).catch(() => {});
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
