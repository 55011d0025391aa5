import fc from "fast-check";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { type Answer, type Asked, type History, historyOf, type Line } from "./checkers/history.ts";
import { checkLinearizable } from "./checkers/lease_model.ts";
import { type Interval, type Model, unexplained } from "./checkers/linearizable.ts";
import { checkTakeOvers } from "./checkers/take_overs.ts";
import { checkFences, checkTokens, checkUpdates } from "./checkers/tokens.ts";

/** A history written by hand. A second passes where the story says so. */
class Story {
  readonly lines: Line[] = [];
  s = 100;
  #ids = 0;

  get history(): History {
    return historyOf(this.lines);
  }

  begin(who: string, asked: Asked): number {
    const id = ++this.#ids;
    this.lines.push({ is: "invoke", who, id, atS: this.s, asked });
    return id;
  }

  end(who: string, id: number, answer: Answer): this {
    this.lines.push({ is: "return", who, id, atS: this.s, answer });
    return this;
  }

  pass(seconds: number): this {
    this.s += seconds;
    return this;
  }

  /** Asks and is answered at once. */
  did(who: string, asked: Asked, answer: Answer): this {
    return this.end(who, this.begin(who, asked), { s: this.s, ...answer });
  }

  granted(who: string, token: number, ttlS = 5, s = this.s): this {
    return this.did(who, acquire(ttlS), { ok: true, s, record: by(who, token, s, ttlS) });
  }

  held(who: string, holder: string, token: number, from: number, ttlS = 5): this {
    const record = by(holder, token, from, ttlS);
    return this.did(who, acquire(), { ok: false, why: "held", record });
  }

  released(who: string, token: number): this {
    return this.did(who, { op: "release", key: "k", token }, { ok: true, record: free(token) });
  }

  renewed(who: string, token: number, ttlS = 5): this {
    const record = by(who, token, this.s, ttlS);
    const asked = { op: "renew", key: "k", token, ttlS } as const;
    return this.did(who, asked, { ok: true, extended: true, record });
  }

  wrote(who: string, token: number, item: string, why?: string): this {
    const asked = { op: "write", key: "k", token, expected: "absent", item } as const;
    return this.did(who, asked, { ok: why === undefined, why });
  }

  killed(who: string): this {
    this.lines.push({ is: "kill", who }, { is: "gone", who });
    return this;
  }
}

const acquire = (ttlS = 5): Asked => ({ op: "acquire", key: "k", ttlS });
const by = (holder: string, token: number, renewedS: number, ttlS = 5) => (
  { holder, token, renewedS, ttlS, ended: null }
);
const free = (token: number) => ({ holder: null, token, renewedS: 0, ttlS: 0, ended: null });

const CHECKERS: Record<string, (history: History) => string[]> = {
  linearizable: checkLinearizable,
  tokens: checkTokens,
  fences: checkFences,
  "take-overs": checkTakeOvers,
  updates: (history) => checkUpdates(history, new Map([["k", ["one", "two", "refused"]]])),
};

