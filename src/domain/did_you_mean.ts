/**
 * Help for words that are nearly right.
 *
 * @module
 */

import { levenshteinDistance } from "../std/levenshtein_distance.ts";

/** "did you mean" for a word that is not among the known ones, or an empty text. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: levenshteinDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.ceil(candidate.length / 3))
    .sort((a, b) => a.distance - b.distance)[0];
  return near ? `did you mean '${near.candidate}'?` : "";
}
