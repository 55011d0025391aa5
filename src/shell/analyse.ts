/**
 * What a shell command would write and which git verbs it runs, told from its text alone.
 *
 * What is reported is sure, but for conditions (`if`, `&&`): a command that is understood in part
 * passes in that part, and says that something is unknown. The folders are followed by name; the
 * caller, who has the file system, resolves the paths.
 *
 * @module
 */

import { Analysis, type Dialect } from "./analysis.ts";
import { readBash } from "./bash.ts";
import type { ShellEffects } from "./effects.ts";
import { readPowershell } from "./powershell.ts";

export type { GitAct, ShellEffects, ShellWrite } from "./effects.ts";
export type { Dialect } from "./analysis.ts";

/**
 * Tells what a command would do. Takes time linear in its length, and throws nothing.
 *
 * @param command The whole text, as a shell gets it.
 * @param cwd The folder that it starts in.
 * @param dialect The shell that runs it; bash stands for every shell of its family.
 */
export function analyseShell(command: string, cwd: string, dialect: Dialect): ShellEffects {
  const analysis = new Analysis({ bash: readBash, powershell: readPowershell });
  const { recorder } = analysis;
  // no shell can be given such a text
  if (command.includes("\0")) recorder.hasUnknown = true;
  else {
    try {
      analysis.read(dialect, command, cwd);
    } catch {
      // the stack has an end, and a parser its faults: neither may stop a command
      recorder.hasUnknown = true;
    }
  }
  return recorder;
}
