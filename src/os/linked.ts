/**
 * Signals that depend on others.
 *
 * @module
 */

/** A controller that aborts with others, until it is let go. */
export interface Linked {
  readonly signal: AbortSignal;
  abort(): void;
  /** Depends on the others no more: they may live much longer. */
  release(): void;
}

/**
 * A controller that aborts as soon as one of the signals does, or is told to: unlike
 * `AbortSignal.any()`, it can be let go of signals that live on.
 */
export function linkedTo(...signals: readonly (AbortSignal | undefined)[]): Linked {
  const controller = new AbortController();
  const release = () => {
    for (const signal of signals) signal?.removeEventListener("abort", abort);
  };
  const abort = () => {
    release();
    controller.abort();
  };
  for (const signal of signals) signal?.addEventListener("abort", abort);
  if (signals.some((signal) => signal?.aborted)) abort();
  return { signal: controller.signal, abort, release };
}
