/**
 * Where each value of a JSON text is, so that one can be changed without touching the rest.
 *
 * @module
 */

/** A value and its place: the text from `start` up to, not including, `end`. */
export interface JsonNode {
  readonly start: number;
  readonly end: number;
  /** An object's members in their order; where a key comes twice, the last one counts. */
  readonly members?: readonly JsonMember[];
  /** An array's items. */
  readonly items?: readonly JsonNode[];
}

/** A member of an object. */
export interface JsonMember {
  readonly key: string;
  /** Where the key's first quote is. */
  readonly start: number;
  readonly value: JsonNode;
}

/** A text that is not JSON, and where it stops being JSON. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";
  /** From 1. */
  readonly line: number;
  /** In characters, from 1. */
  readonly column: number;

  constructor(text: string, at: number, fact: string) {
    const lines = text.slice(0, at).split(/\r\n|\n|\r/);
    super(fact);
    this.line = lines.length;
    this.column = [...lines.at(-1)!].length + 1;
  }
}

/** Deeper than any settings file; keeps a hostile one from using up the stack. */
const MAX_DEPTH = 200;

const SPACE = /[ \t\r\n]*/y;
// deno-lint-ignore no-control-regex
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Finds all values of a JSON text.
 *
 * @throws {JsonFault} Where it is not JSON; the message quotes nothing of it.
 */
export function parseTree(text: string): JsonNode {
  const scanner = new Scanner(text);
  const root = scanner.value(0);
  scanner.end();
  return root;
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw this.#fault(`it nests deeper than ${MAX_DEPTH} levels`);
    this.#skip(SPACE);
    const start = this.#at;
    if (this.#take("{")) return { start, members: this.#members(depth), end: this.#at };
    if (this.#take("[")) return { start, items: this.#items(depth), end: this.#at };
    if (!this.#skip(STRING) && !this.#skip(SCALAR)) throw this.#fault("a value is missing");
    return { start, end: this.#at };
  }

  end(): void {
    this.#skip(SPACE);
    if (this.#at < this.#text.length) throw this.#fault("something follows the value");
  }

  #members(depth: number): JsonMember[] {
    const members: JsonMember[] = [];
    this.#skip(SPACE);
    if (this.#take("}")) return members;
    do {
      this.#skip(SPACE);
      const start = this.#at;
      if (!this.#skip(STRING)) throw this.#fault("a key in double quotes is missing");
      const key = JSON.parse(this.#text.slice(start, this.#at));
      this.#skip(SPACE);
      if (!this.#take(":")) throw this.#fault("a colon is missing");
      members.push({ key, start, value: this.value(depth + 1) });
      this.#skip(SPACE);
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#fault("a comma or '}' is missing");
    return members;
  }

  #items(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    this.#skip(SPACE);
    if (this.#take("]")) return items;
    do {
      items.push(this.value(depth + 1));
      this.#skip(SPACE);
    } while (this.#take(","));
    if (!this.#take("]")) throw this.#fault("a comma or ']' is missing");
    return items;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  /** Moves behind what the pattern finds right here; answers whether that was anything. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found !== "";
  }

  #fault(fact: string): JsonFault {
    return new JsonFault(this.#text, this.#at, fact);
  }
}

/** A way to a value: keys of objects, numbers of items. */
export type JsonPath = readonly (string | number)[];

/** The value that a path leads to, or null where there is none. */
export function nodeAt(root: JsonNode, path: JsonPath): JsonNode | null {
  let node: JsonNode | undefined = root;
  for (const step of path) {
    node = typeof step === "number"
      ? node.items?.[step]
      : node.members?.findLast(({ key }) => key === step)?.value;
    if (!node) return null;
  }
  return node;
}
