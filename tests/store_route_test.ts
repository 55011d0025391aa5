import { clockOf } from "../src/lease/clock.ts";
import { Leases } from "../src/lease/leases.ts";
import type { Holder } from "../src/lease/record.ts";
import { Replies } from "../src/http/replies.ts";
import { type StoreAct, storeRoute } from "../src/http/store_route.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import { MemoryStore } from "../src/storage/memory.ts";
import { assert, assertEquals, assertThrows } from "./support/assert.ts";
import { client, post, principal, SOUND } from "./support/store_route.ts";
import { readUntil, RULES } from "./support/store_route_rules.ts";

for (const rule of RULES) Deno.test(rule.name, () => rule.check(SOUND));

Deno.test("numbers keep their digits on the way", async () => {
  const store = new MemoryStore();
  const send = client(SOUND, store);
  const value = '{"large":12345678901234567890,"huge":1e400,"__proto__":{"a":0.1}}';
  const body = `{"v":1,"op":"store","scope":"s","key":"k","value":${value}}`;
  assertEquals((await send(body)).status, 200);
  const { text } = await send({ op: "retrieve", scope: "s", key: "k" });
  assert(text.includes(`"value":${value}`), text);
});

Deno.test("bodies that make no sense are refused, and say nothing of what is in them", async () => {
  const store = new MemoryStore();
  const send = client(SOUND, store);
  const bodies = [
    "",
    "null",
    "[]",
    "7",
    "{",
    "{}",
    '{"v":1}',
    '{"v":1,"op":"constructor"}',
    '{"v":1,"op":"store","scope":"s","key":"k"}',
    '{"v":1,"op":"store","scope":"s","key":"k","value":1,"secret":1}',
    '{"v":1,"op":"store","scope":"s","key":"k","value":1,"options":{"ttlMs":"1"}}',
    '{"v":1,"op":"store","scope":["s"],"key":"k","value":1}',
    '{"v":1,"op":"retrieve","scope":"s"}',
    '{"v":1,"op":"increment","scope":"s","key":"k","by":1e400}',
    '{"v":1,"op":"retrieve","scope":"","key":"k"}',
    '{"v":1,"op":"retrieve","scope":"\\ud800","key":"k"}',
    `{"v":1,"op":"retrieve","scope":"${"x".repeat(1025)}","key":"k"}`,
    '{"v":1,"op":"store","scope":"s","key":"k","value":1,"options":{"fence":-1}}',
    "[".repeat(100_000),
    `{"v":1,"op":"store","scope":"s","key":"k","value":${"[".repeat(9_000)}1e400${
      "]".repeat(9_000)
    }}`,
    `{"v":1,"op":"store","scope":"s","key":"k","value":${"[".repeat(65)}${"]".repeat(65)}}`,
    '{"v":1,"op":"store","scope":"s","key":"k","value":"\\ud800 secret"}',
  ];
  for (const body of bodies) {
    const { status, code, text } = await send(body);
    assert(status === 400 || status === 413, `${body.slice(0, 80)}: ${status} ${text}`);
    assert(
      code === "invalid_argument" || code === "value_refused",
      `${body.slice(0, 80)}: ${code}`,
    );
    assert(!text.includes("secret"), text);
  }
  assertEquals((await send('{"v":2,"op":"now"}')).code, "store_newer");
  assertEquals(await store.listScopes(), []);
});

Deno.test("only JSON that is posted is taken", async () => {
  const answer = async (request: Request) =>
    (await storeRoute(request, principal(), new MemoryStore(), new AbortController().signal))
      .status;
  const url = "http://127.0.0.1/store";
  const body = '{"v":1,"op":"now"}';
  assertEquals(await answer(new Request(url)), 405);
  assertEquals(await answer(new Request(url, { method: "PUT", body })), 405);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
    const headers = { "content-type": type };
    assertEquals(await answer(new Request(url, { method: "POST", headers, body })), 415);
  }
  const headers = { "content-type": "application/json; charset=utf-8" };
  assertEquals(await answer(new Request(url, { method: "POST", headers, body })), 200);
});

Deno.test("a body that is no text, or breaks off, is refused", async () => {
  const store = new MemoryStore();
  const status = async (body: ReadableStream) =>
    (await storeRoute(post(body), principal(), store, new AbortController().signal)).status;
  assertEquals(await status(new Blob([new Uint8Array([0x7b, 0xff, 0xfe])]).stream()), 400);
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("gone")) });
  assertEquals(await status(broken), 400);
});

Deno.test("replies are remembered for a time, and what is forgotten is not done again", async () => {
  let nowMs = 1_000_000;
  const replies = new Replies(() => nowMs);
  let done = 0;
  const write = () => Promise.resolve(`${++done}`);
  assertEquals(await replies.once("a", null, write), "1");
  nowMs += 10_000;
  assertEquals(await replies.once("a", 10_000, write), "1");
  // It was sent first when we were there already, and we have not seen it: it was lost on its way.
  assertEquals(await replies.once("b", 1_500, write), "2");
  const unknown = assertThrows(() => replies.once("c", 12_000, write), CoordinatorError);
  assertEquals(unknown.code, "outcome_unknown");
  nowMs += 60_000;
  assertThrows(() => replies.once("a", 70_000, write), CoordinatorError);
  assertEquals(await replies.once("d", 1_500, write), "3");
});

Deno.test("replies do not fill the memory, and what makes room is not done again", async () => {
  let nowMs = 1_000_000;
  const replies = new Replies(() => nowMs);
  const large = "x".repeat(1_000_000);
  for (let i = 0; i < 100; i++) {
    nowMs += 10;
    await replies.once(`${i}`, null, () => Promise.resolve(large));
  }
  assertThrows(() => replies.once("0", 1000, () => Promise.resolve("again")), CoordinatorError);
  assertEquals(await replies.once("99", 10, () => Promise.resolve("again")), large);
});

