import { deserialize, serialize } from "node:v8";
import { Buffer } from "node:buffer";
import { encodeValue, isObject, type Json, parseJson } from "../../src/domain/json.ts";
import type { SharedKind } from "./open_store.ts";

/**
 * A value on its way to another process: JSON text, so that numbers keep their digits, or V8's form
 * for what JSON cannot say and a store must refuse (`NaN`, `undefined`, cycles, lone surrogates).
 */
export type Packed = { readonly json: string } | { readonly v8: string };

/** Packs any value. */
export function pack(value: unknown): Packed {
  try {
    const json = encodeValue(value, { maxValueBytes: Infinity });
    // JavaScript's own numbers beyond 2^53 would arrive as numbers that are kept as text.
    if (!isLargeNumber(value) && !(isObject(value) && Object.values(value).some(isLargeNumber))) {
      return { json };
    }
  } catch {
    // It is no JSON value.
  }
  return { v8: serialize(value).toString("base64") };
}

function isLargeNumber(value: unknown): boolean {
  return typeof value === "number" && !Number.isSafeInteger(value) && Number.isInteger(value);
}

/** Unpacks what {@linkcode pack} made. */
export function unpack(packed: Packed): unknown {
  return "json" in packed
    ? parseJson(packed.json) as Json
    : deserialize(Buffer.from(packed.v8, "base64"));
}

/** What goes to a host, one JSON line each. */
export type Request =
  & { readonly id: number }
  & (
    | { readonly do: "open"; readonly kind: SharedKind; readonly folder: string; nowMs: number }
    | { readonly do: "advance"; readonly store: number; readonly ms: number }
    | { readonly do: "call"; readonly store: number; readonly method: string; args: Packed[] }
    | { readonly do: "watch"; readonly store: number; readonly pattern: string; aborted: boolean }
    | { readonly do: "unwatch"; readonly watch: number }
  );

/** What comes back. */
export type Reply =
  | { readonly id: number; readonly result: Packed }
  | { readonly id: number; readonly code: string | null; readonly message: string; hint: string }
  | { readonly watch: number; readonly change: Packed | null };

/** Takes chunks and gives whole lines. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** The lines that the chunk completes. */
  push(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    return lines;
  }
}
