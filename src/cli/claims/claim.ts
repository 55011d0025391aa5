/**
 * `csc claim`: claims issues (seed 004's `claim-issue.sh`), and gives the next one of a list.
 *
 * @module
 */

import type { CommandLine } from "../command.ts";

/** What can be done beside claiming one issue. */
const ACTIONS = ["next", "release", "done", "check", "find", "list", "status"] as const;

/** Runs `csc claim`. */
export async function claim(line: CommandLine): Promise<number> {
  const [action, other] = ACTIONS.filter((name) => line.has(name));
  if (other) throw line.mistake(`--${action} and --${other} are two different things`);
  if (action !== "next") checkAbsent(line, ["from", "machine"], "is for --next");
  if (action !== undefined && action !== "next") {
    checkAbsent(line, ["ttl", "prefix"], `is not for --${action}`);
  }
  switch (action) {
    case undefined:
      return await (await import("./one.ts")).claimOne(line);
    case "next":
      return await (await import("./next.ts")).claimNext(line);
    case "release":
    case "done":
      return await (await import("./end.ts")).endClaims(line, action);
    default:
      return await (await import("./look.ts")).lookAtClaims(line, action);
  }
}

function checkAbsent(line: CommandLine, options: readonly string[], why: string): void {
  const foreign = options.find((name) => line.text(name) !== undefined);
  if (foreign !== undefined) throw line.mistake(`--${foreign} ${why}`);
}
