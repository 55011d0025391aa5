/**
 * What every store keeps, as data: each clause takes two clients of one empty store and fails where
 * the store breaks it. Stores that come later are held to the same list.
 *
 * @module
 */

import { BASICS } from "./contract/basics.ts";
import type { Clause } from "./contract/clause.ts";
import { CONDITIONS } from "./contract/conditions.ts";
import { COUNTERS } from "./contract/counters.ts";
import { ENTRIES } from "./contract/entries.ts";
import { EXPIRY } from "./contract/expiry.ts";
import { FENCES } from "./contract/fences.ts";
import { NAMES } from "./contract/names.ts";
import { SCOPE_LISTS } from "./contract/scopes.ts";
import { VALUES } from "./contract/values.ts";
import { WATCHING } from "./contract/watching.ts";

export type { Clause, World } from "./contract/clause.ts";

/** The contract. */
export const CONTRACT: Clause[] = [
  ...BASICS,
  ...ENTRIES,
  ...CONDITIONS,
  ...FENCES,
  ...COUNTERS,
  ...EXPIRY,
  ...WATCHING,
  ...NAMES,
  ...VALUES,
  ...SCOPE_LISTS,
];
