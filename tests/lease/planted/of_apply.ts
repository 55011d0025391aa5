import { type Bug, bug } from "./bug.ts";

/** Bugs of the state machine and of the clock. */
export const OF_APPLY: readonly Bug[] = [
  bug(
    "gives the next grant the same token",
    "a token rises also while the wall clock stands still or is set back",
    [
      "apply.ts",
      "Math.max(record.token + 1, floor + 1, moment.wallMs)",
      "Math.max(record.token, floor + 1, moment.wallMs)",
    ],
  ),
  bug(
    "counts tokens from one where the store was lost",
    "a token is at least the time of day, so that it rises where the store was lost",
    [
      "apply.ts",
      "Math.max(record.token + 1, floor + 1, moment.wallMs)",
      "Math.max(record.token + 1, floor + 1)",
    ],
  ),
  bug(
    "revives by renewing",
    "renewing never revives: not what expired, was released, was taken over or died",
    [
      "apply.ts",
      "const settled = settle(before ?? empty(known), known);",
      `const settled = request.op === "renew" && before
      ? { record: before, handedTo: null }
      : settle(before ?? empty(known), known);`,
    ],
  ),
  bug("renews any grant of the holder", "renewing needs the token of this very grant", [
    "apply.ts",
    "if (!isSame(record.holder, holder) || record.token !== token) {",
    "if (!isSame(record.holder, holder)) {",
  ]),
  bug("lets anybody release", "releasing by anybody but the holder changes nothing", [
    "apply.ts",
    "const isOwn = isSame(record.holder, holder) && (token === undefined || record.token === token);",
    "const isOwn = record.holder !== null;",
  ]),
  bug(
    "releases a later grant than the one that was meant",
    "releasing an earlier grant leaves the present one",
    [
      "apply.ts",
      "const isOwn = isSame(record.holder, holder) && (token === undefined || record.token === token);",
      "const isOwn = isSame(record.holder, holder);",
    ],
  ),
  bug(
    "never looks whether the time is over",
    "a grant lasts ttl and one more whole second, to the second",
    [
      "apply.ts",
      ": hasExpired(current, known.moment)",
      ": known.moment.s < 0",
    ],
  ),
  bug("ends a grant a second early", "a grant lasts ttl and one more whole second, to the second", [
    "record.ts",
    "moment.s >= record.renewed_s + record.ttl_s + 1",
    "moment.s >= record.renewed_s + record.ttl_s",
  ]),
  bug("ends a grant a second late", "a grant lasts ttl and one more whole second, to the second", [
    "record.ts",
    "moment.s >= record.renewed_s + record.ttl_s + 1",
    "moment.s > record.renewed_s + record.ttl_s + 1",
  ]),
  bug(
    "measures with the wall clock",
    "on one machine its uptime measures, whatever the wall clock says",
    [
      "clock.ts",
      "s: uptimeSeconds()",
      "s: Math.floor(Date.now() / 1000)",
    ],
  ),
  bug(
    "measures with its own clock between machines",
    "between machines the store's own clock measures, in whole milliseconds",
    [
      "clock.ts",
      "const wallMs = Math.floor(await serverNow(store));",
      "const wallMs = await Promise.resolve(Date.now());",
    ],
  ),
  bug("does not notice a reboot", "a reboot ends what was held and drops who waited", [
    "record.ts",
    'moment.clock === "uptime" && moment.s < record.renewed_s',
    'moment.clock === "uptime" && moment.s < 0',
  ]),
  bug(
    "counts from the first grant where another clock measures",
    "where another clock measures, the latest renewal counts, not the first grant",
    [
      "record.ts",
      "Date.parse(record.renewed_at)",
      "Date.parse(record.acquired_at)",
    ],
  ),
  bug("never frees a dead holder", "death ends a grant at once, and age alone does not", [
    "apply.ts",
    "const why = known.isDead(current.holder)",
    "const why = known.moment.s < 0",
  ]),
  bug("frees a living holder by its age", "death ends a grant at once, and age alone does not", [
    "record.ts",
    "return isOfOtherBoot(record, moment) ||",
    "return isOfOtherBoot(record, moment) || moment.s - record.renewed_s > 7200 ||",
  ]),
  bug("gives a new token when a holder enters again", "acquiring again keeps the token", [
    "apply.ts",
    "busy_s: request.busy ? known.moment.s : record.busy_s,",
    "busy_s: request.busy ? known.moment.s : record.busy_s,\n      token: nextToken(record, known),",
  ]),
  bug(
    "shortens what is left when a holder enters again",
    "acquiring again never shortens what is left",
    [
      "apply.ts",
      "const ttl_s = record.offered ? ttlS : Math.max(ttlS, left);",
      "const ttl_s = ttlS;",
    ],
  ),
  bug(
    "takes over without looking at the token",
    "taking over needs the token of the grant that it ends",
    [
      "apply.ts",
      'if (record.token !== request.token) return refused(record, "not owner", null);',
      "",
    ],
  ),
  bug(
    "does not tell the victim why",
    "`ended` tells the victim why: what, when, by whom and what for",
    [
      "apply.ts",
      "offered: false, lent_by: null, ended };",
      "offered: false, lent_by: null };",
    ],
  ),
  bug(
    "blames the victim for its own end",
    "`ended` tells the victim why: what, when, by whom and what for",
    [
      "apply.ts",
      'end(record, "taken over", known.moment, holder, reason, forced)',
      'end(record, "taken over", known.moment, record.holder, reason, forced)',
    ],
  ),
];
