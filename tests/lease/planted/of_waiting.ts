import { type Bug, bug } from "./bug.ts";

/** Bugs of the queue and of lending. */
export const OF_WAITING: readonly Bug[] = [
  bug("serves the last who came first", "the queue is first in, first out", [
    "apply.ts",
    "[...record.waiters, waiter]",
    "[waiter, ...record.waiters]",
  ]),
  bug(
    "sends to the end of the queue who asks again",
    "asking again keeps one's place and prolongs the wait",
    [
      "apply.ts",
      ": record.waiters.map((one) => isSame(one.holder, holder) ? waiter : one);",
      ": [...record.waiters.filter((one) => !isSame(one.holder, holder)), waiter];",
    ],
  ),
  bug("queues without end", "the queue holds 64 and no more", [
    "apply.ts",
    "record.waiters.length >= MAX_WAITERS",
    "record.waiters.length < 0",
  ]),
  bug(
    "lets those who have given up fill the queue",
    "those who have given up or are dead fill no place",
    [
      "apply.ts",
      "(isOtherClock || one.until_s > moment.s)",
      "(record.holder !== null || isOtherClock || one.until_s > moment.s)",
    ],
  ),
  bug(
    "offers turns to the dead",
    "those who died while waiting are skipped, and those whose time is over",
    [
      "apply.ts",
      "!isDead(one.holder) && ",
      "",
    ],
  ),
  bug(
    "never passes on a turn that was offered",
    "a turn that is not taken up passes on after its time",
    [
      "apply.ts",
      ": hasExpired(current, known.moment)",
      ": !current.offered && hasExpired(current, known.moment)",
    ],
  ),
  bug("keeps a turn by renewing it", "renewing all that a session has does not take up its turn", [
    "apply.ts",
    "if (record.offered) return granted(record, null, true);",
    "",
  ]),
  bug(
    "leaves a turn that was taken up an offer",
    "a turn is offered for its time, under a token of its own, and is no use yet",
    [
      "apply.ts",
      "offered: false,\n      busy_s: request.busy ?",
      "busy_s: request.busy ?",
    ],
  ),
  bug("grants twice when handing over", "nobody overtakes the queue", [
    "apply.ts",
    "decide(settled.record, withPlainHolders(request), known)",
    "decide(settled.handedTo ? { ...settled.record, holder: null } : settled.record, request, known)",
  ]),
  bug(
    "overrides who has just been offered its turn",
    "whoever is only offered a turn is not overridden as silent",
    [
      "apply.ts",
      "request.mayOverride && !record.offered",
      "request.mayOverride",
    ],
  ),
  bug(
    "does not give back what a sub-agent borrowed",
    "a sub-agent borrows from its waiting parent, and gives back under a new token",
    [
      "apply.ts",
      "const heir = to ?? record.lent_by;",
      "const heir = to;",
    ],
  ),
  bug(
    "gives back under the sub-agent's token",
    "a sub-agent borrows from its waiting parent, and gives back under a new token",
    [
      "apply.ts",
      "token: nextToken(ended, known),\n    ...measuredFrom",
      "...measuredFrom",
    ],
  ),
  bug(
    "offers a parent again what it has got back",
    "a parent that waits for what it has lent is not offered it twice",
    [
      "apply.ts",
      "uses: before.uses,\n    waiters: ended.waiters.filter((one) => !isSame(one.holder, heir)),",
      "uses: before.uses,",
    ],
  ),
  bug(
    "forgets what a parent did before it lent",
    "what a parent has changed is still its own when it gets it back",
    [
      "apply.ts",
      'uses: why === "lent" ? record.uses : 0,',
      "uses: 0,",
    ],
  ),
  bug("lends what its parent is busy with", "a busy parent does not lend", [
    "apply.ts",
    "holder.session === child.session && busy_s === null;",
    "holder.session === child.session;",
  ]),
  bug("lets a sub-agent borrow from its sibling", "siblings exclude each other", [
    "apply.ts",
    "holder !== null && holder.agent === undefined && child.agent",
    "holder !== null && child.agent",
  ]),
];
