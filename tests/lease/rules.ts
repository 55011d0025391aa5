/**
 * What `apply()` keeps, as data: each rule takes the lease's modules and fails where they break it,
 * so that planted bugs are held to the same list.
 *
 * @module
 */

import type { Check } from "../support/lease.ts";
import { CLOCK } from "./rules/clock.ts";
import { ENDINGS } from "./rules/endings.ts";
import { GRANTS } from "./rules/grants.ts";
import { LENDING } from "./rules/lending.ts";
import { PROPERTIES } from "./rules/properties.ts";
import { QUEUE } from "./rules/queue.ts";
import { TABLE } from "./rules/table.ts";

/** The rules. */
export const RULES: Check[] = [
  ...TABLE,
  ...GRANTS,
  ...ENDINGS,
  ...QUEUE,
  ...LENDING,
  ...CLOCK,
  ...PROPERTIES,
];
