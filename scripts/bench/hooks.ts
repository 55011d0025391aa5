/**
 * What a hook costs: a process before every edit, in a project with sessions and reservations.
 *
 * @module
 */

import { join } from "@std/path";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../src/os/self.ts";
import { bundle, compile } from "../compile.ts";
import { type Figure, median } from "./figure.ts";

const ROUNDS = 40;
const SESSIONS = 10;
const MANY = 10_000;
const LOAD = { sessions: 50, everyMs: 2000, forMs: 60_000 } as const;

/** One way to start the program, and an empty program started the same way. */
interface Way {
  readonly name: string;
  readonly command: readonly string[];
  readonly empty: readonly string[];
  readonly atMost: number;
}

/** Measures the before-edit check, the session's start, and a load of many sessions. */
export async function benchHooks(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  const ways = await waysToStart(folder);
  const figures: Figure[] = [];
  for (const way of ways) {
    const project = await makeProject(folder, way.name);
    const clients = startClients(SESSIONS);
    try {
      figures.push(...await measure(way, project, clients));
      if (way === ways[0]) figures.push(await load(way, project));
    } finally {
      for (const client of clients) client.kill("SIGKILL");
      await Promise.all(clients.map(({ status }) => status));
    }
  }
  await Deno.remove(folder, { recursive: true });
  return figures;
}

async function waysToStart(folder: string): Promise<Way[]> {
  const entry = await bundle();
  const empty = join(folder, "empty.js");
  await Deno.writeTextFile(empty, "");
  const run = [Deno.execPath(), "run", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS];
  const ways: Way[] = [
    { name: "bundle", command: [...run, entry], empty: [...run, empty], atMost: 1.3 },
  ];
  if (Deno.build.os === "linux" && Deno.env.has("DENO_COMPILE")) {
    const dist = (name: string) => new URL(`../../dist/${name}`, import.meta.url).pathname;
    const name = await compile(entry, Deno.build.target);
    const emptyName = await compile(empty, Deno.build.target, "empty");
    ways.push({ name: "executable", command: [dist(name)], empty: [dist(emptyName)], atMost: 1.2 });
  }
  return ways;
}

/** Processes whose numbers stand for clients. */
function startClients(count: number): Deno.ChildProcess[] {
  return Array.from({ length: count }, () => new Deno.Command("sleep", { args: ["600"] }).spawn());
}

async function makeProject(folder: string, name: string): Promise<string> {
  const project = join(folder, name);
  await Deno.mkdir(join(project, "src"), { recursive: true });
  await new Deno.Command("git", { args: ["init", "--quiet", project] }).output();
  await Deno.writeTextFile(join(project, "src", "a.ts"), "export {};\n".repeat(200));
  return project;
}

async function measure(
  way: Way,
  project: string,
  clients: readonly Deno.ChildProcess[],
): Promise<Figure[]> {
  const ask = (event: string, n: number, extra: object = {}) =>
    timed(way.command, project, clients[n].pid, {
      hook_event_name: event,
      session_id: `session-${n}`,
      cwd: project,
      ...extra,
    });
  const edit = (path: string) => ({
    tool_name: "Write",
    tool_use_id: crypto.randomUUID(),
    tool_input: { file_path: join(project, path), content: "" },
  });
  const starts: number[] = [];
  for (let n = 0; n < SESSIONS; n++) {
    starts.push((await ask("SessionStart", n, { source: "startup" })).ms);
    await ask("PreToolUse", n, edit(`src/held-${n}.ts`));
  }
  const few = await compare(way, project, () => ask("PreToolUse", 0, edit("src/a.ts")));
  await reserveMany(project, MANY);
  const many = await compare(way, project, () => ask("PreToolUse", 0, edit("src/a.ts")));
  const label = `before an edit, ${way.name}`;
  return [
    {
      what: `${label}, ${SESSIONS} sessions`,
      measured: `${few.ms.toFixed(1)} ms = ${few.ratio.toFixed(2)} × an empty program`,
      target: `≤ ${way.atMost} × (seed: 100 ms)`,
      floor: `${few.emptyMs.toFixed(1)} ms`,
    },
    {
      what: `${label}, ${MANY.toLocaleString("en")} reservations held`,
      measured: `${many.ms.toFixed(1)} ms = ${(many.ratio / few.ratio).toFixed(2)} × that`,
      target: "≤ 1.1 ×",
      floor: `${many.emptyMs.toFixed(1)} ms`,
    },
    {
      what: `session start, ${way.name}`,
      measured: `${median(starts).toFixed(1)} ms`,
      target: "≤ 60 ms (seed: 500 ms)",
      floor: `${few.emptyMs.toFixed(1)} ms`,
    },
  ];
}

