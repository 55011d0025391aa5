import { HttpSession } from "../../tests/support/http_client.ts";
import { HttpServer } from "../../tests/support/http_server.ts";
import { RawHttp } from "../../tests/support/raw_http.ts";
import type { Figure } from "./figure.ts";

const SESSIONS = 200;
/** Ten people's machines to a project would be many; each has ten sessions. */
const [PROJECTS, MACHINES] = [10, 20];
const CALLS = 2000;
/** How long the calls are spread over: each is sent at its time, whether those before are done or not. */
const SPREAD_MS = 20_000;
const HALF_OPEN = 500;
const BODIES = 4;
const BODY_BYTES = 200_000_000;

/** What a session does, in turn: as a session at work would. */
const WORK: readonly (readonly [tool: string, args: (i: number) => object])[] = [
  ["store_data", (i) => ({ scope: "issue:1", key: `k${i % 50}`, value: { i } })],
  ["retrieve_data", (i) => ({ scope: "issue:1", key: `k${i % 50}` })],
  ["acquire_lock", (i) => ({ name: `lock-${i % 40}` })],
  ["check_lock", (i) => ({ name: `lock-${i % 40}` })],
  ["list_locks", () => ({})],
];

/** The server of many clients: its speed, its memory, and what hostile clients do to it. */
export async function benchHttp(): Promise<Figure[]> {
  await using server = await HttpServer.start();
  await warmUp(server);
  const memoryBefore = await settledMemory(server);
  const opening = performance.now();
  const sessions = await openAll(server);
  const openedMs = performance.now() - opening;
  const calm = await callAll(sessions);
  const figures: Figure[] = [
    {
      what:
        `HTTP: ${SESSIONS} sessions of ${MACHINES} machines and ${PROJECTS} projects sign on, all at once`,
      measured: `${(openedMs / 1000).toFixed(1)} s`,
      target: "",
      floor: "",
    },
    figureOf(`HTTP: ${SESSIONS} sessions, ${CALLS} calls in ${SPREAD_MS / 1000} s`, calm),
  ];
  const raws = await halfOpen(server);
  const uploads = Promise.all(Array.from({ length: BODIES }, () => upload(server)));
  const hostile = await callAll(sessions);
  const statuses = await uploads;
  for (const raw of raws) raw[Symbol.dispose]();
  figures.push(figureOf(
    `the same beside ${HALF_OPEN} half-open connections and ${BODIES} bodies of 200 MB (${
      [...new Set(statuses)].join(", ")
    })`,
    hostile,
  ));
  await Promise.all(sessions.map(async (session) => await (await session.delete()).text()));
  const memoryAfter = await settledMemory(server);
  const grownMb = (memoryAfter - memoryBefore) / 1e6;
  figures.push({
    what: "its memory once they all have left, against before they came (warm)",
    measured: `${grownMb >= 0 ? "+" : ""}${grownMb.toFixed(1)} MB of ${
      (memoryBefore / 1e6).toFixed(1)
    } MB`,
    target: "≤ +10 MB",
    floor: "",
  });
  return figures;
}

/** What a program needs once, whoever comes: code that is compiled, buffers. */
async function warmUp(server: HttpServer): Promise<void> {
  const sessions = await openAll(server);
  await callAll(sessions, 1000, 5000);
  await Promise.all(sessions.map(async (session) => await (await session.delete()).text()));
}

async function openAll(server: HttpServer): Promise<HttpSession[]> {
  return await Promise.all(Array.from({ length: SESSIONS }, async (_, i) => {
    const session = await HttpSession.open(server.url, {
      "x-csc-project": `acme/p${i % PROJECTS}`,
      "x-csc-machine": `m${i % MACHINES}`,
    });
    await session.tool("sign_on");
    return session;
  }));
}

interface Timings {
  readonly sortedMs: readonly number[];
  readonly errors: number;
}

/** Open loop: a call that is late does not put off the next. */
async function callAll(
  sessions: readonly HttpSession[],
  calls = CALLS,
  spreadMs = SPREAD_MS,
): Promise<Timings> {
  const startedAt = performance.now();
  let errors = 0;
  const times = await Promise.all(Array.from({ length: calls }, async (_, i) => {
    const dueMs = startedAt + (i * spreadMs) / calls;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    const [tool, args] = WORK[i % WORK.length];
    try {
      if ((await sessions[i % sessions.length].call(tool, args(i))).isError) errors++;
    } catch {
      errors++;
    }
    return performance.now() - dueMs;
  }));
  return { sortedMs: times.toSorted((a, b) => a - b), errors };
}

function figureOf(what: string, { sortedMs, errors }: Timings): Figure {
  const at = (share: number) => sortedMs[Math.floor((sortedMs.length - 1) * share)].toFixed(1);
  return {
    what,
    measured: `${errors} errors, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    target: "0 errors, p99 < 100 ms",
    floor: "",
  };
}

async function halfOpen(server: HttpServer): Promise<RawHttp[]> {
  return await Promise.all(Array.from({ length: HALF_OPEN }, async () => {
    const raw = await RawHttp.connect(server.port);
    await raw.send(["POST /mcp HTTP/1.1", "Host: localhost", "X-Slow: "]);
    return raw;
  }));
}

/** Sends a body that is far too large, as fast as it is taken; the answer's status. */
async function upload(server: HttpServer): Promise<number> {
  using raw = await RawHttp.connect(server.port);
  await raw.send([
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    `Content-Length: ${BODY_BYTES}`,
    "",
    "",
  ]);
  const data = new Uint8Array(1_000_000).fill(0x20);
  const sending = (async () => {
    for (let sent = 0; sent < BODY_BYTES; sent += data.length) await raw.write(data);
  })().catch(() => {});
  const { status } = await raw.response();
  await sending;
  return status;
}

/** The memory of the process once it does not fall any more: V8 tidies up when it has nothing to do. */
async function settledMemory(server: HttpServer): Promise<number> {
  let least = Infinity;
  for (let quiet = 0, seconds = 0; quiet < 30 && seconds < 120; quiet++, seconds++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = await server.metric("process_resident_memory_bytes");
    if (now < least - 500_000) [least, quiet] = [now, 0];
  }
  return least;
}
