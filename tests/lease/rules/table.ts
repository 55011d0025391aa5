import type { Outcome } from "../../../src/lease/apply.ts";
import { assertEquals } from "../../support/assert.ts";
import { type Check, grantOf, OneLease, saidBy, START_MS } from "../../support/lease.ts";

/** What `a` may ask, with the token that it believes to be its own, or that it has read. */
const QUESTIONS: Record<string, (lease: OneLease, token: number) => Outcome> = {
  "acquire": (lease) => lease.acquire("a"),
  "renew": (lease, token) => lease.renew("a", token),
  "release": (lease) => lease.release("a"),
  "take over": (lease) => lease.takeOver("a"),
  "mark": (lease) => lease.mark("a"),
  "leave queue": (lease) => lease.leave("a"),
};

/** How a lease came to be as it is; answers the token that `a` goes by. */
type Past = (lease: OneLease) => number;

const token = (outcome: Outcome) => grantOf(outcome).token;

/** States, and in the order of the questions what `a` is answered there. */
const STATES: Record<string, [past: Past, ...answers: string[]]> = {
  "never used": [
    () => 0,
    ...["granted", "not held", "not held", "not held", "not held", "not held"],
  ],
  "free again": [
    (lease) => {
      lease.acquire("b");
      return token(lease.release("b"));
    },
    ...["granted", "not held", "not held", "not held", "not held", "not held"],
  ],
  "given back by `a` itself": [
    (lease) => {
      lease.acquire("a");
      return token(lease.release("a"));
    },
    ...["granted", "released", "released", "not held", "released", "not held"],
  ],
  "held by `a`": [
    (lease) => token(lease.acquire("a")),
    ...["extended", "extended", "granted", "granted", "extended", "not held"],
  ],
  "held by `a`, in its last second": [
    (lease) => {
      const own = token(lease.acquire("a", 10));
      lease.pass(10);
      return own;
    },
    ...["extended", "extended", "granted", "granted", "extended", "not held"],
  ],
  "held by `a`, a second too long": [
    (lease) => {
      const own = token(lease.acquire("a", 10));
      lease.pass(11);
      return own;
    },
    ...["granted", "expired", "expired", "not held", "expired", "not held"],
  ],
  "held by `a` when the host was started anew": [
    (lease) => {
      const own = token(lease.acquire("a", 10));
      lease.s = 999;
      return own;
    },
    ...["granted", "expired", "expired", "not held", "expired", "not held"],
  ],
  "held by `a`, measured by another clock": [
    (lease) => {
      const own = token(lease.acquire("a", 10));
      lease.pass(10);
      lease.clock = "store";
      lease.s = lease.wallMs / 1000;
      return own;
    },
    ...["extended", "extended", "granted", "granted", "extended", "not held"],
  ],
  "held by `a` too long, measured by another clock": [
    (lease) => {
      const own = token(lease.acquire("a", 10));
      lease.pass(12);
      lease.clock = "store";
      lease.s = lease.wallMs / 1000;
      return own;
    },
    ...["granted", "expired", "expired", "not held", "expired", "not held"],
  ],
  "held by `b`": [
    (lease) => token(lease.acquire("b")),
    ...["held", "not owner", "not owner", "granted", "not owner", "not held"],
  ],
  "held by `b`, in its last second": [
    (lease) => {
      const read = token(lease.acquire("b", 10));
      lease.pass(10);
      return read;
    },
    ...["held", "not owner", "not owner", "granted", "not owner", "not held"],
  ],
  "held by `b`, a second too long": [
    (lease) => {
      const read = token(lease.acquire("b", 10));
      lease.pass(11);
      return read;
    },
    ...["granted", "not held", "not held", "not held", "not held", "not held"],
  ],
  "held by `b`, who is dead": [
    (lease) => {
      const read = token(lease.acquire("b", 10));
      lease.dead.add("b");
      return read;
    },
    ...["granted", "not held", "not held", "not held", "not held", "not held"],
  ],
  "taken over from `a` by `b`": [
    (lease) => {
      const own = token(lease.acquire("a"));
      lease.takeOver("b");
      return own;
    },
    ...["held", "taken over", "taken over", "granted", "taken over", "not held"],
  ],
  "held by `b` while `a` waits": [
    (lease) => {
      const read = token(lease.acquire("b"));
      lease.wait("a");
      return read;
    },
    ...["held", "not owner", "not owner", "granted", "not owner", "granted"],
  ],
  "offered to `a`": [
    (lease) => {
      lease.acquire("b");
      lease.wait("a");
      return token(lease.release("b"));
    },
    ...["granted", "extended", "granted", "granted", "extended", "not held"],
  ],
  "offered to `a`, who is too late": [
    (lease) => {
      lease.acquire("b");
      lease.wait("a", 60, 5);
      const own = token(lease.release("b"));
      lease.pass(6);
      return own;
    },
    ...["granted", "expired", "expired", "not held", "expired", "not held"],
  ],
  "offered to `c`": [
    (lease) => {
      lease.acquire("b");
      lease.wait("c");
      return token(lease.release("b"));
    },
    ...["held", "not owner", "not owner", "granted", "not owner", "not held"],
  ],
  "lent to the sub-agent of `a`": [
    (lease) => {
      const own = token(lease.acquire("a"));
      lease.acquire("a/x");
      return own;
    },
    ...["held", "lent", "lent", "granted", "lent", "not held"],
  ],
  "given back to `a` by its sub-agent": [
    (lease) => {
      lease.acquire("a");
      lease.acquire("a/x");
      return token(lease.release("a/x"));
    },
    ...["extended", "extended", "granted", "granted", "extended", "not held"],
  ],
};

/** One check a state: every question that can be asked there. */
export const TABLE: Check[] = Object.entries(STATES).map(([state, [past, ...answers]]) => ({
  name: `a lease that is ${state} answers each request as it must`,
  check(modules) {
    for (const [i, [question, ask]] of Object.entries(QUESTIONS).entries()) {
      const lease = new OneLease(modules);
      const own = past(lease);
      const before = lease.record;
      assertEquals(saidBy(ask(lease, own)), answers[i], question);
      checkEffect(lease, answers[i], question, before?.token ?? 0);
    }
  },
}));

/** What an answer says about who holds it now. */
function checkEffect(lease: OneLease, answer: string, question: string, before: number) {
  if (answer === "extended") assertEquals(lease.token, before, `${question}: the same grant`);
  const takes = question === "acquire" || question === "take over";
  if (answer === "granted" && takes) {
    assertEquals(lease.holder, "a", question);
    assertEquals(lease.record!.renewed_s, lease.s, question);
    assertEquals(lease.record!.clock, lease.clock, question);
    assertEquals(lease.record!.acquired_at >= new Date(START_MS).toISOString(), true);
  }
  if (answer === "granted" && question === "release") assertEquals(lease.holder, null);
  if (answer !== "granted" && answer !== "extended") {
    const isUnchanged = lease.token === before || lease.token > before;
    assertEquals(isUnchanged, true, `${question}: a refusal lowers no token`);
  }
}
