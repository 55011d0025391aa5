/**
 * How urgent a work is, by the words of `priority_rules`.
 *
 * @module
 */

import { isAbout } from "./words.ts";

/** A priority, with the word that gave it. */
export interface Priority {
  readonly value: number;
  readonly word: string | null;
}

/** What no rule names, which is as urgent as an ordinary feature. */
export const NORMAL_PRIORITY = 50;

/** The highest priority of the words that some texts hold: an area's name, an intent, a branch. */
export function priorityOf(
  rules: { readonly [word: string]: number },
  texts: readonly string[],
): Priority {
  let best: Priority | null = null;
  for (const [word, value] of Object.entries(rules)) {
    if (best !== null && best.value >= value) continue;
    if (texts.some((text) => isAbout(text, word))) best = { value, word };
  }
  return best ?? { value: NORMAL_PRIORITY, word: null };
}
