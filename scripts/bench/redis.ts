/**
 * What the Redis store costs, on a server that the suite starts itself: counting with many processes
 * beside the engine's own counter, and the check before an edit beside the least that a process can do.
 *
 * @module
 */

import { join } from "@std/path";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../src/os/self.ts";
import { RedisStore } from "../../src/storage/redis/redis.ts";
import { RedisServer } from "../../tests/support/servers/redis.ts";
import { bundle } from "../compile.ts";
import { type Figure, median } from "./figure.ts";
import { raceMs } from "./race.ts";

const PROCESSES = 16;
const TIMES = 250;
const COUNT_ROUNDS = 3;
const HOOK_ROUNDS = 30;

/** Measures counting and the check before an edit. */
export async function benchRedis(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  await Deno.mkdir(join(folder, "redis"));
  const server = await RedisServer.start(join(folder, "redis"));
  try {
    return [await counting(server.url), await beforeAnEdit(server.url, folder)];
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function counting(url: string): Promise<Figure> {
  const rates: Record<"store" | "bare", number[]> = { store: [], bare: [] };
  for (let round = 0; round < COUNT_ROUNDS; round++) {
    for (const kind of ["store", "bare"] as const) rates[kind].push(await rate(kind, url));
  }
  const store = new RedisStore({ settings: { url, prefix: "bench:" }, limits: DEFAULT_LIMITS });
  const counted = (await store.retrieve("counter", "n"))?.value;
  await store.close();
  const [ours, bare] = [median(rates.store), median(rates.bare)];
  const all = PROCESSES * TIMES;
  return {
    what: `${PROCESSES} processes × ${TIMES} increments of one key: redis`,
    measured: `${Number(counted) / COUNT_ROUNDS} of ${all}; ${Math.round(ours)}/s, ${
      (ours / bare).toFixed(2)
    } of the bare counter`,
    target: `${all} of ${all}`,
    floor: `the same client's INCR: ${Math.round(bare)}/s`,
  };
}

async function rate(kind: "store" | "bare", url: string): Promise<number> {
  const ms = await raceMs("./redis_worker.ts", [kind, url, String(TIMES)], PROCESSES);
  return PROCESSES * TIMES / (ms / 1000);
}

async function beforeAnEdit(url: string, folder: string): Promise<Figure> {
  const config = join(folder, "config.json");
  await Deno.writeTextFile(
    config,
    JSON.stringify({ storage: { adapter: "redis", config: { url } } }),
  );
  const project = join(folder, "project");
  await new Deno.Command("git", { args: ["init", "--quiet", project] }).output();
  const env = {
    BENCH_REDIS_URL: url,
    CLAUDE_SESSION_COORDINATOR_CONFIG: config,
    CLAUDE_PROJECT_DIR: project,
    CLAUDE_PID: String(Deno.pid),
    XDG_STATE_HOME: join(folder, "state"),
    NO_COLOR: "1",
  };
  const event = JSON.stringify({
    hook_event_name: "PreToolUse",
    session_id: "bench",
    cwd: project,
    tool_name: "Write",
    tool_use_id: "1",
    tool_input: { file_path: join(project, "a.ts"), content: "" },
  });
  const run = ["run", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS];
  const entry = await bundle();
  const bareEntry = await bundleBare(folder);
  const [checks, bares]: [number[], number[]] = [[], []];
  for (let round = 0; round <= HOOK_ROUNDS; round++) {
    const bare = await timed([...run, bareEntry], env, "");
    const check = await timed([...run, entry, "hook"], env, event);
    if (round === 0) continue; // fills the caches
    bares.push(bare);
    checks.push(check);
  }
  const [ours, floor] = [median(checks), median(bares)];
  return {
    what: "before an edit, bundle, through redis",
    measured: `${ours.toFixed(1)} ms = ${(ours / floor).toFixed(2)} × the bare process`,
    target: "≤ 1.3 ×",
    floor: `a process that connects with the same client and reads one key: ${floor.toFixed(1)} ms`,
  };
}

/** Bundles the bare process as the program itself is bundled. */
async function bundleBare(folder: string): Promise<string> {
  const source = new URL("./redis_bare.ts", import.meta.url).pathname;
  const target = join(folder, "bare");
  const args = ["bundle", "--quiet", "--minify", "--outdir", target, source];
  const { success } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error("the bare process cannot be bundled");
  return join(target, "redis_bare.js");
}

async function timed(args: string[], env: Record<string, string>, text: string): Promise<number> {
  const startedAt = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(text)).catch(() => {});
  await input.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const ms = performance.now() - startedAt;
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== 0 || said !== "") throw new Error(`it ended with ${code}: ${said}`);
  return ms;
}
