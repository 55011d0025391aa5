import { assert, assertEquals } from "../../support/assert.ts";
import { assertFails, type Clause, valueOf } from "./clause.ts";

/** Names that file systems, path rules or JavaScript objects confuse or reject. */
export const HOSTILE_NAMES: readonly string[] = [
  ...["a:b", "a/b", "a__b", "A:B", "A/b", "a_b", "a:_b", "a_:b", "a::b", "a", "b", "ab"],
  ...["a.", "a. ", "a ", " a", "a..", ".", "..", "...", "../a", "../../a", "/a", "a/", "/", ":"],
  ...["CON", "con", "CON.txt", "nul", "NUL", "COM1", "lpt9.x", "aux:a", "~", "~/a", "a~b"],
  ...[".git", ".gitignore", ".csc", ".csc/locks/00", "a.json", "a.JSON", "A.json", ".json"],
  ...["a\0b", "a\0", "\0", "a\nb", "a\tb", "a\\b", "a\u0007", "a\u007f", "a\u2028b"],
  ...["a*b", "a?b", "[a]", "a]b", "a|b", "a<b>", 'a"b', "'a'", "a%2fb", "a%3Ab", "$HOME", "`a`"],
  ...["עברית", "العربية", "a\u202eb", "ab\u200f", "é", "e\u0301", "ﬁ", "fi", "İ", "i", "I", "ı"],
  ...["日本語", "😀", "👨‍👩‍👧", "ß", "ss", "SS", "ẞ", "\ufeff", "a\ufeffb", "\u00a0", "\u{10ffff}"],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", "valueOf"],
  ...["0", "1", "10", "01", "-1", "-0", "1e3", "NaN", "null", "undefined", "true", "scope", "data"],
  ...["x".repeat(300), "X".repeat(300), `${"x".repeat(299)}y`, "日".repeat(300), "/".repeat(300)],
  ...["x".repeat(1024), `${"x".repeat(1023)}y`, "日".repeat(1024), "😀".repeat(512)],
];

const BAD_NAMES: Record<string, string> = {
  "an empty name": "",
  "1,025 characters": "x".repeat(1025),
  "a lone high surrogate": "a\ud800",
  "a lone low surrogate": "\udc00a",
};

/** Scopes and keys are any text, and two different ones never meet. */
export const NAMES: Clause[] = [
  {
    name: "scopes of any text are distinct",
    async check({ a, b }) {
      for (const scope of HOSTILE_NAMES) {
        const label = JSON.stringify(scope.slice(0, 20));
        assert((await a.store(scope, "k", scope, { expected: "absent" })).ok, label);
      }
      for (const scope of HOSTILE_NAMES) {
        const label = JSON.stringify(scope.slice(0, 20));
        assertEquals(await valueOf(b, scope, "k"), scope, label);
        assertEquals(await b.listKeys(scope), ["k"], label);
      }
      assertEquals(await b.listScopes(), HOSTILE_NAMES.toSorted());
    },
  },
  {
    name: "scopes that look alike are deleted one by one",
    async check({ a, b }) {
      const scopes = ["a:b", "a/b", "a__b", "A:b", "a:b.", "a: b", "a:b "];
      for (const scope of scopes) await a.store(scope, "k", scope);
      for (const [i, scope] of scopes.entries()) {
        assertEquals(await (i % 2 ? a : b).deleteScope(scope), true);
        assertEquals(await a.listScopes(), scopes.slice(i + 1).sort());
        for (const rest of scopes.slice(i + 1)) assertEquals(await valueOf(b, rest, "k"), rest);
      }
    },
  },
  {
    name: "scopes that look alike can come back in another order",
    async check({ a, b }) {
      await a.store("a:b", "k", 1);
      await b.store("a/b", "k", 2);
      await a.delete("a:b", "k");
      await b.store("a/b", "l", 3);
      await a.store("a__b", "k", 4);
      await b.store("a:b", "k", 5);
      assertEquals(await a.listScopes(), ["a/b", "a:b", "a__b"]);
      assertEquals(await a.listKeys("a/b"), ["k", "l"]);
      assertEquals(await valueOf(b, "a__b", "k"), 4);
      assertEquals(await valueOf(b, "a:b", "k"), 5);
      assertEquals(await valueOf(a, "a/b", "k"), 2);
    },
  },
  {
    name: "keys of any text are distinct",
    async check({ a, b }) {
      await Promise.all(
        HOSTILE_NAMES.map((key, i) => (i % 2 ? a : b).store("s", key, key, { author: key })),
      );
      assertEquals(await b.listKeys("s"), HOSTILE_NAMES.toSorted());
      for (const key of HOSTILE_NAMES) {
        const entry = await b.retrieve("s", key);
        assertEquals([entry?.value, entry?.author], [key, key]);
      }
      for (const key of HOSTILE_NAMES.slice(0, 5)) {
        assertEquals(await a.delete("s", key), { ok: true, existed: true });
      }
      assertEquals(await b.listKeys("s"), HOSTILE_NAMES.slice(5).sort());
    },
  },
  {
    name: "keys that every JavaScript object has are absent until stored",
    async check({ a, b }) {
      const keys = ["__proto__", "constructor", "toString", "hasOwnProperty"];
      await a.store("s", "k", 1);
      for (const key of keys) {
        assertEquals(await b.retrieve("s", key), null, key);
        assertEquals(await b.delete("s", key), { ok: true, existed: false }, key);
        assertEquals(await a.increment("s", key), 1, key);
        assertEquals((await b.retrieve("s", key))?.fence, null, key);
        assert((await a.store("s", key, { [key]: 1 }, { fence: 3, ttlMs: 60_000 })).ok, key);
        assertEquals((await b.retrieve("s", key))?.fence, 3, key);
        assertEquals(await b.delete("s", key), { ok: true, existed: true }, key);
      }
      assertEquals(await b.listKeys("s"), ["k"]);
    },
  },
  {
    name: "scope and key are two names, however they are joined",
    async check({ a, b }) {
      const pairs = [
        ["a:b", "c"],
        ["a", "b:c"],
        ["a/b", "c"],
        ["a", "b/c"],
        ["a\0b", "c"],
        [
          "a",
          "b\0c",
        ],
        ["ab", "c"],
        ["a", "bc"],
      ];
      for (const [scope, key] of pairs) await a.store(scope, key, `${scope}|${key}`);
      for (const [scope, key] of pairs) {
        assertEquals(await valueOf(b, scope, key), `${scope}|${key}`);
      }
      assertEquals(await b.listKeys("a"), ["b\0c", "b/c", "b:c", "bc"]);
    },
  },
  {
    name: "names that are no names are refused by every method",
    async check({ a, b }) {
      for (const [what, name] of Object.entries(BAD_NAMES)) {
        for (const [scope, key] of [[name, "k"], ["s", name]]) {
          await assertFails("invalid_argument", () => a.store(scope, key, 1), what);
          await assertFails("invalid_argument", () => b.retrieve(scope, key), what);
          await assertFails("invalid_argument", () => a.delete(scope, key), what);
          await assertFails("invalid_argument", () => b.increment(scope, key), what);
        }
        await assertFails("invalid_argument", () => b.listKeys(name), what);
        await assertFails("invalid_argument", () => a.deleteScope(name), what);
      }
      assertEquals(await a.listScopes(), []);
    },
  },
];