/** Histories that a sound lease may have. */
const SOUND: Record<string, (story: Story) => void> = {
  "one after the other": (story) =>
    story.granted("a", 1).held("b", "a", 1, 100).released("a", 1).granted("b", 2),
  "over after its time": (story) => story.granted("a", 1).pass(6).granted("b", 2),
  "renewed, then over": (story) =>
    story.granted("a", 1).pass(4).renewed("a", 1).pass(4).held("b", "a", 1, 104).pass(3)
      .granted("b", 2),
  "at once, and one comes first": (story) => {
    const [a, b] = [story.begin("a", acquire()), story.begin("b", acquire())];
    story.end("b", b, { ok: true, s: 100, record: by("b", 1, 100) });
    story.end("a", a, { ok: false, why: "held", s: 100, record: by("b", 1, 100) });
  },
  "killed in the middle, and it has happened": (story) => {
    story.begin("a", acquire());
    story.killed("a").did("b", { op: "inspect", key: "k" }, { ok: true, record: free(1) });
    story.did("b", acquire(), {
      ok: true,
      record: { ...by("b", 2, 100), ended: { holder: "a", token: 1, why: "dead" } },
    });
  },
  "killed in the middle, and it has not happened": (story) => {
    story.begin("a", acquire());
    story.killed("a").granted("b", 1);
  },
  "an answer was lost, and asking again finds it granted": (story) => {
    story.begin("a", acquire());
    story.did("a", acquire(), { ok: true, extended: true, s: 100, record: by("a", 1, 100) });
    story.held("b", "a", 1, 100).released("a", 1).granted("b", 2);
  },
  "an answer was lost, and asking again is granted": (story) => {
    story.begin("a", acquire());
    story.granted("a", 1).held("b", "a", 1, 100);
  },
  "the answer to a release was lost, and it has happened": (story) => {
    story.granted("a", 1).begin("a", { op: "release", key: "k", token: 1 });
    story.granted("b", 2);
  },
  "killed while it renewed, which counts": (story) => {
    story.granted("a", 1).pass(4);
    story.begin("a", { op: "renew", key: "k", token: 1, ttlS: 5 });
    story.pass(3).held("b", "a", 1, 104).killed("a").granted("b", 2);
  },
  "taken from the dead": (story) => story.granted("a", 1).killed("a").granted("b", 2),
  "taken over": (story) =>
    story.granted("a", 1).did("b", { op: "take over", key: "k", token: 1, ttlS: 5 }, {
      ok: true,
      record: { ...by("b", 2, 100), ended: { holder: "a", token: 1, why: "taken over" } },
    }).did("a", { op: "renew", key: "k", token: 1, ttlS: 5 }, {
      ok: false,
      why: "taken over",
      record: by("b", 2, 100),
    }),
  "a turn that others saw before it was taken up": (story) =>
    story.granted("a", 1).released("a", 1).did("c", { op: "inspect", key: "other" }, {
      ok: true,
      record: by("b", 2, 100),
    }).did("b", { op: "wait", key: "other", ttlS: 5 }, {
      ok: true,
      extended: false,
      record: by("b", 2, 100),
    }),
  "taken over from a holder that dies meanwhile, as another sees": (story) => {
    story.granted("a", 1);
    const id = story.begin("b", { op: "take over", key: "k", token: 1, ttlS: 5 });
    story.killed("a").did("c", { op: "inspect", key: "k" }, { ok: true, record: free(1) });
    story.end("b", id, { ok: true, s: 100, record: by("b", 2, 100) });
  },
  "fenced writes in order": (story) =>
    story.granted("a", 1).wrote("a", 1, "one").pass(6).granted("b", 2).wrote("b", 2, "two")
      .wrote("a", 1, "late", "fence"),
};

