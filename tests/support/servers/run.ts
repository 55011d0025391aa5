import { type NetworkKind, serverModule, type TestServer } from "../network_store.ts";

/** Servers of some kinds, for one run of tests. */
export interface RunningServers {
  /** How processes of the run find them: variables of theirs. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends them, and removes their files. */
  stop(): Promise<void>;
}

/** Starts a server of each kind on a private port; where one cannot be started, ends the others. */
export async function startServers(kinds: readonly NetworkKind[]): Promise<RunningServers> {
  const folder = await Deno.makeTempDir({ prefix: "csc-stores-" });
  const servers: TestServer[] = [];
  const stop = async () => {
    for (const server of servers) await server.stop();
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  };
  const env: Record<string, string> = { CSC_TEST_STORES: kinds.join(",") };
  try {
    for (const kind of kinds) {
      const { start } = await serverModule(kind);
      await Deno.mkdir(`${folder}/${kind}`);
      servers.push(await start(`${folder}/${kind}`));
      Object.assign(env, servers.at(-1)!.env);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { env, stop };
}
