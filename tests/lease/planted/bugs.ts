import type { Bug } from "./bug.ts";
import { OF_APPLY } from "./of_apply.ts";
import { OF_LEASES } from "./of_leases.ts";
import { OF_WAITING } from "./of_waiting.ts";

/** All of them. */
export const LEASE_BUGS: readonly Bug[] = [...OF_APPLY, ...OF_WAITING, ...OF_LEASES];
