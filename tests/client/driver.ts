/**
 * The scripts that start the client, whose folder `CSC_CLIENT_DRIVER` names. Run by itself, it tells
 * whether they are there.
 *
 * @module
 */

import { join } from "@std/path";

/** What there has to be: sessions that do one script and end, and one that goes on. */
const SCRIPTS = ["run.sh", "stream.sh"];

/**
 * The folder with the scripts that start the client.
 *
 * @throws {Error} Where none is named, or it has no such scripts.
 */
export function driverFolder(): string {
  const folder = Deno.env.get("CSC_CLIENT_DRIVER") ?? "";
  if (folder !== "" && SCRIPTS.every((name) => exists(join(folder, name)))) {
    return Deno.realPathSync(folder);
  }
  const names = SCRIPTS.join(" and ");
  const what = folder === "" ? "is not set" : `names '${folder}', which has no ${names}`;
  throw new Error(
    `These tests drive the real Claude Code client, and CSC_CLIENT_DRIVER ${what}. Name the folder ` +
      `with the scripts that start it (${names}): CSC_CLIENT_DRIVER=FOLDER deno task test:client`,
  );
}

/** Whether there is anything under a path. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  try {
    driverFolder();
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
