/**
 * Which host this is, where names do not tell: containers and copies of a virtual machine share them.
 * A random id in a folder of the user's stands for the host: whoever sees the same folder sees the
 * same locks and processes.
 *
 * @module
 */

import { withFile } from "./io_error.ts";
import { join } from "./path.ts";
import { ensurePrivateFolder, removeIfThere } from "./private_folder.ts";

const NAME = "host-id";
const ID = /^[0-9a-f-]{36}$/;

/**
 * The id that a folder holds; made where there is none yet.
 *
 * @throws {CoordinatorError} `store_io`.
 */
export function hostIdIn(folder: string): string {
  const path = join(folder, NAME);
  return withFile("read", path, () => {
    const known = readId(path);
    if (known !== null) return known;
    ensurePrivateFolder(folder);
    // Written apart, so that nobody reads half of it; who is first decides.
    const own = `${path}.${crypto.randomUUID()}`;
    Deno.writeTextFileSync(own, crypto.randomUUID(), { mode: 0o600, createNew: true });
    try {
      Deno.linkSync(own, path);
    } catch {
      if (readId(path) === null) Deno.renameSync(own, path); // no links here, or a torn one there
    } finally {
      removeIfThere(own);
    }
    return readId(path)!;
  });
}

function readId(path: string): string | null {
  try {
    const id = Deno.readTextFileSync(path);
    return ID.test(id) ? id : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
