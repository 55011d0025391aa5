import { type StoredToken, TokenFile } from "../src/http/token_file.ts";
import { Tokens } from "../src/http/tokens.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./support/assert.ts";
import { csc } from "./support/command.ts";
import { TempFolder } from "./support/temp.ts";
import { CoordinatorError } from "../src/domain/error.ts";

const HOUR_MS = 3600_000;

/** Tokens in a folder of their own, with a clock to set. */
class World implements AsyncDisposable {
  readonly temp = new TempFolder();
  readonly path = this.temp.join("state", "tokens.json");
  nowMs = Date.UTC(2026, 0, 1, 10, 30);
  readonly tokens = this.another();

  /** What another process has. */
  another(): Tokens {
    return new Tokens(this.path, () => this.nowMs);
  }

  text(): string {
    return Deno.readTextFileSync(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tokens.close();
    this.temp[Symbol.dispose]();
  }
}

Deno.test("a token tells who presents it, and what they may do", async () => {
  await using world = new World();
  const plain = await world.tokens.create({ user: "ada" });
  const full = await world.tokens.create({
    user: "ci",
    tenant: "acme",
    scopes: ["force", "write", "read"],
    projects: ["acme/*"],
    machines: ["ci-?", "runner"],
  });
  assertMatch(plain.token, /^csc_[\w-]{43}$/);
  assertEquals(await world.tokens.verify(plain.token), {
    user: "ada",
    tenant: "default",
    scopes: new Set(["read", "write"] as const),
    projects: null,
    machines: null,
  });
  assertEquals(await world.another().verify(full.token), {
    user: "ci",
    tenant: "acme",
    scopes: new Set(["read", "write", "force"] as const),
    projects: ["acme/*"],
    machines: ["ci-?", "runner"],
  });
});

Deno.test("the file holds no token, and its owner alone can read it", async () => {
  await using world = new World();
  const { token, record } = await world.tokens.create({ user: "ada" });
  const text = world.text();
  for (let i = 4; i + 8 <= token.length; i++) assert(!text.includes(token.slice(i, i + 8)));
  assert(text.includes(record.id));
  assertEquals((Deno.statSync(world.path).mode ?? 0o600) & 0o777, 0o600);
  assert(!JSON.stringify(world.tokens.list()).includes("hash"));
});

Deno.test("what is no token is nobody's, whatever it is", async () => {
  await using world = new World();
  const { token } = await world.tokens.create({ user: "ada" });
  const almost = Array.from(
    token,
    (_, i) => token.slice(0, i) + (token[i] === "A" ? "B" : "A") + token.slice(i + 1),
  );
  const others = [
    "",
    "csc_",
    token.slice(0, -1),
    `${token}A`,
    ` ${token}`,
    `${token}\n`,
    token.toUpperCase(),
    "ü€😀",
    "\ud800",
    "\0",
    "x".repeat(10_000_000),
    "__proto__",
    undefined as unknown as string,
    {} as unknown as string,
  ];
  for (const presented of [...almost, ...others]) {
    assertEquals(await world.tokens.verify(presented), null);
  }
});

Deno.test("a token that was revoked elsewhere is refused at once", async () => {
  await using world = new World();
  const { token, record } = await world.tokens.create({ user: "ada" });
  const { token: other } = await world.tokens.create({ user: "ada" });
  assert(await world.tokens.verify(token));
  const revoked = await world.another().revoke(record.id);
  assertEquals(revoked.revoked_at, new Date(world.nowMs).toISOString());
  assertEquals(await world.tokens.verify(token), null);
  assert(await world.tokens.verify(other), "only the one");
  world.nowMs += HOUR_MS;
  assertEquals((await world.tokens.revoke(record.id)).revoked_at, revoked.revoked_at);
  const error = await assertRejects(() => world.tokens.revoke("nobody"), CoordinatorError);
  assertEquals(error.code, "not_found");
});

Deno.test("a token ends when its time is over", async () => {
  await using world = new World();
  const { token } = await world.tokens.create({ user: "ada", forS: 60 });
  world.nowMs += 59_999;
  assert(await world.tokens.verify(token));
  assert(world.tokens.hasValid());
  world.nowMs += 1;
  assertEquals(await world.tokens.verify(token), null);
  assert(!world.tokens.hasValid());
});

Deno.test("when a token was last used is noted to the hour, and a revocation survives it", async () => {
  await using world = new World();
  const { token, record } = await world.tokens.create({ user: "ada" });
  const usedAt = () => world.tokens.list()[0].last_used_at;
  await Promise.all(Array.from({ length: 20 }, () => world.tokens.verify(token)));
  await world.tokens.close();
  assertEquals(usedAt(), "2026-01-01T10:00:00.000Z");
  const before = Deno.statSync(world.path).ino;
  world.nowMs += HOUR_MS / 4;
  await world.tokens.verify(token);
  await world.tokens.close();
  assertEquals(Deno.statSync(world.path).ino, before, "not written again within the hour");
  world.nowMs += HOUR_MS;
  await world.tokens.verify(token);
  await world.another().revoke(record.id);
  await world.tokens.close();
  assert(world.tokens.list()[0].revoked_at !== null);
});

Deno.test("tokens that are made at once are all there", async () => {
  await using world = new World();
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, i) => world.another().create({ user: `u${i}` })),
  );
  assertEquals(world.tokens.list().length, 12);
  for (const [i, { token }] of made.entries()) {
    assertEquals((await world.tokens.verify(token))?.user, `u${i}`);
  }
});

