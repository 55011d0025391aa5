/**
 * Splits a PowerShell text into words and marks. Ours, as no package reads PowerShell; the backtick
 * is its escape, the backslash is a character like any other.
 *
 * @module
 */

import type { Argument } from "./argument.ts";

/** A piece of a PowerShell text. */
export type Token =
  | {
    readonly type: "word";
    readonly argument: Argument;
    /** Whether it can name a command or a parameter: it begins with neither quote nor variable. */
    readonly isBare: boolean;
  }
  | {
    /** `;` (also for a new line), `|`, `&&`, `||`, `&`, `,`, `(`, `)`, `{`, `}`, `@{`. */
    readonly type: "mark";
    readonly text: string;
  }
  | {
    /** `>`, `>>`, `2>`; the target follows. */
    readonly type: "redirection";
    readonly text: string;
  };

/** Splits a text; null where PowerShell would refuse it whole: a quote or bracket is left open. */
export function splitPowershell(text: string): Token[] | null {
  const splitter = new Splitter(text);
  const tokens: Token[] = [];
  const open: string[] = [];
  for (let token = splitter.next(); token; token = splitter.next()) {
    tokens.push(token);
    if (token.type !== "mark") continue;
    const mark = token.text;
    if (mark === "(" || mark.endsWith("{")) open.push(mark === "(" ? ")" : "}");
    else if ((mark === ")" || mark === "}") && open.pop() !== mark) return null;
  }
  return splitter.isBroken || open.length > 0 ? null : tokens;
}

const ENDS_WORD = new Set(" \t\r\n\v\f\u00a0;|&(){},>");
const BLANK = new Set(" \t\r\v\f\u00a0");
const IN_NAME = /[\w:?^$]/;

