import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import type { Leases } from "../../src/lease/leases.ts";
import type { Holder, LeaseRecord } from "../../src/lease/record.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { MemoryData, MemoryStore } from "../../src/storage/memory.ts";
import { holderOf, type LeaseModules, nameOf, START_MS } from "./lease.ts";
import { openShared, type SharedKind } from "./open_store.ts";
import { TempFolder } from "./temp.ts";

/** The stores that leases are tried on. */
export type LeaseKind = "memory" | SharedKind;

/** Where the tests' leases are kept. */
export const SCOPE = "leases";
export const BOOK = "book";

/** A lease of the tests by its name. */
export function refOf(key: string) {
  return { scope: SCOPE, key };
}

/** Who asks, for how long: what `acquire()`, `queue()` and `wait()` take. */
export function asking(name: string, ttlS = 10) {
  return { holder: holderOf(name), ttlS, purpose: `for ${name}`, detail: null };
}

/** The same, and how long to wait. */
export function queueing(name: string, forS = 60, turnS = 5) {
  return { ...asking(name), wait: { forS, turnS } };
}

function isEmbedded(kind: LeaseKind): boolean {
  return kind === "memory" || kind === "local" || kind === "kv";
}

/** One store, two clients of it, and time and death in the test's hand. */
export class LeaseWorld implements AsyncDisposable {
  readonly clock = {
    s: 1000,
    wallMs: 0,
    pass(seconds: number) {
      this.s += seconds;
      this.wallMs += seconds * 1000;
    },
  };
  readonly dead = new Set<string>();
  /** What the witness was asked. */
  readonly asked: (readonly string[])[] = [];
  /** Who was told of a turn: the lease, the holder, and the token. */
  readonly handed: { key: string; holder: string; token: number }[] = [];
  readonly modules: LeaseModules;
  readonly store: StorageAdapter;
  readonly other: StorageAdapter;
  readonly a: Leases;
  readonly b: Leases;
  readonly #folder: TempFolder;

  private constructor(
    modules: LeaseModules,
    store: StorageAdapter,
    other: StorageAdapter,
    folder: TempFolder,
    startMs: number,
  ) {
    this.clock.wallMs = startMs;
    this.modules = modules;
    this.store = store;
    this.other = other;
    this.#folder = folder;
    this.a = this.over(store);
    this.b = this.over(other);
  }

  /**
   * Opens an empty store of a kind.
   *
   * @param modules The lease that is tried on it.
   * @param Store What to put between the two, such as a store with a planted bug.
   */
  static async open(
    kind: LeaseKind,
    modules: LeaseModules,
    Store?: new (inner: StorageAdapter) => StorageAdapter,
  ): Promise<LeaseWorld> {
    const folder = new TempFolder();
    const data = new MemoryData();
    const box: { world?: LeaseWorld } = {};
    // A server's clock goes on by itself: what it says of an end is not to be later than what we say.
    const startMs = isEmbedded(kind) ? START_MS : Date.now() + 600_000;
    const now = () => box.world?.clock.wallMs ?? startMs;
    const open = async () => {
      const store = kind === "memory"
        ? new MemoryStore(data, DEFAULT_LIMITS, now)
        : await openShared(kind, folder.path, { now });
      return Store ? new Store(store) : store;
    };
    return box.world = new LeaseWorld(modules, await open(), await open(), folder, startMs);
  }

  /** Leases over a store of the test's own. */
  readonly over = (store: StorageAdapter): Leases =>
    new this.modules.leases.Leases({
      store,
      clock: () => Promise.resolve({ ...this.clock, clock: "uptime" as const }),
      witness: (sessions) => {
        this.asked.push(sessions);
        return Promise.resolve(new Set(sessions.filter((one) => this.dead.has(one))));
      },
      bookScope: BOOK,
      onHandOver: (ref, record, waiter) => {
        const holder = nameOf(waiter.holder)!;
        this.handed.push({ key: ref.key, holder, token: record.token });
        return Promise.resolve();
      },
    });

  /** The record of a lease as it is stored. */
  readonly stored = async (key: string): Promise<LeaseRecord | null> => {
    const entry = await this.store.retrieve(SCOPE, key);
    return entry && entry.value as unknown as LeaseRecord;
  };

  /** Who is stored as the holder of a lease. */
  readonly holder = async (key: string): Promise<string | null> =>
    nameOf((await this.stored(key))?.holder ?? null);

  /** Who waits for a lease, as stored. */
  readonly queue = async (key: string): Promise<(string | null)[]> => {
    const waiters = (await this.stored(key))?.waiters ?? [];
    return waiters.map(({ holder }: { holder: Holder }) => nameOf(holder));
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await this.other.close();
    this.#folder[Symbol.dispose]();
  }
}

/** One thing that must be true of leases in a store. */
export interface LeaseClause {
  readonly name: string;
  /** It takes long and does not depend on the kind of store: one is enough. */
  readonly onMemoryOnly?: true;
  check(world: LeaseWorld): Promise<void>;
}
