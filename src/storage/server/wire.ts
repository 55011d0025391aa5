/**
 * One request to a csc server: within its time, sent again where the answer was lost, and with an
 * answer that tells what is known.
 *
 * @module
 */

import { CoordinatorError, ERROR_EXIT_CODES, messageOf } from "../../domain/error.ts";
import { isObject, type Json, parseJson } from "../../domain/json.ts";
import { redactUrls } from "../../domain/text.ts";
import { linkedTo } from "../../os/linked.ts";
import { sleep } from "../../os/sleep.ts";
import { uniqueName } from "../../os/unique.ts";
import { type Endpoint, outcomeUnknown, unreachable } from "../network_error.ts";
import { type Access, notOurs, refusedAccess } from "./access.ts";
import { PROTOCOL, STORE_PATH, type StoreOp, WRITES } from "./protocol.ts";

/** How long an operation takes at the most, with all that it sends again, unless somebody says so. */
const LIMIT_MS = 2000;
/** A server that refuses connections may be starting: that is waited for, briefly. */
const STARTING_MS = 300;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 200;

/** What one attempt led to: an answer, or what is known of why there is none. */
export type Attempt =
  | { readonly answer: Json }
  | { readonly error: CoordinatorError; readonly from: ErrorSource }
  | { readonly lost: string; readonly wasSent: boolean; readonly cause?: unknown };

/**
 * Who says an error: the store, which knows this very write; the host's door, which let nothing in,
 * whatever an earlier attempt did; or a host that has too much to do, which may be asked again.
 */
type ErrorSource = "store" | "door" | "crowd";

/** What a client needs to talk to its server. */
export interface WireOptions {
  readonly access: Access;
  /** When waiting ends, as `performance.now()` tells time. */
  readonly deadline: number;
  /** How long an operation takes at the most; 2 s without it. */
  readonly timeoutMs?: number;
}

/** The requests of one client. */
export class Wire {
  readonly #access: Access;
  readonly #deadline: number;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();

