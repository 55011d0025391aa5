/**
 * A watch over a connection that may break: it is opened again, and what changed meanwhile is found
 * by comparing versions.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { isObject, type Json, parseJson } from "../../domain/json.ts";
import { type Linked, linkedTo } from "../../os/linked.ts";
import { sleep } from "../../os/sleep.ts";
import type { Change, Version } from "../adapter.ts";
import { KnownVersions, type Versions } from "../known_versions.ts";
import { unreachable } from "../network_error.ts";
import type { Access } from "./access.ts";
import { PROTOCOL, SILENCE_MS, WATCH_PATH } from "./protocol.ts";
import { chunksOf, lossOf, read, readText } from "./wire.ts";

/** The first connection is made within this. */
const CONNECT_MS = 2000;
/** Between two tries to connect: first short, so that a restart of the server is hardly noticed. */
const PAUSES_MS = [100, 250, 500, 1000];
/** A token that is refused may be replaced; that is not urgent. */
const REFUSED_PAUSE_MS = 5000;

/**
 * Opens a watch. Its stream goes on until the signal aborts, whatever becomes of connections.
 *
 * @throws {CoordinatorError} Where the first connection cannot be made.
 */
export async function watchServer(
  access: Access,
  pattern: string,
  stop: Linked,
): Promise<AsyncIterable<Change>> {
  try {
    return changesOf(access, pattern, stop, await connect(access, pattern, stop.signal));
  } catch (error) {
    stop.release();
    throw error;
  }
}

async function* changesOf(
  access: Access,
  pattern: string,
  { signal: stop, release }: Linked,
  first: Connection | null,
): AsyncIterable<Change> {
  const known = new KnownVersions();
  let connection = first;
  try {
    for (let tries = 0; !stop.aborted;) {
      if (connection) {
        tries = 0;
        yield* known.meet(connection.versions);
        for await (const change of connection.changes) yield* known.take(change);
        connection.leave();
      }
      const { opened, pauseMs } = await reconnect(access, pattern, stop, tries++);
      connection = opened;
      if (!opened) await sleep(pauseMs, stop);
    }
  } finally {
    connection?.leave();
    release();
  }
}

async function reconnect(
  access: Access,
  pattern: string,
  stop: AbortSignal,
  tries: number,
): Promise<{ opened: Connection | null; pauseMs: number }> {
  const pauseMs = PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)];
  try {
    return { opened: await connect(access, pattern, stop), pauseMs };
  } catch (error) {
    const code = error instanceof CoordinatorError ? error.code : null;
    const isRefused = code === "unauthorized" || code === "forbidden";
    return { opened: null, pauseMs: isRefused ? REFUSED_PAUSE_MS : pauseMs };
  }
}

/** A connection that is open: what there was at its start, and what changes. */
interface Connection {
  readonly versions: Versions;
  /** Ends where the connection does. */
  readonly changes: AsyncIterable<Change>;
  leave(): void;
}

/** Opens a connection; null where the signal came first. */
async function connect(
  access: Access,
  pattern: string,
  stop: AbortSignal,
): Promise<Connection | null> {
  if (stop.aborted) return null;
  const silence = new Silence(CONNECT_MS, stop);
  const body = JSON.stringify({ v: PROTOCOL, pattern });
  try {
    const response = await access.post(WATCH_PATH, body, silence.signal, false);
    const isStream = response.headers.get("content-type") === "application/x-ndjson";
    if (!isStream || !response.body) {
      const failed = read(access, response, await readText(response, silence.signal));
      if ("error" in failed) throw failed.error;
      throw unreachable(access.endpoint, "lost" in failed ? failed.lost : "no stream of changes");
    }
    const lines = linesOf(response.body, silence);
    const versions = await readVersions(lines, () => silence.reset(CONNECT_MS));
    silence.reset(SILENCE_MS);
    return { versions, changes: readChanges(lines, silence), leave: () => silence.end() };
  } catch (error) {
    silence.end();
    if (stop.aborted) return null;
    if (error instanceof CoordinatorError) throw error;
    const reason = silence.isOver ? `no answer within ${CONNECT_MS} ms` : lossOf(error).lost;
    throw unreachable(access.endpoint, reason, undefined, error);
  }
}

/** Ends a connection on which nothing comes any more, or that nobody needs. */
class Silence {
  readonly #ending: Linked;
  #timer: ReturnType<typeof setTimeout>;
  isOver = false;

  constructor(ms: number, stop: AbortSignal) {
    this.#ending = linkedTo(stop);
    this.#timer = this.#start(ms);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  reset(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#ending.signal.aborted) this.#timer = this.#start(ms);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#ending.abort();
  }

  #start(ms: number) {
    return setTimeout(() => {
      this.isOver = true;
      this.end();
    }, ms);
  }
}

async function readVersions(lines: AsyncIterator<Json>, onLine: () => void): Promise<Versions> {
  const versions = new Map<string, ReadonlyMap<string, Version>>();
  for (;;) {
    const { value, done } = await lines.next();
    if (done) throw new Error("the stream of changes ended early");
    onLine();
    if (!isObject(value)) continue;
    if ("ready" in value) return versions;
    throwError(value);
    const { scope, versions: pairs } = value;
    if (typeof scope === "string" && Array.isArray(pairs)) {
      versions.set(scope, new Map(pairs as unknown as [string, Version][]));
    }
  }
}

async function* readChanges(lines: AsyncIterator<Json>, silence: Silence): AsyncIterable<Change> {
  try {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) return;
      silence.reset(SILENCE_MS);
      if (!isObject(value)) continue;
      const { scope, key, version } = value;
      if (typeof scope !== "string" || typeof key !== "string") {
        if ("error" in value) return;
        continue;
      }
      yield { scope, key, version: version as Version | null };
    }
  } catch {
    // The connection is lost: another one will be made.
  }
}

function throwError({ error }: { readonly [name: string]: Json }): void {
  if (error === undefined) return;
  const said = isObject(error) && typeof error.message === "string" ? error.message : "?";
  throw new Error(`the server failed: ${said}`);
}

async function* linesOf(body: ReadableStream<Uint8Array>, silence: Silence): AsyncGenerator<Json> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of chunksOf(body, silence.signal)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield parseJson(line);
    }
  } finally {
    silence.end();
  }
}
