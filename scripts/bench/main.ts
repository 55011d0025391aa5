/**
 * Measures what the docs promise: `deno task bench`. Medians and ratios of one run, beside their
 * targets and their floor; nothing fails here, as a shared machine's clock proves nothing.
 *
 * @module
 */

import { benchCounters } from "./counters.ts";
import { benchScopes } from "./scopes.ts";
import { benchStartup } from "./startup.ts";

/** A measured figure. */
export interface Figure {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly floor: string;
}

/** The median of some numbers. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

if (import.meta.main) {
  const figures = [...await benchStartup(), ...await benchCounters(), ...await benchScopes()];
  const rows = figures.map(({ what, measured, target, floor }) =>
    `| ${what} | ${measured} | ${target} | ${floor} |`
  );
  console.log(
    ["| Figure | Measured | Target | Floor |", "| --- | --- | --- | --- |", ...rows].join("\n"),
  );
}
