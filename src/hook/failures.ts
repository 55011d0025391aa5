/**
 * Where hooks note that they failed: outside the store, which may be what failed.
 *
 * @module
 */

import { printable, shorten } from "../domain/text.ts";
import { userStateFolder } from "../os/log.ts";
import { join } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";

/** A failure as noted. */
export interface HookFailure {
  readonly at: string;
  /** Which event was not handled. */
  readonly event: string;
  readonly message: string;
}

/** At this size the file is begun anew; the older half is kept once. */
const MAX_BYTES = 256 * 1024;

/** The file with the failures, or null where the user has no home. */
export function failuresPath(): string | null {
  const folder = userStateFolder();
  return folder && join(folder, "hook-failures.log");
}

/** Notes a failure; never throws, since there is nobody left to tell. */
export function noteFailure(event: string, message: string): void {
  try {
    const path = failuresPath();
    if (path === null) return;
    const at = new Date().toISOString();
    const failure: HookFailure = { at, event, message: shorten(printable(message), 500) };
    ensurePrivateFolder(userStateFolder()!);
    if ((lstatOrNull(path)?.size ?? 0) > MAX_BYTES) {
      removeIfThere(`${path}.1`);
      Deno.renameSync(path, `${path}.1`);
    }
    Deno.writeTextFileSync(path, JSON.stringify(failure) + "\n", { append: true, mode: 0o600 });
  } catch {
    // Nothing to write to.
  }
}

/** The failures since a time, oldest first. */
export function failuresSince(sinceMs: number): HookFailure[] {
  const path = failuresPath();
  if (path === null || !lstatOrNull(path)?.isFile) return [];
  return Deno.readTextFileSync(path).split("\n").flatMap((line) => {
    try {
      const failure = JSON.parse(line) as HookFailure;
      return Date.parse(failure.at) >= sinceMs ? [failure] : [];
    } catch {
      return []; // a line that is being written
    }
  });
}
