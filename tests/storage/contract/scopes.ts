import { assertEquals } from "../../support/assert.ts";
import { type Clause, valueOf } from "./clause.ts";

const SCOPES = [
  "laptop:owner/repo:instances",
  "laptop:owner/repo:session:claude_1",
  "laptop:owner/repo:session:claude_2",
  "laptop:owner/repo:session:claude_10",
  "desktop:owner/repo:session:claude_1",
  "desktop:other/repo:issue:15",
  "desktop",
  "Desktop",
  "a*b",
  "a?b",
  "[ab]",
  "a\nb",
  "😀",
];

const GLOBS: Record<string, readonly string[]> = {
  "*": SCOPES,
  "**": SCOPES,
  "desktop": ["desktop"],
  "desk": [],
  "laptop:*": SCOPES.slice(0, 4),
  "*:owner/*:session:*": SCOPES.slice(1, 5),
  "*:session:claude_?": [SCOPES[1], SCOPES[2], SCOPES[4]],
  "*claude_[12]": [SCOPES[1], SCOPES[2], SCOPES[4]],
  "*claude_[!1]": [SCOPES[2]],
  "*claude_[2-9]": [SCOPES[2]],
  "laptop*": SCOPES.slice(0, 4),
  "*/repo:*:15": [SCOPES[5]],
  "[dD]esktop": ["desktop", "Desktop"],
  "[!d]esktop": ["Desktop"],
  "a[*]b": ["a*b"],
  "a[?]b": ["a?b"],
  "a?b": ["a*b", "a?b", "a\nb"],
  "[[]ab]": ["[ab]"],
  "[ab]": [],
  "a[b": [],
  "?": ["😀"],
  "": [],
  "(desktop|Desktop)": [],
  "desktop.*": [],
  "laptop__*": [],
};

/** `listScopes()`. */
export const SCOPE_LISTS: Clause[] = [
  {
    name: "`listScopes()` answers none for an empty store",
    async check({ a, b }) {
      assertEquals(await a.listScopes(), []);
      assertEquals(await b.listScopes("*"), []);
    },
  },
  {
    name: "`listScopes()` matches globs whose `*` crosses `:` and `/`",
    async check({ a, b }) {
      for (const scope of SCOPES) await a.store(scope, "k", 1);
      for (const [pattern, expected] of Object.entries(GLOBS)) {
        assertEquals(await b.listScopes(pattern), expected.toSorted(), pattern);
      }
      assertEquals(await a.listScopes(), SCOPES.toSorted());
      assertEquals(await a.listScopes(undefined), SCOPES.toSorted());
    },
  },
  {
    name: "`listScopes()` sorts by code unit and names a scope once",
    async check({ a, b }) {
      const scopes = ["b", "a", "B", "_", "10", "9", "é", "\ufffd", "\u{1f600}", "a:", "a b"];
      for (const scope of scopes) {
        await a.store(scope, "k", 1);
        await b.store(scope, "l", 1);
      }
      assertEquals(await a.listScopes(), scopes.toSorted());
    },
  },
  {
    name: "`listScopes()` leaves out scopes without keys",
    async check({ a, b }) {
      await a.store("by-delete", "k", 1);
      await a.store("by-delete-scope", "k", 1);
      await a.store("kept", "k", 1);
      await a.store("kept", "l", 1);
      await b.delete("by-delete", "k");
      await b.deleteScope("by-delete-scope");
      await b.delete("kept", "k");
      assertEquals(await a.listScopes(), ["kept"]);
      assertEquals(await b.listScopes("by-*"), []);
      await b.store("by-delete", "k", 1);
      assertEquals(await a.listScopes("by-*"), ["by-delete"]);
    },
  },
  {
    name: "`listScopes()` answers at once for a glob with many stars",
    async check({ a, b }) {
      const scope = "a".repeat(1000);
      await a.store(scope, "k", 1);
      const start = performance.now();
      assertEquals(await b.listScopes(`${"*a".repeat(30)}*b`), []);
      const ms = performance.now() - start;
      assertEquals(ms < 2_000, true, `${ms} ms; a matcher that backtracks needs years`);
      assertEquals(await valueOf(b, scope, "k"), 1);
    },
  },
];
