/**
 * Which writes of claims said that somebody holds the instance. A write never changes, so what one
 * session of a process has read of it holds for all that watch.
 *
 * @module
 */

import type { Version } from "../storage/adapter.ts";

/** More than come within the time in which all who watch look at one. */
const MAX_SEEN = 2000;

/** What is known of the latest writes. */
export class SeenClaims {
  readonly #seen = new Map<Version, boolean>();

  /** Whether a write said that somebody holds the instance; undefined where it is not known. */
  isHeld(version: Version): boolean | undefined {
    return this.#seen.get(version);
  }

  /** Notes what a write said. */
  note(version: Version, isHeld: boolean): void {
    this.#seen.set(version, isHeld);
    if (this.#seen.size <= MAX_SEEN) return;
    const [oldest] = this.#seen.keys();
    this.#seen.delete(oldest);
  }
}
