/** Which addresses a configuration leads to, which hosts are meant, and what is remembered. */

import { addressesOf, sharesIn } from "../src/config/addresses.ts";
import { isHostPattern, matchesHost } from "../src/config/host_pattern.ts";
import { inspectConfig, loadConfig } from "../src/config/load.ts";
import { type ConfigPlace, configPlaces } from "../src/config/places.ts";
import { requireTrust, wishOf } from "../src/config/trust.ts";
import { changeTrust, readTrust, type TrustEntry } from "../src/config/trust_file.ts";
import { CoordinatorError } from "../src/domain/error.ts";
import type { Json } from "../src/domain/json.ts";
import { assert, assertEquals, assertThrows } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";
import "../src/storage/builtin.ts";

type Settings = { [key: string]: Json };

const urls = (adapter: string, config: Settings) => addressesOf(adapter, config).map((a) => a.url);

Deno.test("what is on this machine's disk is on no network", () => {
  assertEquals(urls("local", { base_path: "https:/x" }), []);
  assertEquals(urls("memory", {}), []);
  assertEquals(urls("kv", {}), []);
  assertEquals(urls("kv", { path: "/a/store.kv" }), []);
  assertEquals(urls("my-store", { folder: "/a", at: "file:///a", n: 1 }), []);
});

Deno.test("each store on the network is told by scheme, host and port, without user and password", () => {
  const cases: [string, Settings, string[]][] = [
    ["redis", {}, ["redis://localhost:6379"]],
    ["redis", { url: "redis://" }, ["redis://localhost:6379"]],
    ["redis", { url: "REDIS://u:p@Redis.Example.org./0" }, ["redis://redis.example.org:6379"]],
    ["redis", { url: "rediss://h:7000?x=1" }, ["rediss://h:7000"]],
    ["redis", { url: "redis://[::1]:1" }, ["redis://[::1]:1"]],
    ["redis", { url: "unix:///run/redis.sock" }, ["unix:/run/redis.sock"]],
    ["redis", { sentinels: ["a:1", "b"] }, ["redis://a:1", "redis://b:26379"]],
    ["redis", { url: "rediss://", sentinels: ["a"] }, ["redis://a:26379, its servers over TLS"]],
    ["redis", { url: "redis://main", cluster: ["redis://b:2", "redis://b:2"] }, ["redis://b:2"]],
    ["postgres", {}, ["postgres://localhost:5432"]],
    ["postgres", { url: "postgresql://u:p@h/db" }, ["postgresql://h:5432"]],
    ["postgres", { url: "postgres://a/db?x=1&sslmode=disable" }, [
      "postgres://a:5432?sslmode=disable",
    ]],
    ["postgres", { url: "postgres://a:1,b/db" }, ["postgres://a:1", "postgres://b:5432"]],
    ["postgres", { url: "postgres://a/db?host=evil,/tmp&x=1" }, [
      "postgres://a:5432",
      "postgres://evil:5432",
      "unix:/tmp",
    ]],
    ["server", { url: "https://csc.example.org" }, ["https://csc.example.org:443"]],
    ["server", {}, ["http://127.0.0.1:8082"]],
    ["kv", { path: "https://u:p@kv.example.org/" }, ["https://kv.example.org:443"]],
    ["s3", { bucket: "b", region: "eu-central-1" }, [
      "https://s3.eu-central-1.amazonaws.com:443/b",
    ]],
    ["s3", { bucket: "b", endpoint: "http://h:9000" }, ["http://h:9000/b"]],
    ["my-store", { x: [{ y: "nats://u:p@H:4222" }] }, ["nats://h:4222"]],
  ];
  for (const [adapter, config, expected] of cases) {
    assertEquals(urls(adapter, config), expected, JSON.stringify(config));
  }
});

Deno.test("a folder on another machine is an address where the system opens it as such", () => {
  const at = (path: string, isWindows: boolean) => sharesIn(path, isWindows).map(({ url }) => url);
  assertEquals(at("\\\\Evil\\share\\x", true), ["smb://evil"]);
  assertEquals(at("//evil/share", true), ["smb://evil"]);
  assertEquals(at("\\\\?\\unc\\evil\\share", true), ["smb://evil"]);
  assertEquals(at("//evil/share", false), []);
  for (const path of ["C:\\x", "\\\\?\\C:\\x", ".claude\\x", "/x"]) {
    assertEquals(at(path, true), [], path);
  }
});

