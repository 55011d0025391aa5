import fc from "fast-check";
import { appendItem, JsonKindFault, removeAt, setMember } from "../src/install/json_edit.ts";
import { JsonFault, type JsonNode, nodeAt, parseTree } from "../src/install/json_tree.ts";
import { assert, assertEquals, assertThrows } from "./support/assert.ts";

/** JSON texts in every layout: compact, spaced, indented by tabs or spaces, with either line end. */
const layouts = fc.record({
  indent: fc.constantFrom("", " ", "  ", "    ", "\t"),
  newline: fc.constantFrom("\n", "\r\n"),
  end: fc.constantFrom("", "\n", "\r\n\r\n"),
});
const texts = (value: fc.Arbitrary<unknown>) =>
  fc.tuple(value, layouts).map(([json, { indent, newline, end }]) =>
    JSON.stringify(json, null, indent).replaceAll("\n", newline) + end
  );
// `__proto__` is a member like any other in the text, but not in an object literal's way to a value.
const keys = fc.string().filter((key) => key !== "__proto__");
const objects = fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 }));
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

Deno.test("the tree of any JSON text leads to the values that JSON.parse finds", () => {
  fc.assert(fc.property(texts(fc.jsonValue({ maxDepth: 4 })), (text) => {
    const check = (node: JsonNode, value: unknown) => {
      assertEquals(JSON.parse(text.slice(node.start, node.end)), value);
      const list = value as unknown[];
      node.items?.forEach((item, i) => check(item, list[i]));
      const object = value as Record<string, unknown>;
      node.members?.forEach((member) => check(member.value, object[member.key]));
    };
    check(parseTree(text), JSON.parse(text));
  }));
});

Deno.test("a text is refused exactly where JSON.parse refuses it", () => {
  const mutated = fc.tuple(
    texts(objects),
    fc.nat(),
    fc.constantFrom("", ",", "]", "}", '"', "/", "0"),
  )
    .map(([text, at, by]) => {
      const i = at % (text.length + 1);
      return text.slice(0, i) + by + text.slice(i + 1);
    });
  const parses = (parse: () => unknown) => {
    try {
      parse();
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(mutated, (text) => {
      assertEquals(parses(() => parseTree(text)), parses(() => JSON.parse(text)), text);
    }),
    { numRuns: 2000 },
  );
});

const FAULTS: [text: string, line: number, column: number][] = [
  ["", 1, 1],
  ["{", 1, 2],
  ['{\n  "a": 1,\n}', 3, 1],
  ['{\n  // why\n  "a": 1\n}', 2, 3],
  ['{"a": tru}', 1, 7],
  ["{\r\n'a': 1}", 2, 1],
  ['{"ä€😀" 1}', 1, 8],
  ["[1 2]", 1, 4],
  ["{} {}", 1, 4],
  ['["a\nb"]', 1, 2],
  ["[01]", 1, 3],
];
Deno.test("a fault is told with its line and column, and quotes nothing", () => {
  for (const [text, line, column] of FAULTS) {
    const fault = assertThrows(() => parseTree(text), JsonFault);
    assertEquals([fault.line, fault.column], [line, column], text);
    assert(!fault.message.includes("why"));
  }
});

Deno.test("a text that nests too deeply is refused, not followed to the end of the stack", () => {
  assertThrows(() => parseTree("[".repeat(100_000)), JsonFault);
});

Deno.test("setting a member changes that member only, and taking it out undoes it", () => {
  fc.assert(fc.property(texts(objects), fc.jsonValue({ maxDepth: 2 }), (text, value) => {
    const before = JSON.parse(text);
    fc.pre(!Object.hasOwn(before, "new key"));
    const set = setMember(text, ["new key"], plain(value));
    assertEquals(JSON.parse(set), { ...before, "new key": plain(value) });
    const undone = removeAt(set, ["new key"]);
    if (Object.keys(before).length > 0) assertEquals(undone, text);
    else assertEquals(JSON.parse(undone), {});
  }));
});

Deno.test("appending an item changes that list only, and taking it out undoes it", () => {
  const lists = fc.tuple(fc.array(fc.jsonValue({ maxDepth: 2 })), objects)
    .map(([list, rest]) => ({ ...rest, hooks: { Stop: list } }));
  fc.assert(fc.property(texts(lists), fc.jsonValue({ maxDepth: 2 }), (text, value) => {
    const before = JSON.parse(text);
    const list = before.hooks.Stop;
    const added = appendItem(text, ["hooks", "Stop"], plain(value));
    assertEquals(JSON.parse(added), { ...before, hooks: { Stop: [...list, plain(value)] } });
    const undone = removeAt(added, ["hooks", "Stop", list.length]);
    if (list.length > 0) assertEquals(undone, text);
    else assertEquals(JSON.parse(undone), before);
  }));
});

Deno.test("taking any member or item out takes out nothing else", () => {
  fc.assert(fc.property(texts(objects), fc.nat(), (text, at) => {
    const before = JSON.parse(text);
    const names = Object.keys(before);
    fc.pre(names.length > 0);
    const name = names[at % names.length];
    const { [name]: _gone, ...rest } = before;
    assertEquals(JSON.parse(removeAt(text, [name])), rest);
  }));
});

Deno.test("what is added looks like what is there", () => {
  const value = { b: [1] };
  assertEquals(
    setMember('{\n\t"a": {\n\t\t"x": [1, 2]\n\t}\n}', ["a", "y"], value),
    '{\n\t"a": {\n\t\t"x": [1, 2],\n\t\t"y": {\n\t\t\t"b": [\n\t\t\t\t1\n\t\t\t]\n\t\t}\n\t}\n}',
  );
  assertEquals(setMember('{"a":1, "c":2}', ["y"], value), '{"a":1, "c":2, "y":{"b":[1]}}');
  assertEquals(
    setMember('{\r\n    "a": {}\r\n}\r\n', ["a", "y"], 1),
    '{\r\n    "a": {\r\n        "y": 1\r\n    }\r\n}\r\n',
  );
  assertEquals(setMember("{}", ["x", "y"], 1), '{\n  "x": {\n    "y": 1\n  }\n}');
  assertEquals(
    setMember('{"a": 1.0, "a": 1e2}', ["a"], 3),
    '{"a": 1.0, "a": 3}',
    "the last counts",
  );
});

Deno.test("what is of another kind is named, not overwritten", () => {
  for (const text of ['{"hooks": []}', '{"hooks": null}', '{"hooks": "x"}']) {
    const { message } = assertThrows(() => appendItem(text, ["hooks", "Stop"], 1), JsonKindFault);
    assertEquals(message, "hooks");
  }
  const { message } = assertThrows(
    () => appendItem('{"hooks": {"Stop": {}}}', ["hooks", "Stop"], 1),
    JsonKindFault,
  );
  assertEquals(message, "hooks.Stop");
});

Deno.test("taking out what is not there changes nothing", () => {
  for (const path of [["x"], ["a", "x"], ["a", 5], ["x", "y", "z"], ["b", 0]]) {
    assertEquals(removeAt('{ "a": [1], "b": 2 }', path), '{ "a": [1], "b": 2 }');
  }
  assertEquals(nodeAt(parseTree("[1]"), [1]), null);
});
