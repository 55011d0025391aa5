/** How a stand-in of an S3 server behaves where real ones that misbehave cannot be had. */
export interface Habits {
  /** Whether it heeds `If-None-Match: *`; it does without it. */
  readonly ifNoneMatch?: boolean;
  /** How it takes `If-Match`; `quoted` without it. */
  readonly ifMatch?: "quoted" | "bare" | "ignored" | "refused";
  /** Whether it says the time; it does without it. */
  readonly date?: boolean;
  /** Whether it refuses every request as one of another time. */
  readonly skewed?: boolean;
  /** Whether it refuses every write for want of room. */
  readonly full?: boolean;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly etag?: string;
  readonly body?: string;
}

/**
 * A stand-in for S3 servers with bad habits, on loopback: objects in memory, no signatures. It answers
 * over bare TCP, as HTTP servers add the header `Date` by themselves. `await using server = new
 * S3StandIn(habits)`.
 */
export class S3StandIn implements AsyncDisposable {
  habits: Habits;
  /** How many objects were written. */
  writes = 0;
  readonly #objects = new Map<string, { etag: string; body: string }>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #running: Promise<void>;
  readonly #tasks = new Set<Promise<void>>();
  #etags = 0;

  constructor(habits: Habits) {
    this.habits = habits;
    this.#running = this.#accept();
  }

  /** Its endpoint. */
  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      const task = this.#serve(connection);
      this.#tasks.add(task);
      void task.finally(() => this.#tasks.delete(task));
    }
  }

  /** One request a connection: clients ask for no more without TLS. */
  async #serve(connection: Deno.TcpConn): Promise<void> {
    try {
      const request = await readRequest(connection);
      if (!request) return;
      const { status, etag, body = "" } = this.#answer(request);
      const lines = [
        `HTTP/1.1 ${status} Status`,
        ...(this.habits.date === false ? [] : [`Date: ${new Date().toUTCString()}`]),
        ...(etag === undefined ? [] : [`ETag: "${etag}"`]),
        `Content-Length: ${new TextEncoder().encode(body).length}`,
        "Connection: close",
      ];
      const bytes = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`);
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    } catch {
      // The client has gone.
    } finally {
      connection.close();
    }
  }

  #answer({ method, path, headers, body }: Request): Answer {
    if (this.habits.skewed) return refusal(403, "RequestTimeTooSkewed");
    const found = this.#objects.get(path);
    if (method === "GET") return found ? { status: 200, ...found } : refusal(404, "NoSuchKey");
    if (method === "DELETE") {
      this.#objects.delete(path);
      return { status: 204 };
    }
    if (this.habits.full) return refusal(507, "InsufficientStorage");
    const { ifNoneMatch = true, ifMatch = "quoted" } = this.habits;
    if (ifNoneMatch && headers.get("if-none-match") === "*" && found) return refused();
    const wanted = headers.get("if-match");
    if (wanted !== null && ifMatch !== "ignored") {
      const etag = ifMatch === "quoted" ? `"${found?.etag}"` : found?.etag;
      if (ifMatch === "refused" || wanted !== etag) return refused();
    }
    const etag = `e${this.#etags++}`;
    this.#objects.set(path, { etag, body });
    this.writes++;
    return { status: 200, etag };
  }
}

function refused(): Answer {
  return refusal(412, "PreconditionFailed");
}

function refusal(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}

async function readRequest(connection: Deno.TcpConn): Promise<Request | null> {
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  for (;;) {
    const end = text.indexOf("\r\n\r\n");
    const [first, ...lines] = text.slice(0, Math.max(end, 0)).split("\r\n");
    const headers = new Headers(
      lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
    );
    const body = text.slice(end + 4);
    if (end >= 0 && body.length >= Number(headers.get("content-length") ?? 0)) {
      const [method, path] = first.split(" ");
      return { method, path: path.split("?")[0], headers, body };
    }
    const size = await connection.read(buffer);
    if (size === null) return null;
    text += new TextDecoder().decode(buffer.subarray(0, size)); // the tests write ASCII only
  }
}