/** Histories that no sound lease has, and who has to catch each. */
const BROKEN: Record<string, [checkers: string[], tell: (story: Story) => void, RegExp]> = {
  "two hold it at once": [
    ["linearizable", "take-overs"],
    (story) => story.granted("a", 1).pass(1).granted("b", 2),
    /b: acquire k/,
  ],
  "two hold it, of whom one was never answered": [
    ["linearizable"],
    (story) => {
      story.begin("a", acquire());
      story.held("c", "a", 1, 100).pass(1).granted("b", 2);
    },
    /b: acquire k/,
  ],
  "one is refused what is free": [
    ["linearizable"],
    (story) => story.granted("a", 1).released("a", 1).held("b", "a", 1, 100),
    /b: acquire k -> held/,
  ],
  "a renewal revives": [
    ["linearizable"],
    (story) => story.granted("a", 1).pass(7).renewed("a", 1),
    /a: renew k with token 1 -> ok/,
  ],
  "a renewal under an old token": [
    ["linearizable"],
    (story) =>
      story.granted("a", 1).released("a", 1).granted("a", 2).did(
        "a",
        { op: "renew", key: "k", token: 1, ttlS: 5 },
        { ok: true, extended: true, record: by("a", 2, 100) },
      ),
    /a: renew k with token 1/,
  ],
  "a holder loses it before its time": [
    ["linearizable"],
    (story) =>
      story.granted("a", 1).pass(1).did("a", { op: "renew", key: "k", token: 1, ttlS: 5 }, {
        ok: false,
        why: "expired",
        record: free(1),
      }),
    /a: renew k/,
  ],
  "a second early, by the lease's own clock": [
    ["linearizable"],
    (story) => story.granted("a", 1).pass(5).granted("b", 2),
    /b: acquire/,
  ],
  "a stranger releases": [
    ["linearizable"],
    (story) => story.granted("a", 1).released("b", 1),
    /b: release/,
  ],
  "a take-over of what is another's by now": [
    ["linearizable"],
    (story) =>
      story.granted("a", 1).released("a", 1).granted("b", 2).did(
        "c",
        { op: "take over", key: "k", token: 1, ttlS: 5 },
        { ok: true, record: by("c", 3, 100) },
      ),
    /c: take over k with token 1/,
  ],
  "a take-over from one who had been dead before": [
    ["linearizable"],
    (story) =>
      story.granted("a", 1).killed("a").did("b", { op: "take over", key: "k", token: 1, ttlS: 5 }, {
        ok: true,
        record: by("b", 2, 100),
      }),
    /b: take over k with token 1/,
  ],
  "entering again shortens it": [
    ["linearizable"],
    (story) =>
      story.granted("a", 1, 50).did("a", acquire(5), {
        ok: true,
        extended: true,
        record: by("a", 1, 100, 5),
      }),
    /a: acquire/,
  ],
  "what was asked later is seen before": [
    ["linearizable"],
    (story) => {
      story.held("b", "a", 1, 100);
      story.begin("a", acquire());
    },
    /b: acquire k -> held/,
  ],
  "taken from one who dies only later": [
    ["linearizable", "take-overs"],
    (story) => story.granted("a", 1).granted("b", 2).killed("a"),
    /b: acquire/,
  ],
  "a token that goes back": [
    ["linearizable", "tokens", "take-overs"], // the last one tells grants apart by their tokens
    (story) => story.granted("a", 5).released("a", 5).granted("b", 4),
    /grant under 4 after 5/,
  ],
  "a token that two have": [
    ["linearizable", "tokens"],
    (story) => story.granted("a", 5).released("a", 5).granted("b", 5),
    /token 5 is a's, too/,
  ],
  "a grant that is given twice": [
    ["tokens"],
    (story) => {
      const answer = { ok: true, extended: false, s: 100, record: by("a", 5, 100) };
      // Nothing that the model knows: turns are handed over by others.
      story.did("a", { op: "wait", key: "other", ttlS: 5 }, answer);
      story.did("a", { op: "wait", key: "other", ttlS: 5 }, answer);
    },
    /a second grant under 5/,
  ],
  "a look into the past": [
    ["linearizable", "tokens"],
    (story) =>
      story.granted("a", 1).released("a", 1).granted("b", 2).did("c", { op: "inspect", key: "k" }, {
        ok: true,
        record: by("a", 1, 100),
      }),
    /2 was known before/,
  ],
  "a clock that runs ahead": [
    ["take-overs"],
    // The lease's own clock says 106, and a search that believes it finds an order.
    (story) => story.granted("a", 1).pass(1).granted("b", 2, 5, 106),
    /a had it until 105\.00 s at the least: b: acquire/,
  ],
  "a clock that stands still": [
    ["take-overs"],
    (story) =>
      story.granted("a", 1).pass(9).did("b", acquire(), {
        ok: false,
        why: "held",
        s: 100,
        record: by("a", 1, 100),
      }),
    /it was over at 105\.00 s/,
  ],
  "an old token that is still accepted": [
    ["fences"],
    (story) => story.wrote("b", 2, "two").wrote("a", 1, "one"),
    /accepted after 2: a: write k with token 1/,
  ],
  "a fence that nobody has raised": [
    ["fences"],
    (story) => story.wrote("a", 1, "one").wrote("a", 1, "late", "fence"),
    /nobody had a higher token/,
  ],
  "an acknowledged update that is gone": [
    ["updates"],
    (story) => story.wrote("a", 1, "three"),
    /an update was lost: a: write/,
  ],
  "a refused update that is there": [
    ["updates"],
    (story) => story.wrote("a", 1, "refused", "version"),
    /a refused update is there/,
  ],
};

