/**
 * What the guard decides on one step of a session.
 *
 * @module
 */

/** A decision. There is no "allow": that would skip the user's own permission prompt. */
export type Verdict =
  | {
    readonly kind: "pass";
    /** What the model is to know. */
    readonly note?: string;
  }
  | { readonly kind: "deny" | "ask"; readonly reason: string };

/** Goes ahead, with nothing to say. */
export const PASS: Verdict = { kind: "pass" };

/** Goes ahead, with what there is to say. */
export function pass(...notes: readonly (string | null)[]): Verdict {
  const said = notes.filter((note) => note !== null && note !== "");
  return said.length === 0 ? PASS : { kind: "pass", note: said.join("\n") };
}
