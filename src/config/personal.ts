/**
 * What a configuration file that comes with a repository may not say, since it is about its user's own
 * files: one could be sent to a server, or let strangers into one.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import type { LoadedConfig } from "./load.ts";

/** Keys that only the user's own file, or one that the user names, may have. */
const PERSONAL = ["storage.config.token_file", "storage.config.ca_file", "http.tokens_path"];

/**
 * Refuses a repository's file that names files of its user.
 *
 * @throws {CoordinatorError} `invalid_config`.
 */
export function checkPersonal({ place, keysInFile }: LoadedConfig): void {
  const key = PERSONAL.find((one) => keysInFile.has(one));
  if (place?.layer !== "project" || key === undefined) return;
  throw new CoordinatorError(
    "invalid_config",
    `${place.path}: '${key}' names a file of yours, which a file that comes with the repository may not do`,
    "Say it in your own file, ~/.config/claude-session-coordinator/config.json, or pass --config.",
  );
}
