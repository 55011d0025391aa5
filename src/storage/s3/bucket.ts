/**
 * What the store needs of a bucket, and the requests over HTTP that give it.
 *
 * @module
 */

import { AwsV4Signer } from "aws4fetch";
import { sleep } from "../../os/sleep.ts";
import { type Endpoint, unreachable } from "../network_error.ts";
import { type Refused, refusedError } from "./answers.ts";
import { clockOf, type ServerClock } from "./clock.ts";
import type { CredentialSource } from "./credentials.ts";
import { DELETE_WITHIN_S } from "./layout.ts";
import { type Listed, readPage } from "./page.ts";

/** An object. */
export interface Found {
  /** Without quotes. */
  readonly etag: string;
  readonly text: string;
}

/** What must hold for a write: that there is no object, or that it has this ETag. */
export type Condition = "absent" | { readonly etag: string };

/** How an endpoint wants an ETag in `If-Match`: in quotes, as HTTP says, or bare. */
export type ETagForm = "quoted" | "bare";

/**
 * How a write ended: `refused` where its condition did not hold, `unsure` where it may have happened
 * or still happen.
 */
export type PutAnswer =
  | { readonly did: "write"; readonly etag: string }
  | { readonly did: "refused" }
  | { readonly did: "unsure"; readonly reason: string };

/**
 * A bucket. `until` is when a request's time ends, as `performance.now()` tells time.
 *
 * @throws {CoordinatorError} From every method: `store_unreachable` where no answer came, and
 * `store_io` where the request was refused for good, such as with wrong keys.
 */
export interface Bucket {
  /** For errors. */
  readonly endpoint: Endpoint;
  /** The server, for what was found out about it. */
  readonly server: string;
  /** The server's clock, which every answer sets. */
  readonly clock: ServerClock;
  /** How conditions are written; `quoted` until set. */
  etagForm: ETagForm;
  /** An object, or null where there is none. */
  get(name: string, until: number): Promise<Found | null>;
  /** Writes an object; without a condition whatever is there. */
  put(name: string, text: string, condition: Condition | null, until: number): Promise<PutAnswer>;
  /**
   * Removes an object, only one with the ETag where the endpoint can tell; the server refuses it once
   * `DELETE_WITHIN_S` have passed since a moment of its clock.
   */
  remove(name: string, etag: string, sinceMs: number, until: number): Promise<void>;
  /** Up to a thousand objects that start with a prefix; goes on at the token of the page before. */
  list(prefix: string, token: string | null, until: number): Promise<Page>;
  /** Ends what is under way. */
  close(): void;
}

/** A part of a listing. */
export interface Page {
  readonly objects: readonly Listed[];
  /** Where the next page starts, or null at the end. */
  readonly next: string | null;
}

/** Where a bucket is. */
export interface BucketPlace {
  readonly bucket: string;
  readonly region: string;
  /** URL of an S3-compatible server, or null for AWS. */
  readonly endpoint: string | null;
  /** Before every object's name; for errors. */
  readonly prefix: string;
}

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly until: number;
  /** The moment of the server's clock that a request with an end is signed for. */
  readonly signedAtMs?: number;
}

/** An answer with its text. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An answer that did not come, or in part. */
class Lost extends Error {
  /** @param wasSent Whether the server may have got the request. */
  constructor(readonly wasSent: boolean, readonly reason: string, cause: unknown) {
    super(reason, { cause });
  }
}

/** A bucket over HTTP. */
export class HttpBucket implements Bucket {
  readonly endpoint: Endpoint;
  readonly server: string;
  readonly clock: ServerClock;
  etagForm: ETagForm = "quoted";
  readonly #place: BucketPlace;
  readonly #base: string;
  readonly #credentials: CredentialSource;
  readonly #closing = new AbortController();
  readonly #client = Deno.createHttpClient({ http2: false });
  readonly #signingKeys = new Map<string, ArrayBuffer>();
  #isClosed = false;

