/**
 * A process of a race. Its task is the first line on standard input; it says "ready", waits for
 * another line, so that all start at once, and answers in JSON lines.
 */

import { CoordinatorError, messageOf } from "../../src/domain/error.ts";
import type { Json } from "../../src/domain/json.ts";
import { FileLock } from "../../src/os/file_lock.ts";
import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { openShared } from "./open_store.ts";
import { LineSplitter } from "./wire.ts";
import type { CallOutcome, Task } from "./workers.ts";

function say(line: Json): void {
  const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

const input = Deno.stdin.readable.getReader();
const splitter = new LineSplitter();
const lines: string[] = [];

async function readLine(): Promise<string> {
  while (lines.length === 0) {
    const { value, done } = await input.read();
    if (done) return "";
    lines.push(...splitter.push(value));
  }
  return lines.shift()!;
}

async function call(store: StorageAdapter, method: string, args: Json[]): Promise<CallOutcome> {
  try {
    const result = await store[method as "retrieve"](...args as [string, string]);
    return { result: (result ?? null) as unknown as Json };
  } catch (error) {
    const known = error instanceof CoordinatorError ? error : null;
    return {
      error: {
        type: (error as Error).name,
        code: known?.code ?? null,
        message: messageOf(error),
        hint: known?.hint ?? "",
      },
    };
  }
}

async function work(store: StorageAdapter, task: Task): Promise<void> {
  switch (task.do) {
    case "increment":
      for (let i = 0; i < task.times; i++) await store.increment("race", "k");
      return say("done");
    case "distinct":
      for (let i = 0; i < task.times; i++) await store.store("race", `${task.name}-${i}`, i);
      return say("done");
    case "create":
      for (let i = 0; i < task.times; i++) {
        const { ok } = await store.store("race", `${i}`, task.name, { expected: "absent" });
        if (ok) say(i);
      }
      return say("done");
    case "write-large":
      for (let i = 1;; i++) {
        const text = `${i % 10}`.repeat(1_000_000);
        await store.store("large", "k", { i, text });
        await store.store("large", `log-${task.name}`, i);
        say(i);
      }
    case "calls":
      for (const [method, ...args] of task.calls) say({ ...await call(store, method, args) });
      return;
    case "hold":
      return;
  }
}

const task: Task = JSON.parse(await readLine());
if (task.do === "hold") {
  const lock = new FileLock(task.path, 5_000);
  await lock.hold(async () => {
    say("ready");
    await readLine();
  });
  await lock.close();
} else {
  const limits = { maxValueBytes: 16 * 1024 * 1024 };
  const store = await openShared(task.kind, task.folder, { limits });
  say("ready");
  await readLine();
  await work(store, task);
  await store.close();
}
