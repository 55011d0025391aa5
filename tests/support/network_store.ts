import type { ValueLimits } from "../../src/domain/json.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";

/** The stores that are servers; `tests/stores/driver.ts` starts them. */
export type NetworkKind = "redis" | "postgres" | "s3" | "server";

/** Opens a client of a server that runs: in a namespace of its own, with an offset on its clock. */
export interface NetworkOptions {
  /** Letters and digits: what the tests of one folder share, and no other test sees. */
  readonly namespace: string;
  /** Added to the server's clock. */
  readonly offsetMs: () => number;
  readonly limits: ValueLimits;
}

/** What a kind's module in `tests/support/servers` offers. */
export interface ServerModule {
  /** Starts a server on a private port, with its files in the folder. */
  start(folder: string): Promise<TestServer>;
  /** Opens a client of the server that the driver has started. */
  open(options: NetworkOptions): Promise<StorageAdapter>;
}

/** A server that a test run has started. */
export interface TestServer {
  /** How processes of the run find it: variables of theirs. */
  readonly env: Record<string, string>;
  /** Ends it and whatever it started. */
  stop(): Promise<void>;
}

/** Where each kind is told how it is started and opened. */
export const SERVERS: Readonly<Partial<Record<NetworkKind, () => Promise<ServerModule>>>> = {
  server: () => import("./servers/server.ts"),
};

/** The kinds that this run of the tests has servers for. */
export function runningKinds(): NetworkKind[] {
  return (Deno.env.get("CSC_TEST_STORES") ?? "").split(",").filter(Boolean) as NetworkKind[];
}

/** A kind's module. */
export function serverModule(kind: NetworkKind): Promise<ServerModule> {
  const load = SERVERS[kind];
  if (!load) throw new Error(`no server is known for the store '${kind}'`);
  return load();
}

/** Opens a client in the namespace of a folder. */
export async function openNetwork(
  kind: NetworkKind,
  folder: string,
  { now, limits }: { now?: () => number; limits: ValueLimits },
): Promise<StorageAdapter> {
  const { open } = await serverModule(kind);
  const startMs = now?.() ?? 0;
  return await open({
    namespace: await namespaceOf(folder),
    offsetMs: () => now ? now() - startMs : 0,
    limits,
  });
}

async function namespaceOf(folder: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(folder));
  return `t${new Uint8Array(digest).toHex().slice(0, 20)}`;
}
