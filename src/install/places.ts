/**
 * Where Claude Code keeps what belongs to a user.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { FileLock } from "../os/file_lock.ts";
import { userStateFolder } from "../os/log.ts";
import { join, resolve } from "../os/path.ts";
import { ensurePrivateFolder } from "../os/private_folder.ts";
import { withPath } from "./files.ts";

/** The user's home, or null. */
export function homeFolder(): string | null {
  return Deno.env.get("HOME") || Deno.env.get("USERPROFILE") || null;
}

/** Claude Code's folder of this user, or null where there is no home. */
export function claudeFolderOrNull(): string | null {
  const named = Deno.env.get("CLAUDE_CONFIG_DIR");
  if (named) return resolve(named);
  const home = homeFolder();
  return home && join(home, ".claude");
}

/**
 * Claude Code's folder of this user: `CLAUDE_CONFIG_DIR`, else `.claude` in the home.
 *
 * @throws {CoordinatorError} `invalid_argument` where there is no home.
 */
export function claudeFolder(): string {
  const folder = claudeFolderOrNull();
  if (folder) return folder;
  throw new CoordinatorError(
    "invalid_argument",
    "Cannot tell where Claude Code keeps its settings as HOME is not set",
    "Set HOME, or CLAUDE_CONFIG_DIR to Claude Code's folder, then try again.",
  );
}

/** Claude Code's own state file of this user, with the MCP servers that `claude mcp add` made. */
export function claudeStateFile(): string | null {
  const folder = Deno.env.get("CLAUDE_CONFIG_DIR") || homeFolder();
  return folder && join(resolve(folder), ".claude.json");
}

/** Where installations leave what they need to undo themselves, or null where there is no home. */
export function installsFolder(): string | null {
  const state = userStateFolder();
  return state && join(state, "installs");
}

/** The same folder, made where it is missing. */
export function ensureInstallsFolder(): string | null {
  const folder = installsFolder();
  if (folder) withPath("create", folder, () => ensurePrivateFolder(folder));
  return folder;
}

const LOCK_TIMEOUT_MS = 10_000;

/** Runs a change of an installation while no other one runs; without a home, unguarded. */
export async function oneAtATime<T>(task: () => Promise<T>): Promise<T> {
  const folder = ensureInstallsFolder();
  if (!folder) return await task();
  const lock = new FileLock(join(folder, "lock"), LOCK_TIMEOUT_MS);
  try {
    return await lock.hold(task);
  } finally {
    await lock.close();
  }
}
