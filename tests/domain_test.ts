import fc from "fast-check";
import { CoordinatorError, ERROR_EXIT_CODES, messageOf } from "../src/domain/error.ts";
import { compileGlob, escapeGlob } from "../src/domain/glob.ts";
import { encodeValue, isObject, isRawNumber, parseJson, utf8Length } from "../src/domain/json.ts";
import { didYouMean } from "../src/domain/did_you_mean.ts";
import { printable, shorten } from "../src/domain/text.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "./support/assert.ts";

const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);
const SETTINGS = { seed: SEED, path: Deno.env.get("CSC_TEST_PATH") };

/** What a glob means, by way of a regular expression. */
function oracle(pattern: string): RegExp {
  const source = pattern.replaceAll(
    /\[(!?)([^\]][^\]]*|\][^\]]*)\]|[^]/gu,
    (part, negated: string | undefined, members: string | undefined) => {
      if (part === "*") return "[^]*";
      if (part === "?") return "[^]";
      if (members === undefined) return part.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
      return `[${negated ? "^" : ""}${members.replaceAll(/[\\^\]-]/g, "\\$&")}]`;
    },
  );
  return new RegExp(`^(?:${source})$`, "u");
}

Deno.test("`compileGlob()` agrees with a regular expression", () => {
  const text = fc.array(fc.constantFrom("a", "b", ":", "/", "[", "]", "!", "*", "?", "😀", "\n"), {
    maxLength: 8,
  }).map((chars) => chars.join(""));
  const property = fc.property(text, text, (pattern, subject) => {
    assertEquals(compileGlob(pattern)(subject), oracle(pattern).test(subject));
  });
  fc.assert(property, { ...SETTINGS, numRuns: 20_000 });
});

Deno.test("`compileGlob()` knows ranges", () => {
  const cases: [string, string, string][] = [
    ["[a-c]", "abc", "dA-"],
    ["[!a-c]", "dA-", "abc"],
    ["[-a]", "-a", "b"],
    ["[a-]", "-a", "b"],
    ["[]a]", "]a", "["],
    ["[!]a]", "b[", "]a"],
    ["[c-a]", "", "abc-"],
    ["[😀-😂]", "😀😁😂", "😃a"],
    ["[a-cx-z]", "abcxyz", "dw-"],
    ["[\\]", "\\", "a"],
    ["[^a]", "^a", "b"],
  ];
  for (const [pattern, matching, others] of cases) {
    const matches = compileGlob(pattern);
    for (const char of matching) assert(matches(char), `${pattern} matches ${char}`);
    for (const char of others) assert(!matches(char), `${pattern} does not match ${char}`);
  }
});

Deno.test("`compileGlob()` takes a bracket that is never closed for itself", () => {
  assert(compileGlob("a[b")("a[b"));
  assert(compileGlob("[")("["));
  assert(compileGlob("[!")("[!"));
  assert(compileGlob("[]")("[]"));
  assert(compileGlob("[!]")("[!]"));
});

Deno.test("`compileGlob()` matches hostile globs in linear time", () => {
  const text = "a".repeat(10_000);
  const start = performance.now();
  for (const stars of [6, 50, 500]) {
    assert(!compileGlob("*a".repeat(stars) + "*b")(text));
    assert(!compileGlob("*?".repeat(stars) + "b")(text));
    assert(compileGlob("*a".repeat(stars))(text));
  }
  for (const set of ["z", "z-z", "z-a", "b-y"]) {
    assert(!compileGlob(`*[${set.repeat(500_000)}]`)(text));
    assert(compileGlob(`*[${set.repeat(500_000)}a]`)(text));
  }
  const ms = performance.now() - start;
  assert(ms < 5_000, `${ms} ms; one that backtracks would not come back at all`);
});

Deno.test("`escapeGlob()` matches its text only", () => {
  const property = fc.property(fc.string({ unit: "binary" }), fc.string(), (text, other) => {
    assert(compileGlob(escapeGlob(text))(text));
    assertEquals(compileGlob(escapeGlob(other))(text), text === other);
    assert(compileGlob(escapeGlob(text) + "*")(text + other));
  });
  fc.assert(property, { ...SETTINGS, numRuns: 2000, examples: [["a[b]*?", "a"], ["[!a]", "b"]] });
});

Deno.test("`parseJson()` keeps every digit of integers and of large exponents", () => {
  const texts = [
    "9007199254740991",
    "9007199254740992",
    "-9007199254740993",
    "12345678901234567890",
    "1e400",
    "-1e999",
    "[12345678901234567890,1]",
    '{"a":{"b":[1e400]},"12345678901234567890":1}',
    '{"__proto__":12345678901234567890}',
    "1".repeat(1000),
  ];
  for (const text of texts) assertEquals(JSON.stringify(parseJson(text)), text);
});

Deno.test("`parseJson()` keeps every digit of integers with a fraction or exponent", () => {
  // Both are the integer 9007199254740993, which no JavaScript number is.
  assertEquals(JSON.stringify(parseJson("900719925474099.3e1")), "900719925474099.3e1");
  assertEquals(JSON.stringify(parseJson("9.007199254740993e15")), "9.007199254740993e15");
});

Deno.test("`parseJson()` gives plain numbers where these are exact", () => {
  const text = "[0,-1,1.5,9007199254740991,5e-324,0.1,1e-7]";
  assertEquals(parseJson(text), [0, -1, 1.5, 9007199254740991, 5e-324, 0.1, 1e-7]);
});

