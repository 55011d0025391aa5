import type { Change } from "../../src/storage/adapter.ts";
import { MemoryData, MemoryStore } from "../../src/storage/memory.ts";
import { assert, assertEquals } from "./assert.ts";
import { client, type Kit, post, principal } from "./store_route.ts";
import { TempFolder } from "./temp.ts";

/** One sentence about a server. */
export interface Rule {
  readonly name: string;
  check(kit: Kit): Promise<void>;
}

const INCREMENT = { op: "increment", scope: "s", key: "k", by: 1 };

/** What a server keeps to, beyond the contract of its store. */
export const RULES: readonly Rule[] = [
  {
    name: "a write that is sent again happens once, and is answered as before",
    async check(kit) {
      const store = new MemoryStore();
      const send = client(kit, store);
      const first = await send({ ...INCREMENT, id: "one" });
      const again = await send({ ...INCREMENT, id: "one", again_ms: 20 });
      assertEquals([first.result, again.text], [1, first.text]);
      assertEquals((await send({ ...INCREMENT, id: "two" })).result, 2);
      const created = { op: "store", scope: "s", key: "new", value: 1, id: "three" };
      const options = { expected: "absent" };
      assertEquals(
        (await send({ ...created, options })).text,
        (await send({ ...created, options, again_ms: 20 })).text,
      );
    },
  },
  {
    name: "a write that is sent again while it is under way happens once",
    async check(kit) {
      const store = new MemoryStore();
      const send = client(kit, store);
      const answers = await Promise.all(
        Array.from({ length: 5 }, (_, i) => send({ ...INCREMENT, id: "one", again_ms: i })),
      );
      const done = answers.filter(({ ok }) => ok);
      assert(done.every(({ result }) => result === 1));
      const value = (await store.retrieve("s", "k"))?.value ?? 0;
      assert(Number(value) <= 1, `it happened ${value} times`);
    },
  },
  {
    name: "the ids of one user mean nothing for another, nor for another tenant",
    async check(kit) {
      const store = new MemoryStore();
      const people = [principal(), principal({ user: "bob" }), principal({ tenant: "acme" })];
      for (const who of people) await client(kit, store, who)({ ...INCREMENT, id: "one" });
      assertEquals((await store.retrieve("s", "k"))?.value, 2);
      const send = client(kit, store, people[2]);
      assertEquals((await send({ op: "retrieve", scope: "s", key: "k" })).text.includes("1"), true);
    },
  },
  {
    name: "a server that was started since does not do again what it cannot know",
    async check(kit) {
      const data = new MemoryData();
      await client(kit, new MemoryStore(data))({ ...INCREMENT, id: "one" });
      const restarted = client(kit, new MemoryStore(data));
      const again = await restarted({ ...INCREMENT, id: "one", again_ms: 500 });
      assertEquals(again.code, "outcome_unknown");
      assertEquals((await new MemoryStore(data).retrieve("s", "k"))?.value, 1);
    },
  },
  {
    name: "without the scope read nothing is read, without write nothing written",
    async check(kit) {
      const store = new MemoryStore();
      await store.store("s", "k", 1);
      const reads = [
        { op: "retrieve", scope: "s", key: "k" },
        { op: "retrieveAll", scope: "s" },
        { op: "listKeys", scope: "s" },
        { op: "listScopes", pattern: "*" },
        { op: "now" },
      ];
      const writes = [
        { op: "store", scope: "s", key: "k", value: 2 },
        { op: "delete", scope: "s", key: "k" },
        { op: "deleteScope", scope: "s" },
        INCREMENT,
      ];
      const writer = client(kit, store, principal({ scopes: new Set(["write", "force"]) }));
      const reader = client(kit, store, principal({ scopes: new Set(["read", "admin"]) }));
      for (const read of reads) {
        assertEquals((await writer(read)).status, 403, read.op);
        assertEquals((await reader(read)).status, 200, read.op);
      }
      for (const write of writes) assertEquals((await reader(write)).status, 403, write.op);
      assertEquals((await store.retrieve("s", "k"))?.value, 1);
      const watch = await kit.route(
        post('{"v":1,"pattern":"*"}', "/store/watch"),
        principal({ scopes: new Set(["write"]) }),
        store,
        new AbortController().signal,
      );
      await watch.body?.cancel();
      assertEquals(watch.status, 403);
    },
  },
  {
    name: "a token for some projects and machines reaches no others",
    async check(kit) {
      const store = new MemoryStore();
      const own = [":acme/shop:locks", ":acme/app:sessions", "ci-1:acme/shop:issue:1"];
      const others = [
        ":acme/secret:locks",
        ":other:locks",
        "laptop:acme/shop:issue:1",
        "ci-1:other:acme/shop:x",
        "acme/shop",
        ":acme/shop",
        "::acme/shop:x",
        "csc-tenant:acme:ci-1:acme/shop:x",
      ];
      for (const scope of [...own, ...others]) await store.store(scope, "k", 1);
      const who = principal({ projects: ["acme/shop", "acme/a*"], machines: ["ci-?"] });
      const send = client(kit, store, who);
      for (const scope of own) {
        assertEquals((await send({ op: "retrieve", scope, key: "k" })).status, 200, scope);
        assertEquals((await send({ ...INCREMENT, scope })).status, 200, scope);
      }
      for (const scope of others) {
        assertEquals((await send({ op: "retrieve", scope, key: "k" })).status, 403, scope);
        assertEquals((await send({ op: "retrieveAll", scope })).status, 403, scope);
        assertEquals((await send({ op: "listKeys", scope })).status, 403, scope);
        assertEquals((await send({ op: "deleteScope", scope })).status, 403, scope);
        assertEquals((await send({ ...INCREMENT, scope })).status, 403, scope);
        assertEquals((await store.retrieve(scope, "k"))?.value, 1, scope);
      }
      const listed = await send({ op: "listScopes", pattern: "*" });
      assertEquals(listed.result, own.toSorted());
    },
  },
  {
    name: "a watch tells of no scope that its token may not name",
    async check(kit) {
      const store = new MemoryStore();
      await store.store(":other:locks", "before", 1);
      const stop = new AbortController();
      const response = await kit.route(
        post('{"v":1,"pattern":"*"}', "/store/watch"),
        principal({ projects: ["acme/*"] }),
        store,
        stop.signal,
      );
      await store.store(":other:locks", "k", 1);
      await store.store(":acme/shop:locks", "last", 1);
      const timer = setTimeout(() => stop.abort(), kit.patienceMs ?? 20_000);
      const text = await readUntil(response, '"last"').finally(() => {
        clearTimeout(timer);
        stop.abort();
      });
      assert(!text.includes("other"), text);
    },
  },
  {
    name: "a tenant's watch tells of its own changes only",
    async check(kit) {
      const store = new MemoryStore();
      for (const [name, other] of [["ada", "bob"], ["default", "ada"], ["ada", "default"]]) {
        const [own, foreign] = [name, other].map((one) => kit.tenant(store, one));
        const told: Change[] = [];
        const changes = await own.watch("*");
        const reading = (async () => {
          for await (const change of changes) told.push(change);
        })();
        await foreign.store("s", "foreign", 1);
        await own.store("s", "own", 1);
        await own.close();
        await reading;
        assertEquals(told.map(({ scope, key }) => [scope, key]), [["s", "own"]]);
      }
    },
  },
  {
    name: "only the whole token is a token",
    async check(kit) {
      using temp = new TempFolder();
      const tokens = kit.tokens(temp.join("tokens.json"));
      const { token } = await tokens.create({ user: "ada" });
      assertEquals((await tokens.verify(token))?.user, "ada");
      const wrong = [
        token.slice(0, -1) + (token.endsWith("A") ? "B" : "A"),
        token.slice(0, 24) + "A".repeat(23),
        "csc_" + "A".repeat(43),
        token.slice(0, -1),
        token + "A",
        "",
      ];
      for (const presented of wrong) assertEquals(await tokens.verify(presented), null);
    },
  },
];

/** The text of a stream up to some words in it. */
export async function readUntil(response: Response, words: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(words)) return text;
  }
  throw new Error(`the stream has ended before ${words}: ${text}`);
}
