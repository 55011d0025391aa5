/**
 * The words of a bash command, as far as they are known before it runs.
 *
 * @module
 */

import type { Word, WordPart } from "unbash";
import { escapeGlob } from "../domain/glob.ts";
import { type Argument, isHidden, known, patternOf } from "./argument.ts";

/** A word with more alternatives in braces than this is left to the shell. */
const MOST_ALTERNATIVES = 64;

/** The words that a word of the source becomes: several with braces. */
export function readWord(word: Word): Argument[] {
  const parts = word.parts;
  if (!parts) return [readBare(word)];
  if (!parts.some(({ type }) => type === "BraceExpansion")) return [readParts(word.text, parts)];
  const variants = expandBraces(parts);
  return variants?.map((variant) => readParts(variant[0]?.text ?? "", variant)) ??
    [{ text: "", kind: "many" }];
}

/** A word without quotes and expansions. */
function readBare({ text, value }: Word): Argument {
  if (!value.startsWith("~")) return known(value);
  if (!text.startsWith("~")) return known(`./${value}`);
  // whose home `~name` is, and where `~+` was, only the shell knows
  return value === "~" || value.startsWith("~/") ? known(value) : { text: "", kind: "one" };
}

/** Puts the parts of a word together, up to the first that only the shell knows. */
function readParts(source: string, parts: readonly WordPart[]): Argument {
  let text = "", pattern = "";
  let isGlob = false;
  for (const part of parts) {
    const literal = literalOf(part);
    if (literal !== null) {
      text += literal;
      pattern += escapeGlob(literal);
    } else if (part.type === "Glob") {
      text += part.value;
      const glob = patternOf(part.text);
      if (isHidden(glob)) return { text, kind: "many" };
      pattern += glob.text;
      isGlob = true;
    } else {
      return { text, kind: countOf(part) };
    }
  }
  if (isGlob) return { text: pattern, kind: "glob" };
  if (!text.startsWith("~")) return known(text);
  const isHome = source.startsWith("~/");
  return source.startsWith("~") && !isHome
    ? { text: "", kind: "one" }
    : known(isHome ? text : `./${text}`);
}

/** What a part says if it is known, null if only the shell knows it. */
function literalOf(part: WordPart): string | null {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
    case "AnsiCQuoted":
      return part.value;
    case "DoubleQuoted":
    case "LocaleString": {
      let text = "";
      for (const inner of part.parts) {
        if (inner.type !== "Literal") return null;
        text += inner.value;
      }
      return text;
    }
    default:
      return null;
  }
}

/** Whether a part that only the shell knows stays one word: within quotes, but for `"$@"`. */
function countOf(part: WordPart): "one" | "many" {
  if (part.type === "ProcessSubstitution" || part.type === "ArithmeticExpansion") return "one";
  if (part.type !== "DoubleQuoted" && part.type !== "LocaleString") return "many";
  const isList = part.parts.some(({ type, text }) => type !== "Literal" && text.includes("@"));
  return isList ? "many" : "one";
}

/** The product of the alternatives in braces; null where they are not plain. */
function expandBraces(parts: readonly WordPart[]): WordPart[][] | null {
  let variants: WordPart[][] = [[]];
  for (const part of parts) {
    const alternatives = part.type === "BraceExpansion" ? splitBraces(part.text) : [part];
    if (!alternatives || variants.length * alternatives.length > MOST_ALTERNATIVES) return null;
    variants = variants.flatMap((variant) => alternatives.map((one) => [...variant, one]));
  }
  return variants;
}

/** The alternatives of `{a,b}`; null of a range, or with quotes or anything nested inside. */
function splitBraces(text: string): WordPart[] | null {
  const inner = text.slice(1, -1);
  if (!inner.includes(",") || /[{}"'`$\\*?[\]]/.test(inner)) return null;
  return inner.split(",").map((value) => ({ type: "Literal", pos: 0, end: 0, value, text: value }));
}
