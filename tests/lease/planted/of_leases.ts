import { type Bug, bug } from "./bug.ts";

/** Bugs in what leases do with a store. */
export const OF_LEASES: readonly Bug[] = [
  bug("writes without `expected`", "of twenty who ask at once, one gets it", [
    "leases.ts",
    "ref.key, value, { expected, author })",
    "ref.key, value, { author })",
  ]),
  bug("refuses from memory", "nobody is refused from memory", [
    "leases.ts",
    "if (!next && !isMemory) return outcome;",
    "if (!next) return outcome;",
  ]),
  bug(
    "goes on with what it remembers after a refusal",
    "what was written since by another is seen, though one remembers",
    [
      "leases.ts",
      "known = result.current;",
      "known = entry;",
    ],
  ),
  bug(
    "reads what it has just written",
    "who goes on with a lease of its own writes at once, and reads nothing",
    [
      "leases.ts",
      "this.#own.remember(ref, value, result.version);",
      "this.#own.forget(ref);",
    ],
  ),
  bug("asks nobody who is dead", "a holder whose session has died is out at the next request", [
    "leases.ts",
    "return ({ session }) => dead.has(session);",
    "return () => dead.size < 0;",
  ]),
  bug("takes the one who asks for dead", "nobody is asked about the one who asks: it is there", [
    "leases.ts",
    'const asking = "holder" in request ? request.holder.session : null;',
    "const asking = null;",
  ], [
    "leases.ts",
    "const isAlone = before === null || goesOn(before, request, moment);",
    "const isAlone = before === null;",
  ]),
  bug(
    "hands over to the dead when a holder ends its own grant",
    "however a grant ends, nobody dead is offered the turn",
    [
      "leases.ts",
      'const mayEnd = request.op === "release" || request.op === "take over";',
      "const mayEnd = false;",
    ],
  ),
  bug(
    "takes a write for failed whose answer was lost",
    "a write whose answer was lost is recognised as one's own",
    [
      "leases.ts",
      "if (isWrittenBy(next, now)) return WRITTEN;",
      "",
    ],
  ),
  bug(
    "takes its own first try for somebody else's write",
    "a lost answer turns no refusal into a grant",
    [
      "leases.ts",
      "if (result.ok || isWrittenBy(next, result.current)) return WRITTEN;",
      "if (result.ok) return WRITTEN;",
    ],
    [
      "leases.ts",
      "const [moment, floor] =",
      `if (before?.request === id) {
        return { ok: true, record: before, extended: false, overridden: null };
      }
      const [moment, floor] =`,
    ],
  ),
  bug(
    "takes a write for done that was not",
    "a write that did not happen is an error, and grants nothing",
    [
      "leases.ts",
      "      throw error;\n    }\n  }",
      "      return WRITTEN;\n    }\n  }",
    ],
  ),
  bug(
    "tells nobody of a turn",
    "a turn is told once, to the one who has it, by the one who gave it",
    [
      "leases.ts",
      "if (handedTo) await",
      "if (handedTo && tries < 0) await",
    ],
  ),
  bug(
    "stays in the queue when it gives up",
    "`wait()` gives up after its time and leaves the queue",
    [
      "leases.ts",
      "const { record } = await this.leaveQueue(ref, holder);",
      "const record = (await this.inspect(ref))!;",
    ],
  ),
  bug(
    "loses a turn that comes in the last moment",
    "a turn that comes in the last moment of a wait is taken, not lost",
    [
      "leases.ts",
      "if (outcome.ok) {\n        if (tries",
      "if (outcome.ok && leftMs > 0) {\n        if (tries",
    ],
    [
      "leases.ts",
      "if (isSame(record.holder, holder)) {\n      const outcome",
      "if (isSame(null, holder)) {\n      const outcome",
    ],
  ),
  bug("finds no circle", "a circle of two is refused to the one who closes it", [
    "waits.ts",
    "if (isSame(holder, asking)) return way;",
    "if (isSame(holder, asking)) return [];",
  ]),
  bug("finds circles of two only", "a circle of three is refused to the one who closes it", [
    "waits.ts",
    "await follow(next!, [...way, waiter])",
    "isSame(next!.holder, asking) ? [...way, waiter] : []",
  ]),
  bug(
    "refuses everybody in a circle",
    "of three that close a circle at once, one is refused and two get theirs",
    [
      "leases.ts",
      "looks === MAX_LOOKS || cameLast(holder, circle)",
      "looks > 0",
    ],
  ),
  bug("trusts old notes on who waits", "who has stopped waiting closes no circle", [
    "waits.ts",
    "const found = waiter ?",
    "const found = next ?",
  ], ["waits.ts", "[...way, waiter])", "[...way, ...(waiter ? [waiter] : [])])"]),
  bug(
    "looks at the last thing only that somebody waits for",
    "a circle is found also by the second of several things one waits for",
    [
      "waits.ts",
      "const value = [...others, ref].map(",
      "const value = [ref].map(",
    ],
  ),
  bug(
    "ignores the floor of what was collected",
    "tokens go on rising after `collect()`, also with the wall clock set back",
    [
      "leases.ts",
      "await Promise.all([this.now(), this.#floor.read()]);",
      "await Promise.all([this.now(), 0]);",
    ],
  ),
  bug(
    "collects without raising the floor",
    "tokens go on rising after `collect()`, also with the wall clock set back",
    [
      "leases.ts",
      "await this.#floor.raise(record.token);",
      "",
    ],
  ),
  bug(
    "collects what is held",
    "`collect()` removes what has been free for five minutes, and nothing else",
    [
      "leases.ts",
      "const isFree = record.holder === null && record.waiters.length === 0;",
      "const isFree = true;",
    ],
  ),
  bug(
    "collects what was freed just now",
    "`collect()` removes what has been free for five minutes, and nothing else",
    [
      "leases.ts",
      "wallMs - endedMs < KEEP_FREE_MS",
      "wallMs - endedMs < 0",
    ],
  ),
  bug(
    "never collects what expired untouched",
    "`collect()` also ends and removes what nobody has touched since it expired or its holder died",
    [
      "leases.ts",
      'await this.act({ scope, key }, { op: "settle" });',
      "",
    ],
  ),
  bug("collects without `expected`", "`collect()` leaves alone what is taken in that very moment", [
    "leases.ts",
    "await store.delete(scope, key, { expected: entry.version })",
    "await store.delete(scope, key)",
  ]),
  bug(
    "reads what a newer csc wrote",
    "a record that a newer csc wrote is refused by every request, and left alone",
    [
      "record.ts",
      'if (isObject(value) && typeof value.v === "number" && value.v > 1) {',
      'if (isObject(value) && typeof value.v === "number" && value.v > 2) {',
    ],
  ),
  bug(
    "takes a damaged record for a free lease",
    "a damaged record is told as such, and neither freed nor overwritten",
    [
      "leases.ts",
      "const before = entry && readLease(entry.value, `'${ref.key}'`);",
      "const before = entry && readLeaseOrNull(entry.value);",
    ],
  ),
];
