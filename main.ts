/**
 * The session coordinator for Claude Code: `csc`.
 *
 * @module
 */

import { run } from "./src/cli/run.ts";

/** Runs a command line and ends the process with its exit code. */
export async function main(args: string[]): Promise<never> {
  Deno.exit(await run(args));
}

if (import.meta.main) await main(Deno.args);
