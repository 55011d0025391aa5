/**
 * What can go wrong between a client and a store on the network. Whoever reads such an error must know
 * one thing above all: whether the write happened.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { redactUrls } from "../domain/text.ts";

/** A store as errors name it. */
export interface Endpoint {
  /** What it is, such as `Redis`. */
  readonly what: string;
  /** Where it is; holds no password. */
  readonly location: string;
}

/**
 * The error for a request that the store never got, or refused: nothing was written.
 *
 * @param reason Why, in a few words; URLs in it lose their passwords.
 * @param hint What to do; without it, what helps against a server that is down.
 */
export function unreachable(
  { what, location }: Endpoint,
  reason: string,
  hint?: string,
  cause?: unknown,
): CoordinatorError {
  return new CoordinatorError(
    "store_unreachable",
    `Cannot use ${what} at ${location}: ${redactUrls(reason)}; nothing was written`,
    hint ??
      `See whether ${what} is up and can be reached from here, then try again; \`csc doctor\` tells more.`,
    { cause },
  );
}

/**
 * The error for a write whose answer was lost: it may have happened.
 *
 * @param name What was to be written, such as `key 'k' of scope 's'`.
 * @param reason See {@linkcode unreachable}.
 */
export function outcomeUnknown(
  { what, location }: Endpoint,
  name: string,
  reason: string,
  cause?: unknown,
): CoordinatorError {
  return new CoordinatorError(
    "outcome_unknown",
    `${what} at ${location} gave no answer (${
      redactUrls(reason)
    }): whether ${name} was written is unknown`,
    "Read it before you write it again.",
    { cause },
  );
}