Deno.test("to end by force what others hold needs the scope force", async () => {
  const store = new MemoryStore();
  const acts: StoreAct[] = [];
  const audit = (act: StoreAct) => void acts.push(act);
  const plain = client(SOUND, store, principal(), { audit });
  const forcing = client(
    SOUND,
    store,
    principal({ scopes: new Set(["read", "write", "force"]) }),
    { audit },
  );
  const leases = new Leases({
    store,
    clock: clockOf(store),
    witness: () => Promise.resolve(new Set()),
    bookScope: ":p:book",
  });
  const ref = { scope: ":p:locks", key: "deploy" };
  const [holder, by]: Holder[] = [{ session: "holder" }, { session: "by" }];
  const wish = { ttlS: 600, purpose: "", detail: null };
  const { record: held } = await leases.acquire(ref, { holder, ...wish });
  const takeOver = async (forced: boolean) => {
    const before = (await store.retrieve(ref.scope, ref.key))!;
    await leases.act(ref, {
      op: "take over",
      holder: by,
      token: held.token,
      reason: "r",
      onlyEnd: true,
      forced,
      ...wish,
    });
    const after = (await store.retrieve(ref.scope, ref.key))!.value;
    await store.store(ref.scope, ref.key, before.value);
    return { op: "store", ...ref, value: after };
  };
  const insisted = await takeOver(true);
  for (
    const body of [
      insisted,
      { op: "delete", ...ref },
      { op: "store", ...ref, value: "nothing" },
      { op: "deleteScope", scope: ref.scope },
    ]
  ) {
    const { status, code } = await plain(body);
    assertEquals([status, code], [403, "forbidden"], JSON.stringify(body).slice(0, 60));
    assertEquals(acts.at(-1)?.outcome, "forbidden");
    assertEquals(acts.at(-1)?.forced, true);
  }
  assertEquals((await leases.inspect(ref))?.holder, holder);
  assertEquals((await plain(await takeOver(false))).status, 200, "what silence has ended");
  await store.delete(ref.scope, ref.key);
  const { record } = await leases.acquire(ref, { holder, ...wish });
  const released = { ...(await takeOver(true)).value as object, token: record.token };
  assertEquals((await plain({ op: "store", ...ref, value: released })).status, 200);
  await store.delete(ref.scope, ref.key);
  await leases.acquire(ref, { holder, ...wish });
  assertEquals((await forcing({ op: "delete", ...ref })).status, 200);
  assertEquals(acts.at(-1), { op: "delete", ...ref, forced: true, outcome: "ok" });
});

Deno.test("who may only write is not told what is there, also where a write is refused", async () => {
  const store = new MemoryStore();
  await store.store("s", "k", "secret", { fence: 5 });
  const writer = client(SOUND, store, principal({ scopes: new Set(["write"]) }));
  const both = client(SOUND, store);
  for (
    const body of [
      { op: "store", scope: "s", key: "k", value: 1, options: { expected: "absent" } },
      { op: "store", scope: "s", key: "k", value: 1, options: { fence: 1 } },
      { op: "delete", scope: "s", key: "k", conditions: { expected: "another" } },
      { op: "increment", scope: "s", key: "k", by: 1 },
    ]
  ) {
    assert(!(await writer(body)).text.includes("secret"), JSON.stringify(body));
    const isIncrement = body.op === "increment";
    assertEquals((await both(body)).text.includes("secret"), !isIncrement, JSON.stringify(body));
  }
});

Deno.test("the audit is told what was done to what, and no value", async () => {
  const acts: StoreAct[] = [];
  const send = client(SOUND, new MemoryStore(), principal(), { audit: (act) => acts.push(act) });
  const options = { expected: "absent" };
  const store = { op: "store", scope: "s", key: "k", value: "secret", options };
  await send(store);
  await send(store);
  await send({ op: "listScopes", pattern: "a*" });
  await send({ op: "increment", scope: "s", key: "k", by: 1 });
  const plain = { scope: "s", key: "k", forced: false };
  assertEquals(acts, [
    { op: "store", ...plain, outcome: "ok" },
    { op: "store", ...plain, outcome: "refused" },
    { op: "listScopes", scope: "a*", key: null, forced: false, outcome: "ok" },
    { op: "increment", ...plain, outcome: "invalid_argument" },
  ]);
});

Deno.test("a watch tells first what there is, then what changes, and ends with its token", async () => {
  const store = new MemoryStore();
  await store.store("s", "k", 1);
  let isValid = true;
  const watch = () =>
    storeRoute(
      post('{"v":1,"pattern":"s*"}', "/store/watch"),
      principal(),
      store,
      new AbortController().signal,
      { heartbeatMs: 20, isStillValid: () => Promise.resolve(isValid) },
    );
  const response = await watch();
  assertEquals(response.headers.get("content-type"), "application/x-ndjson");
  const later = (async () => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    await store.store("s", "l", 2);
  })();
  const lines = (await readUntil(response, '"l"')).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  await later;
  const version = (await store.retrieve("s", "k"))!.version;
  assertEquals(lines[0], { scope: "s", versions: [["k", version]] });
  assert(lines[1].ready > 0);
  assert(lines.some((line) => Object.keys(line).length === 0), "it shows that it is there");
  assertEquals(lines.at(-1).key, "l");
  const ending = (await watch()).text();
  isValid = false;
  await ending;
});
