import { levenshteinDistance as untyped } from "@std/text/levenshtein-distance";

/** How many single-character edits turn one text into the other. */
export const levenshteinDistance: (from: string, to: string) => number = untyped;
