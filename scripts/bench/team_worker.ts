/**
 * A process of many sessions on Redis: `team_worker.ts URL NUMBER SESSIONS SECONDS`. Says "ready",
 * begins with a line on standard input, and tells at its end how long each check and each sign of life
 * took from when it was due, and what failed.
 *
 * @module
 */

import { DEFAULT_CONFIG } from "../../src/config/defaults.ts";
import { coordinate } from "../../src/coordination/coordination.ts";
import { Reservations } from "../../src/coordination/reservations.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { RedisStore } from "../../src/storage/redis/redis.ts";

const [url, number, count, seconds] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
// What is of one machine is in the user's state folder.
Deno.env.set("XDG_STATE_HOME", folder);
const store = new RedisStore({ settings: { url, prefix: "team:" }, limits: DEFAULT_LIMITS });
const desk = coordinate({
  store,
  config: DEFAULT_CONFIG,
  machine: `machine ${number}`,
  project: "bench",
  baseFolder: folder,
});
const reservations = new Reservations(desk);
const lease = { folder, id: crypto.randomUUID(), pid: Deno.pid, lease_s: 20 };
const sessions = Array.from({ length: Number(count) }, (_, i) => `session ${number}-${i}`);
/** Each session has a file, and one of the next process has that of the same path on its machine. */
const pair = Math.floor(Number(number) / 2);
const placeOf = (session: string) => ({
  tree: "/bench",
  path: `src/${pair}/${session.split("-")[1]}.ts`,
});
const checks: number[] = [];
const beats: number[] = [];
const errors: string[] = [];

for (const session of sessions) {
  const place = { worktree: "/bench", branch: "main", head: null };
  await desk.roster.register({ session, clientPid: 0, ...place });
  await desk.roster.bind(session, lease);
  const options = { ttlS: 3600, purpose: "bench", before: null, tool: "Edit" };
  await reservations.reserve(placeOf(session), { session }, options);
}

/** Does something once a second from a moment on, each time when it is due, however long it takes. */
function everySecond(
  firstMs: number,
  times: number[],
  task: () => Promise<unknown>,
): Promise<void> {
  const runs = Array.from({ length: Number(seconds) }, async (_, i) => {
    const dueMs = firstMs + i * 1000;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    try {
      await task();
    } catch (error) {
      errors.push(`${error}`);
    }
    times.push(performance.now() - dueMs);
  });
  return Promise.all(runs).then(() => {});
}

console.log("ready");
await Deno.stdin.read(new Uint8Array(1));
const startMs = performance.now() + 500;
await Promise.all(sessions.flatMap((session) => {
  const [beatMs, checkMs] = [Math.random(), Math.random()].map((share) => startMs + share * 1000);
  return [
    everySecond(beatMs, beats, () => desk.roster.beat(session)),
    everySecond(checkMs, checks, async () => {
      const { own } = await reservations.look(placeOf(session), session);
      if (own === null) throw new Error("its reservation is gone");
    }),
  ];
}));
console.log(JSON.stringify({ checks, beats, errors }));
await store.close();
await Deno.remove(folder, { recursive: true });
