import type { Patch } from "./patched.ts";

/** A planted bug. */
export interface Bug {
  /** What it does wrong: "a lease that …". */
  readonly does: string;
  /** The check that catches it: a rule of `rules.ts`, or a clause of `clauses.ts`. */
  readonly caughtBy: string;
  readonly patches: readonly Patch[];
}

/** A planted bug; what is looked for in the source must be there once. */
export function bug(does: string, caughtBy: string, ...patches: Patch[]): Bug {
  return { does, caughtBy, patches };
}
