/**
 * How long a client waits for the first answer, and how much memory the server has taken by then.
 *
 * @module
 */

import { join } from "@std/path";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../src/os/self.ts";
import { McpClient } from "../../src/mcp/client.ts";
import { bundle, compile } from "../compile.ts";
import { type Figure, median } from "./figure.ts";

const ROUNDS = 15;

/** Measures an empty program, the bundle, the source and the executable in turns. */
export async function benchStartup(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  const empty = join(folder, "empty.js");
  await Deno.writeTextFile(empty, "");
  const entry = await bundle();
  const run = [Deno.execPath(), "run", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS];
  const servers: Record<string, string[]> = {
    bundle: [...run, entry],
    source: [...run, new URL("../../main.ts", import.meta.url).pathname],
  };
  if (Deno.build.os === "linux" && Deno.env.has("DENO_COMPILE")) {
    const name = await compile(entry, Deno.build.target);
    servers.executable = [new URL(`../../dist/${name}`, import.meta.url).pathname];
  }
  const emptyMs: number[] = [];
  const samples = Object.fromEntries(
    Object.keys(servers).map((name) => [name, { ms: [] as number[], mb: [] as number[] }]),
  );
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = performance.now();
    await new Deno.Command(Deno.execPath(), { args: ["run", empty] }).output();
    const emptyTook = performance.now() - startedAt;
    if (round > 0) emptyMs.push(emptyTook); // the first round fills the caches
    for (const [name, command] of Object.entries(servers)) {
      const { ms, mb } = await firstAnswer(command, folder);
      if (round === 0) continue;
      samples[name].ms.push(ms);
      samples[name].mb.push(mb);
    }
  }
  await Deno.remove(folder, { recursive: true });
  const floor = `${median(emptyMs).toFixed(1)} ms, an empty Deno program`;
  const targets: Record<string, string> = {
    bundle: "≤ 65 ms, ≤ 55 MB",
    source: "none",
    executable: "≤ 100 ms, ≤ 75 MB (Deno 2.7.11 base)",
  };
  return Object.entries(samples).map(([name, { ms, mb }]) => ({
    what: `spawn to the answer to \`initialize\`, peak memory: ${name}`,
    measured: `${median(ms).toFixed(1)} ms, ${median(mb).toFixed(1)} MB`,
    target: targets[name],
    floor,
  }));
}

async function firstAnswer(command: string[], cwd: string): Promise<{ ms: number; mb: number }> {
  const startedAt = performance.now();
  const env = { CLAUDE_PROJECT_DIR: cwd, XDG_STATE_HOME: cwd };
  const client = McpClient.start(command, { cwd, env });
  await client.initialize();
  const ms = performance.now() - startedAt;
  const mb = peakMemoryMb(client.process.pid);
  await client.close();
  return { ms, mb };
}

/** The process's largest resident set so far; Linux only. */
function peakMemoryMb(pid: number): number {
  try {
    const kib = /VmHWM:\s*(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    return Number(kib) / 1024;
  } catch {
    return NaN;
  }
}
