import { DEFAULT_LIMITS, type ValueLimits } from "../../src/domain/json.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { KvStore } from "../../src/storage/kv/kv.ts";
import { LocalStore } from "../../src/storage/local/local.ts";

/** The stores that processes can share. */
export type SharedKind = "local" | "kv";

/** What a test may set beside the place. */
export interface OpenOptions {
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
  return kind === "kv"
    ? await KvStore.open({ path: `${folder}/store.kv`, limits, now, timeoutMs })
    : new LocalStore({
      folder: `${folder}/state`,
      durable: false,
      limits,
      now,
      lockTimeoutMs: timeoutMs,
    });
}
