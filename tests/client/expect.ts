/**
 * What is expected of the answers that a model gets to its calls.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import type { Result } from "./shown.ts";

/** That a call was stopped before it happened, and that the model was told these words. */
export function assertDenied(result: Result | undefined, ...words: readonly string[]): void {
  assert(result, "the model has seen no answer");
  assert(result.isError, `not denied: ${result.text}`);
  assert(/^PreToolUse:\w+ hook error: ⚠️ /.test(result.text), result.text);
  for (const word of words) assertStringIncludes(result.text, word);
}

/** That calls were carried out. */
export function assertDone(...results: readonly (Result | undefined)[]): void {
  for (const result of results) {
    assert(result, "the model has seen no answer");
    assertEquals(result.isError, false, result.text);
  }
}
