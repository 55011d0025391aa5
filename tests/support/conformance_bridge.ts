/**
 * Lets the conformance suite, which speaks HTTP only, talk to a server on standard input and output:
 * one child process for each session.
 */

import type { JSONRPCMessage } from "../../src/mcp/sdk.ts";
import {
  isInitializeRequest,
  WebStandardStreamableHTTPServerTransport,
} from "../../src/mcp/sdk_http.ts";

/** A bridge that runs. */
export interface Bridge {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a bridge to a command. */
export function startBridge([command, ...args]: readonly string[]): Bridge {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const children = new Set<Deno.ChildProcess>();
  const open = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped" }).spawn();
    children.add(child);
    const input = child.stdin.getWriter();
    const requests = new Map<string | number, string | number>();
    transport.onmessage = async (message: JSONRPCMessage) => {
      if ("method" in message && "id" in message) requests.set(message.id, message.id);
      await input.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
    };
    transport.onclose = () => void input.close().catch(() => {});
    await transport.start();
    forward(child, transport, requests);
    return transport;
  };
  const isAllowed = (request: Request) =>
    /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.get("host") ?? "");
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      if (!isAllowed(request)) return new Response("Not this host", { status: 403 });
      const known = sessions.get(request.headers.get("mcp-session-id") ?? "");
      if (known) return await known.handleRequest(request);
      const body = request.method === "POST" ? await request.json() : null;
      if (!isInitializeRequest(body)) return new Response("No such session", { status: 404 });
      return await (await open()).handleRequest(request, { parsedBody: body });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/mcp`,
    async close() {
      for (const transport of sessions.values()) await transport.close();
      await Promise.all([...children].map((child) => child.status));
      await server.shutdown();
    },
  };
}

/** What a child writes goes to its client, on the stream of the request that is under way. */
async function forward(
  child: Deno.ChildProcess,
  transport: WebStandardStreamableHTTPServerTransport,
  requests: ReadonlyMap<string | number, string | number>,
): Promise<void> {
  let rest = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const message: JSONRPCMessage = JSON.parse(line);
      const relatedRequestId = "method" in message ? [...requests.values()].at(-1) : undefined;
      await transport.send(message, { relatedRequestId }).catch(() => {});
    }
  }
}
