/**
 * MCP's older transport, a stream of events and a second address for what the client sends (protocol
 * revision 2024-11-05), on the web's own streams. The SDK's needs Node's HTTP.
 *
 * @module
 */

import type { JSONRPCMessage, Transport } from "../mcp/sdk.ts";
import type { MessageExtraInfo } from "../mcp/sdk_http.ts";

/** How often a comment shows that the stream is alive, for what sits in between. */
const KEEP_ALIVE_MS = 15_000;
/** A client that leaves so much unread is as good as gone. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** The transport of one client; closes itself when the client closes the stream. */
export class SseTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void;

  readonly sessionId: string;
  readonly #endpoint: string;
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  /**
   * @param sessionId Names the session; goes into the address that the client is told.
   * @param path Where the client sends to.
   */
  constructor(sessionId: string, path: string) {
    this.sessionId = sessionId;
    this.#endpoint = `${path}?sessionId=${sessionId}`;
    this.#stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.close(),
    }, { highWaterMark: MAX_UNREAD_BYTES, size: ({ length }) => length });
  }

  start(): Promise<void> {
    this.#write(`event: endpoint\ndata: ${this.#endpoint}\n\n`);
    this.#timer = setInterval(() => this.#write(": keepalive\n\n"), KEEP_ALIVE_MS);
    return Promise.resolve();
  }

  /** The answer to the request that opened the stream. */
  response(): Response {
    return new Response(this.#stream, {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      },
    });
  }

  /** Takes a message that the client sent. */
  receive(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    this.onmessage?.(message, extra);
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.#write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    clearInterval(this.#timer);
    try {
      this.#controller.close();
    } catch {
      // The client has closed it.
    }
    this.onclose?.();
    return Promise.resolve();
  }

  #write(text: string): void {
    if (this.#isClosed) return;
    if ((this.#controller.desiredSize ?? 0) <= 0) return void this.close();
    this.#controller.enqueue(this.#encoder.encode(text));
  }
}
