/** What a proxy does to one answer; the request before it always reaches the server. */
export type Fault =
  /** Passes on the first half, then breaks the connection. */
  | "cut"
  /** Breaks the connection without passing anything on. */
  | "drop"
  /** Passes it on, and once more before the next answer. */
  | "double"
  /** Passes nothing on, and keeps the connection. */
  | "swallow"
  /** Lets the request itself reach the server twice. */
  | "repeat";

interface Strike {
  readonly fault: Fault;
  readonly isMeant: (request: string) => boolean;
  readonly struck: PromiseWithResolvers<void>;
}

interface Link {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  isMuted: boolean;
  /** What happens to the next answer. */
  strike: Strike | null;
  /** What comes before the next answer. */
  stale: Uint8Array<ArrayBuffer>;
}

/**
 * A TCP proxy on loopback that harms the connections through it, whatever their protocol: `await using
 * proxy = new Proxy(port)`.
 */
export class Proxy implements AsyncDisposable {
  /** How long every answer is held back. */
  delayMs = 0;
  /** Whether new connections are refused, by closing them. */
  refuses = false;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #links = new Set<Link>();
  readonly #strikes: Strike[] = [];
  readonly #running: Promise<void>;
  readonly #tasks = new Set<Promise<void>>();

  /** @param target The server's port. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#running = this.#accept();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /**
   * Harms one answer: that to the next request in which the test recognises what it means, of any
   * connection. Answers once it has.
   *
   * @param isMeant Given the bytes as they were sent, each as one character.
   */
  strike(fault: Fault, isMeant: (request: string) => boolean = () => true): Promise<void> {
    const struck = Promise.withResolvers<void>();
    this.#strikes.push({ fault, isMeant, struck });
    return struck.promise;
  }

  /** Breaks all connections there are. */
  breakAll(): void {
    for (const link of this.#links) this.#end(link);
  }

  /** Lets the connections there are carry nothing any more, though they stay open. New ones do. */
  muteAll(): void {
    for (const link of this.#links) link.isMuted = true;
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#links.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.breakAll();
    await this.#running;
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#run(this.#serve(client));
  }

  #run(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const server = this.refuses ? null : await connect(this.#target);
    if (!server) return client.close();
    client.setNoDelay(true);
    server.setNoDelay(true);
    const link: Link = {
      client,
      server,
      isMuted: false,
      strike: null,
      stale: new Uint8Array(),
    };
    this.#links.add(link);
    await Promise.all([this.#passRequests(link), this.#passAnswers(link)]);
  }

  async #passRequests(link: Link): Promise<void> {
    const latin1 = new TextDecoder("latin1");
    await this.#pump(link, link.client, async (chunk) => {
      const request = latin1.decode(chunk);
      const at = this.#strikes.findIndex(({ isMeant }) => isMeant(request));
      if (at >= 0 && !link.strike) [link.strike] = this.#strikes.splice(at, 1);
      await writeAll(link.server, chunk);
      if (link.strike?.fault === "repeat") await writeAll(link.server, chunk);
    });
  }

  async #passAnswers(link: Link): Promise<void> {
    await this.#pump(link, link.server, async (chunk) => {
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      const { strike, stale } = link;
      link.strike = null;
      link.stale = new Uint8Array();
      if (stale.length > 0) await writeAll(link.client, stale);
      switch (strike?.fault) {
        case "cut":
          await writeAll(link.client, chunk.subarray(0, chunk.length >> 1));
          this.#end(link);
          break;
        case "drop":
          this.#end(link);
          break;
        case "double":
          await writeAll(link.client, chunk);
          link.stale = chunk;
          break;
        case "swallow":
          break;
        default:
          await writeAll(link.client, chunk);
      }
      strike?.struck.resolve();
    });
  }

  /** Hands over what comes, until either side ends. */
  async #pump(
    link: Link,
    from: Deno.TcpConn,
    pass: (chunk: Uint8Array<ArrayBuffer>) => Promise<void>,
  ) {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let size; (size = await from.read(buffer)) !== null;) {
        if (!link.isMuted) await pass(buffer.slice(0, size));
      }
    } catch {
      // One of the two has gone, or the proxy has ended the link.
    } finally {
      this.#end(link);
    }
  }

  #end(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.client.close();
    link.server.close();
  }
}

async function connect(port: number): Promise<Deno.TcpConn | null> {
  try {
    return await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return null; // its client sees the connection close, as it would see the server's
  }
}

async function writeAll(to: Deno.TcpConn, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += await to.write(chunk.subarray(at));
}