  constructor(place: BucketPlace, credentials: CredentialSource) {
    this.#place = place;
    this.#credentials = credentials;
    this.#base = baseOf(place);
    this.server = new URL(this.#base).origin;
    this.clock = clockOf(this.server);
    const location = `s3://${place.bucket}/${place.prefix} (${this.server})`;
    this.endpoint = { what: "S3", location };
  }

  async get(name: string, until: number): Promise<Found | null> {
    const answer = await this.#ask({ method: "GET", url: this.#base + name, until });
    if (answer.status === 404 && isMissingKey(answer.text)) return null;
    if (answer.status !== 200) throw this.#refused(answer);
    return { etag: bare(answer.headers.get("etag")), text: answer.text };
  }

  async put(
    name: string,
    text: string,
    condition: Condition | null,
    until: number,
  ): Promise<PutAnswer> {
    const headers = { "content-type": "application/json", ...this.#conditionHeaders(condition) };
    const request = { method: "PUT", url: this.#base + name, headers, body: text, until };
    const answer = await this.#send(request).catch((error) => {
      if (error instanceof Lost && error.wasSent) return error.reason;
      throw this.#lost(error);
    });
    if (typeof answer === "string") return { did: "unsure", reason: answer };
    const { status } = answer;
    if (status === 200) return { did: "write", etag: bare(answer.headers.get("etag")) };
    // 409: another write was under way; 404: there is nothing that could have the ETag.
    const isRefused = status === 412 || status === 409 ||
      (status === 404 && isMissingKey(answer.text));
    if (condition && isRefused) return { did: "refused" };
    if (isPassing(status)) return { did: "unsure", reason: `HTTP status ${status}` };
    throw this.#refused(answer);
  }

  async remove(name: string, etag: string, sinceMs: number, until: number): Promise<void> {
    const headers = this.#conditionHeaders({ etag });
    const url = `${this.#base}${name}?X-Amz-Expires=${DELETE_WITHIN_S}`;
    const answer = await this.#ask({ method: "DELETE", url, headers, until, signedAtMs: sinceMs });
    const isDone = answer.status === 200 || answer.status === 204 || answer.status === 404;
    if (!isDone && answer.status !== 412) throw this.#refused(answer);
  }

  async list(prefix: string, token: string | null, until: number): Promise<Page> {
    const query = new URLSearchParams({ "list-type": "2", prefix });
    if (token !== null) query.set("continuation-token", token);
    const url = `${this.#base}?${query}`;
    const answer = await this.#ask({ method: "GET", url, until });
    const page = answer.status === 200 ? readPage(answer.text) : null;
    if (!page) throw this.#refused(answer);
    return page;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort();
    this.#client.close();
  }

  #conditionHeaders(condition: Condition | null): Record<string, string> {
    if (condition === null) return {};
    if (condition === "absent") return { "if-none-match": "*" };
    const { etag } = condition;
    return { "if-match": this.etagForm === "quoted" ? `"${etag}"` : etag };
  }

