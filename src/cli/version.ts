import { VERSION } from "../version.ts";
import type { CommandLine } from "./command.ts";
import { print, printJson } from "./output.ts";

/** `csc version` */
export function version(line: CommandLine): number {
  const { deno, v8 } = Deno.version;
  const { target, standalone } = Deno.build;
  if (line.has("json")) printJson({ csc: VERSION, deno, v8, target, standalone });
  else print(`csc ${VERSION} (Deno ${deno}, ${target}${standalone ? ", executable" : ""})`);
  return 0;
}
