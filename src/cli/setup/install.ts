/**
 * `csc install`: makes Claude Code coordinate its sessions, for one user or for a repository.
 *
 * @module
 */

import { projectFolder } from "../../coordinator/workspace.ts";
import { findRepository } from "../../detect/repository.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { type Caution, cautionsAbout } from "../../install/caution.ts";
import { installPlugin } from "../../install/plugin_folder.ts";
import { DEFAULT_NAME, SERVER_NAME } from "../../install/plugin.ts";
import { installProject } from "../../install/project.ts";
import { SHARED_PROGRAM } from "../../install/shared_files.ts";
import { versionOf } from "../../install/version_of.ts";
import { selfCommand } from "../../os/self.ts";
import { bold, dim } from "../../std/colors.ts";
import { VERSION } from "../../version.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";

/** Runs `csc install`. */
export async function install(line: CommandLine): Promise<number> {
  if (!line.has("project")) return await forUser(line);
  if (line.text("name") !== undefined) {
    throw line.mistake("--name is for the plugin; --project makes none");
  }
  return await forProject(line);
}

async function forUser(line: CommandLine): Promise<number> {
  const name = line.text("name") ?? DEFAULT_NAME;
  const strict = line.has("strict");
  const program = selfCommand();
  const { path, state, files, kept } = await installPlugin(program, { name, strict });
  const cautions = cautionsAbout(program);
  const rule = `mcp__plugin_${name}_${SERVER_NAME}`;
  if (line.has("json")) {
    printJson({ scope: "user", state, path, files, kept, program, strict, cautions, rule });
    return 0;
  }
  const verb = { installed: "Installed", updated: "Updated", unchanged: "Already installed" };
  print(`${bold(verb[state as keyof typeof verb])}: the plugin '${name}' in ${path}`);
  for (const file of files) print(dim(`  ${file}`));
  if (kept.length > 0) print(`Kept what you have in that folder: ${kept.join(", ")}`);
  tellNext(cautions, [
    "Restart running sessions, or type /reload-plugins in them.",
    `To let Claude use the tools unasked, add "${rule}" to permissions.allow in its settings.`,
    `In a session: /${name}:session-status. To check all of it: csc doctor`,
  ]);
  return 0;
}

async function forProject(line: CommandLine): Promise<number> {
  const strict = line.has("strict");
  const files = await installProject(worktreeOf(projectFolder()), strict);
  const isUnchanged = files.every(({ state }) => state === "unchanged");
  const cautions = await cautionsAboutPath();
  const rule = `mcp__${SERVER_NAME}`;
  if (line.has("json")) {
    const state = isUnchanged ? "unchanged" : "installed";
    printJson({ scope: "project", state, files, program: SHARED_PROGRAM, strict, cautions, rule });
    return 0;
  }
  print(
    bold(isUnchanged ? "Already installed in this repository:" : "Installed in this repository:"),
  );
  for (const { path, state } of files) print(`  ${path} ${dim(`(${state})`)}`);
  tellNext(cautions, [
    "Commit these files: everybody who has csc on the PATH is coordinated from then on.",
    "Restart running sessions; Claude Code asks each user once to trust the MCP server.",
    `To let Claude use the tools unasked, add "${rule}" to permissions.allow in its settings.`,
    "To check all of it: csc doctor",
  ]);
  return 0;
}

function tellNext(cautions: readonly Caution[], steps: readonly string[]): void {
  for (const { message, fix } of cautions) print(`\n${bold("Warning:")} ${message}\n  ${fix}`);
  print(`\n${bold("Next")}\n${steps.map((step) => `  ${step}`).join("\n")}`);
}

/** Shared files call `csc` by its name: there must be one, and no other program of that name. */
async function cautionsAboutPath(): Promise<Caution[]> {
  const answer = await versionOf(SHARED_PROGRAM);
  if (answer.version === VERSION) return [];
  const fact = answer.version === null
    ? `does not work here: ${answer.why}`
    : `is version ${answer.version} here, and this is ${VERSION}`;
  return [{
    message: `the files call 'csc' from the PATH, which ${fact}`,
    fix: "Put this csc executable into a folder of the PATH, before others of that name.",
  }];
}

/**
 * The worktree around a folder.
 *
 * @throws {CoordinatorError} `invalid_argument` where there is none.
 */
export function worktreeOf(folder: string): string {
  const repository = findRepository(folder);
  if (repository && repository.worktree !== repository.commonFolder) return repository.worktree;
  throw new CoordinatorError(
    "invalid_argument",
    `Cannot use --project as '${folder}' is ${
      repository ? "a bare repository" : "in no repository"
    }`,
    repository
      ? "Run it in one of its worktrees."
      : "Run it in a repository (`git init` makes one), or without --project for all of yours.",
  );
}
