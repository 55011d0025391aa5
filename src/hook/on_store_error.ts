import type { StoreErrorAction } from "../config/types.ts";
import { findRepository } from "../detect/repository.ts";
import { folderOfProject } from "./event.ts";
import { knownConfig } from "./open.ts";

/** What the configuration says of a store that fails, as far as it can be read without the store. */
export function onStoreError(): StoreErrorAction {
  try {
    const folder = folderOfProject();
    const repository = findRepository(folder);
    const known = knownConfig(repository?.worktree ?? folder, repository) ??
      knownConfig(folder, repository);
    return known?.config.coordination.on_store_error ?? "allow";
  } catch {
    return "allow";
  }
}
