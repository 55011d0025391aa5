/**
 * YAML as configuration files need it: the values of JSON, with the line of each. Through the library
 * `yaml`: std's parser is a quarter of its size but does not say where a key stands, which errors name.
 *
 * @module
 */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import type { Json } from "../domain/json.ts";

/** A value and where it stands. */
export interface YamlNode {
  readonly value: Json;
  /** The line of its key, or of the value itself in a list; from 1. */
  readonly line: number;
  /** What a mapping or a list holds, by key or index. */
  readonly parts: ReadonlyMap<string, YamlNode>;
}

/** What is wrong with a text; says what it is and where, and quotes no value. */
export interface YamlFault {
  readonly line: number;
  readonly message: string;
  readonly fix: string;
}

const MAX_DEPTH = 32;

const NOTHING: ReadonlyMap<string, YamlNode> = new Map();

/** Reads a text; an empty one is null. */
export function readYaml(text: string): { node: YamlNode } | { fault: YamlFault } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: "core",
    resolveKnownTags: false,
    logLevel: "error",
  });
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const [first] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (first) return { fault: faultOf(first, lineAt(first.pos[0])) };
  let fault: YamlFault | null = null;
  visit(document, (_key, node) => {
    if (!isAlias(node)) return;
    fault = { line: lineAt(node.range?.[0] ?? 0), ...STAR };
    return visit.BREAK;
  });
  if (fault) return { fault };
  try {
    return { node: convert(document.contents as ParsedNode | null, null, lineAt, 0) };
  } catch (error) {
    if (error instanceof Unfit) return { fault: error.fault };
    throw error;
  }
}

/** Ends a conversion from its depth. */
class Unfit extends Error {
  readonly fault: YamlFault;

  constructor(fault: YamlFault) {
    super(fault.message);
    this.fault = fault;
  }
}

function convert(
  node: ParsedNode | null,
  keyOffset: number | null,
  lineAt: (offset: number) => number,
  depth: number,
): YamlNode {
  const line = lineAt(keyOffset ?? node?.range[0] ?? 0);
  if (depth > MAX_DEPTH) throw new Unfit({ line, ...TOO_DEEP });
  if (isMap(node)) {
    const parts = new Map<string, YamlNode>();
    for (const { key, value } of node.items) {
      const offset = (key as ParsedNode | null)?.range[0] ?? 0;
      const name = isScalar(key) && key.value !== null ? String(key.value) : null;
      if (name === null) throw new Unfit({ line: lineAt(offset), ...ODD_KEY });
      if (parts.has(name)) throw new Unfit({ line: lineAt(offset), ...TWICE });
      parts.set(name, convert(value as ParsedNode | null, offset, lineAt, depth + 1));
    }
    const entries = [...parts].map(([name, part]) => [name, part.value]);
    return { value: Object.fromEntries(entries), line, parts };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(item as ParsedNode, null, lineAt, depth + 1));
    const parts = new Map(items.map((item, i) => [String(i), item]));
    return { value: items.map(({ value }) => value), line, parts };
  }
  return { value: isScalar(node) ? node.value as Json : null, line, parts: NOTHING };
}

const STAR = {
  message: "What starts with '*' is an alias in YAML, which is not supported here",
  fix: 'Put globs in quotes, such as "*.py"; write out what an alias would stand for.',
};
const TAG = {
  message: "What starts with '!' is a tag in YAML, which is not supported here",
  fix: 'Put globs in quotes, such as "!tests/"; leave tags out.',
};
const TOO_DEEP = { message: "It nests too deep", fix: "No key nests deeper than four levels." };
const ODD_KEY = { message: "A key is no text", fix: "Give it a name." };
const TWICE = { message: "A key is there twice", fix: "Remove one of the two." };

/** By the library's code, where its own words are not enough or could quote the file. */
const FAULTS: { readonly [code in YAMLError["code"]]?: Omit<YamlFault, "line"> } = {
  BAD_ALIAS: STAR,
  ALIAS_PROPS: STAR,
  TAG_RESOLVE_FAILED: TAG,
  MULTIPLE_TAGS: TAG,
  DUPLICATE_KEY: TWICE,
  RESOURCE_EXHAUSTION: TOO_DEEP,
  NON_STRING_KEY: ODD_KEY,
  TAB_AS_INDENT: {
    message: "A tab is used as indentation",
    fix: "Indent with spaces.",
  },
  MULTIPLE_DOCS: {
    message: "There is more than one document",
    fix: "Remove the line '---' and what follows it.",
  },
  BAD_DIRECTIVE: { message: "A line that starts with '%' is unknown", fix: "Remove it." },
  BAD_SCALAR_START: {
    message: "A text starts with a character that has a meaning in YAML",
    fix: "Put it in quotes.",
  },
  MISSING_CHAR: {
    message: "A quote, a bracket, a comma or a colon is missing",
    fix: "Add it; a value stands behind a colon and a space.",
  },
  BAD_INDENT: {
    message: "The indentation does not fit",
    fix: "Let what belongs together start in one column, deeper than its key.",
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: "A key stands where its line has a value already",
    fix: "Put it on a line of its own, or the value in quotes.",
  },
  MULTILINE_IMPLICIT_KEY: {
    message: "A key goes over more than one line",
    fix: "Put it on one line, followed by a colon; check the indentation.",
  },
};

function faultOf({ code }: YAMLError, line: number): YamlFault {
  const known = FAULTS[code];
  if (known) return { line, ...known };
  return { line, message: "This is not valid YAML", fix: "Correct it, or put the text in quotes." };
}
