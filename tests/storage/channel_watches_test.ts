/** Watches over a channel that breaks at the worst moments. */

import type { Change, Version } from "../../src/storage/adapter.ts";
import { type Channel, ChannelWatches, type Listener } from "../../src/storage/channel_watches.ts";
import type { Versions } from "../../src/storage/known_versions.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { eventually, pause } from "../support/project.ts";

const SOON = performance.now() + 600_000;
const everything = () => true;

/** A store with one scope, and a channel whose connections a test breaks. */
class FakeChannel implements Channel {
  isLossy = false;
  /** The versions of the scope `s`. */
  readonly versions = new Map<string, Version>();
  /** What a look waits for after it has read. */
  onLook = () => Promise.resolve();
  onListen = () => Promise.resolve();
  looks = 0;
  listened = 0;
  #tells = new Set<(change: Change) => void>();
  #ends = new Set<() => void>();

  async listen(tell: (change: Change) => void): Promise<Listener> {
    this.listened++;
    await this.onListen();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const end = () => {
      this.#tells.delete(tell);
      this.#ends.delete(end);
      resolve();
      return ended;
    };
    this.#tells.add(tell);
    this.#ends.add(end);
    const isOpen = () => this.#ends.has(end);
    return {
      ended,
      ping: () => Promise.resolve(),
      end,
      get isOpen() {
        return isOpen();
      },
    };
  }

  async look(): Promise<Versions> {
    this.looks++;
    const found = new Map([["s", new Map(this.versions)]]);
    await this.onLook();
    return found;
  }

  doubt(): void {}

  /** Writes, and tells whoever listens. */
  set(key: string, version: string): void {
    this.versions.set(key, version as Version);
    for (const tell of this.#tells) tell({ scope: "s", key, version: version as Version });
  }

  break(): void {
    for (const end of this.#ends) end();
  }

  get listeners(): number {
    return this.#tells.size;
  }
}

/** Collects what a watch tells, as `key=version`. */
function collect(changes: AsyncIterable<Change>): string[] {
  const seen: string[] = [];
  void (async () => {
    for await (const { key, version } of changes) seen.push(`${key}=${version}`);
  })();
  return seen;
}

Deno.test("channel watches: all are told by one connection, which ends with the last of them", async () => {
  const channel = new FakeChannel();
  const watches = new ChannelWatches(channel);
  const [one, two] = [new AbortController(), new AbortController()];
  const seen = collect(await watches.add(everything, SOON, one.signal));
  const none = collect(await watches.add((scope) => scope !== "s", SOON, two.signal));
  channel.set("k", "1");
  await eventually("it is told", () => seen.length > 0);
  assertEquals([channel.listened, seen, none], [1, ["k=1"], []]);
  one.abort();
  assertEquals(channel.listeners, 1);
  two.abort();
  assertEquals(channel.listeners, 0);
  await watches.close();
});

Deno.test("channel watches: what was missed is told, before a newer change that came during the look", async () => {
  const channel = new FakeChannel();
  const watches = new ChannelWatches(channel);
  channel.set("k", "1");
  const seen = collect(await watches.add(everything, SOON));
  channel.onListen = () => {
    channel.set("k", "2"); // nobody listens yet
    return Promise.resolve();
  };
  channel.onLook = async () => {
    channel.set("k", "3");
    await Promise.resolve();
  };
  channel.break();
  await eventually("it has caught up", () => seen.length > 1);
  assertEquals(seen, ["k=2", "k=3"]);
  await watches.close();
});

Deno.test("channel watches: one that begins while the connection breaks reports nothing old", async () => {
  const channel = new FakeChannel();
  const watches = new ChannelWatches(channel);
  channel.set("old", "1");
  const first = collect(await watches.add(everything, SOON));
  const look = Promise.withResolvers<void>();
  channel.onLook = () => {
    channel.onLook = () => Promise.resolve();
    return look.promise;
  };
  const beginning = watches.add(everything, SOON);
  await eventually("it looks", () => channel.looks === 2);
  channel.break();
  channel.versions.set("missed", "1" as Version);
  await eventually("it listens anew", () => channel.listened === 2);
  await pause(20); // a look that does not wait for the older one would be over by now
  look.resolve();
  const second = collect(await beginning);
  await eventually("both know", () => first.length > 0 && second.length > 0);
  assertEquals([first, second], [["missed=1"], ["missed=1"]]);
  await watches.close();
});

Deno.test("channel watches: a new watch at the moment of a break takes nothing from the others", async () => {
  const channel = new FakeChannel();
  const watches = new ChannelWatches(channel);
  const first = collect(await watches.add(everything, SOON));
  channel.break();
  channel.versions.set("missed", "1" as Version);
  await watches.add(everything, SOON);
  await eventually("the first has caught up", () => first.length > 0);
  assertEquals([first, channel.listened], [["missed=1"], 2]);
  await watches.close();
});

Deno.test("channel watches: who cannot be listened to is an error, unless nobody wants to any more", async () => {
  const channel = new FakeChannel();
  const watches = new ChannelWatches(channel);
  channel.onListen = () => Promise.reject(new Error("no server"));
  await assertRejects(() => watches.add(everything, SOON), Error, "no server");
  const leaving = new AbortController();
  channel.onListen = () => {
    leaving.abort();
    return Promise.reject(new Error("no server"));
  };
  assertEquals(collect(await watches.add(everything, SOON, leaving.signal)), []);
  channel.onListen = () => Promise.resolve();
  const last = new AbortController();
  const seen = collect(await watches.add(everything, SOON, last.signal));
  channel.set("k", "1");
  await eventually("it is told", () => seen.length > 0);
  last.abort();
  assertEquals(channel.listeners, 0, "nothing is left of those that failed");
  await watches.close();
});
