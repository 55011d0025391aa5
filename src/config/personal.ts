/**
 * What a configuration file that comes with a repository may not say, since it is about its user's own
 * files: one could be sent to a server, or let strangers into one.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import type { Json } from "../domain/json.ts";
import type { LoadedConfig } from "./load.ts";

/** Keys that only the user's own file, or one that the user names, may have. */
const PERSONAL = ["storage.config.token_file", "storage.config.ca_file", "http.tokens_path"];
const URL_KEY = "url";

/**
 * Refuses a repository's file that names files of its user.
 *
 * @throws {CoordinatorError} `invalid_config`.
 */
export function checkPersonal({ place, keysInFile, config }: LoadedConfig): void {
  const key = PERSONAL.find((one) => keysInFile.has(one)) ??
    (namesFile(config.storage.config[URL_KEY]) ? `storage.config.${URL_KEY}` : undefined);
  if (place?.layer !== "project" || key === undefined) return;
  throw new CoordinatorError(
    "invalid_config",
    `${place.path}: '${key}' names a file of yours, which a file that comes with the repository may not do`,
    "Say it in your own file, ~/.config/claude-session-coordinator/config.json, or pass --config.",
  );
}

/** Whether the URL of a PostgreSQL server names the file of an authority. */
function namesFile(url: Json | undefined): boolean {
  const query = typeof url === "string" ? url.slice(url.indexOf("?") + 1) : "";
  return new URLSearchParams(query).getAll("sslrootcert").some((path) => path !== "system");
}