  constructor({ access, deadline, timeoutMs = LIMIT_MS }: WireOptions) {
    this.#access = access;
    this.#deadline = deadline;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Carries out an operation.
   *
   * @param members The operation's arguments: members of a JSON object, as text.
   * @param name What is written, for errors.
   * @throws {CoordinatorError} What the server says; `store_unreachable`, `outcome_unknown`,
   * `unauthorized`, `store_busy`, `store_newer`.
   */
  async call(op: StoreOp, members: readonly string[], name = "it"): Promise<Json> {
    const isWrite = WRITES.has(op);
    const id = uniqueName();
    const envelope = [`"v":${PROTOCOL}`, `"op":"${op}"`, `"id":"${id}"`];
    const started = new Stopwatch();
    const limitMs = Math.min(this.#timeoutMs, this.#deadline - performance.now());
    let mayHaveHappened = false;
    let last: Attempt | null = null;
    for (let tries = 0;; tries++) {
      const leftMs = limitMs - started.passedMs();
      // A write that is sent again says since when: a server that was started since cannot know it.
      const again = isWrite && tries > 0 ? [`"again_ms":${Math.ceil(started.longestMs())}`] : [];
      const body = `{${[...envelope, ...again, ...members].join(",")}}`;
      // Where the time is over before it is sent again, what is known from the last attempt stands.
      if (last === null || leftMs > 0) {
        last = await this.#attempt({ id, body, isWrite }, tries === 0 ? leftMs / 2 : leftMs);
      }
      if ("answer" in last) return last.answer;
      const endpoint = this.#access.endpoint;
      if ("error" in last) {
        if (last.from === "store") throw last.error;
        if (last.from === "door" && !mayHaveHappened) throw last.error;
        if (last.from === "door") throw outcomeUnknown(endpoint, name, last.error.message, last);
      } else if (last.wasSent) mayHaveHappened ||= isWrite;
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries);
      const isDown = "lost" in last && !last.wasSent;
      const patienceMs = isDown ? Math.min(limitMs, STARTING_MS) : limitMs;
      if (!this.#closing.signal.aborted && started.passedMs() + pauseMs < patienceMs) {
        await sleep(pauseMs, this.#closing.signal);
        continue;
      }
      const reason = "error" in last ? last.error.message : last.lost;
      if (mayHaveHappened) throw outcomeUnknown(endpoint, name, reason, last);
      throw "error" in last
        ? last.error
        : unreachable(endpoint, reason, hintFor(reason), last.cause);
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort();
  }

  async #attempt({ id, body, isWrite }: Sending, limitMs: number): Promise<Attempt> {
    if (this.#closing.signal.aborted) return { lost: "the store was closed", wasSent: false };
    if (limitMs <= 0) return { lost: "the time was over before it was sent", wasSent: false };
    let isLate = false;
    const stop = linkedTo(this.#closing.signal);
    const timer = setTimeout(() => {
      isLate = true;
      stop.abort();
    }, limitMs);
    try {
      const response = await this.#access.post(STORE_PATH, body, stop.signal, isWrite);
      return read(this.#access, response, await readText(response, stop.signal), id);
    } catch (error) {
      if (error instanceof CoordinatorError) return { error, from: "door" };
      if (isLate) {
        return { lost: `no answer within ${Math.round(limitMs)} ms`, wasSent: true };
      }
      return { ...lossOf(error), cause: error };
    } finally {
      clearTimeout(timer);
      stop.release();
    }
  }
}

/** One request as it is sent. */
interface Sending {
  readonly id: string;
  readonly body: string;
  readonly isWrite: boolean;
}

/** Time by two clocks: one that nobody sets, and one that goes on while the machine sleeps. */
class Stopwatch {
  readonly #start = performance.now();
  readonly #startWall = Date.now();

  passedMs(): number {
    return performance.now() - this.#start;
  }

  longestMs(): number {
    return Math.max(this.passedMs(), Date.now() - this.#startWall);
  }
}

/**
 * The text of a response, unless the signal comes first. It cancels the body itself: aborting its
 * `fetch()` does not end a body any more once memory was collected (Deno 2.9.6).
 *
 * @throws {Error} Where the body ends early, or the signal comes.
 */
export async function readText(response: Response, stop: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunksOf(response.body, stop)) {
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The parts of a body as they come; see {@linkcode readText}. */
export async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  const cancel = () => void reader?.cancel().catch(() => {});
  stop.addEventListener("abort", cancel);
  try {
    while (reader && !stop.aborted) {
      const { value, done } = await reader.read();
      if (stop.aborted) break;
      if (done) return;
      yield value;
    }
    if (stop.aborted) throw new Error("it was called off");
  } finally {
    stop.removeEventListener("abort", cancel);
    cancel();
  }
}

/**
 * What a response means.
 *
 * @param id The request that it must answer; what answers another one was doubled on its way.
 */
export function read(access: Access, response: Response, text: string, id?: string): Attempt {
  const { status, headers } = response;
  const said = parseOrNull(text);
  if (isObject(said) && typeof said.v === "number") {
    const isOther = said.id === undefined ? said.ok === true : said.id !== id;
    if (id !== undefined && isOther) return { lost: "another request's answer", wasSent: true };
    if (said.v > PROTOCOL) return { error: tooNew(access, said.v), from: "door" };
    if (said.ok === true && "result" in said) return { answer: said.result };
    const error = errorIn(said.error, access);
    if (error) return { error, from: "store" };
  }
  const isJson = headers.get("content-type")?.startsWith("application/json");
  if (status === 200 && isJson && said === null) return { lost: "half an answer", wasSent: true };
  if (status === 401 || status === 403) {
    return { error: refusedAccess(access, status, text), from: "door" };
  }
  // The host is too busy to let it in, so that it did not happen.
  if (status === 429 || status === 503) return { error: busy(access.endpoint), from: "crowd" };
  if (status === 502 || status === 504) {
    return { lost: `a proxy answered with ${status}`, wasSent: true };
  }
  return { error: notOurs(access, response), from: "door" };
}

/** Why a request failed before its answer was whole. */
export function lossOf(error: unknown): { readonly lost: string; readonly wasSent: boolean } {
  const cause = (error as Error | null)?.cause;
  const text = [messageOf(error), ...(cause === undefined ? [] : [messageOf(cause)])].join(": ");
  const wasSent = !/client error \(Connect\)|are blocked/.test(text);
  const lost = redactUrls(text)
    .replace(/^fetch failed: /i, "")
    .replace(/error sending request (from \S+ )?for( url)? \(?[^\s)]+\)?( \([^)]*\))?: /, "")
    .replace(/client error \(\w+\): /, "");
  return { lost, wasSent };
}

function errorIn(said: Json | undefined, { endpoint }: Access): CoordinatorError | null {
  if (!isObject(said ?? null)) return null;
  const { code, message, hint } = said as { readonly [name: string]: Json };
  if (typeof message !== "string" || typeof hint !== "string") return null;
  const known = typeof code === "string" && Object.hasOwn(ERROR_EXIT_CODES, code);
  return new CoordinatorError(
    known ? code as keyof typeof ERROR_EXIT_CODES : "store_io",
    known ? message : `${endpoint.what} at ${endpoint.location}: ${message}`,
    hint,
  );
}

function parseOrNull(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

function busy({ what, location }: Endpoint): CoordinatorError {
  return new CoordinatorError(
    "store_busy",
    `${what} at ${location} has too much to do; nothing was written`,
    "Try again; its limits are those of `csc serve --http`.",
  );
}

function tooNew({ endpoint: { what, location } }: Access, version: number): CoordinatorError {
  return new CoordinatorError(
    "store_newer",
    `${what} at ${location} speaks version ${version} of the store's protocol; this csc knows version ${PROTOCOL}`,
    "Install the csc that the server has.",
  );
}

/** What helps where the server's certificate is not accepted; nothing special in all other cases. */
function hintFor(reason: string): string | undefined {
  return /certificate/i.test(reason)
    ? "Name the authority that signed its certificate in 'storage.config.ca_file' of your own configuration, as a PEM file; the certificate must be for the host of the URL."
    : undefined;
}
