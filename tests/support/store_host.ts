/** A process that holds stores for a test: answers {@linkcode Request}s from standard input. */

import { CoordinatorError, messageOf } from "../../src/domain/error.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { openShared } from "./open_store.ts";
import { LineSplitter, pack, type Reply, type Request, unpack } from "./wire.ts";

interface Held {
  readonly store: StorageAdapter;
  readonly clock: { nowMs: number };
}

const held: Held[] = [];
const watches = new Map<number, AbortController>();
const output = Deno.stdout.writable.getWriter();
const encoder = new TextEncoder();

function reply(message: Reply): Promise<void> {
  return output.write(encoder.encode(JSON.stringify(message) + "\n"));
}

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case "open": {
      const clock = { nowMs: request.nowMs };
      const store = await openShared(request.kind, request.folder, { now: () => clock.nowMs });
      held.push({ store, clock });
      return { store: held.length - 1, place: store.place };
    }
    case "advance":
      held[request.store].clock.nowMs += request.ms;
      return null;
    case "call": {
      const { store } = held[request.store];
      const method = store[request.method as "retrieve"] as (...args: unknown[]) => unknown;
      const result = await method.apply(store, request.args.map(unpack)) ?? null;
      return result instanceof Map ? [...result] : result;
    }
    case "watch": {
      const controller = new AbortController();
      if (request.aborted) controller.abort();
      watches.set(request.id, controller);
      const changes = await held[request.store].store.watch(request.pattern, controller.signal);
      void report(request.id, changes);
      return null;
    }
    case "unwatch":
      watches.get(request.watch)?.abort();
      return null;
  }
}

async function report(watch: number, changes: AsyncIterable<unknown>): Promise<void> {
  for await (const change of changes) await reply({ watch, change: pack(change) });
  await reply({ watch, change: null });
  watches.delete(watch);
}

async function handle(request: Request): Promise<void> {
  try {
    await reply({ id: request.id, result: pack(await answer(request)) });
  } catch (error) {
    const known = error instanceof CoordinatorError ? error : null;
    const message = messageOf(error);
    await reply({ id: request.id, code: known?.code ?? null, message, hint: known?.hint ?? "" });
  }
}

const splitter = new LineSplitter();
for await (const chunk of Deno.stdin.readable) {
  // Not awaited: the requests of a race are to meet in the store.
  for (const line of splitter.push(chunk)) void handle(JSON.parse(line));
}
for (const { store } of held) await store.close();
