import { INITIALIZE, INITIALIZED, toolCall } from "./raw_server.ts";

// The package maps its types wrongly for Deno; these lines name them.
// @ts-types="@modelcontextprotocol/sdk/client"
export { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
export { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/client/sse"
export { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";

/** What every request to `/mcp` has. */
export const MCP_HEADERS = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

/** An answer. */
// deno-lint-ignore no-explicit-any
export type Reply = any;

/** An event of a stream. */
export interface SseEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** One MCP session over HTTP, request by request. */
export class HttpSession {
  readonly #url: string;
  readonly headers: Record<string, string>;
  id = "";
  #nextId = 1;

  /** @param headers Beside those that every request has. */
  constructor(url: string, headers: Record<string, string> = {}) {
    this.#url = `${url}/mcp`;
    this.headers = headers;
  }

  /** Shakes hands; fails where the server refuses. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<HttpSession> {
    const session = new HttpSession(url, headers);
    const response = await session.post(INITIALIZE);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    session.id = response.headers.get("mcp-session-id")!;
    await response.text();
    await (await session.post(INITIALIZED)).text();
    return session;
  }

  /** Sends a message; the response as it is. */
  async post(message: object, headers: Record<string, string> = {}): Promise<Response> {
    return await fetch(this.#url, {
      method: "POST",
      headers: this.#headers(headers),
      body: JSON.stringify(message),
    });
  }

  /** Sends a request; its answer. */
  async request(method: string, params: object = {}): Promise<Reply> {
    const id = this.#nextId++;
    return await this.#reply(id, { jsonrpc: "2.0", id, method, params });
  }

  /** Calls a tool; its result. */
  async call(name: string, args: object = {}): Promise<Reply> {
    const id = this.#nextId++;
    const { result, error } = await this.#reply(id, toolCall(id, name, args));
    if (error) throw new Error(`${name}: ${error.message}`);
    return result;
  }

  /** Calls a tool that must succeed; the seed's return value. */
  async tool(name: string, args: object = {}): Promise<Reply> {
    const { isError, content } = await this.call(name, args);
    if (isError) throw new Error(`${name}: ${content[0].text}`);
    return JSON.parse(content[0].text);
  }

  /** Opens the stream of what no request asked for. */
  async stream(headers: Record<string, string> = {}): Promise<EventReader> {
    const response = await fetch(this.#url, { headers: this.#headers(headers) });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return new EventReader(response);
  }

  /** Ends the session. */
  async delete(): Promise<Response> {
    return await fetch(this.#url, { method: "DELETE", headers: this.#headers({}) });
  }

  async #reply(id: number, message: object): Promise<Reply> {
    const response = await this.post(message);
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    const text = await response.text();
    for (const { data } of eventsIn(text)) {
      const said = data === "" ? null : JSON.parse(data);
      if (said?.id === id) return said;
    }
    throw new Error(`no answer to ${id} in ${text}`);
  }

  #headers(more: Record<string, string>): Record<string, string> {
    const session: Record<string, string> = this.id === "" ? {} : { "mcp-session-id": this.id };
    return { ...MCP_HEADERS, ...session, ...this.headers, ...more };
  }
}

/** Reads the events of a stream as they come. */
export class EventReader implements AsyncDisposable {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next event with data; null at the stream's end. */
  async next(): Promise<SseEvent | null> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      if (end >= 0) {
        const [event] = eventsIn(this.#rest.slice(0, end + 2));
        this.#rest = this.#rest.slice(end + 2);
        if (event && event.data !== "") return event;
        continue;
      }
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#rest += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}

/** The events in a text. */
export function eventsIn(text: string): SseEvent[] {
  return text.split("\n\n").filter((block) => block.trim() !== "" && !block.startsWith(":")).map(
    (block) => {
      const field = (name: string) =>
        block.split("\n").filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart()).join("\n");
      return { id: field("id"), event: field("event"), data: field("data") };
    },
  );
}

/** A header with a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}
