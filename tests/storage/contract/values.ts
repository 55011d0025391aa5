import { type Json, parseJson } from "../../../src/domain/json.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { assertFails, type Clause, refusalOf, valueOf } from "./clause.ts";

/** A list in a list in … of so many levels. */
function nested(levels: number): Json {
  let value: Json = 0;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

function cycle(): Json {
  const value: Json[] = [];
  value.push(value);
  return value;
}

const MIB = 1024 * 1024;

/** What no store takes. */
export const REFUSED_VALUES: Record<string, unknown> = {
  "NaN": NaN,
  "Infinity": [-Infinity],
  "undefined": undefined,
  "undefined in a list": [undefined],
  "undefined in an object": { a: undefined },
  "a hole": new Array(3),
  "a BigInt": 5n,
  "a Date": new Date(0),
  "a Map": new Map([[1, 2]]),
  "a lone surrogate": "a\ud800b",
  "a lone surrogate as a key": { "\udc00": 1 },
  "65 levels": nested(65),
  "3,000 levels": nested(3_000),
  "a cycle": cycle(),
  "one byte too many": "x".repeat(MIB - 1),
  "too many bytes in fewer characters": "é".repeat(MIB / 2),
};

const TEXTS = [
  "plain",
  "a\0b",
  "\u2028\u2029\u0085\ufeff\u202e",
  '"\\/\b\f\n\r\t',
  "日本語 😀 👨‍👩‍👧 \u{10ffff} \ufffe",
  "]]>&lt;</script>",
  "${x} %s {0}",
];

/** Any JSON value goes in and comes out; nothing else does. */
export const VALUES: Clause[] = [
  {
    name: "`store()` keeps text of any characters, as values and in them",
    async check({ a, b }) {
      for (const text of TEXTS) {
        const value = { [text]: [text, { [text]: text }] };
        await a.store("s", "k", text);
        assertEquals(await valueOf(b, "s", "k"), text);
        await a.store("s", "k", value, { author: text });
        const entry = await b.retrieve("s", "k");
        assertEquals([entry?.value, entry?.author], [value, text]);
      }
    },
  },
  {
    name: "`store()` keeps every digit of large numbers",
    async check({ a, b }) {
      const text = '{"big":[12345678901234567890,-9007199254740993],"huge":1e400,"deep":' +
        '[{"__proto__":-1e999}],"plain":[0,-1,1.5,1e-7,9007199254740991,5e-324]}';
      await a.store("s", "k", parseJson(text));
      assertEquals(JSON.stringify(await valueOf(b, "s", "k")), text);
      await b.store("s", "l", 1); // rewriting what was read must not round either
      await b.store("s", "copy", (await b.retrieve("s", "k"))!.value);
      assertEquals(JSON.stringify(await valueOf(a, "s", "k")), text);
      assertEquals(JSON.stringify(await valueOf(a, "s", "copy")), text);
      await a.store("s", "k", parseJson("1e400"));
      assertEquals(JSON.stringify(await valueOf(b, "s", "k")), "1e400");
    },
  },
  {
    name: "`store()` keeps members with names of JavaScript's own",
    async check({ a, b }) {
      const text = '{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}},"toJSON":3,' +
        '"rawJSON":"4","then":5,"hasOwnProperty":null,"length":6,"entry":{"version":7}}';
      await a.store("s", "k", parseJson(text));
      const value = await valueOf(b, "s", "k") as Record<string, Json>;
      assertEquals(JSON.stringify(value), text);
      assert(Object.hasOwn(value, "__proto__"));
      assertEquals(({} as Record<string, unknown>).x, undefined, "nothing was polluted");
      assertEquals(({} as Record<string, unknown>).y, undefined, "nothing was polluted");
    },
  },
  {
    name: "`store()` takes 64 levels and large values up to the limit",
    async check({ a, b }) {
      for (const value of [nested(64), "x".repeat(MIB - 2), "é".repeat(MIB / 2 - 1)]) {
        assert((await a.store("s", "k", value)).ok);
        assert(JSON.stringify(await valueOf(b, "s", "k")) === JSON.stringify(value));
      }
    },
  },
  {
    name: "`store()` replaces large values by others, from both clients",
    async check({ a, b }) {
      const large = (char: string) => ({ text: char.repeat(900_000), tail: char });
      await a.store("s", "k", large("a"));
      await b.store("s", "l", large("日".slice(0, 1)).tail);
      await b.store("s", "k", large("b"));
      assert(JSON.stringify(await valueOf(a, "s", "k")) === JSON.stringify(large("b")));
      await a.store("s", "k", "small");
      assertEquals(await valueOf(b, "s", "k"), "small");
      await b.store("s", "k", large("c"));
      await a.delete("s", "k");
      assertEquals(await b.retrieve("s", "k"), null);
      assertEquals(await b.listKeys("s"), ["l"]);
    },
  },
  {
    name: "`retrieve()` sees large values whole while they are being replaced",
    async check({ a, b }) {
      const large = (i: number) => [i, `${i}`.repeat(100_000), i];
      await a.store("s", "k", large(0));
      const write = async () => {
        for (let i = 1; i < 8; i++) await a.store("s", "k", large(i));
      };
      const read = async () => {
        for (let last = 0; last < 7;) {
          const [first, text, end] = await valueOf(b, "s", "k") as [number, string, number];
          assert(first === end && text === `${first}`.repeat(100_000), "parts of two values");
          assert(first >= last, "time runs forward");
          last = first;
        }
      };
      await Promise.all([write(), read()]);
    },
  },
  {
    name: "`store()` refuses what is no JSON value and changes nothing",
    async check({ a, b }) {
      await a.store("s", "k", "before", { author: "claude_1" });
      const before = await b.retrieve("s", "k");
      for (const [what, value] of Object.entries(REFUSED_VALUES)) {
        await assertFails("value_refused", () => b.store("s", "k", value as Json), what);
        await assertFails("value_refused", () => a.store("new", "k", value as Json), what);
      }
      assertEquals(await a.retrieve("s", "k"), before);
      assertEquals(await a.listScopes(), ["s"]);
      assert((await b.store("s", "k", "after")).ok, "the scope is unharmed");
    },
  },
  {
    name: "`store()` keeps a copy: changing the value afterwards changes nothing",
    async check({ a, b }) {
      const value = { list: [1], text: "x" };
      await a.store("s", "k", value);
      value.list.push(2);
      value.text = "y";
      assertEquals(await valueOf(a, "s", "k"), { list: [1], text: "x" });
      assertEquals(await valueOf(b, "s", "k"), { list: [1], text: "x" });
    },
  },
  {
    name: "`store()` takes the value as it was when it was called",
    async check({ a, b }) {
      const value = { list: [1], number: 1 };
      const stored = a.store("s", "k", value);
      value.list.push(2);
      value.number = NaN; // what was checked is what is written
      await stored;
      assertEquals(await valueOf(b, "s", "k"), { list: [1], number: 1 });
    },
  },
  {
    name: "`retrieve()` gives a copy: changing it changes nothing",
    async check({ a, b }) {
      await a.store("s", "k", { list: [1] });
      for (const store of [a, b]) {
        const { value } = (await store.retrieve("s", "k"))!;
        (value as { list: number[] }).list.push(2);
      }
      assertEquals(await valueOf(a, "s", "k"), { list: [1] });
      assertEquals(await valueOf(b, "s", "k"), { list: [1] });
    },
  },
  {
    name: "a refusal gives a copy: changing it changes nothing",
    async check({ a, b }) {
      await a.store("s", "k", { list: [1] });
      const lost = refusalOf(await a.store("s", "k", 1, { expected: "absent" }));
      (lost.current!.value as { list: number[] }).list.push(2);
      assertEquals(await valueOf(a, "s", "k"), { list: [1] });
      assertEquals(await valueOf(b, "s", "k"), { list: [1] });
    },
  },
];
