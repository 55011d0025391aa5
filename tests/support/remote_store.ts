import { CoordinatorError, type ErrorCode } from "../../src/domain/error.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  Json,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  WriteConditions,
} from "../../src/storage/adapter.ts";
import { ROOT } from "./command.ts";
import type { SharedKind } from "./open_store.ts";
import { LineSplitter, pack, type Reply, type Request, unpack } from "./wire.ts";

type Without<T> = T extends unknown ? Omit<T, "id"> : never;

/** A process that holds stores: `await using host = new StoreHost()`. */
export class StoreHost implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #splitter = new LineSplitter();
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #watches = new Map<number, (change: Change | null) => void>();
  #lastId = 0;
  #isReading = false;

  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--unstable-kv", `${ROOT}tests/support/store_host.ts`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
  }

  /** Opens a store there. */
  async open(kind: SharedKind, folder: string, nowMs: number): Promise<RemoteStore> {
    const answer = await this.request({ do: "open", kind, folder, nowMs });
    const { store, place } = answer as { store: number; place: StorePlace };
    return new RemoteStore(this, store, place);
  }

  /** Sends a request and awaits its answer. */
  async request(
    request: Without<Request>,
    onChange?: (change: Change | null) => void,
  ): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    if (onChange) this.#watches.set(id, onChange);
    await this.#input.write(new TextEncoder().encode(JSON.stringify({ ...request, id }) + "\n"));
    void this.#read();
    await answer.promise;
    return onChange ? id : answer.promise;
  }

  /** Reads only while something is awaited, so that nothing is left running between two tests. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#pending.size > 0 || this.#watches.size > 0) {
      const { value, done } = await this.#output.read();
      if (done) break;
      for (const line of this.#splitter.push(value)) this.#take(JSON.parse(line));
    }
    this.#isReading = false;
    for (const { reject } of this.#pending.values()) reject(new Error("The host has ended"));
  }

  #take(reply: Reply): void {
    if ("watch" in reply) {
      const change = reply.change && unpack(reply.change) as Change;
      this.#watches.get(reply.watch)?.(change);
      if (!change) this.#watches.delete(reply.watch);
      return;
    }
    const { resolve, reject } = this.#pending.get(reply.id)!;
    this.#pending.delete(reply.id);
    if ("result" in reply) return resolve(unpack(reply.result));
    this.#watches.delete(reply.id);
    const { code, message, hint } = reply;
    reject(code ? new CoordinatorError(code as ErrorCode, message, hint) : new Error(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#child.status;
    await this.#output.cancel();
  }
}

/** A store that lives in another process. */
export class RemoteStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #host: StoreHost;
  readonly #store: number;

  constructor(host: StoreHost, store: number, place: StorePlace) {
    this.#host = host;
    this.#store = store;
    this.place = place;
  }

  store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.#call<StoreResult>("store", scope, key, value, options);
  }

  retrieve(scope: string, key: string) {
    return this.#call<Entry | null>("retrieve", scope, key);
  }

  delete(scope: string, key: string, conditions?: WriteConditions) {
    return this.#call<DeleteResult>("delete", scope, key, conditions);
  }

  increment(scope: string, key: string, by?: number, author?: string) {
    return this.#call<number>("increment", scope, key, by, author);
  }

  async retrieveAll(scope: string): Promise<Map<string, Entry>> {
    // A map does not cross to another process, and an object would lose the order of its keys.
    return new Map(await this.#call<[string, Entry][]>("retrieveAll", scope));
  }

  listKeys(scope: string) {
    return this.#call<string[]>("listKeys", scope);
  }

  listScopes(pattern?: string) {
    return this.#call<string[]>("listScopes", pattern);
  }

  deleteScope(scope: string) {
    return this.#call<boolean>("deleteScope", scope);
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const queue: (Change | null)[] = [];
    let wake = () => {};
    const watch = await this.#host.request(
      { do: "watch", store: this.#store, pattern, aborted: signal?.aborted ?? false },
      (change) => {
        queue.push(change);
        wake();
      },
    ) as number;
    const stop = () => this.#host.request({ do: "unwatch", watch });
    signal?.addEventListener("abort", stop, { once: true });
    return (async function* () {
      let hasEnded = false;
      const next = async () => {
        while (queue.length === 0) await new Promise<void>((resolve) => wake = resolve);
        const change = queue.shift()!;
        hasEnded = change === null;
        return change;
      };
      try {
        for (let change; (change = await next());) yield change;
      } finally {
        signal?.removeEventListener("abort", stop);
        if (!hasEnded) await stop();
        while (!hasEnded) await next();
      }
    })();
  }

  now() {
    return this.#call<number>("now");
  }

  close() {
    return this.#call<void>("close");
  }

  /** Moves its clock. */
  async advance(ms: number): Promise<void> {
    await this.#host.request({ do: "advance", store: this.#store, ms });
  }

  #call<T>(method: string, ...args: unknown[]): Promise<T> {
    const request = { do: "call", store: this.#store, method, args: args.map(pack) } as const;
    return this.#host.request(request) as Promise<T>;
  }
}
