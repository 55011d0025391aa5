/**
 * `csc uninstall`: takes out what `csc install` put in, and nothing else.
 *
 * @module
 */

import { projectFolder } from "../../coordinator/workspace.ts";
import { uninstallPlugin } from "../../install/plugin_folder.ts";
import { DEFAULT_NAME } from "../../install/plugin.ts";
import { type FileOutcome, uninstallProject } from "../../install/project.ts";
import { bold, dim } from "../../std/colors.ts";
import type { CommandLine } from "../command.ts";
import { worktreeOf } from "./install.ts";
import { print, printJson } from "../output.ts";

/** Runs `csc uninstall`. */
export async function uninstall(line: CommandLine): Promise<number> {
  if (!line.has("project")) return await forUser(line);
  if (line.text("name") !== undefined) {
    throw line.mistake("--name is for the plugin; --project has none");
  }
  return await forProject(line);
}

async function forUser(line: CommandLine): Promise<number> {
  const name = line.text("name") ?? DEFAULT_NAME;
  const { path, state, files, kept } = await uninstallPlugin(name);
  if (line.has("json")) {
    printJson({ scope: "user", state, path, files, kept });
    return 0;
  }
  if (state === "absent") {
    print(`There is no plugin '${name}' of csc in ${path}; nothing to do.`);
    return 0;
  }
  print(`${bold("Removed")}: the plugin '${name}' from ${path}`);
  if (kept.length > 0) {
    print("These files are yours, or were changed, and are still there:");
    for (const file of kept) print(`  ${path}/${file}`);
  }
  print("Running sessions keep it until they are restarted.");
  return 0;
}

const MEANINGS: Record<FileOutcome["state"], string> = {
  removed: "removed: it held nothing else",
  restored: "as it was before",
  cleaned: "only csc's entries taken out, as it was changed since",
  unchanged: "had no entries of csc",
  absent: "is not there",
  created: "created",
  changed: "changed",
};

async function forProject(line: CommandLine): Promise<number> {
  const files = await uninstallProject(worktreeOf(projectFolder()));
  const isDone = files.some(({ state }) => state !== "absent" && state !== "unchanged");
  if (line.has("json")) {
    printJson({ scope: "project", state: isDone ? "removed" : "absent", files });
    return 0;
  }
  print(bold(isDone ? "Removed from this repository:" : "Nothing of csc is in this repository:"));
  for (const { path, state } of files) print(`  ${path} ${dim(`(${MEANINGS[state]})`)}`);
  return 0;
}
