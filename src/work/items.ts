/**
 * Lists of work that several hands take from: read from what a person, a program or the project's
 * shared data says.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";

/** One piece of work. */
export interface Item {
  /** An issue's number, or another name. */
  readonly issue: string;
  /** Empty where nothing is said. */
  readonly title: string;
}

/** A name of an issue: its number, or a key such as `SHOP-12`. */
const ISSUE = /^#?([A-Za-z0-9][\w.-]{0,99})$/;
const MAX_ITEMS = 10_000;
/** What a title in a label is cut to. */
const MAX_TITLE = 200;

/** The name of an issue without `#`, or null where it is none. */
export function issueIn(word: string): string | null {
  return ISSUE.exec(word)?.[1] ?? null;
}

/** A title as it can be shown: one line, not too long. */
export function titleOf(text: string): string {
  return [...text.toWellFormed().replace(/[\p{Cc}\s]+/gu, " ").trim()].slice(0, MAX_TITLE).join("");
}

/**
 * The items of a text: a JSON list, or one item a line: `167 Player landing page`. Empty lines and
 * those that begin with `# ` do not count.
 *
 * @param what Names the text in errors.
 * @throws {CoordinatorError} `invalid_argument` where something in it is no item.
 */
export function itemsInText(text: string, what: string): Item[] {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) {
    try {
      return itemsInJson(JSON.parse(trimmed), what);
    } catch (error) {
      if (error instanceof CoordinatorError) throw error;
      throw noItem(what, "it begins like JSON, and is none");
    }
  }
  const lines = trimmed.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !/^#(\s|$)/.test(line));
  return checked(
    lines.map((line) => {
      const [, word, title = ""] = /^(\S+)\s*(.*)$/.exec(line)!;
      return itemOf(word.replace(/:$/, ""), title, what);
    }),
    what,
  );
}

/**
 * The items of a JSON list: numbers, texts, or objects with `number` (or `issue`, `id`, `key`) and
 * `title`, as `gh issue list --json number,title` prints them.
 *
 * @throws {CoordinatorError} `invalid_argument`.
 */
export function itemsInJson(value: Json, what: string): Item[] {
  if (!Array.isArray(value)) throw noItem(what, "it is no list");
  return checked(
    value.map((one): Item => {
      if (typeof one === "number") return itemOf(String(one), "", what);
      if (typeof one === "string") return itemOf(one, "", what);
      if (!isObject(one)) {
        throw noItem(what, "an entry is neither a number nor a text nor an object");
      }
      const name = one.number ?? one.issue ?? one.id ?? one.key ?? null;
      if (typeof name !== "number" && typeof name !== "string") {
        throw noItem(what, "an entry has no 'number'");
      }
      return itemOf(String(name), typeof one.title === "string" ? one.title : "", what);
    }),
    what,
  );
}

/** An item by its name and title. */
export function itemOf(word: string, title: string, what: string): Item {
  const issue = issueIn(word);
  if (issue === null) throw noItem(what, `'${[...word].slice(0, 40).join("")}' names no issue`);
  return { issue, title: titleOf(title) };
}

/** Each item once; the first title counts. */
function checked(items: readonly Item[], what: string): Item[] {
  if (items.length > MAX_ITEMS) throw noItem(what, `it has more than ${MAX_ITEMS} items`);
  const found = new Map<string, Item>();
  for (const item of items) {
    if (!found.has(item.issue)) found.set(item.issue, item);
  }
  return [...found.values()];
}

function noItem(what: string, fact: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `Cannot read items from ${what}: ${fact}`,
    'Write one a line, such as `167 Player landing page`, or a JSON list such as [167, {"number": 168, "title": "…"}].',
  );
}
