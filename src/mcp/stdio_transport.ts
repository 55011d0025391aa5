/**
 * MCP's stdio transport on Deno's own streams: one JSON message a line. The SDK's own one does not
 * notice the end of stdin, can stay as an orphan and dies of a broken pipe.
 *
 * @module
 */

import { parseJson } from "../domain/json.ts";
import type { JSONRPCMessage, Transport } from "./sdk.ts";

/** A longer line is no message: it is skipped and answered with an error. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
/** How much of a skipped line is kept, at either end, to find the request's id. */
const KEPT_BYTES = 4096;
/** How long answers in flight may take once the client has closed its end. */
const DRAIN_MS = 2000;
const NEWLINE = 10;

type Id = string | number;

/** The transport of one client; closes itself when either stream ends. */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  readonly #input: ReadableStream<Uint8Array>;
  readonly #output: WritableStreamDefaultWriter<Uint8Array>;
  readonly #unanswered = new Set<Id>();
  #isClosed = false;
  #whenAnswered: (() => void) | null = null;

  constructor(
    input: ReadableStream<Uint8Array> = Deno.stdin.readable,
    output: WritableStream<Uint8Array> = Deno.stdout.writable,
  ) {
    this.#input = input;
    this.#output = output.getWriter();
  }

  start(): Promise<void> {
    this.#readAll();
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.#write(message);
    if ("id" in message && !("method" in message)) {
      this.#unanswered.delete(message.id as Id);
      if (this.#unanswered.size === 0) this.#whenAnswered?.();
    }
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#whenAnswered?.();
      this.onclose?.();
    }
    return Promise.resolve();
  }

  async #readAll(): Promise<void> {
    try {
      for await (const line of splitLines(this.#input)) await this.#receive(line);
    } catch (error) {
      this.onerror?.(error as Error);
    }
    await this.#drain();
    await this.close();
  }

  async #receive(line: Line): Promise<void> {
    if (line.isTooLong) {
      const size = `a message is longer than ${MAX_LINE_BYTES} bytes`;
      return await this.#reject(-32600, `Invalid request: ${size}`, findId(line.text));
    }
    if (line.text.trim() === "") return;
    let message: unknown;
    try {
      message = parseJson(line.text);
    } catch {
      return await this.#reject(-32700, "Parse error: the line is not JSON", null);
    }
    if (!isMessage(message)) {
      return await this.#reject(-32600, "Invalid request: not a JSON-RPC message", idOf(message));
    }
    if ("method" in message && "id" in message) this.#unanswered.add(message.id as Id);
    const cancelled = cancelledId(message);
    if (cancelled !== null) this.#unanswered.delete(cancelled); // it will not be answered
    this.onmessage?.(message);
  }

  async #reject(code: number, message: string, id: Id | null): Promise<void> {
    await this.#write({ jsonrpc: "2.0", id, error: { code, message } });
  }

  async #write(message: unknown): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#output.write(encoder.encode(JSON.stringify(message) + "\n"));
    } catch {
      await this.close(); // the client is gone: nobody is left to tell
    }
  }

  async #drain(): Promise<void> {
    if (this.#unanswered.size === 0 || this.#isClosed) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#whenAnswered = resolve;
      timer = setTimeout(resolve, DRAIN_MS);
    });
    clearTimeout(timer);
  }
}

const encoder = new TextEncoder();

interface Line {
  /** Of a line that is too long, its start and its end. */
  readonly text: string;
  readonly isTooLong: boolean;
}

async function* splitLines(input: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (let chunk of input) {
    for (let end; (end = chunk.indexOf(NEWLINE)) >= 0; chunk = chunk.subarray(end + 1)) {
      pieces.push(chunk.subarray(0, end));
      yield toLine(pieces, length + end);
      pieces = [];
      length = 0;
    }
    if (chunk.length === 0) continue;
    pieces.push(chunk);
    length += chunk.length;
    if (length > MAX_LINE_BYTES) pieces = ends(pieces);
  }
  if (length > 0) yield toLine(pieces, length);
}

function toLine(pieces: Uint8Array[], length: number): Line {
  const isTooLong = length > MAX_LINE_BYTES;
  const bytes = concat(isTooLong ? ends(pieces) : pieces);
  return { text: new TextDecoder().decode(bytes), isTooLong };
}

function ends(pieces: Uint8Array[]): Uint8Array[] {
  const bytes = concat(pieces);
  if (bytes.length <= 2 * KEPT_BYTES) return [bytes];
  return [bytes.slice(0, KEPT_BYTES), bytes.slice(-KEPT_BYTES)];
}

function concat(pieces: Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The id of a request of which only the ends are there: members come in either order. */
function findId(text: string): Id | null {
  const id = /"id"\s*:\s*("[^"\\]*"|\d+)\s*\}\s*$/.exec(text)?.[1] ??
    /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*("[^"\\]*"|\d+)/.exec(text)?.[1];
  return id === undefined ? null : JSON.parse(id);
}

function isMessage(value: unknown): value is JSONRPCMessage {
  if (typeof value !== "object" || value === null) return false;
  const { jsonrpc, method, id, params } = value as Record<string, unknown>;
  if (jsonrpc !== "2.0") return false;
  if (id !== undefined && idOf(value) === null) return false;
  if (params !== undefined && (typeof params !== "object" || params === null)) return false;
  return typeof method === "string" || id !== undefined;
}

function cancelledId(message: JSONRPCMessage): Id | null {
  if (!("method" in message) || message.method !== "notifications/cancelled") return null;
  return idOf({ id: message.params?.requestId });
}

function idOf(value: unknown): Id | null {
  const id = typeof value === "object" && value !== null ? (value as { id?: unknown }).id : null;
  return typeof id === "string" || Number.isSafeInteger(id) ? id as Id : null;
}
