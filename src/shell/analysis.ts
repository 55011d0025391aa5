/**
 * One analysis of a command, and the limits of what is read within it: texts for `eval` and
 * `bash -c`, substitutions, functions.
 *
 * @module
 */

import { Recorder, Site } from "./effects.ts";

/** The language of a command. */
export type Dialect = "bash" | "powershell";

/** Reads a text of a dialect, starting in a folder. */
export type Reader = (analysis: Analysis, text: string, folder: string | null) => void;

/** Deeper than this nobody writes commands within commands. */
const DEEPEST = 20;

/** Functions that call each other twice would take a time of 2ⁿ; this bounds what is read again. */
const MOST_CHARS_WITHIN = 4_000_000;

/** One analysis: what was found so far, and how much may still be read. */
export class Analysis {
  readonly recorder = new Recorder();
  readonly #readers: Readonly<Record<Dialect, Reader>>;
  #depth = 0;
  #charsLeft = MOST_CHARS_WITHIN;

  constructor(readers: Readonly<Record<Dialect, Reader>>) {
    this.#readers = readers;
  }

  /** Something was not understood. */
  unknown(): void {
    this.recorder.hasUnknown = true;
  }

  /** Where a simple command runs. */
  site(folder: string | null): Site {
    return new Site(this.recorder, folder);
  }

  /** Reads what is within something else, of so many characters, unless it is too much. */
  within(chars: number, task: () => void): void {
    if (this.#depth >= DEEPEST || chars > this.#charsLeft) return this.unknown();
    this.#charsLeft -= chars;
    this.#depth++;
    try {
      task();
    } finally {
      this.#depth--;
    }
  }

  /** Reads a text that is given to another shell. */
  read(dialect: Dialect, text: string, folder: string | null): void {
    this.within(text.length, () => this.#readers[dialect](this, text, folder));
  }
}