class Splitter {
  readonly #text: string;
  #at = 0;
  /** Whether a quote or a comment is left open. */
  isBroken = false;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token | null {
    do this.#skipBlanks(); while (this.#skipHarmlessRedirection());
    const text = this.#text;
    const char = text[this.#at];
    if (char === undefined) return null;
    const pair = text.slice(this.#at, this.#at + 2);
    if (char === "\n" || char === ";") return this.#mark(";", 1);
    if (pair === "&&" || pair === "||" || pair === "@{") return this.#mark(pair, 2);
    if (pair === "$(" || pair === "@(") return this.#mark("(", 2);
    if (/[|&,(){}]/.test(char)) return this.#mark(char, 1);
    return this.#redirection() ?? this.#word();
  }

  #mark(text: string, length: number): Token {
    this.#at += length;
    return { type: "mark", text };
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      const char = text[this.#at];
      if (BLANK.has(char)) this.#at++;
      else if (char === "`" && this.#continuesLine()) {
        this.#at += text[this.#at + 1] === "\r" ? 3 : 2;
      } else if (char === "#") this.#skipTo("\n", 0);
      else if (char === "<" && text[this.#at + 1] === "#") {
        if (!this.#skipTo("#>", 2)) this.isBroken = true;
      } else return;
    }
  }

  /** Whether the backtick here stands at the end of its line. */
  #continuesLine(): boolean {
    return /^\r?\n/.test(this.#text.slice(this.#at + 1, this.#at + 3));
  }

  /** Goes to a text, and so far beyond; to the end if it is not there. */
  #skipTo(mark: string, beyond: number): boolean {
    const end = this.#text.indexOf(mark, this.#at);
    this.#at = end < 0 ? this.#text.length : end + beyond;
    return end >= 0;
  }

  /** Skips `2>&1` and `> $null`, which write no file; answers whether there was one. */
  #skipHarmlessRedirection(): boolean {
    const start = this.#text.slice(this.#at, this.#at + 16);
    const found = /^[\d*]?>(&\d|>?[ \t]*\$null(?!\w))/i.exec(start)?.[0];
    this.#at += found?.length ?? 0;
    return found !== undefined;
  }

  /** `>`, `>>`, `2>`, `*>>`. */
  #redirection(): Token | null {
    const found = /^[\d*]?>>?/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0];
    if (!found) return null;
    this.#at += found.length;
    return { type: "redirection", text: found };
  }

  #word(): Token {
    const text = this.#text;
    const start = this.#at;
    const isBare = !/['"$@\d]/.test(text[start]);
    const here = /^@['"]\s*\n/.exec(text.slice(start, start + 64));
    if (here) return this.#hereString(text[start + 1], here[0].length);
    const word = new WordBuilder();
    while (this.#at < text.length && !ENDS_WORD.has(text[this.#at])) {
      const char = text[this.#at];
      if (char === "'") this.#single(word);
      else if (char === '"') this.#double(word);
      else if (char === "`") {
        if (this.#continuesLine()) break;
        this.#escape(word);
      } else if (char === "$" && this.#skipVariable()) word.hide("many");
      else {
        // `$true` and `$false` are left as they are
        if (char === "@" && this.#at === start) word.hide("many"); // @list, a list of arguments
        word.add(char);
        this.#at++;
      }
    }
    return { type: "word", argument: word.argument, isBare };
  }

  /** `@'` and `@"`: up to the same quote at the start of a line. */
  #hereString(quote: string, opening: number): Token {
    this.#at += opening - 1;
    const start = this.#at + 1;
    if (!this.#skipTo(`\n${quote}@`, 3)) this.isBroken = true;
    const text = this.#text.slice(start, Math.max(start, this.#at - 3));
    const isHidden = quote === '"' && text.includes("$");
    const argument: Argument = { text: isHidden ? "" : text, kind: isHidden ? "one" : "text" };
    return { type: "word", argument, isBare: false };
  }

  #single(word: WordBuilder): void {
    for (;;) {
      const start = this.#at + 1;
      this.#at = start;
      if (!this.#skipTo("'", 1)) this.isBroken = true;
      word.add(this.#text.slice(start, this.isBroken ? undefined : this.#at - 1));
      if (this.#text[this.#at] !== "'" || this.isBroken) return;
      word.add("'"); // two of them stand for one
    }
  }

  #double(word: WordBuilder): void {
    const text = this.#text;
    this.#at++;
    while (this.#at < text.length) {
      const char = text[this.#at];
      if (char === "`") this.#escape(word);
      else if (char === '"' && text[this.#at + 1] !== '"') {
        this.#at++;
        return;
      } else if (char === "$" && this.#skipVariable()) word.hide("one");
      else {
        this.#at += char === '"' ? 2 : 1;
        word.add(char);
      }
    }
    this.isBroken = true;
  }

  #escape(word: WordBuilder): void {
    const char = this.#text[this.#at + 1] ?? "";
    word.add(ESCAPES[char] ?? char);
    this.#at += 2;
  }

  /** Skips `$name`, `${name}` or `$(…)`; answers whether there was one. */
  #skipVariable(): boolean {
    const text = this.#text;
    const next = text[this.#at + 1] ?? "";
    if (next === "(") this.#skipNested();
    else if (next === "{") {
      if (!this.#skipTo("}", 1)) this.isBroken = true;
    } else if (/^\$(true|false)(?!\w)/i.test(text.slice(this.#at, this.#at + 7))) return false;
    else if (IN_NAME.test(next)) {
      this.#at += 2;
      while (this.#at < text.length && /\w/.test(text[this.#at])) this.#at++;
    } else return false;
    return true;
  }

  /** Skips `$(…)`, with all that may be within: strings, and more of its kind within these. */
  #skipNested(): void {
    const text = this.#text;
    const open: ("code" | "string")[] = ["code"];
    this.#at += 2;
    while (this.#at < text.length && open.length > 0) {
      const char = text[this.#at];
      const isString = open.at(-1) === "string";
      if (char === "`") this.#at++;
      else if (char === '"') {
        if (isString) open.pop();
        else open.push("string");
      } else if (isString) {
        if (char === "$" && text[this.#at + 1] === "(") {
          open.push("code");
          this.#at++;
        }
      } else if (char === "'") {
        this.#at++;
        this.#skipTo("'", 0);
      } else if (char === "(") open.push("code");
      else if (char === ")") open.pop();
      this.#at++;
    }
    if (open.length > 0) this.isBroken = true;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "0": "\0" };

/** Puts a word together, up to what only the shell knows. */
class WordBuilder {
  #text = "";
  #kind: Argument["kind"] = "text";

  add(text: string): void {
    if (this.#kind === "text") this.#text += text;
  }

  hide(kind: "one" | "many"): void {
    if (this.#kind === "text") this.#kind = kind;
  }

  get argument(): Argument {
    return { text: this.#text, kind: this.#kind };
  }
}