Deno.test("`parseJson()` gives any integer back as it was", () => {
  const property = fc.property(fc.array(fc.bigInt()), (integers) => {
    const text = `{"list":[${integers}],"text":"${integers}"}`;
    assertEquals(JSON.stringify(parseJson(text)), text);
  });
  fc.assert(property, { ...SETTINGS, numRuns: 2000 });
});

Deno.test("`parseJson()` reads what `JSON.parse()` reads", () => {
  const property = fc.property(fc.json(), (text) => {
    assertEquals(JSON.parse(JSON.stringify(parseJson(text))), JSON.parse(text));
  });
  fc.assert(property, { ...SETTINGS, numRuns: 1000 });
  for (const text of ["", "{", "NaN", "[1,]", "'a'", "01", "undefined", "1234567890123456789x"]) {
    assertThrows(() => parseJson(text), SyntaxError);
  }
});

Deno.test("`encodeValue()` refuses what is not JSON, and says where", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const values: [unknown, RegExp][] = [
    [NaN, /value is NaN/],
    [[1, Infinity], /value\[1\] is Infinity/],
    [undefined, /undefined/],
    [{ a: () => 1 }, /function/],
    [Symbol("s"), /symbol/],
    [1n, /bigint/],
    [new Date(), /Date/],
    [[new Map()], /value\[0\] is a Map/],
    [new (class Own {})(), /Own/],
    [Object("text"), /String/],
    [["a\ud800"], /value\[0\] holds half of a surrogate pair/],
    [{ "\udfff": 1 }, /a key of value holds half/],
    [{ toJSON: () => 1 }, /function/],
    [cycle, /deeper than 64/],
  ];
  for (const [value, message] of values) {
    const error = assertThrows(() => encodeValue(value), CoordinatorError);
    assertEquals(error.code, "value_refused");
    assertMatch(error.message, message);
    assert(error.hint.endsWith("."), error.hint);
  }
});

Deno.test("`encodeValue()` tells size and limit, never the value", () => {
  const value = "secret".repeat(10);
  const error = assertThrows(() => encodeValue(value, { maxValueBytes: 61 }), CoordinatorError);
  assertMatch(error.message, /62 bytes .* 61 bytes/);
  assert(!(error.message + error.hint).includes("secret"));
  assertEquals(encodeValue(value, { maxValueBytes: 62 }), JSON.stringify(value));
  assertThrows(() => encodeValue("é".repeat(30), { maxValueBytes: 61 }), CoordinatorError);
});

Deno.test("`encodeValue()` takes any JSON value", () => {
  const property = fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
    assertEquals(encodeValue(value), JSON.stringify(value));
  });
  fc.assert(property, { ...SETTINGS, numRuns: 1000 });
  assertEquals(encodeValue(Object.assign(Object.create(null), { a: 1 })), '{"a":1}');
});

Deno.test("`isObject()` takes neither lists nor numbers kept as text", () => {
  assert(isObject({}) && isObject({ rawJSON: "1" }));
  for (const value of [null, [], 1, "a", undefined, parseJson("1e400")]) assert(!isObject(value));
  assert(isRawNumber(parseJson("1e400")) && !isRawNumber({ rawJSON: "1e400" }));
});

Deno.test("`utf8Length()` counts bytes", () => {
  assertEquals([utf8Length(""), utf8Length("aé日😀")], [0, 10]);
});

Deno.test("`printable()` leaves nothing that steers a terminal or hides text", () => {
  assertEquals(printable("a\tb\r\nc"), "a b  c");
  assertEquals(printable("\u001b[31mred\u0007\u009b2J"), "\ufffd[31mred\ufffd\ufffd2J");
  assertEquals(printable("a\u202eb\u200b\ufeff\u2066"), "a\ufffdb\ufffd\ufffd\ufffd");
  assertEquals(printable("é日😀"), "é日😀");
  const property = fc.property(fc.string({ unit: "binary" }), (text) => {
    assert(printable(text).isWellFormed());
    assert(!/[\p{Cc}\u2028-\u202e\u2066-\u2069\u200b-\u200f]/u.test(printable(text)));
    assertEquals(printable(printable(text)), printable(text));
  });
  fc.assert(property, { ...SETTINGS, numRuns: 2000 });
});

Deno.test("`shorten()` cuts at whole characters", () => {
  assertEquals(shorten("abc", 3), "abc");
  assertEquals(shorten("abcd", 3), "ab…");
  assertEquals(shorten("😀😀😀", 2), "😀…");
  assertEquals(shorten("", 1), "");
});

Deno.test("`didYouMean()` guesses what is near and nothing else", () => {
  const known = ["local", "kv", "memory"];
  assertEquals(didYouMean("loca", known), "did you mean 'local'?");
  assertEquals(didYouMean("memry", known), "did you mean 'memory'?");
  assertEquals(didYouMean("postgres", known), "");
  assertEquals(didYouMean("local", []), "");
});

Deno.test("a `CoordinatorError` says what happened, what to do and why", () => {
  const cause = new TypeError("inner");
  const error = new CoordinatorError("store_io", "Cannot write", "Free some space.", { cause });
  assert(error instanceof Error);
  assertEquals(
    [error.name, error.code, error.message, error.hint, error.cause],
    ["CoordinatorError", "store_io", "Cannot write", "Free some space.", cause],
  );
  assertEquals([messageOf(error), messageOf("text"), messageOf(5)], ["Cannot write", "text", "5"]);
  for (const exitCode of Object.values(ERROR_EXIT_CODES)) assert(exitCode >= 1 && exitCode <= 3);
});
