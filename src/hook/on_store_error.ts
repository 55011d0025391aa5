import type { StoreErrorAction } from "../config/types.ts";
import { findRepository } from "../detect/repository.ts";
import { folderOfProject } from "./event.ts";
import { knownConfig } from "./open.ts";

/** What the configuration says of a store that fails, as far as it can be read without the store. */
export async function onStoreError(): Promise<StoreErrorAction> {
  try {
    const folder = folderOfProject();
    const repository = findRepository(folder);
    const known = knownConfig(repository?.worktree ?? folder, repository) ??
      knownConfig(folder, repository);
    if (known) return known.config.coordination.on_store_error;
    const { findUntrusted } = await import("../coordinator/setting.ts");
    return (await findUntrusted(folder)).loaded.config.coordination.on_store_error;
  } catch {
    return "allow";
  }
}
