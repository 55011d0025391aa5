/**
 * The session coordinator for Claude Code: `csc`.
 *
 * @module
 */

/** Runs a command line and ends the process with its exit code. */
export async function main(args: string[]): Promise<never> {
  // A hook runs before every edit: it evaluates nothing that only the other commands need.
  if (args.length === 1 && args[0] === "hook") {
    const { hook } = await import("./src/hook/main.ts");
    Deno.exit(await hook());
  }
  const { run } = await import("./src/cli/run.ts");
  Deno.exit(await run(args));
}

if (import.meta.main) await main(Deno.args);
