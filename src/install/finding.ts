/**
 * What the doctor finds.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import { printable, shorten } from "../domain/text.ts";
import { within } from "../os/within.ts";

/** One thing that was looked at. */
export interface Finding {
  /** `fail`: coordination does not work; `warn`: it works, but something should be changed. */
  readonly status: "ok" | "warn" | "fail";
  /** What was looked at. */
  readonly check: string;
  readonly detail: string;
  /** What to do, a command where there is one; null where all is well. */
  readonly fix: string | null;
}

/** All is well. */
export function ok(check: string, detail: string): Finding {
  return { status: "ok", check, detail, fix: null };
}

/** It works, but something should be changed. */
export function warn(check: string, detail: string, fix: string): Finding {
  return { status: "warn", check, detail, fix };
}

/** It does not work. */
export function fail(check: string, detail: string, fix: string): Finding {
  return { status: "fail", check, detail, fix };
}

/** The first line of what a program said, fit to be printed. */
export function firstLine(text: string): string {
  return shorten(printable(text.trim().split("\n")[0]), 160);
}

/** How much time is left for all checks together. */
export class Deadline {
  readonly #endsAt: number;

  constructor(ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  /** The limit for one step: what it may take at the most, or the rest. */
  left(mostMs: number): number {
    return Math.max(1, Math.min(mostMs, this.#endsAt - performance.now()));
  }

  /** Waits for a step, and answers null where it takes too long. */
  within<T>(mostMs: number, step: Promise<T>): Promise<T | null> {
    return within(this.left(mostMs), step, () => null);
  }
}

/** Runs a check; one that throws becomes a finding. */
export async function check(
  name: string,
  fix: string,
  task: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return [await task()].flat();
  } catch (error) {
    return [fail(name, firstLine(messageOf(error)), fix)];
  }
}
