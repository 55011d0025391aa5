/**
 * The audit log: who changed, forced or read what, as JSON lines. Values are left out, and so are
 * tokens.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import { shorten } from "../domain/text.ts";
import { appendLine, type Log, type Rotation, userStateFolder } from "../os/log.ts";
import { join } from "../os/path.ts";

/** One act of a user. */
export interface AuditRecord {
  readonly user: string;
  readonly tenant: string;
  /** What was done, such as `tool:store_data`, `resource:read` or `store:delete`. */
  readonly action: string;
  readonly project?: string | null;
  readonly machine?: string | null;
  /** The scope, lock or resource that it was done to. */
  readonly scope?: string | null;
  readonly key?: string | null;
  /** `ok`, or the code of the error that refused it. */
  readonly result: string;
  /** Whether it took something from somebody by force. */
  readonly forced?: boolean;
  /** The MCP session that it came through, cut to what tells it from others. */
  readonly session?: string | null;
}

/** Where the log is kept. */
export interface AuditOptions extends Rotation {
  readonly path: string;
  /** Told where the log cannot be written. */
  readonly log: Log;
}

/** A name can be as long as a scope; a line is to stay readable. */
const MAX_CHARS = 1024;
/** A disk that stays full is not told of with every line. */
const QUIET_MS = 60_000;

/** Takes records. */
export class Audit {
  readonly #options: AuditOptions | null;
  #failures = 0;
  #toldMs = -Infinity;

  /** @param options Null keeps no log. */
  constructor(options: AuditOptions | null) {
    this.#options = options;
  }

  /** How many records could not be written. */
  get failures(): number {
    return this.#failures;
  }

  /** Writes a record; a log that cannot be written stops no work, but is told of. */
  write(record: AuditRecord): void {
    if (this.#options === null) return;
    const { path, log } = this.#options;
    try {
      appendLine(path, lineOf(record), this.#options);
    } catch (error) {
      this.#failures++;
      if (performance.now() - this.#toldMs < QUIET_MS) return;
      this.#toldMs = performance.now();
      log.error(`the audit log ${path} cannot be written: ${messageOf(error)}`);
    }
  }
}

/** Where the log is by default, or null where the user has no home. */
export function defaultAuditPath(): string | null {
  const folder = userStateFolder();
  return folder && join(folder, "audit.jsonl");
}

function lineOf(record: AuditRecord): string {
  const { user, tenant, action, result, forced, ...where } = record;
  const named = Object.entries(where).filter(([, value]) => value !== undefined && value !== null);
  const cut = named.map(([name, value]) => [name, shorten(String(value), MAX_CHARS)]);
  return JSON.stringify({
    time: new Date().toISOString(),
    user,
    tenant,
    action,
    ...Object.fromEntries(cut),
    result,
    ...(forced && { forced }),
  });
}
