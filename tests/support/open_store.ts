import { DEFAULT_LIMITS, type ValueLimits } from "../../src/domain/json.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { KvStore } from "../../src/storage/kv/kv.ts";
import { LocalStore } from "../../src/storage/local/local.ts";
import { type NetworkKind, openNetwork } from "./network_store.ts";

/** The stores that processes can share. */
export type SharedKind = "local" | "kv" | NetworkKind;

/** What a test may set beside the place. */
export interface OpenOptions {
  /** Stores that are embedded take it as their clock; on a server's clock it is laid as an offset. */
  readonly now?: () => number;
  readonly limits?: ValueLimits;
  readonly timeoutMs?: number;
}

/** Opens a store of a kind in a test's folder; same folder, same store. */
export async function openShared(
  kind: SharedKind,
  folder: string,
  { now, limits = DEFAULT_LIMITS, timeoutMs = 60_000 }: OpenOptions = {},
): Promise<StorageAdapter> {
  // A test machine may be slow: only tests of the time-out itself set a short one.
  switch (kind) {
    case "local":
      return new LocalStore({
        folder: `${folder}/state`,
        durable: false,
        limits,
        now,
        lockTimeoutMs: timeoutMs,
      });
    case "kv":
      return await KvStore.open({ path: `${folder}/store.kv`, limits, now, timeoutMs });
    default:
      return await openNetwork(kind, folder, { now, limits });
  }
}
