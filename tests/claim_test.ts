import { judge, readClaim, type Standing } from "../src/coordinator/claim.ts";
import type { Json } from "../src/domain/json.ts";
import type { LifeSign } from "../src/os/life_file.ts";
import { assertEquals } from "./support/assert.ts";
import { claimOf } from "./support/claim.ts";

const AT_MS = Date.parse("2026-01-01T00:00:00.000Z");

const JUDGEMENTS: [
  what: string,
  witness: { lifeSign: LifeSign; host?: string; uptimeS?: number; nowMs?: number },
  standing: Standing,
][] = [
  ["whose lock is free", { lifeSign: "dead" }, "dead"],
  ["whose lock is free, though it just beat", { lifeSign: "dead", uptimeS: 1000 }, "dead"],
  ["whose lock is free on another host", { lifeSign: "dead", host: "there" }, "dead"],
  ["that just beat", { lifeSign: "alive", uptimeS: 1000 }, "live"],
  ["that beat a time-out ago", { lifeSign: "alive", uptimeS: 1060 }, "live"],
  [
    "that beat a time-out and the second of rounding ago",
    { lifeSign: "alive", uptimeS: 1061 },
    "live",
  ],
  ["that beat longer ago", { lifeSign: "alive", uptimeS: 1062 }, "silent"],
  ["that was not seen and just beat", { lifeSign: "unknown", uptimeS: 1000 }, "live"],
  ["that was not seen and is late", { lifeSign: "unknown", uptimeS: 1062 }, "silent"],
  ["from before a reboot", { lifeSign: "unknown", uptimeS: 999 }, "dead"],
  ["that is alive though the uptime went back", { lifeSign: "alive", uptimeS: 10 }, "live"],
  ["of another host that just beat", { lifeSign: "unknown", host: "there" }, "live"],
  [
    "of another host, whose uptime means nothing here",
    { lifeSign: "unknown", host: "there", uptimeS: 5 },
    "live",
  ],
  [
    "of another host that is late by the store's clock",
    { lifeSign: "unknown", host: "there", nowMs: AT_MS + 60_001 },
    "silent",
  ],
  [
    "of another host exactly at the time-out",
    { lifeSign: "unknown", host: "there", nowMs: AT_MS + 60_000 },
    "live",
  ],
  [
    "of another host with a clock that runs ahead",
    { lifeSign: "unknown", host: "there", nowMs: AT_MS - 3_600_000 },
    "live",
  ],
];
for (const [what, witness, standing] of JUDGEMENTS) {
  Deno.test(`a claim ${what} is ${standing}`, () => {
    const known = { host: "here", uptimeS: 1000, nowMs: AT_MS, ...witness };
    assertEquals(judge(claimOf(), known, 60_000), standing);
  });
}

Deno.test("what is no claim is read as none", () => {
  const claim = claimOf() as unknown as Record<string, Json>;
  assertEquals(readClaim(claim as Json)?.life, claim.life as string);
  const damaged: Json[] = [
    null,
    "taken",
    [],
    {},
    { ...claim, life: 1 },
    { ...claim, host: null },
    { ...claim, heartbeat: null },
    { ...claim, heartbeat: { uptime_s: "1", at: "x" } },
    { ...claim, heartbeat: { uptime_s: 1 } },
  ];
  for (const value of damaged) assertEquals(readClaim(value), null, JSON.stringify(value));
});
