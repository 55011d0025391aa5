/**
 * Asking other programs for their version.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import type { Program } from "./hooks.ts";
import { runLimited } from "./process.ts";

/** How long a program may take to tell its version. */
export const VERSION_TIMEOUT_MS = 4000;

/** A csc's version, or why it does not tell one. */
export type VersionAnswer =
  | { readonly version: string; readonly ms: number }
  | { readonly version: null; readonly why: string };

/** Asks a csc for its version. */
export async function versionOf(
  program: Program,
  timeoutMs = VERSION_TIMEOUT_MS,
): Promise<VersionAnswer> {
  const outcome = await runLimited([...program, "version", "--json"], { timeoutMs });
  if (!outcome.ok) return { version: null, why: outcome.why };
  try {
    const answer = JSON.parse(outcome.stdout);
    if (isObject(answer) && typeof answer.csc === "string") {
      return { version: answer.csc, ms: outcome.ms };
    }
  } catch {
    // Said below.
  }
  return { version: null, why: "it is another program that has the same name" };
}

/** The version of the Claude Code on the `PATH`, or null where there is none or it does not tell. */
export async function claudeVersion(timeoutMs = VERSION_TIMEOUT_MS): Promise<string | null> {
  const outcome = await runLimited(["claude", "--version"], { timeoutMs });
  return outcome.ok ? /\d+\.\d+\.\d+/.exec(outcome.stdout)?.[0] ?? null : null;
}

/** Whether a version such as `2.1.329` is older than another. */
export function isOlder(version: string, than: string): boolean {
  const [left, right] = [version, than].map((one) => one.split(".").map(Number));
  const at = left.findIndex((part, i) => part !== right[i]);
  return at >= 0 && left[at] < (right[at] ?? 0);
}
