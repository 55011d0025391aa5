import fc from "fast-check";
import type { Request } from "../../../src/lease/apply.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import {
  acquisition,
  type Check,
  holderOf,
  type LeaseModules,
  nameOf,
  OneLease,
  saidBy,
} from "../../support/lease.ts";
import { Reference, sessionOf } from "./reference.ts";

/** On failure fast-check prints the seed and the path; set both variables to see it again. */
const SETTINGS = {
  seed: Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101),
  path: Deno.env.get("CSC_TEST_PATH"),
  numRuns: Number(Deno.env.get("CSC_TEST_RUNS") ?? 2000),
};

const who = fc.constantFrom("a", "b", "c", "a/x", "a/y");
const ttlS = fc.integer({ min: 1, max: 12 });
/** Which token is meant: the present one, the asker's own latest, one that is over, or none. */
const which = fc.constantFrom("current", "own", "old", "none");
const wait = fc.record({ forS: fc.integer({ min: 1, max: 20 }), turnS: fc.nat(6) });

const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      s: fc.nat(13),
      jumpMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer()),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("acquire" as const),
      who,
      ttlS,
      busy: fc.boolean(),
      mayOverride: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      wait: fc.option(wait, { nil: undefined, freq: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("renew" as const), who, which, ttlS }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("release" as const),
      who,
      which,
      upwards: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("take over" as const),
      who,
      which,
      ttlS,
      onlyEnd: fc.boolean(),
    }),
  },
  fc.record({ do: fc.constant("leave queue" as const), who }),
  fc.record({ do: fc.constant("mark" as const), who, isUsed: fc.boolean() }),
  fc.record({ do: fc.constant("settle" as const) }),
  fc.record({ do: fc.constant("die" as const), session: fc.constantFrom("b", "c") }),
  fc.record({ do: fc.constant("reboot" as const), s: fc.nat(5) }),
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

/** Both, and the tokens that there were. */
class Pair {
  readonly lease: OneLease;
  readonly reference = new Reference();
  readonly tokens: number[] = [];
  readonly own = new Map<string, number>();

  constructor(modules: LeaseModules) {
    this.lease = new OneLease(modules);
  }

  token(which: string, who: string): number {
    if (which === "own") return this.own.get(who) ?? 0;
    return (which === "old" ? this.tokens.at(-2) : this.lease.token) ?? 0;
  }

  /** The request, and what the reference answers. */
  put(command: Exclude<Command, { do: "pass" | "die" | "reboot" }>): [Request, string] {
    const { reference } = this;
    if (command.do === "settle") return [{ op: "settle" }, "granted"];
    const { who } = command;
    const holder = holderOf(who);
    switch (command.do) {
      case "acquire": {
        const { ttlS, busy, mayOverride, wait } = command;
        const more = { busy, mayOverride, wait };
        return [acquisition(who, ttlS, more), reference.acquire(who, ttlS, more)];
      }
      case "renew": {
        const [token, { ttlS }] = [this.token(command.which, who), command];
        return [{ op: "renew", holder, token, ttlS }, reference.renew(who, token, ttlS)];
      }
      case "release": {
        const token = command.which === "none" ? undefined : this.token(command.which, who);
        const to = command.upwards && who.includes("/") ? sessionOf(who) : undefined;
        const request = { op: "release", holder, token, to: to && holderOf(to) } as const;
        return [request as Request, reference.release(who, token, to)];
      }
      case "take over": {
        const { ttlS, onlyEnd } = command;
        const token = this.token(command.which, who);
        const what = { token, ttlS, onlyEnd, reason: "", purpose: "", detail: null };
        const said = reference.takeOver(who, token, ttlS, onlyEnd);
        return [{ op: "take over", holder, ...what }, said];
      }
      case "leave queue":
        return [{ op: "leave queue", holder }, reference.leave(who)];
      case "mark":
        return [
          { op: "mark", holder, mark: command.isUsed ? "used" : "unused" },
          reference.mark(who, command.isUsed),
        ];
    }
  }

  step(command: Command): void {
    const { lease, reference } = this;
    if (command.do === "pass") {
      lease.s += command.s;
      lease.wallMs += command.s * 1000 + command.jumpMs;
      return void (reference.now = lease.s);
    }
    if (command.do === "die") {
      lease.dead.add(command.session);
      return void reference.dead.add(command.session);
    }
    if (command.do === "reboot") {
      if (lease.s < 1000) return;
      lease.s = command.s;
      return reference.reboot(command.s);
    }
    if ("who" in command && lease.dead.has(sessionOf(command.who))) return;
    const before = lease.token;
    reference.isNewGrant = false;
    reference.tick();
    this.#learn(); // what has passed on by itself has a token before anybody can ask for it
    const [request, said] = this.put(command);
    assertEquals(saidBy(lease.ask(request)), said);
    this.#compare(before);
  }

  /** Tells the reference the token of a grant that came by itself. */
  #learn(): void {
    if (this.reference.held) this.reference.held.token = this.#settledToken();
    if (this.reference.ended?.token === -1) this.reference.ended.token = this.#settledToken();
  }

  #settledToken(): number {
    return this.lease.preview().token;
  }

  #compare(before: number): void {
    const { lease, reference } = this;
    const { held, ended } = reference;
    const record = lease.record;
    const moment = lease.moment;
    if (record === null) return assertEquals([held, ended, reference.queue], [null, null, []]);
    if (reference.isNewGrant) assert(record.token > before, `${record.token} after ${before}`);
    else assertEquals(record.token, before, "no new grant, no new token");
    if (reference.isNewGrant) this.tokens.push(record.token);
    if (held) {
      held.token = record.token;
      this.own.set(held.who, record.token);
    }
    assertEquals({
      holder: lease.holder,
      until: record.holder && record.renewed_s + record.ttl_s + 1,
      offered: record.offered,
      busy: record.busy_s !== null,
      uses: record.uses,
      lentBy: nameOf(record.lent_by),
      queue: lease.queue,
      ended: record.ended && [nameOf(record.ended.holder), record.ended.why],
    }, {
      holder: held?.who ?? null,
      until: held?.until ?? null,
      offered: held?.offered ?? false,
      busy: held?.busy ?? false,
      uses: held?.uses ?? 0,
      lentBy: held?.lentBy ?? null,
      queue: reference.queue.map(({ who }) => who),
      ended: ended && [ended.who, ended.why],
    });
    if (record.ended && ended) ended.token = record.ended.token;
    assert(
      moment.s >= record.renewed_s || record.holder === null,
      "measured from now at the latest",
    );
    assertEquals(lease.preview(), record, "what is settled stays settled");
  }
}

/** What holds for any sequence of requests. */
export const PROPERTIES: Check[] = [
  {
    name: "any sequence of requests does what the reference does",
    check(modules) {
      const property = fc.property(
        fc.array(command, { maxLength: 40, size: "max" }),
        (commands) => {
          const pair = new Pair(modules);
          for (const command of commands) pair.step(command);
        },
      );
      fc.assert(property, SETTINGS);
    },
  },
];
