import * as apply from "../../src/lease/apply.ts";
import type {
  AcquireRequest,
  Circumstances,
  Outcome,
  Request,
  Step,
} from "../../src/lease/apply.ts";
import * as clock from "../../src/lease/clock.ts";
import * as leases from "../../src/lease/leases.ts";
import * as record from "../../src/lease/record.ts";
import type { Holder, LeaseRecord, Moment } from "../../src/lease/record.ts";
import { assert } from "./assert.ts";

/** The modules of the lease: the sound ones, or those of a planted bug. */
export interface LeaseModules {
  readonly apply: typeof apply;
  readonly clock: typeof clock;
  readonly leases: typeof leases;
  readonly record: typeof record;
}

/** The lease as it is. */
export const SOUND: LeaseModules = { apply, clock, leases, record };

/** One thing that must be true of the lease; throws where it is not. */
export interface Check {
  readonly name: string;
  check(modules: LeaseModules): void | Promise<void>;
}

/** A holder by its name: `a` is a session, `a/x` its sub-agent. */
export function holderOf(name: string): Holder {
  const [session, agent] = name.split("/");
  return agent === undefined ? { session } : { session, agent };
}

/** A holder's name. */
export function nameOf(holder: Holder | null): string | null {
  return holder && (holder.agent === undefined ? holder.session : record.holderKey(holder));
}

/** When the tests' clocks begin. */
export const START_MS = Date.UTC(2026, 0, 1);

/** What may be asked beside who and for how long. */
export type More = Partial<Omit<AcquireRequest, "op" | "holder" | "ttlS">>;

/** A request to acquire. */
export function acquisition(name: string, ttlS = 10, more: More = {}): AcquireRequest {
  return { op: "acquire", holder: holderOf(name), ttlS, purpose: "", detail: null, ...more };
}

/** One lease and its clock: every request's result is what the next one finds. */
export class OneLease {
  record: LeaseRecord | null = null;
  s = 1000;
  wallMs = START_MS;
  clock: Moment["clock"] = "uptime";
  floor = 0;
  readonly dead = new Set<string>();
  /** The latest step. */
  step: Step | null = null;
  readonly #apply: typeof apply.apply;
  #requests = 0;

  constructor({ apply }: LeaseModules) {
    this.#apply = apply.apply;
  }

  get moment(): Moment {
    return { clock: this.clock, s: this.s, wallMs: this.wallMs };
  }

  get holder(): string | null {
    return nameOf(this.record?.holder ?? null);
  }

  get token(): number {
    return this.record?.token ?? 0;
  }

  get queue(): (string | null)[] {
    return (this.record?.waiters ?? []).map(({ holder }) => nameOf(holder));
  }

  /** Lets time pass, in seconds. */
  pass(seconds: number): this {
    this.s += seconds;
    this.wallMs += seconds * 1000;
    return this;
  }

  /** Carries a request out, as a store without races would. */
  ask(request: Request): Outcome {
    const before = deepFreeze(this.record);
    this.step = this.#apply(before, request, this.#known(`request-${++this.#requests}`));
    this.record = this.step.next ?? before;
    return this.step.outcome;
  }

  /** What the record means at this moment, with nothing written. */
  preview(): LeaseRecord {
    const known = this.#known(this.record?.request ?? "");
    return this.#apply(this.record, { op: "settle" }, known).outcome.record;
  }

  #known(request: string): Circumstances {
    const isDead = ({ session }: Holder) => this.dead.has(session);
    return { moment: this.moment, isDead, floor: this.floor, request };
  }

  acquire(name: string, ttlS?: number, more?: More): Outcome {
    return this.ask(acquisition(name, ttlS, more));
  }

  /** Acquires, or joins the queue. */
  wait(name: string, forS = 60, turnS = 5, ttlS = 10): Outcome {
    return this.acquire(name, ttlS, { wait: { forS, turnS } });
  }

  renew(name: string, token = this.token, ttlS = 10): Outcome {
    return this.ask({ op: "renew", holder: holderOf(name), token, ttlS });
  }

  release(name: string, token?: number): Outcome {
    return this.ask({ op: "release", holder: holderOf(name), token });
  }

  takeOver(name: string, token = this.token, onlyEnd = false): Outcome {
    const what = { purpose: "", detail: null, ttlS: 10, reason: "it has to be", onlyEnd };
    return this.ask({ op: "take over", holder: holderOf(name), token, ...what });
  }

  leave(name: string): Outcome {
    return this.ask({ op: "leave queue", holder: holderOf(name) });
  }

  mark(name: string, mark: "used" | "unused" = "used"): Outcome {
    return this.ask({ op: "mark", holder: holderOf(name), mark });
  }

  settle(): Outcome {
    return this.ask({ op: "settle" });
  }
}

/** The grant that was given; fails where it was refused. */
export function grantOf(outcome: Outcome): LeaseRecord {
  assert(outcome.ok, `refused: ${outcome.ok || outcome.why}`);
  return outcome.record;
}

/** An answer in a few words: `granted`, `extended`, or why not. */
export function saidBy(outcome: Outcome): string {
  if (!outcome.ok) return outcome.why;
  return outcome.extended ? "extended" : "granted";
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
