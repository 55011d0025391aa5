/**
 * The journal has one spelling of each path (composed, and folded where the file system folds case);
 * git wants the one that it knows, or that is on the disk.
 *
 * @module
 */

import type { Checkout } from "./checkout.ts";

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/**
 * How the paths of the journal are really spelled.
 *
 * @param commit The commit whose spelling counts first.
 * @returns The spelling by the journal's path.
 */
export async function spellings(
  checkout: Checkout,
  commit: string | null,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const spelled = new Map(paths.map((path) => [path, path]));
  const folds = await checkout.setting("core.ignorecase", false);
  const doubtful = paths.filter((path) => folds || !ASCII.test(path));
  if (doubtful.length === 0) return spelled;
  const fold = (path: string) =>
    folds ? path.normalize("NFC").toLowerCase() : path.normalize("NFC");
  const tracked = await checkout.allPaths(commit);
  const exact = new Set(tracked);
  const byFolded = new Map(tracked.map((path) => [fold(path), path]));
  for (const path of doubtful) {
    if (exact.has(path)) continue;
    const onDisk = spellingOnDisk(checkout.tree, path, fold);
    // Where only the composition differs, both may be there side by side.
    const isTracked = onDisk !== null && exact.has(onDisk);
    spelled.set(path, isTracked ? onDisk : byFolded.get(fold(path)) ?? onDisk ?? path);
  }
  return spelled;
}

/** The path as the folders spell it, or null where there is no such file. */
function spellingOnDisk(
  tree: string,
  path: string,
  fold: (name: string) => string,
): string | null {
  let spelled = "";
  for (const name of path.split("/")) {
    const names = namesIn(`${tree}/${spelled}`);
    const found = names.find((one) => one === name) ??
      names.find((one) => fold(one) === fold(name));
    if (found === undefined) return null;
    spelled += spelled === "" ? found : `/${found}`;
  }
  return spelled;
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return [];
  }
}