/** Runs a check and an empty program in turns. */
async function compare(way: Way, project: string, check: () => Promise<Answer>) {
  const [checks, empties]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const empty = await timed(way.empty, project, 0, {});
    const { ms, code, output } = await check();
    if (code !== 0 || output !== "") throw new Error(`the check ended with ${code}: ${output}`);
    if (round === 0) continue; // fills the caches
    checks.push(ms);
    empties.push(empty.ms);
  }
  const [ms, emptyMs] = [median(checks), median(empties)];
  return { ms, emptyMs, ratio: ms / emptyMs };
}

interface Answer {
  readonly ms: number;
  readonly code: number;
  readonly output: string;
}

async function timed(
  [program, ...args]: readonly string[],
  project: string,
  pid: number,
  event: object,
): Promise<Answer> {
  const env = {
    CLAUDE_PROJECT_DIR: project,
    CLAUDE_PID: String(pid),
    XDG_STATE_HOME: join(project, "..", "state"),
    NO_COLOR: "1",
  };
  const isHook = Object.keys(event).length > 0;
  const startedAt = performance.now();
  const child = new Deno.Command(program, {
    args: isHook ? [...args, "hook"] : args,
    env,
    cwd: project,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(event))).catch(() => {});
  await input.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const ms = performance.now() - startedAt;
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { ms, code, output };
}

/** Reserves files of another session in the store itself, which a process a piece would take hours for. */
async function reserveMany(project: string, count: number): Promise<void> {
  const { openFolder } = await import("../../src/hook/open.ts");
  const { Reservations } = await import("../../src/coordination/reservations.ts");
  const { desk } = await openFolder(project);
  const reservations = new Reservations(desk);
  const options = { ttlS: 3600, purpose: "", before: null, tool: "Write" };
  for (let n = 0; n < count; n++) {
    const place = { tree: Deno.realPathSync(project), path: `generated/${n % 100}/file-${n}.ts` };
    await reservations.reserve(place, { session: `session-${1 + n % (SESSIONS - 1)}` }, options);
  }
  await desk.store.close();
}

/** Many sessions, each with a check at its own scheduled times: what stalls is not hidden. */
async function load(way: Way, project: string): Promise<Figure> {
  const clients = startClients(LOAD.sessions);
  const latencies: number[] = [];
  let errors = 0;
  const startedAt = performance.now();
  await Promise.all(clients.map(async ({ pid }, n) => {
    const offsetMs = n * LOAD.everyMs / LOAD.sessions;
    for (let dueMs = offsetMs; dueMs < LOAD.forMs; dueMs += LOAD.everyMs) {
      const waitMs = dueMs - (performance.now() - startedAt);
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const { code, output } = await timed(way.command, project, pid, {
        hook_event_name: "PreToolUse",
        session_id: `load-${n}`,
        cwd: project,
        tool_name: "Edit",
        tool_use_id: crypto.randomUUID(),
        tool_input: { file_path: join(project, `src/load-${n}.ts`) },
      });
      latencies.push(performance.now() - startedAt - dueMs);
      if (code !== 0 || output !== "") errors++;
    }
  }));
  for (const client of clients) client.kill("SIGKILL");
  await Promise.all(clients.map(({ status }) => status));
  const sorted = latencies.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)];
  return {
    what: `${LOAD.sessions} sessions × 1 check every ${LOAD.everyMs / 1000} s for ${
      LOAD.forMs / 1000
    } s, ${way.name}`,
    measured: `${errors} errors of ${latencies.length}, p50 ${
      median(latencies).toFixed(0)
    } ms, p99 ${p99.toFixed(0)} ms`,
    target: "0 errors, p99 ≤ 150 ms",
    floor: "an empty program's start",
  };
}
