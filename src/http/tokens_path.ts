/**
 * Where the tokens of a server are.
 *
 * @module
 */

import type { Config } from "../config/types.ts";
import { userStateFolder } from "../os/log.ts";
import { join, resolveFrom } from "../os/path.ts";

/**
 * The file of tokens that a configuration means.
 *
 * @param baseFolder Where relative paths start, and where it is if the user has no home.
 */
export function tokensPath({ http }: Config, baseFolder: string): string {
  if (http.tokens_path !== "auto") return resolveFrom(baseFolder, http.tokens_path);
  return join(userStateFolder() ?? join(baseFolder, ".claude", "session-state"), "tokens.json");
}
