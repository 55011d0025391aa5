/**
 * `csc suggest`: what a session could do that is in nobody's way.
 *
 * @module
 */

import { Reservations } from "../../coordination/reservations.ts";
import { projectFolder } from "../../coordinator/workspace.ts";
import { viewOf } from "../../guard/view.ts";
import { suggestInstead, suggestWork } from "../../work/suggest.ts";
import { actingSession, inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { fileNamed } from "../named_file.ts";
import { print, printJson } from "../output.ts";
import { wrapped } from "../table.ts";

/** Runs `csc suggest`; with a file, what could be done instead of it. */
export async function suggest(line: CommandLine): Promise<number> {
  const [word] = line.words;
  const file = word === undefined ? null : fileNamed(line, word);
  return await inProject(line, async ({ desk, setting }) => {
    const session = await actingSession(desk, line, ["session"]);
    const tree = file?.tree ?? setting.repository?.worktree ?? setting.folder;
    const view = await viewOf(desk, tree, session, await new Reservations(desk).all());
    const found = file === null ? suggestWork(view) : suggestInstead(view, file.path);
    if (line.has("json")) printJson({ session_id: session, suggestions: found });
    else if (found.length > 0) found.forEach((text) => print(wrapped(`- ${text}`, 0, 2)));
    else print(file === null ? "Nobody else is at work: all is free." : "Nothing comes to mind.");
    return 0;
  }, file?.repository?.worktree ?? projectFolder());
}
