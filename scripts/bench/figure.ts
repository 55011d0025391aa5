/**
 * What a bench tells.
 *
 * @module
 */

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
