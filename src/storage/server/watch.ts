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

type Versions = Map<string, Map<string, Version>>;

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
  const known: Versions = new Map();
  try {
    const first = await connect(access, pattern, stop.signal);
    for (const [scope, versions] of first?.versions ?? []) known.set(scope, versions);
    return changesOf(access, pattern, stop, known, first);
  } catch (error) {
    stop.release();
    throw error;
  }
}

async function* changesOf(
  access: Access,
  pattern: string,
  { signal: stop, release }: Linked,
  known: Versions,
  first: Connection | null,
): AsyncIterable<Change> {
  let connection = first;
  try {
    for (let tries = 0; !stop.aborted;) {
      if (connection) {
        tries = 0;
        for await (const change of connection.changes) {
          if (note(known, change)) yield change;
        }
        connection.leave();
        connection = null;
      }
      const { opened, pauseMs } = await reconnect(access, pattern, stop, tries++);
      if (opened === null) {
        await sleep(pauseMs, stop);
        continue;
      }
      connection = opened;
      for (const change of compare(known, opened.versions)) {
        note(known, change);
        yield change;
      }
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

/** Keeps what a change says; answers whether it was news. */
function note(known: Versions, { scope, key, version }: Change): boolean {
  const versions = known.get(scope) ?? new Map<string, Version>();
  if (version === null) {
    versions.delete(key);
    if (versions.size === 0) known.delete(scope);
    return true;
  }
  if (versions.get(key) === version) return false;
  known.set(scope, versions.set(key, version));
  return true;
}

/** What must have changed between two states. */
function compare(before: Versions, after: Versions): Change[] {
  const changes: Change[] = [];
  for (const [scope, versions] of after) {
    for (const [key, version] of versions) {
      if (before.get(scope)?.get(key) !== version) changes.push({ scope, key, version });
    }
  }
  for (const [scope, versions] of before) {
    for (const key of versions.keys()) {
      if (!after.get(scope)?.has(key)) changes.push({ scope, key, version: null });
    }
  }
  return changes;
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
  const versions: Versions = new Map();
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
