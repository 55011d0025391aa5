/**
 * The error for a name that no adapter has. In a file of its own, which a store that opens never needs.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { didYouMean } from "../domain/did_you_mean.ts";
import { redactUrls } from "../domain/text.ts";

/** @param known The names there are. */
export function unknownAdapter(name: string, known: readonly string[]): CoordinatorError {
  const guess = didYouMean(name, known);
  return new CoordinatorError(
    "unknown_adapter",
    `Unknown adapter type: ${redactUrls(name)}. Available: [${known.join(", ")}]${
      guess && ` (${guess})`
    }`,
    "Set 'storage.adapter' to one of them, or register your own with registerAdapter().",
  );
}