Deno.test("an address that two readers could take for different ones is refused", () => {
  const cases: [string, Settings][] = [
    ["redis", { url: "redis://good@x@evil" }],
    ["redis", { url: "redis://evil\\@good" }],
    ["redis", { url: "redis://go\tod" }],
    ["redis", { url: "redis://g%6fod" }],
    ["redis", { url: "redis://gооd" }], // two of its letters are Cyrillic
    ["redis", { url: "redis://h:0" }],
    ["redis", { url: "redis://h:99999" }],
    ["redis", { url: "redis://h:1:2" }],
    ["redis", { url: "h:6379" }],
    ["redis", { url: 7 }],
    ["redis", { sentinels: ["a b"] }],
    ["redis", { sentinels: [7] }],
    ["redis", { cluster: true }],
    ["postgres", { url: "postgres://a,/db,b@c" }],
    ["s3", { bucket: "b", region: "x.evil.org/" }],
    ["s3", { bucket: "evil.org/x" }],
    ["s3", {}],
    ["kv", { path: "https://good\\.evil.org" }],
  ];
  for (const [adapter, config] of cases) {
    const error = assertThrows(() => addressesOf(adapter, config), CoordinatorError);
    assertEquals(error.code, "invalid_config", JSON.stringify(config));
  }
});

Deno.test("a list of hosts means what it says, and never every host", () => {
  const good = [
    "redis.example.org",
    "redis.example.org:6379",
    "*.corp.example",
    "[::1]:6379",
    "h",
    "rediss://h",
    "https://*.corp.example:8082",
  ];
  for (const one of good) assert(isHostPattern(one), one);
  const bad = ["", "*", "*:1", "*.*", "a.*", "h:0", "h:99999", "redis://", "h/x", "a b", 7, null];
  for (const one of bad) assert(!isHostPattern(one), String(one));
  const at = (host: string, port: number | null = 6379, scheme = "redis") => ({
    scheme,
    host,
    port,
  });
  const cases: [string, ReturnType<typeof at>, boolean][] = [
    ["h", at("h"), true],
    ["H", at("h"), true],
    ["h:6379", at("h"), true],
    ["h:6380", at("h"), false],
    ["h", at("xh"), false],
    ["h", at("h.evil"), false],
    ["*.corp.example", at("a.corp.example"), true],
    ["*.corp.example", at("a.b.corp.example"), true],
    ["*.corp.example", at("corp.example"), false],
    ["*.corp.example", at("evilcorp.example"), false],
    ["*.corp.example:1", at("a.corp.example"), false],
    ["[::1]:6379", at("[::1]"), true],
    ["h", at("h", null), false],
    ["redis://h", at("h"), true],
    ["rediss://h", at("h"), false],
    ["REDISS://h:6379", at("h", 6379, "rediss"), true],
  ];
  for (const [pattern, address, expected] of cases) {
    assertEquals(matchesHost(pattern, address), expected, `${pattern} ${address.host}`);
  }
});

/** A user with a home of its own, and a project beside it. */
class Scene implements Disposable {
  readonly #temp = new TempFolder();
  readonly #home = Deno.env.get("HOME");
  readonly project = this.#temp.join("project");
  readonly own = this.#temp.join("home/.config/claude-session-coordinator");
  readonly trusted = `${this.own}/trusted.json`;

