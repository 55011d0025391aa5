/** What `storage.config` of the Redis store may say, and what is made of it. */

import { REDIS_DEFAULTS } from "../src/storage/adapter_defaults.ts";
import { decodeEntry, Layout } from "../src/storage/redis/layout.ts";
import { targetOf } from "../src/storage/redis/client.ts";
import { ADAPTER_SETTINGS } from "../src/storage/settings.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { HOSTILE_NAMES } from "./storage/contract/names.ts";
import { withVariables } from "./support/variables.ts";

const SETTINGS = ADAPTER_SETTINGS.redis;

Deno.test("the settings of redis may all be missing", () => {
  assertEquals(SETTINGS.parse({}), { ...REDIS_DEFAULTS });
});

Deno.test("the settings of redis as seed 002 has them", () => {
  const seed = { url: "redis://localhost:6379/0", prefix: "claude-sessions:", ttl: 86400 };
  assertEquals(SETTINGS.parse(seed), seed);
});

Deno.test("the settings of redis refuse what cannot work", () => {
  const wrong: Record<string, unknown>[] = [
    { url: "localhost" },
    { url: "http://localhost" },
    { url: "redis://" },
    { url: "redis://localhost/name" },
    { url: "redis://localhost?ssl=true" },
    { url: "redis://user:50%zz@localhost" },
    { prefix: "" },
    { prefix: "a{b" },
    { prefix: "{}" },
    { prefix: "{a}{b}" },
    { ttl: 0 },
    { ttl: 1.5 },
    { ttl: "86400" },
    { sentinels: ["a:1"] },
    { sentinels: [], sentinel_name: "team" },
    { sentinels: ["a b"], sentinel_name: "team" },
    { sentinel_name: "team" },
    { sentinels: ["rediss://a:1", "b:1"], sentinel_name: "team" },
    { cluster: [] },
    { cluster: ["redis://a", "rediss://b"] },
    { cluster: ["a:1"] },
    { cluster: ["redis://a"], sentinels: ["a:1"], sentinel_name: "team" },
    { password: "secret" },
  ];
  for (const settings of wrong) {
    assert(!SETTINGS.safeParse(settings).success, JSON.stringify(settings));
  }
});

Deno.test("redis: no location shows a user or a password", () => {
  const secret = "user:pass%40word@";
  const locations: [settings: Record<string, unknown>, location: string][] = [
    [{ url: `redis://${secret}host` }, "redis://host"],
    [{ url: `rediss://${secret}host:7000/5` }, "rediss://host:7000/5"],
    [{ url: `redis://${secret}[::1]:7000` }, "redis://[::1]:7000"],
    [
      {
        url: `redis://${secret}x`,
        sentinels: [`redis://${secret}a:1`, "b"],
        sentinel_name: "team",
      },
      "'team' of the sentinels a:1, b",
    ],
    [{ cluster: [`redis://${secret}a:1`, "redis://b"] }, "the cluster of a:1, b"],
  ];
  for (const [settings, location] of locations) {
    assertEquals(targetOf(SETTINGS.parse(settings)).location, location);
  }
});

Deno.test("redis: REDIS_URL is for who names no server, and empty it is none", async () => {
  const sentinels = { sentinels: ["a:1"], sentinel_name: "team" };
  const cases: [variable: string, settings: Record<string, unknown>, location: string][] = [
    ["redis://:secret@elsewhere", {}, "redis://elsewhere"],
    ["redis://:secret@elsewhere", { url: "redis://host" }, "redis://host"],
    ["", {}, "redis://localhost:6379"],
    ["", sentinels, "'team' of the sentinels a:1"],
    ["no URL", sentinels, "'team' of the sentinels a:1"],
    ["no URL", { cluster: ["redis://a:1"] }, "the cluster of a:1"],
  ];
  for (const [variable, settings, location] of cases) {
    await withVariables({ REDIS_URL: variable }, () => {
      assertEquals(targetOf(SETTINGS.parse(settings)).location, location, variable);
    });
  }
});

Deno.test("redis: no two names meet, whatever scopes and keys are called", () => {
  const layout = new Layout("p:", false);
  const names = new Map<string, string>([[layout.format, "format"], [layout.scopes, "scopes"]]);
  const add = (name: string, what: string) => {
    assert(!names.has(name), `${name}: ${names.get(name)} and ${what}`);
    names.set(name, what);
  };
  const scopes = [...HOSTILE_NAMES, "%scopes", "%format", "s:%keys", "s%3A", "s:"];
  for (const scope of scopes) {
    add(layout.keys(scope), `keys of ${scope}`);
    add(layout.fences(scope), `fences of ${scope}`);
    for (const key of [...HOSTILE_NAMES.slice(0, 60), "%keys", "%fences", "%3A", "%253A"]) {
      add(layout.entry(scope, key), JSON.stringify([scope, key]));
    }
  }
});

Deno.test("redis: in a cluster the prefix is the hash tag, unless it holds one", () => {
  assertEquals(new Layout("p:", true).scopes, "{p:}%scopes");
  assertEquals(new Layout("{team}:", true).scopes, "{team}:%scopes");
  assertEquals(new Layout("p:", false).entry("s", "k"), "p:s:k");
});

Deno.test("redis: an author and a fence of nothing differ from none", () => {
  const entry = decodeEntry(["v", "", "0", "null", "=", "5"], "it");
  assertEquals([entry.author, entry.fence, entry.expiresAtMs, entry.value], ["", 0, null, null]);
  const other = decodeEntry(["v", "9", "", "1", "", "5"], "it");
  assertEquals([other.author, other.fence, other.expiresAtMs], [null, null, 9]);
});
