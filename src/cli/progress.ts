/**
 * How far a long command is, on standard error: a bar where that is a terminal, else a line now and
 * then. Ours, as the libraries for it bring a terminal of their own along.
 *
 * @module
 */

import { printable } from "../domain/text.ts";
import { columns } from "./output.ts";

/** More often nobody can read it. */
const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 5000;
const WIDEST_BAR = 40;

/** Shows progress until it is cleared. */
export class ProgressBar {
  readonly #isTerminal = Deno.stderr.isTerminal();
  readonly #unit: string;
  #shownAt = -Infinity;
  #isShown = false;

  /** @param unit What is counted, such as `keys`. */
  constructor(unit: string) {
    this.#unit = unit;
  }

  /**
   * Shows how much is done, unless it did so a moment ago.
   *
   * @param total 0 where it is not known yet.
   */
  show(what: string, done: number, total: number): void {
    const now = performance.now();
    const every = this.#isTerminal ? BAR_EVERY_MS : LINE_EVERY_MS;
    if (this.#shownAt === -Infinity && !this.#isTerminal) this.#shownAt = now; // quick work says nothing
    const isOver = total > 0 && done >= total && this.#isShown;
    if (now - this.#shownAt < every && !(isOver && this.#isTerminal)) return;
    this.#shownAt = now;
    this.#isShown = true;
    const counted = total > 0 ? `${number(done)} of ${number(total)}` : number(done);
    const text = printable(`${what}: ${counted} ${this.#unit}`);
    if (!this.#isTerminal) return write(`${text}\n`);
    const width = Math.min(WIDEST_BAR, columns() - text.length - 4);
    const full = total > 0 ? Math.round(width * Math.min(1, done / total)) : 0;
    const bar = width > 4 && total > 0 ? `[${"#".repeat(full).padEnd(width, "-")}] ` : "";
    write(`\r\x1b[K${bar}${text}`);
  }

  /** Takes the bar away, so that something else can be printed. */
  clear(): void {
    if (this.#isShown && this.#isTerminal) write("\r\x1b[K");
    this.#isShown = false;
  }
}

/** A number with commas between its thousands. */
export function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
}