  constructor() {
    Deno.env.set("HOME", this.#temp.join("home"));
    Deno.mkdirSync(`${this.project}/.claude`, { recursive: true });
    Deno.mkdirSync(this.own, { recursive: true });
  }

  get places(): ConfigPlace[] {
    return configPlaces(undefined, [this.project]);
  }

  says(storage: object): void {
    const path = `${this.project}/.claude/session-coordinator-config.json`;
    Deno.writeTextFileSync(path, JSON.stringify({ storage }));
  }

  userSays(text: string): void {
    Deno.writeTextFileSync(`${this.own}/config.json`, text);
  }

  require(): void {
    requireTrust(loadConfig(this.places), this.project);
  }

  refusal(): CoordinatorError {
    return assertThrows(() => this.require(), CoordinatorError);
  }

  async trust(): Promise<void> {
    const { project, adapter, addresses } = wishOf(loadConfig(this.places), this.project)!;
    const since = new Date().toISOString();
    const added = addresses.map(({ url }) => ({ project, adapter, address: url, since }));
    await changeTrust((entries) => [...entries, ...added]);
  }

  [Symbol.dispose](): void {
    if (this.#home === undefined) Deno.env.delete("HOME");
    else Deno.env.set("HOME", this.#home);
    this.#temp[Symbol.dispose]();
  }
}

const KV = { adapter: "kv", config: { path: "https://user:hunter2@kv.example.org/" } };

Deno.test("a project's file is refused until its very address is trusted", async () => {
  using scene = new Scene();
  scene.says({ adapter: "local" });
  scene.require();
  scene.says(KV);
  const error = scene.refusal();
  assertEquals(error.code, "not_trusted");
  assert(error.message.includes("kv at https://kv.example.org:443"), error.message);
  assert(error.message.includes(`${scene.project}/.claude/`), error.message);
  assert(error.hint.includes("csc trust"));
  assert(!`${error.message}${error.hint}`.includes("hunter2"), error.message);
  await scene.trust();
  scene.require();
  scene.says({ adapter: "kv", config: { path: "https://other:pw@kv.example.org/path" } });
  scene.require();
  for (const path of ["http://kv.example.org", "https://kv.example.org:1", "https://x.org/"]) {
    scene.says({ adapter: "kv", config: { path } });
    assertEquals(scene.refusal().code, "not_trusted", path);
  }
});

Deno.test("hosts that the user lists are trusted, whichever file is in use; a project cannot list any", () => {
  using scene = new Scene();
  scene.says(KV);
  scene.userSays('{"storage":{"trusted_hosts":["*.example.org:443"]}}');
  scene.require();
  scene.userSays('{"storage":{"trusted_hosts":["*.example.org:1"]}}');
  assertEquals(scene.refusal().code, "not_trusted");
  scene.userSays('{"log":{"level":"off"}}');
  assertEquals(scene.refusal().code, "not_trusted");
  for (
    const text of ['{"storage":{"trusted_hosts":["*"]}}', '{"storage":{"trusted_hosts":1}}', "{"]
  ) {
    scene.userSays(text);
    assertEquals(scene.refusal().code, "invalid_config", text);
  }
  scene.userSays("{}");
  scene.says({ ...KV, trusted_hosts: ["kv.example.org"] });
  const found = inspectConfig(scene.places);
  assert("issues" in found);
  assertEquals(found.issues.map(({ key }) => key), ["storage.trusted_hosts"]);
});

Deno.test("what the user's own files and the command line name is the user's own", () => {
  using scene = new Scene();
  scene.userSays(JSON.stringify({ storage: { ...KV, trusted_hosts: [] } }));
  scene.require();
  scene.says(KV);
  const path = `${scene.project}/.claude/session-coordinator-config.json`;
  requireTrust(loadConfig(configPlaces(path, [scene.project])), scene.project);
});

Deno.test("where the user says the address, a repository may name the store", () => {
  using scene = new Scene();
  const path = `${scene.project}/.claude/config.yml`;
  const file = { layer: "project", path } as const;
  const user = { layer: "user", path: "/home/ada/x" } as const;
  const { config } = loadConfig([]);
  const loaded = (url: object | null, more: object = {}, moreFrom: object = file) => ({
    config: {
      ...config,
      storage: { ...config.storage, adapter: "redis", config: { url: "redis://h:1", ...more } },
    },
    origins: new Map<string, typeof file>(Object.entries({
      "storage.adapter": file,
      ...url && { "storage.config.url": url },
      ...Object.fromEntries(Object.keys(more).map((key) => [`storage.config.${key}`, moreFrom])),
    }) as [string, typeof file][]),
  } as unknown as Parameters<typeof wishOf>[0]);
  assertEquals(wishOf(loaded(user), scene.project), null);
  assertEquals(wishOf(loaded(user, { prefix: "x:" }), scene.project), null);
  assertEquals(wishOf(loaded(file), scene.project)?.addresses.map(({ url }) => url), [
    "redis://h:1",
  ]);
  assertEquals(wishOf(loaded(null), scene.project)?.file, path, "a default is nobody's word");
  const sentinels = { sentinels: ["evil:1"] };
  assertEquals(wishOf(loaded(user, sentinels), scene.project)?.addresses[0].host, "evil");
  assertEquals(wishOf(loaded(user, sentinels, user), scene.project), null);
});

Deno.test("the file of trust is private, and never believed where it is not what csc wrote", async () => {
  using scene = new Scene();
  scene.says(KV);
  await scene.trust();
  assertEquals(Deno.statSync(scene.trusted).mode! & 0o777, 0o600);
  const text = Deno.readTextFileSync(scene.trusted);
  for (
    const damaged of ["", "[]", "{", text.replace('"version": 1', '"version": 2'), '{"trusted":[]}']
  ) {
    Deno.writeTextFileSync(scene.trusted, damaged);
    assertEquals(scene.refusal().code, "invalid_config", damaged);
  }
  Deno.writeTextFileSync(scene.trusted, text);
  scene.require();
  Deno.chmodSync(scene.trusted, 0o666);
  assertEquals(scene.refusal().code, "invalid_config");
  Deno.removeSync(scene.trusted);
  assertEquals(scene.refusal().code, "not_trusted");
});

Deno.test("a file of trust that is a link stays one, and changes at once lose nothing", async () => {
  using scene = new Scene();
  const target = `${scene.own}/dotfiles.json`;
  Deno.writeTextFileSync(target, '{"version":1,"trusted":[]}');
  Deno.symlinkSync(target, scene.trusted);
  const entry = (n: number): TrustEntry => ({
    project: `/p${n}`,
    adapter: "kv",
    address: "https://h:1",
    since: "2026-01-01T00:00:00.000Z",
  });
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => changeTrust((entries) => [...entries, entry(n)])),
  );
  assertEquals(readTrust().length, 20);
  assert(Deno.lstatSync(scene.trusted).isSymlink);
});
