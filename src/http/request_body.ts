/**
 * Reading a request's body: no more of it than is allowed, and no longer.
 *
 * @module
 */

import { type Refusal, refusal } from "./refusal.ts";

/** How much, and how long. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * The body's bytes. What was announced as too large is not read at all.
 *
 * @throws {Refusal} Of a body that is too large (413) or too slow (408); the connection ends with it.
 */
export async function readBody(
  request: Request,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const isLate = Promise.withResolvers<"late">();
  const timer = setTimeout(() => isLate.resolve("late"), timeoutMs);
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const part = await Promise.race([reader.read(), isLate.promise]);
      if (part === "late") throw tooSlow(timeoutMs);
      if (part.done) return concat(pieces, length);
      length += part.value.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      pieces.push(part.value);
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {}); // of a body that was read to its end this does nothing
  }
}

function concat(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function tooLarge(maxBytes: number): Refusal {
  return refusal(
    413,
    "value_refused",
    `The request's body is larger than ${maxBytes} bytes`,
    "Send less at once, or raise 'http.max_body_bytes' of the server.",
    { headers: { connection: "close" } },
  );
}

function tooSlow(timeoutMs: number): Refusal {
  return refusal(
    408,
    "invalid_argument",
    `The request's body did not come within ${timeoutMs / 1000} s`,
    "Send it again, in one go.",
    { headers: { connection: "close" } },
  );
}
