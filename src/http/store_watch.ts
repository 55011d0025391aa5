/**
 * A watch as a stream of lines: first what there is, then what changes.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { linkedTo } from "../os/linked.ts";
import type { Change, StorageAdapter } from "../storage/adapter.ts";
import { HEARTBEAT_MS, type WatchLine } from "../storage/server/protocol.ts";

/** A client that lets so many lines wait is cut off; it comes again and is told what it missed. */
const MAX_WAITING = 10_000;

/** See `StoreRouteOptions`. */
export interface WatchOptions {
  readonly heartbeatMs?: number;
  readonly isStillValid?: () => Promise<boolean>;
}

/**
 * Opens a watch; its stream ends with the signal, with the client, or once the token holds no more.
 *
 * @param mayName Which scopes the client may know of.
 */
export async function watchStream(
  store: StorageAdapter,
  pattern: string,
  mayName: (scope: string) => boolean,
  signal: AbortSignal,
  { heartbeatMs = HEARTBEAT_MS, isStillValid }: WatchOptions,
): Promise<ReadableStream<Uint8Array>> {
  const leaving = linkedTo(signal);
  const stop = leaving.signal;
  // Before the versions are read: what changes in between is told twice rather than never.
  const changes = await store.watch(pattern, stop);
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval> | undefined;
  const leave = () => {
    clearInterval(timer);
    leaving.abort();
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const say = (line: WatchLine) => {
        if (stop.aborted) return;
        if ((controller.desiredSize ?? 0) < -MAX_WAITING) return leave();
        controller.enqueue(encoder.encode(JSON.stringify(line) + "\n"));
      };
      const beat = async () => {
        if (await isStillValid?.().catch(() => true) === false) leave();
        else say({});
      };
      timer = setInterval(() => void beat(), heartbeatMs);
      void tell(store, pattern, mayName, changes, stop, say)
        .catch((error) => say({ error: errorOf(error) }))
        .finally(() => {
          leave();
          close(controller);
        });
    },
    cancel: leave,
  });
}

async function tell(
  store: StorageAdapter,
  pattern: string,
  mayName: (scope: string) => boolean,
  changes: AsyncIterable<Change>,
  stop: AbortSignal,
  say: (line: WatchLine) => void,
): Promise<void> {
  for (const scope of await store.listScopes(pattern)) {
    if (stop.aborted) return;
    if (!mayName(scope)) continue;
    const entries = [...await store.retrieveAll(scope)];
    say({ scope, versions: entries.map(([key, { version }]) => [key, version] as const) });
  }
  say({ ready: await store.now() });
  for await (const change of changes) if (mayName(change.scope)) say({ ...change });
}

function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close();
  } catch {
    // The client has left.
  }
}

function errorOf(error: unknown) {
  if (error instanceof CoordinatorError) {
    const { code, message, hint } = error;
    return { code, message, hint };
  }
  const message = `The server failed: ${messageOf(error).split("\n")[0]}`;
  return { code: "store_io" as const, message, hint: "The server's log tells more." };
}
