/**
 * Writing to the terminal: results to standard output, everything else to standard error.
 *
 * @module
 */

import { CoordinatorError, ERROR_EXIT_CODES, messageOf } from "../domain/error.ts";
import { printable } from "../domain/text.ts";
import { bold, red, setColorEnabled } from "../std/colors.ts";

/** Prints a result. */
export function print(text: string): void {
  write(Deno.stdout, text + "\n");
}

/** Prints a result as JSON. Characters that steer a terminal are written as escapes. */
export function printJson(value: unknown): void {
  print(escapeInvisible(JSON.stringify(value, null, 2)));
}

/** Prints JSON to standard error, where standard output belongs to another program. */
export function printJsonBeside(value: unknown): void {
  write(Deno.stderr, escapeInvisible(JSON.stringify(value)) + "\n");
}

/** Prints what went wrong and what to do next; answers the exit code. */
export function printError(error: unknown): number {
  const known = error instanceof CoordinatorError;
  // Our own messages are one line, with names in them that may hold a line break.
  const message = printable(known ? error.message : messageOf(error).split("\n")[0]);
  const label = known ? `error[${error.code}]` : "error";
  const hint = known ? error.hint : hintFor(error);
  write(Deno.stderr, `${bold(red(`${label}:`))} ${message}\n${bold("hint:")} ${printable(hint)}\n`);
  return known ? ERROR_EXIT_CODES[error.code] : 1;
}

/** Prints what somebody should know though all went well. */
export function printWarning(text: string): void {
  write(Deno.stderr, `${bold("warning:")} ${printable(text)}\n`);
}

function hintFor(error: unknown): string {
  return error instanceof Deno.errors.NotCapable
    ? "Start csc with the permissions that its README lists."
    : "This should not happen: please report it with what you did.";
}

/** Colours only for terminals; `NO_COLOR` is heeded already. */
export function chooseColors(): void {
  if (!Deno.stdout.isTerminal() || Deno.noColor) setColorEnabled(false);
}

/** How many columns there are; 80 where nobody can tell. */
export function columns(): number {
  try {
    return Math.max(40, Math.min(Deno.consoleSize().columns, 120));
  } catch {
    return 80;
  }
}

function escapeInvisible(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0); // `csc … | head` has seen enough
    throw error;
  }
}
