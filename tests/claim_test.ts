import { claimIn, judge, readClaim, type Standing } from "../src/coordinator/claim.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import type { Json } from "../src/domain/json.ts";
import type { Moment } from "../src/lease/record.ts";
import type { LifeSign } from "../src/os/life_file.ts";
import { assertEquals, assertRejects } from "./support/assert.ts";
import { claimOf, oldClaimOf } from "./support/claim.ts";

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
  [
    "that beat a time-out ago, as seconds that are rounded tell it",
    { lifeSign: "alive", uptimeS: 1060 },
    "live",
  ],
  ["that beat longer ago", { lifeSign: "alive", uptimeS: 1061 }, "silent"],
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
    { lifeSign: "unknown", host: "there", nowMs: AT_MS + 61_001 },
    "silent",
  ],
  [
    "of another host exactly at the time-out, and the second that may have been rounded off",
    { lifeSign: "unknown", host: "there", nowMs: AT_MS + 61_000 },
    "live",
  ],
  [
    "of another host with a clock that runs ahead",
    { lifeSign: "unknown", host: "there", nowMs: AT_MS - 3_600_000 },
    "live",
  ],
];
for (const [what, witness, standing] of JUDGEMENTS) {
  Deno.test(`a claim ${what} is ${standing}, and so is one of an older csc`, () => {
    const { lifeSign, host = "here", uptimeS = 1000, nowMs = AT_MS } = witness;
    const moment: Moment = { clock: "uptime", s: uptimeS, wallMs: nowMs };
    for (const claim of [claimOf() as unknown as Json, oldClaimOf()]) {
      const lease = readClaim(claim, "claude_1", 60);
      assertEquals(judge(lease, { lifeSign, host, moment }), standing);
    }
  });
}

Deno.test("a claim tells of its holder, also where an older csc wrote it", () => {
  const life = crypto.randomUUID();
  const told = {
    life,
    host: "here",
    pid: 1,
    client_session: null,
    signed_on_at: "2026-01-01T00:00:00.000Z",
    heartbeat: { uptime_s: 1000, at: "2026-01-01T00:00:00.000Z" },
  };
  const [lease, old] = [claimOf({ life }), oldClaimOf({ life })];
  assertEquals(claimIn(readClaim(lease as unknown as Json, "claude_1", 60)), told);
  assertEquals(claimIn(readClaim(old, "claude_1", 60)), told);
  assertEquals(readClaim(old, "claude_1", 60).token, 0, "no token was ever granted");
});

Deno.test("what is no claim is nobody's, and dead", () => {
  const claim = oldClaimOf();
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
    { ...claimOf(), clock: "sundial" } as unknown as Json,
  ];
  const moment: Moment = { clock: "uptime", s: 0, wallMs: 0 };
  for (const value of damaged) {
    const lease = readClaim(value, "claude_1", 60);
    const standing = judge(lease, { lifeSign: "unknown", host: "", moment });
    assertEquals([lease.token, standing], [0, "dead"], JSON.stringify(value));
  }
});

Deno.test("what a newer csc wrote is refused", async () => {
  const read = () => Promise.resolve().then(() => readClaim({ v: 2 }, "claude_1", 60));
  const { code, message } = await assertRejects(read, CoordinatorError);
  assertEquals([code, message.includes("claude_1")], ["store_newer", true]);
});
