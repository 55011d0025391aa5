import { openShared, type SharedKind } from "../support/open_store.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { type RemoteStore, StoreHost } from "../support/remote_store.ts";
import { TempFolder } from "../support/temp.ts";
import { type Clause, CONTRACT, type World } from "./contract.ts";

const START_MS = Date.UTC(2026, 0, 1);

/** A client in this process, with a clock to set. */
export async function here(open: (now: () => number) => StorageAdapter | Promise<StorageAdapter>) {
  let nowMs = START_MS;
  const store = await open(() => nowMs);
  return { store, advance: (ms: number) => void (nowMs += ms) };
}

/** A client in another process. */
async function there(host: StoreHost, kind: SharedKind, folder: string) {
  const store: RemoteStore = await host.open(kind, folder, START_MS);
  return { store, advance: (ms: number) => store.advance(ms) };
}

type Client = Awaited<ReturnType<typeof here>> | Awaited<ReturnType<typeof there>>;

/** S3 tells the time in whole seconds: its clients come as close as they can. */
const clockErrorOf = (kind: SharedKind) => kind === "s3" ? 500 : 0;

/** Whether a clause holds for two clients of one store; throws where it does not. */
export async function check(
  clause: Clause,
  a: Client,
  b: Client,
  clockErrorMs = 0,
): Promise<void> {
  const advance = async (ms: number) => {
    await a.advance(ms);
    await b.advance(ms);
  };
  const world: World = { a: a.store, b: b.store, advance, clockErrorMs };
  try {
    await clause.check(world);
  } finally {
    await a.store.close();
    await b.store.close();
  }
}

/** The contract for a store that processes share: two clients here, one elsewhere, both elsewhere. */
export function testContract(kind: SharedKind): void {
  const clockErrorMs = clockErrorOf(kind);
  for (const clause of CONTRACT) {
    Deno.test(`${kind}: ${clause.name}`, async () => {
      using temp = new TempFolder();
      const open = () => here((now) => openShared(kind, temp.path, { now }));
      await check(clause, await open(), await open(), clockErrorMs);
    });
  }

  Deno.test(`${kind}, one client in another process`, async (test) => {
    await using host = new StoreHost();
    for (const clause of CONTRACT) {
      await test.step(clause.name, async () => {
        using temp = new TempFolder();
        const a = await here((now) => openShared(kind, temp.path, { now }));
        await check(clause, a, await there(host, kind, temp.path), clockErrorMs);
      });
    }
  });

  Deno.test(`${kind}, both clients in processes of their own`, async (test) => {
    await using hostA = new StoreHost();
    await using hostB = new StoreHost();
    for (const clause of CONTRACT) {
      await test.step(clause.name, async () => {
        using temp = new TempFolder();
        const a = await there(hostA, kind, temp.path);
        await check(clause, a, await there(hostB, kind, temp.path), clockErrorMs);
      });
    }
  });
}