Deno.test("a wish that makes no sense is refused, and nothing written", async () => {
  await using world = new World();
  const wishes = [
    { user: "" },
    { user: "a b" },
    { user: "a\n" },
    { user: "x".repeat(101) },
    { user: "a", tenant: "Acme" },
    { user: "a", tenant: "a:b" },
    { user: "a", tenant: "" },
    { user: "a", scopes: ["read", "steal"] },
    { user: "a", scopes: [] },
    { user: "a", projects: [""] },
    { user: "a", machines: ["\ud800"] },
  ];
  for (const wish of wishes) {
    const error = await assertRejects(() => world.tokens.create(wish), CoordinatorError);
    assertEquals(error.code, "invalid_argument", JSON.stringify(wish));
  }
  assertEquals(world.tokens.list(), []);
});

Deno.test("a damaged, newer or foreign file lets nobody in and says what to do", async () => {
  await using world = new World();
  const { token } = await world.tokens.create({ user: "ada" });
  const whole = world.text();
  const failsWith = async (code: string) => {
    const error = await assertRejects(() => world.tokens.verify(token), CoordinatorError);
    assertEquals([error.code, error.message.includes(world.path)], [code, true]);
    assert(error.hint !== "");
  };
  for (const text of ["", "{", "[]", whole.slice(0, 100), whole.replace('"read"', "7")]) {
    Deno.writeTextFileSync(world.path, text);
    await failsWith("store_corrupt");
    await assertRejects(() => world.tokens.create({ user: "b" }), CoordinatorError);
    assertEquals(world.text(), text, "left as it is");
  }
  Deno.writeTextFileSync(world.path, '{"v":2,"tokens":[]}');
  await failsWith("store_newer");
  Deno.writeTextFileSync(world.path, whole);
  if (Deno.build.os === "windows") return;
  Deno.chmodSync(world.path, 0o620);
  await failsWith("store_io");
  Deno.chmodSync(world.path, 0o600);
  Deno.renameSync(world.path, `${world.path}.real`);
  Deno.symlinkSync(`${world.path}.real`, world.path);
  await failsWith("store_io");
});

Deno.test("a file that goes lets nobody in", async () => {
  await using world = new World();
  const { token } = await world.tokens.create({ user: "ada" });
  assert(await world.tokens.verify(token));
  Deno.removeSync(world.path);
  assertEquals(await world.tokens.verify(token), null);
});

Deno.test("the file takes a change as a whole or not at all", async () => {
  await using world = new World();
  await world.tokens.create({ user: "ada" });
  const before = world.text();
  const file = new TokenFile(world.path);
  await assertRejects(() =>
    file.change((): StoredToken[] => {
      throw new Error("in the middle");
    })
  );
  assertEquals(world.text(), before);
  assertEquals([...Deno.readDirSync(world.temp.join("state"))].length, 2, "the file and its lock");
});

Deno.test("`csc token` makes, lists and revokes; the token is printed once", async () => {
  using temp = new TempFolder();
  const made = await csc(temp.path, ["token", "create", "--user", "ada", "--expires", "30d"]);
  assertEquals(made.code, 0, made.stderr);
  assertMatch(made.stdout, /^csc_[\w-]{43}\n$/);
  assertMatch(made.stderr, /CSC_TOKEN/);
  const args = ["--user", "ci", "--scope", "read,force", "--scope", "write", "--project", "a/*"];
  const full = await csc(temp.path, ["token", "create", "--json", "--tenant", "x", ...args]);
  const { token, ...record } = JSON.parse(full.stdout);
  assertMatch(token, /^csc_/);
  assertEquals([record.scopes, record.projects], [["read", "write", "force"], ["a/*"]]);
  const listed = await csc(temp.path, ["token", "list"]);
  assertMatch(listed.stdout, /ada +default +read,write +never +until/);
  assertMatch(listed.stdout, /ci +x +read,write,force +never +valid\n +projects: a\/\*/);
  assert(!(listed.stdout + listed.stderr).includes("csc_"));
  const revoked = await csc(temp.path, ["token", "revoke", record.id]);
  assertEquals(revoked.stdout, `Revoked: ${record.id} of ci. It is refused from now on.\n`);
  const all = JSON.parse((await csc(temp.path, ["token", "list", "--json"])).stdout);
  assertEquals(all.map((one: { revoked_at: string | null }) => one.revoked_at === null), [
    true,
    false,
  ]);
});

Deno.test("`csc token` refuses mistakes with exit code 2, and an unknown id with 1", async () => {
  using temp = new TempFolder();
  const mistakes = [
    [],
    ["make"],
    ["create"],
    ["create", "ada"],
    ["create", "--user", "ada", "--expires", "soon"],
    ["create", "--user", "ada", "--scope", "steal"],
    ["list", "--user", "ada"],
    ["revoke"],
  ];
  for (const words of mistakes) {
    const { code, stderr, stdout } = await csc(temp.path, ["token", ...words]);
    assertEquals([code, stdout], [2, ""], words.join(" "));
    assertMatch(stderr, /^error\[invalid_argument\].*\nhint: ./);
  }
  const { code } = await csc(temp.path, ["token", "revoke", "nobody"]);
  assertEquals(code, 1);
});

Deno.test("a repository's file may not say where tokens are, or which to send", async () => {
  const keys = [
    { http: { tokens_path: "theirs.json" } },
    { storage: { adapter: "server", config: { url: "http://127.0.0.1:1", token_file: "~/.key" } } },
    { storage: { adapter: "server", config: { url: "http://127.0.0.1:1", ca_file: "ca.pem" } } },
  ];
  for (const config of keys) {
    using temp = new TempFolder();
    Deno.mkdirSync(temp.join(".claude"));
    const path = temp.join(".claude", "session-coordinator-config.json");
    Deno.writeTextFileSync(path, JSON.stringify(config));
    for (const command of [["token", "list"], ["status"]]) {
      const { code, stderr } = await csc(temp.path, command);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /a file that comes with the repository may not/);
    }
  }
});
