/**
 * What leases keep in any store, as data: each clause takes one store, two clients of it, and time
 * and death in its own hand.
 *
 * @module
 */

import type { LeaseClause } from "../support/lease_world.ts";
import { ACTING, LOST_REPLIES } from "./clauses/acting.ts";
import { CIRCLES } from "./clauses/circles.ts";
import { READING, UNUSABLE } from "./clauses/reading.ts";
import { REMEMBERING } from "./clauses/remembering.ts";
import { WAITING } from "./clauses/waiting.ts";

/** The clauses. */
export const LEASE_CLAUSES: LeaseClause[] = [
  ...ACTING,
  ...LOST_REPLIES,
  ...REMEMBERING,
  ...WAITING,
  ...CIRCLES,
  ...READING,
  ...UNUSABLE,
];
