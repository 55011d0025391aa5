/** A connection on which a test decides about every byte. */
export class RawHttp implements Disposable {
  readonly #conn: Deno.TcpConn;
  #isClosed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects to a port of this machine. */
  static async connect(port: number): Promise<RawHttp> {
    return new RawHttp(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends lines, with CRLF between them. */
  async send(lines: readonly string[]): Promise<void> {
    await this.write(new TextEncoder().encode(lines.join("\r\n")));
  }

  /** Sends bytes; fails where the other side has closed. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Everything that comes until the other side closes. */
  async text(): Promise<string> {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(16 * 1024);
    let text = "";
    try {
      for (let count; (count = await this.#conn.read(chunk)) !== null;) {
        text += decoder.decode(chunk.subarray(0, count), { stream: true });
      }
    } catch {
      // Cut off.
    }
    return text;
  }

  /** The whole answer; the other side has to close behind it. */
  async response(): Promise<{ status: number; text: string }> {
    const text = await this.text();
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text };
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#conn.close();
    } catch {
      // The other side was faster.
    }
  }
}
