/**
 * The proof that an endpoint keeps conditions. Everything rests on them, some endpoints ignore them
 * without a word, and some want an ETag bare where HTTP wants it in quotes. What was found out is
 * written down in the bucket, so that a proof is carried out once a week and not by every process.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { isObject, type Json, parseJson } from "../../domain/json.ts";
import { uniqueName } from "../../os/unique.ts";
import { unreachable } from "../network_error.ts";
import type { Bucket, Condition, ETagForm } from "./bucket.ts";
import { OWN_FOLDER } from "./layout.ts";

const HOLDS_MS = 7 * 24 * 3600 * 1000;
const FORMS: readonly ETagForm[] = ["quoted", "bare"];

/**
 * Looks up how the endpoint takes conditions, or tries it, and sets {@linkcode Bucket.etagForm}.
 *
 * @param prefix Before the names of the store's objects.
 * @throws {CoordinatorError} `store_io` where the endpoint does not keep conditions or tells no time.
 */
export async function proveConditions(bucket: Bucket, prefix: string, until: number) {
  const note = await bucket.get(await noteName(bucket, prefix), until);
  const nowMs = bucket.clock.nowMs;
  if (nowMs === null) throw unfit(bucket, "tells no time (its answers have no header 'Date')");
  const known = note && readNote(note.text, bucket.server, nowMs);
  if (known) bucket.etagForm = known;
  else await proveAnew(bucket, prefix, until);
}

/**
 * Tries how the endpoint takes conditions, whatever is written down, and writes it down.
 *
 * @throws {CoordinatorError} See {@linkcode proveConditions}.
 */
export async function proveAnew(bucket: Bucket, prefix: string, until: number): Promise<void> {
  bucket.etagForm = await findForm(bucket, prefix, until);
  const { server, etagForm, clock } = bucket;
  const text = JSON.stringify({ server, etagForm, provenAtMs: clock.nowMs });
  // Where this fails, the next process proves it again.
  await bucket.put(await noteName(bucket, prefix), text, null, until);
}

async function noteName(bucket: Bucket, prefix: string): Promise<string> {
  const bytes = new TextEncoder().encode(bucket.server);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  return `${prefix}${OWN_FOLDER}proof-${digest.slice(0, 16)}`;
}

function readNote(text: string, server: string, nowMs: number): ETagForm | null {
  const note = parsed(text);
  if (!isObject(note) || note.server !== server || typeof note.provenAtMs !== "number") return null;
  if (Math.abs(nowMs - note.provenAtMs) > HOLDS_MS) return null;
  return FORMS.find((form) => form === note.etagForm) ?? null;
}

function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/** Tries both conditions on an object of its own. */
async function findForm(bucket: Bucket, prefix: string, until: number): Promise<ETagForm> {
  const name = `${prefix}${OWN_FOLDER}trial-${uniqueName()}`;
  const write = async (condition: Condition) => {
    const answer = await bucket.put(name, uniqueName(), condition, until);
    if (answer.did === "unsure") throw unreachable(bucket.endpoint, answer.reason);
    return answer.did === "write" ? answer.etag : null;
  };
  const first = await write("absent");
  if (first === null) throw unfit(bucket, "refuses 'If-None-Match: *' where there is no object");
  let latest = first;
  try {
    if (await write("absent") !== null) throw unfit(bucket, "ignores 'If-None-Match: *'");
    for (const form of FORMS) {
      bucket.etagForm = form;
      const next = await write({ etag: latest });
      if (next === null) continue;
      latest = next;
      if (await write({ etag: first }) !== null) throw unfit(bucket, "ignores 'If-Match'");
      return form;
    }
    throw unfit(bucket, "refuses 'If-Match' with the ETag that it gave itself");
  } finally {
    const nowMs = bucket.clock.nowMs ?? Date.now();
    await bucket.remove(name, latest, nowMs, until).catch(() => {}); // some bytes that nobody reads
  }
}

function unfit({ endpoint, server }: Bucket, fault: string): CoordinatorError {
  return new CoordinatorError(
    "store_io",
    `Cannot use S3 at ${endpoint.location}: the endpoint ${server} ${fault}; two sessions could hold one lock there`,
    "Use an endpoint that keeps conditional writes, such as AWS S3 or a Ceph RADOS gateway, or another store; see docs/stores.md.",
  );
}
