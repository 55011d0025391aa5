/**
 * What was sent to one session lately, so that a client whose connection was cut can have it again.
 *
 * @module
 */

import type { JSONRPCMessage } from "../mcp/sdk.ts";
import type { EventStore } from "../mcp/sdk_http.ts";

interface Kept {
  readonly sequence: number;
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly chars: number;
}

/** How much is kept of each session. */
const MAX_EVENTS = 256;
const MAX_CHARS = 1024 * 1024;

/**
 * The events of one session. The SDK calls the stream without a request the same in every session: so
 * each session has a store of its own, and ids that no other one has.
 */
export class SessionEvents implements EventStore {
  readonly #prefix = crypto.randomUUID().slice(0, 8);
  readonly #events: Kept[] = [];
  #sequence = 0;
  #chars = 0;

  storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const sequence = this.#sequence++;
    const chars = JSON.stringify(message).length;
    this.#events.push({ sequence, stream, message, chars });
    this.#chars += chars;
    while (this.#events.length > MAX_EVENTS || this.#chars > MAX_CHARS) {
      const oldest = this.#events.shift();
      if (!oldest) break;
      this.#chars -= oldest.chars;
    }
    return Promise.resolve(`${this.#prefix}.${sequence}.${stream}`);
  }

  /** Whether an id is one of this session's. */
  knows(eventId: string): boolean {
    return this.#parse(eventId) !== null;
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const last = this.#parse(lastEventId);
    if (!last) throw new Error("the event is of another session");
    for (const { sequence, stream, message } of [...this.#events]) {
      if (stream !== last.stream || sequence <= last.sequence) continue;
      // What only opened the stream says nothing.
      if (!("jsonrpc" in message)) continue;
      await send(`${this.#prefix}.${sequence}.${stream}`, message);
    }
    return last.stream;
  }

  #parse(eventId: string): { sequence: number; stream: string } | null {
    const [, prefix, sequence, stream] = /^([^.]+)\.(\d{1,15})\.(.+)$/.exec(eventId) ?? [];
    if (prefix !== this.#prefix || Number(sequence) >= this.#sequence) return null;
    return { sequence: Number(sequence), stream };
  }
}
