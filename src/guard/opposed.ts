/**
 * What becomes of a command that others would suffer from.
 *
 * @module
 */

import { printable, shorten } from "../domain/text.ts";
import type { Step } from "./step.ts";
import { PASS, pass, type Verdict } from "./verdict.ts";

/**
 * Denies it, or lets it pass where the configuration wants no conflict to block; noted either way.
 *
 * @param act What is opposed, for the journal: `git stash`.
 * @param lines Why, and what to do instead.
 */
export function opposed(step: Step, act: string, lines: readonly string[]): Verdict {
  const { desk: { config, journal }, holder, tool } = step;
  const { conflict_action } = config.coordination;
  const event = conflict_action === "block" ? "deny" : "overlap";
  journal.append({ event, ...holder, tool, detail: shorten(printable(act), 200) });
  switch (conflict_action) {
    case "block":
      return { kind: "deny", reason: lines.join("\n") };
    case "warn":
      return pass(
        ["csc: it goes ahead as conflict_action is 'warn':", ...lines.slice(0, -1)].join("\n"),
      );
    case "proceed":
      return PASS;
  }
}
