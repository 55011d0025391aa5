/**
 * What can be asked of a lease, and what is answered.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import type { EndReason, Holder, LeaseRecord, Moment, Waiter } from "./record.ts";

/** What can be asked of a lease. */
export type Request =
  | AcquireRequest
  | { readonly op: "renew"; readonly holder: Holder; readonly token: number; readonly ttlS: number }
  | {
    readonly op: "release";
    readonly holder: Holder;
    /** The grant meant; without it, whatever the holder has. */
    readonly token?: number;
    /** Who gets it instead: a sub-agent that ends hands what it changed to its session. */
    readonly to?: Holder;
  }
  | {
    readonly op: "take over";
    readonly holder: Holder;
    /** The token of the grant that is ended; another grant is left alone. */
    readonly token: number;
    readonly reason: string;
    readonly ttlS: number;
    readonly purpose: string;
    readonly detail: Json;
    /** Only ends it, and lets whoever waits go first. */
    readonly onlyEnd?: boolean;
    /** Somebody insists, though the holder is at work: a server lets only some do that. */
    readonly forced?: boolean;
  }
  | { readonly op: "leave queue"; readonly holder: Holder }
  | {
    readonly op: "mark";
    readonly holder: Holder;
    /** The operation that was under way was done, or did not happen. */
    readonly mark: "used" | "unused";
  }
  | { readonly op: "settle" };

/** Asks for a lease, or for more time with it. */
export interface AcquireRequest {
  readonly op: "acquire";
  readonly holder: Holder;
  readonly ttlS: number;
  readonly purpose: string;
  readonly detail: Json;
  /** Marks an operation as under way. */
  readonly busy?: boolean;
  /** Joins the queue where it is held: for how long, and how long a turn is kept. */
  readonly wait?: { readonly forS: number; readonly turnS: number };
  /** Takes it also from whoever holds it; for holders that are silent and not proven alive. */
  readonly mayOverride?: boolean;
}

/** Why a request was not granted. */
export type Refused = "held" | "queue full" | "not held" | "not owner" | EndReason;

/** The answer to a request. */
export type Outcome =
  | {
    readonly ok: true;
    readonly record: LeaseRecord;
    /** The holder had it already. */
    readonly extended: boolean;
    /** Whom it was taken from, where a silent holder was overridden. */
    readonly overridden: Holder | null;
  }
  | {
    readonly ok: false;
    readonly why: Refused;
    readonly record: LeaseRecord;
    /** One's place in the queue, from 1; null where one is not in it. */
    readonly place: number | null;
  };

/** What is known beside the record. */
export interface Circumstances {
  readonly moment: Moment;
  /** Whether a holder's session has ended or is proven dead. */
  readonly isDead: (holder: Holder) => boolean;
  /** Tokens start above this where there is no record. */
  readonly floor: number;
  /** Names this request. */
  readonly request: string;
}

/** What a request leads to. */
export interface Step {
  readonly outcome: Outcome;
  /** What to write, or null where everything stays as it is. */
  readonly next: LeaseRecord | null;
  /** Whom the lease was handed to because a grant ended and they waited. */
  readonly handedTo: Waiter | null;
}
