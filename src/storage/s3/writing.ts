/**
 * Changing one object by conditional writes only. A write whose answer was lost is looked for before
 * anything else happens; where it can still happen, the same write is sent again under the same
 * condition, so that it happens once at most.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { uniqueName } from "../../os/unique.ts";
import { outcomeUnknown } from "../network_error.ts";
import { type Decision, EMPTY, type KeyRecord } from "../record.ts";
import { type Bucket, type Condition, pause } from "./bucket.ts";
import { type Body, encodeBody, fateOf, isCondemned, nextBody } from "./layout.ts";
import { type Current, readObject } from "./reading.ts";

/** A key, and the object that holds it. */
export interface Target {
  readonly scope: string;
  readonly key: string;
  readonly name: string;
}

/** A write that was sent. */
interface Attempt<R> {
  readonly body: Body;
  readonly text: string;
  readonly condition: Condition;
  readonly answer: R;
  /** Why it may have happened, or null where it was refused each time. */
  unsure: string | null;
  /** How often it was refused although nothing had changed. */
  refusals: number;
}

const ODD_REFUSALS = 4;

/** Reads a key's object; null where there is none. */
export async function readTarget(
  bucket: Bucket,
  { scope, key, name }: Target,
  until: number,
): Promise<Current | null> {
  const found = await readObject(bucket, name, until);
  if (!found || (found.body.scope === scope && found.body.key === key)) return found;
  throw new CoordinatorError(
    "store_corrupt",
    `The object '${name}' holds another key than its name says`,
    "Delete that object, or restore an older version of it where the bucket keeps versions.",
  );
}

/** What a write needs beside its key. */
export interface Writing {
  readonly bucket: Bucket;
  /** When it must have ended, as `performance.now()` tells time. */
  readonly until: number;
  /** Finds out anew how the endpoint compares ETags. */
  readonly proveAnew: () => Promise<void>;
  /**
   * What the object was when it was last seen. A write is tried upon it without looking anew, as its
   * condition says whether it still is so; a refusal always comes from looking.
   */
  readonly guess: Current | null;
  /** Told what the object is now. */
  readonly onWritten: (current: Current) => void;
}

/**
 * Changes a key as the decision says.
 *
 * @param decide Gets the record and may be asked again; see `record.ts`.
 * @throws {CoordinatorError} `store_busy` where other writers came first each time;
 * `outcome_unknown`; what {@linkcode Bucket} throws.
 */
export async function writeTarget<R>(
  writing: Writing,
  target: Target,
  decide: (record: KeyRecord) => Decision<R>,
): Promise<R> {
  const { bucket, until, guess } = writing;
  let attempt: Attempt<R> | null = null;
  let isHeldUp = false; // by other writers: the server answers
  try {
    for (let tries = guess ? -1 : 0;; tries++) {
      if (tries > 0) await pause(tries);
      if (tries > 0 && isTimeUp(until)) throw busy(target);
      const current = tries < 0 ? guess : await readTarget(bucket, target, until);
      const fate = attempt && fateOf(attempt.body, current?.body ?? null);
      if (attempt && fate === "happened") return attempt.answer;
      if (attempt && fate === "unknown" && attempt.unsure !== null) throw new Error(attempt.unsure);
      if (attempt && fate === "open") await heedRefusals(writing, attempt);
      else attempt = null;
      if (!attempt) {
        const { answer, next } = decide(current?.body.record ?? EMPTY);
        if (!next && tries < 0) continue;
        if (!next) return answer;
        // An object that is being removed is not written over.
        if (current && isCondemned(current.body, bucket.clock.nowMs ?? 0)) {
          isHeldUp = true;
          continue;
        }
        attempt = newAttempt(target, current, next, answer);
      }
      const put = await bucket.put(target.name, attempt.text, attempt.condition, mostOf(until));
      if (put.did === "write") {
        const { body, text } = attempt;
        writing.onWritten({ etag: put.etag, body, length: text.length });
        return attempt.answer;
      }
      attempt.unsure = put.did === "unsure" ? put.reason : attempt.unsure;
      attempt.refusals += put.did === "refused" ? 1 : 0;
      isHeldUp ||= put.did === "refused";
    }
  } catch (error) {
    if (!attempt || attempt.unsure === null) {
      // Whoever lost races had an answer each time, up to a last one for which no time was left.
      throw isHeldUp && isTimeUp(until) ? busy(target, error) : error;
    }
    const { scope, key } = target;
    throw outcomeUnknown(
      bucket.endpoint,
      `key '${key}' of scope '${scope}'`,
      attempt.unsure,
      error,
    );
  }
}

/** When a write is no longer waited for: what is left then is for looking whether it happened. */
function mostOf(until: number): number {
  const now = performance.now();
  return now + (until - now) * 0.6;
}

function isTimeUp(until: number): boolean {
  return performance.now() >= until;
}

function newAttempt<R>(
  target: Target,
  current: Current | null,
  next: KeyRecord,
  answer: R,
): Attempt<R> {
  const body = nextBody(target, current?.body ?? null, next, uniqueName());
  const condition = current ? { etag: current.etag } : "absent";
  return { body, text: encodeBody(body), condition, answer, unsure: null, refusals: 0 };
}

/** A write that is refused although nothing has changed: the endpoint may compare ETags differently. */
async function heedRefusals(writing: Writing, { refusals }: Attempt<unknown>): Promise<void> {
  if (refusals === ODD_REFUSALS) await writing.proveAnew();
  if (refusals < 2 * ODD_REFUSALS) return;
  throw new CoordinatorError(
    "store_io",
    `S3 at ${writing.bucket.endpoint.location} refuses each write with the ETag that it gave itself; nothing was written`,
    "See docs/stores.md for the endpoints that the store was verified on.",
  );
}

function busy({ scope, key }: Target, cause?: unknown): CoordinatorError {
  return new CoordinatorError(
    "store_busy",
    `Others keep writing the key '${key}' of the scope '${scope}'; nothing was written`,
    "Try again.",
    { cause },
  );
}
