/**
 * Measures what the docs promise: `deno task bench`. Medians and ratios of one run, beside their
 * targets and their floor, of all suites or of those named; nothing fails here, as a shared machine's
 * clock proves nothing.
 *
 * @module
 */

import { benchCounters } from "./counters.ts";
import type { Figure } from "./figure.ts";
import { benchHooks } from "./hooks.ts";
import { benchHttp } from "./http.ts";
import { benchLeases } from "./leases.ts";
import { benchPostgres } from "./postgres.ts";
import { benchRedis } from "./redis.ts";
import { benchS3 } from "./s3.ts";
import { benchScopes } from "./scopes.ts";
import { benchStartup } from "./startup.ts";
import { benchTeam } from "./team.ts";

const SUITES: Readonly<Record<string, () => Promise<Figure[]>>> = {
  startup: benchStartup,
  counters: benchCounters,
  scopes: benchScopes,
  hooks: benchHooks,
  leases: benchLeases,
  redis: benchRedis,
  postgres: benchPostgres,
  s3: benchS3,
  team: benchTeam,
  http: benchHttp,
};

if (import.meta.main) {
  const wanted = Deno.args.length > 0 ? Deno.args : Object.keys(SUITES);
  const unknown = wanted.find((name) => !Object.hasOwn(SUITES, name));
  if (unknown !== undefined) {
    console.error(`There is no suite '${unknown}'. Known: ${Object.keys(SUITES).join(", ")}`);
    Deno.exit(2);
  }
  console.log("| Figure | Measured | Target | Floor |\n| --- | --- | --- | --- |");
  for (const name of wanted) {
    for (const { what, measured, target, floor } of await SUITES[name]()) {
      console.log(`| ${what} | ${measured} | ${target} | ${floor} |`);
    }
  }
}
