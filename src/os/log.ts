/**
 * A log for people: one line an event, without stored values or secrets, in a file that all servers
 * of a user share.
 *
 * @module
 */

import { dirname, join } from "./path.ts";
import { printable } from "../domain/text.ts";
import { ensurePrivateFolder, lstatOrNull } from "./private_folder.ts";

/** How grave an event is. */
export type Severity = "error" | "warn" | "info" | "debug";

const SEVERITIES: readonly Severity[] = ["error", "warn", "info", "debug"];

/** Takes events. */
export interface Log {
  error(event: string): void;
  warn(event: string): void;
  info(event: string): void;
  debug(event: string): void;
}

/** A log that keeps nothing. */
export const NO_LOG: Log = { error() {}, warn() {}, info() {}, debug() {} };

/** Where and how much to log. */
export interface LogOptions extends Rotation {
  readonly level: Severity | "off";
  /** The file; null for no log. */
  readonly path: string | null;
  /** What the lines name beside the process. */
  readonly label: () => string;
  /** Asked before each line whether the file may still be written; yes without it. */
  readonly isAllowed?: () => boolean;
}

/** Opens a log. A log that cannot be written is given up silently: it must not stop the work. */
export function openLog(options: LogOptions): Log {
  const { level, path } = options;
  if (level === "off" || path === null) return NO_LOG;
  const threshold = SEVERITIES.indexOf(level);
  let isBroken = false;
  const write = (severity: Severity) => (event: string) => {
    if (isBroken || SEVERITIES.indexOf(severity) > threshold) return;
    isBroken = options.isAllowed?.() === false;
    if (isBroken) return;
    const time = new Date().toISOString();
    const line = `${time} ${severity.padEnd(5)} [${Deno.pid}] ${options.label()} ${event}`;
    try {
      appendLine(path, printable(line), options);
    } catch {
      isBroken = true;
    }
  };
  return {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
  };
}

/** The user's log file, or null where the user has no home. */
export function userLogPath(): string | null {
  const folder = userStateFolder();
  return folder && join(folder, "csc.log");
}

/** Where a user's programs keep their state, or null where the user has no home. */
export function userStateFolder(): string | null {
  const named = Deno.env.get("XDG_STATE_HOME") || Deno.env.get("LOCALAPPDATA");
  const home = Deno.env.get("HOME") || Deno.env.get("USERPROFILE");
  const base = named || (home && join(home, ".local", "state"));
  return base ? join(base, "claude-session-coordinator") : null;
}

/** When a file is renamed and begun anew. */
export interface Rotation {
  /** At this size the file is renamed to `.1`. */
  readonly maxBytes: number;
  /** How many renamed files are kept. */
  readonly keepFiles: number;
}

/** Appends a line to a private file that several processes may write, and that does not grow for ever. */
export function appendLine(path: string, line: string, rotation: Rotation): void {
  ensurePrivateFolder(dirname(path));
  if ((lstatOrNull(path)?.size ?? 0) >= rotation.maxBytes) rotate(path, rotation);
  Deno.writeTextFileSync(path, line + "\n", { append: true, mode: 0o600 });
}

/** Renames `csc.log` to `csc.log.1` and so on, unless another process is at it. */
function rotate(path: string, { maxBytes, keepFiles }: Rotation): void {
  const turn = Deno.openSync(`${path}.lock`, {
    read: true,
    write: true,
    create: true,
    mode: 0o600,
  });
  try {
    if (turn.tryLockSync(true)) shift(path, { maxBytes, keepFiles });
  } finally {
    turn.close();
  }
}

function shift(path: string, { maxBytes, keepFiles }: Rotation) {
  if ((lstatOrNull(path)?.size ?? 0) < maxBytes) return; // another process just did
  if (keepFiles === 0) return Deno.removeSync(path);
  for (let i = keepFiles - 1; i > 0; i--) {
    if (lstatOrNull(`${path}.${i}`)) Deno.renameSync(`${path}.${i}`, `${path}.${i + 1}`);
  }
  Deno.renameSync(path, `${path}.1`);
}
