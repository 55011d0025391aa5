import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../src/os/self.ts";

/** The repository of this package. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/**
 * The program under test: `CSC_TEST_COMMAND` as a JSON array (a bundle, an executable), else the
 * source with the permissions that the README names.
 */
export const CSC: readonly [string, ...string[]] = JSON.parse(
  Deno.env.get("CSC_TEST_COMMAND") ?? "null",
) ?? [Deno.execPath(), "run", "--quiet", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, `${ROOT}main.ts`];

/** What a command printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly clearEnv?: boolean;
  /** What it reads on standard input; nothing without it. */
  readonly stdin?: string;
}

/** Runs any command to its end. */
export async function run(
  [command, ...args]: readonly string[],
  { stdin, ...options }: RunOptions = {},
): Promise<Outcome> {
  const child = new Deno.Command(command, {
    args,
    ...options,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(stdin));
    await input.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs the program under test in a folder, with its state and home there. */
export function csc(folder: string, args: string[], options: RunOptions = {}): Promise<Outcome> {
  return run([...CSC, ...args], { cwd: folder, ...options, env: isolated(folder, options.env) });
}

const FOREIGN = [
  "REDIS_URL",
  "COORDINATION_DIR",
  "DEFAULT_LOCK_TIMEOUT",
  "HEARTBEAT_TTL",
  "SERVER_PORT",
  "CSC_HOLDER",
];

/** An environment that keeps the program off this machine's real home and configuration. */
export function isolated(folder: string, env: Record<string, string> = {}): Record<string, string> {
  return {
    HOME: `${folder}/home`,
    XDG_STATE_HOME: `${folder}/state`,
    CLAUDE_PROJECT_DIR: folder,
    CLAUDE_SESSION_COORDINATOR_CONFIG: "",
    NO_COLOR: "1",
    // Variables of seed 004 and of csc itself that whoever runs the tests may have set.
    ...Object.fromEntries(FOREIGN.map((name) => [name, ""])),
    // Without these a changed HOME would make Deno fetch everything anew.
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    ...env,
  };
}
