/**
 * Text that somebody else wrote, made safe to print.
 *
 * @module
 */

// C0 and C1 controls, zero-width and bidirectional formatting characters, line separators.
// deno-lint-ignore no-control-regex
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The text on one line, without characters that steer a terminal or hide what it says. */
export function printable(text: string): string {
  return text.toWellFormed().replace(INVISIBLE, (char) => /[\t\n\r]/.test(char) ? " " : "�");
}

/** The text cut to a number of characters, with `…` where something was cut off. */
export function shorten(text: string, maxChars: number): string {
  const chars = [...text];
  return chars.length <= maxChars ? text : chars.slice(0, maxChars - 1).join("") + "…";
}

/** The text with the user and password of each URL, and secrets in its query, replaced by `***`. */
export function redactUrls(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/gi, "$1***@")
    .replace(/([?&;][^=&#\s]*(?:pass|secret|token|key|sig)[^=&#\s]*=)[^&#\s]*/gi, "$1***");
}
