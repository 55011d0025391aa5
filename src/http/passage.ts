/**
 * One connection through the gate: the client's, and the one to the server behind it.
 *
 * @module
 */

import { sleep } from "../os/sleep.ts";

/**
 * `waiting` for a whole head, `busy` with a request, `idle` between two, or `leaving`, when the last
 * answer was given, or the server has closed its side.
 */
export type PassageState = "waiting" | "busy" | "idle" | "leaving";

/** The longest head of a request; `Deno.serve` takes no longer one either. */
const MAX_HEAD_BYTES = 32 * 1024;
/** What is carried at once. */
const CHUNK_BYTES = 16 * 1024;
/** What a client may still send once it has its last answer, before its connection is cut. */
const MAX_IGNORED_BYTES = 16 * 1024 * 1024;
/** The server has sent all of its last answer once nothing more has come for so long. */
const QUIET_MS = 100;

const TOO_LONG = new TextEncoder().encode(
  "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
);

/** A connection and where it stands. */
export class Passage {
  readonly #client: Deno.Conn<Deno.NetAddr>;
  #server: Deno.TcpConn | null = null;
  #head = new Uint8Array();
  #state: PassageState = "waiting";
  #ageMs = 0;
  #port = 0;
  #requests = 0;
  /** How many bytes of its answer were sent since a request began. */
  #carried = 0;
  #isClosed = false;
  readonly #closed = Promise.withResolvers<void>();
  #isSending = false;
  #unreadMs = 0;

  /** Whether a request has come on it with a valid token. */
  isTrusted = false;

  constructor(client: Deno.Conn<Deno.NetAddr>) {
    this.#client = client;
  }

  /** Where it stands. */
  get state(): PassageState {
    return this.#state;
  }

  /** The port that is used towards the server; 0 before there is one. */
  get port(): number {
    return this.#port;
  }

  /** Notes that time has passed; answers for how long it has stood there, in milliseconds. */
  grow(ms: number): number {
    if (this.#isSending) this.#unreadMs += ms;
    return this.#ageMs += ms;
  }

  /** For how long the client has read nothing of what waits for it, in milliseconds. */
  get unreadMs(): number {
    return this.#unreadMs;
  }

  /** The client's address. */
  get clientHost(): string {
    return this.#client.remoteAddr.hostname;
  }

  /** The address of ours that the client has reached. */
  get ownHost(): string {
    return this.#client.localAddr.hostname;
  }

  /**
   * Waits for the first whole head, and connects to the server then.
   *
   * @returns Whether the client has sent one.
   */
  async enter(serverPort: number): Promise<boolean> {
    if ("handshake" in this.#client) await (this.#client as Deno.TlsConn).handshake();
    if (!await this.#readHead()) return false;
    const server = await Deno.connect({ hostname: "127.0.0.1", port: serverPort });
    if (this.#isClosed) {
      server.close();
      return false;
    }
    this.#server = server;
    server.setNoDelay(true);
    if ("setNoDelay" in this.#client) (this.#client as Deno.TcpConn).setNoDelay(true);
    this.#port = (server.localAddr as Deno.NetAddr).port;
    return true;
  }

  /** Carries bytes both ways until either side ends. */
  async carry(): Promise<void> {
    await writeAll(this.#server!, this.#head);
    this.#head = new Uint8Array();
    const up = this.#carryUp().catch(() => {});
    // In Deno 2.7 closing does not end a write that waits for its reader: nobody waits for it here.
    const { promise: closed } = this.#closed;
    await Promise.race([this.#carryDown().catch(() => {}), closed]);
    if (this.#isClosed) return;
    // The answer may still be on its way while the client sends: a cut now could destroy it.
    if (this.#state !== "leaving") this.#enterState("leaving");
    await Promise.race([this.#client.closeWrite().catch(() => {}), closed]);
    await Promise.race([up, closed]);
  }

  /** The last answer was given: what the client goes on sending is not passed on any more. */
  leave(): void {
    if (this.#isClosed || this.#state === "leaving") return;
    this.#enterState("leaving");
    void this.#endRequest();
  }

  /** Lets the server wait no longer for the rest of a body; one that sees this drops what it has not sent. */
  async #endRequest(): Promise<void> {
    for (let before = 0; this.#carried === 0 || this.#carried > before;) {
      before = this.#carried;
      await sleep(QUIET_MS);
      if (this.#isClosed) return;
    }
    await this.#server?.closeWrite().catch(() => {});
  }

  /** A request has begun; call what it answers once the whole response is sent. */
  begin(): () => void {
    this.#requests++;
    this.#carried = 0;
    this.#enterState("busy");
    return () => {
      this.#requests--;
      if (this.#requests === 0 && this.#state === "busy") this.#enterState("idle");
    };
  }

  /** Ends both connections. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closed.resolve();
    closeQuietly(this.#client);
    if (this.#server) closeQuietly(this.#server);
  }

  #enterState(state: PassageState): void {
    this.#state = state;
    this.#ageMs = 0;
  }

  async #readHead(): Promise<boolean> {
    const chunk = new Uint8Array(4096);
    for (;;) {
      const count = await this.#client.read(chunk);
      if (count === null) return false;
      const before = this.#head.length;
      this.#head = joined(this.#head, chunk.subarray(0, count));
      if (!startsAsRequest(this.#head)) return false;
      if (endsHead(this.#head, before)) return true;
      if (this.#head.length > MAX_HEAD_BYTES) {
        await writeAll(this.#client, TOO_LONG);
        return false;
      }
    }
  }

  async #carryUp(): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    let ignored = 0;
    for (let count; (count = await this.#client.read(chunk)) !== null;) {
      if (this.#state === "idle") this.#enterState("waiting");
      if (this.#state !== "leaving") {
        const isTaken = await writeAll(this.#server!, chunk.subarray(0, count)).then(
          () => true,
          () => false,
        );
        if (isTaken) continue;
      }
      // To cut it sooner would cut off the answer, which a client in a hurry has not got yet.
      if (this.#carried > 0) ignored += count;
      if (ignored > MAX_IGNORED_BYTES) break;
    }
    this.close(); // a client that is gone wants no answer
  }

  async #carryDown(): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let count; (count = await this.#server!.read(chunk)) !== null;) {
      this.#isSending = true;
      await writeAll(this.#client, chunk.subarray(0, count));
      this.#carried += count;
      this.#isSending = false;
      this.#unreadMs = 0;
    }
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}

/** A method begins with a letter: neither TLS on a port without it nor anything else that is no HTTP. */
function startsAsRequest(head: Uint8Array): boolean {
  const isLetter = head[0] >= 0x41 && head[0] <= 0x5a;
  const isHttp2 = String.fromCharCode(...head.subarray(0, 4)) === "PRI ";
  return isLetter && !isHttp2;
}

/** Whether there is an empty line at or behind a place. */
function endsHead(head: Uint8Array, from: number): boolean {
  const [CR, LF] = [13, 10];
  for (let i = Math.max(3, from); i < head.length; i++) {
    if (head[i] !== LF) continue;
    if (head[i - 1] === CR && head[i - 2] === LF && head[i - 3] === CR) return true;
  }
  return false;
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed from the other side.
  }
}