for (const [name, tell] of Object.entries(SOUND)) {
  Deno.test(`the checkers find nothing in: ${name}`, () => {
    const story = new Story();
    tell(story);
    for (const [checker, check] of Object.entries(CHECKERS)) {
      assertEquals(check(story.history), [], checker);
    }
  });
}

for (const [name, [checkers, tell, told]] of Object.entries(BROKEN)) {
  Deno.test(`the checkers catch: ${name}`, () => {
    const story = new Story();
    tell(story);
    const found = Object.entries(CHECKERS).map(([checker, check]) =>
      [checker, check(story.history)] as const
    );
    const caught = found.filter(([, faults]) => faults.length > 0);
    assertEquals(caught.map(([checker]) => checker), checkers, JSON.stringify(caught));
    assertMatch(caught.flatMap(([, faults]) => faults).join("\n"), told);
  });
}

Deno.test("a history whose operation ends without having begun is refused", () => {
  const story = new Story();
  story.end("a", 7, { ok: true });
  let message = "";
  try {
    story.history;
  } catch (error) {
    message = (error as Error).message;
  }
  assertMatch(message, /an end without a beginning: a 7/);
});

/** A register that is written and read: small enough to try all orders. */
interface Access extends Interval {
  readonly does: "write" | "read";
  readonly value: number;
}

const REGISTER: Model<number, Access> = {
  initial: 0,
  key: String,
  step: (state, { does, value, returned }) => {
    if (does === "write") return [value];
    return returned === Infinity || state === value ? [state] : [];
  },
};

/** Tries every order. */
function hasOrder(rest: readonly Access[], state: number): boolean {
  if (rest.every(({ returned }) => returned === Infinity)) return true;
  const firstReturn = Math.min(...rest.map(({ returned }) => returned));
  return rest.some((one, i) =>
    one.invoked < firstReturn &&
    REGISTER.step(state, one).some((next) => hasOrder(rest.toSpliced(i, 1), next))
  );
}

Deno.test("the search for an order agrees with trying all of them", () => {
  const access = fc.record({
    does: fc.constantFrom("write" as const, "read" as const),
    value: fc.nat(2),
    from: fc.nat(20),
    for: fc.nat(8),
    isPending: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  });
  let orders = 0;
  const property = fc.property(fc.array(access, { maxLength: 6 }), (drawn) => {
    const accesses = drawn.map(({ does, value, from, for: length, isPending }, i): Access => ({
      does,
      value,
      invoked: from + i / 100,
      returned: isPending ? Infinity : from + length + 0.5 + i / 100,
    }));
    const expected = hasOrder(accesses, 0);
    if (expected) orders++;
    assertEquals(unexplained(accesses, REGISTER) === null, expected);
  });
  fc.assert(property, { seed: 20260101, numRuns: 4000 });
  assert(orders > 400 && orders < 3600, `${orders} of 4000 have an order`);
});

Deno.test("the search takes long histories in its stride", () => {
  const accesses = Array.from({ length: 20_000 }, (_, i): Access => (
    { does: i % 2 ? "read" : "write", value: i >> 1, invoked: i, returned: i + 3.5 }
  ));
  const start = performance.now();
  // Each read overlaps three others, and fits in one place only.
  assertEquals(unexplained(accesses, REGISTER), null);
  assert(performance.now() - start < 10_000);
});
