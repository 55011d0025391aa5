/**
 * Waits for something no longer than it may take.
 *
 * @module
 */

/**
 * Settles as a promise does or, where that takes too long, as `onLate` says: with what it returns, or
 * throws. What the promise settles to later concerns nobody any more, and neither does its failure.
 *
 * @param ms How long it may take; less than nothing is none.
 */
export async function within<T, L>(
  ms: number,
  promise: Promise<T>,
  onLate: () => L,
): Promise<T | L> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), Math.max(0, ms));
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), late.promise]);
    return first === "late" ? onLate() : first.value;
  } finally {
    clearTimeout(timer);
  }
}