  /** Asks for something that changes nothing, or that may be done twice: again where it must be. */
  async #ask(request: Sent): Promise<Answer> {
    for (let tries = 0;; tries++) {
      try {
        const answer = await this.#send(request);
        if (!isPassing(answer.status) || !hasTime(request.until, tries)) return answer;
      } catch (error) {
        const isOver = !(error instanceof Lost) || this.#isClosed || !hasTime(request.until, tries);
        if (isOver) throw this.#lost(error);
      }
      await pause(tries);
    }
  }

  /** Sends a request, once more with other keys or the right time where these were wrong. */
  async #send(request: Sent): Promise<Answer> {
    const used = this.#credentials();
    const answer = await this.#sendOnce(request, used);
    if (answer.status !== 403 && answer.status !== 400) return answer;
    const isSkewed = answer.text.includes("<Code>RequestTimeTooSkewed</Code>");
    const isRenewed = JSON.stringify(this.#credentials()) !== JSON.stringify(used);
    if (!isSkewed && !isRenewed) return answer;
    return await this.#sendOnce(request, this.#credentials());
  }

  async #sendOnce(request: Sent, credentials: ReturnType<CredentialSource>): Promise<Answer> {
    if (performance.now() >= request.until) throw new Lost(false, "no time was left", null);
    const stop = new AbortController();
    const end = () => stop.abort();
    const timer = setTimeout(end, Math.max(0, Math.ceil(request.until - performance.now())));
    this.#closing.signal.addEventListener("abort", end, { once: true });
    if (this.#isClosed) stop.abort();
    try {
      const { url, method, headers } = await this.#sign(request, credentials);
      // Without TLS a new connection costs little, and no answer can be taken for that of the request
      // before. Gateways also answer in two packets, and on a connection in use the system's delayed
      // acknowledgement holds up the second: 43 ms instead of 1.
      if (url.protocol === "http:") headers.set("connection", "close");
      const sentAt = performance.now();
      const { client, body } = { client: this.#client, body: request.body };
      const options = { method, headers, body, client, redirect: "manual", signal: stop.signal };
      const response = await fetch(url, options as RequestInit);
      const receivedAt = performance.now();
      const text = await response.text();
      this.clock.learn(response.headers.get("date") ?? "", sentAt, receivedAt);
      return { status: response.status, headers: response.headers, text };
    } catch (error) {
      if (error instanceof Lost) throw error;
      throw lostBy(error as Error, this.#isClosed, stop.signal.aborted);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", end);
    }
  }

  async #sign(request: Sent, credentials: ReturnType<CredentialSource>) {
    const bytes = new TextEncoder().encode(request.body ?? "");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    const hasEnd = request.signedAtMs !== undefined;
    // Signed by the server's clock, where it is known: this machine's may be wrong.
    const nowMs = request.signedAtMs ?? this.clock.nowMs ?? Date.now();
    return await new AwsV4Signer({
      ...credentials,
      method: request.method,
      url: request.url,
      headers: { ...request.headers, ...(hasEnd ? {} : { "x-amz-content-sha256": digest }) },
      body: request.body,
      service: "s3",
      region: this.#place.region,
      datetime: new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      cache: this.#signingKeys,
      signQuery: hasEnd,
    }).sign();
  }

  #lost(error: unknown): unknown {
    if (!(error instanceof Lost)) return error;
    return unreachable(this.endpoint, error.reason, undefined, error.cause);
  }

  #refused({ status, text, headers }: Answer): Error {
    const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "";
    const refused: Refused = { status, code, region: headers.get("x-amz-bucket-region") };
    return refusedError(refused, this.#place, this.endpoint);
  }
}

/** The URL that object names are put behind. */
function baseOf({ bucket, region, endpoint }: BucketPlace): string {
  if (endpoint !== null) return `${endpoint.replace(/\/+$/, "")}/${bucket}/`;
  const host = `s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  // A certificate for `*.s3…` does not cover a bucket with dots.
  return bucket.includes(".") ? `https://${host}/${bucket}/` : `https://${bucket}.${host}/`;
}

/** An ETag without quotes. */
function bare(etag: string | null): string {
  return (etag ?? "").replace(/^W\//, "").replaceAll('"', "");
}

function isMissingKey(text: string): boolean {
  return text === "" || text.includes("<Code>NoSuchKey</Code>");
}

/** Whether a status may be another one the next time. */
function isPassing(status: number): boolean {
  return (status >= 500 && status !== 501 && status !== 507) || status === 429 || status === 408;
}

function hasTime(until: number, tries: number): boolean {
  return tries < 4 && until - performance.now() > 100 * (tries + 1);
}

/** Waits a little, longer with each try. */
export function pause(tries: number): Promise<void> {
  return sleep(Math.random() * Math.min(100, 10 * 2 ** tries));
}

function lostBy(error: Error, isClosed: boolean, isAborted: boolean): Lost {
  if (isClosed) return new Lost(true, "the store was closed", error);
  if (isAborted) return new Lost(true, "no answer in time", error);
  // Deno tells in words only whether the connection was ever there, and since 2.9 in the cause.
  const said = error.cause instanceof Error ? error.cause.message : error.message;
  const wasSent = !/client error \(Connect\)|blocked/i.test(said);
  return new Lost(wasSent, said.split(": ").at(-1)!, error);
}
