/**
 * Reading what a request brings, up to a limit.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";

/**
 * The text of a request's body.
 *
 * @param signal Ends the wait for a body that does not come.
 * @throws {CoordinatorError} `value_refused` where it is larger than the limit, `invalid_argument`
 * where it is no UTF-8 or ends early.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const reader = request.body?.getReader();
  if (!reader) return "";
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(value);
    }
    if (signal.aborted) throw new Error("it took too long");
    return decode(chunks, size);
  } catch (error) {
    cancel();
    if (error instanceof CoordinatorError) throw error;
    throw new CoordinatorError(
      "invalid_argument",
      "A request cannot be read: its body ended early, or is no UTF-8",
      "Send it again.",
      { cause: error },
    );
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function decode(chunks: readonly Uint8Array[], size: number): string {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function tooLarge(maxBytes: number): CoordinatorError {
  return new CoordinatorError(
    "value_refused",
    `A request is larger than the server takes: ${maxBytes} bytes`,
    "Split the value over several keys, or raise 'storage.max_value_bytes' of the server.",
  );
}
