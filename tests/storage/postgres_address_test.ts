import { CoordinatorError } from "../../src/domain/error.ts";
import { readAddress, urlFault } from "../../src/storage/postgres/address.ts";
import {
  escapeText,
  splitTexts,
  storedName,
  unescapeText,
} from "../../src/storage/postgres/names.ts";
import { utf8Length } from "../../src/domain/json.ts";
import { HOSTILE_NAMES } from "./contract/names.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const read = (url: string, env: Record<string, string> = {}) =>
  readAddress({ url, schema: "csc" }, (name) => env[name]);

Deno.test("a PostgreSQL URL: user, password, servers and database", () => {
  const address = read("postgres://us%40er:p%2Fw@db.example:6543/te%20am");
  assertEquals(
    [address.user, address.password, address.hosts, address.database],
    ["us@er", "p/w", [{ name: "db.example", port: 6543 }], "te am"],
  );
  assertEquals(address.location, "postgres://db.example:6543/te%20am schema csc");
  assertEquals(read("postgresql://u@a,b:7,[::1]:8/d").hosts, [
    { name: "a", port: 5432 },
    { name: "b", port: 7 },
    { name: "::1", port: 8 },
  ]);
});

Deno.test("a PostgreSQL URL: what it leaves out comes from the environment", () => {
  const env = { PGUSER: "pg", USER: "me", PGPASSWORD: "two", CSC_POSTGRES_PASSWORD: "one" };
  const { user, password, database, hosts } = read("postgres://", env);
  assertEquals([user, password, database, hosts[0].name], ["pg", "one", "pg", "localhost"]);
  assertEquals(read("postgres://h/d", { USER: "me", PGPASSWORD: "two" }).password, "two");
  assertEquals(read("postgres://u:own@h/d", env).password, "own");
});

Deno.test("a PostgreSQL URL: TLS where the server offers it, except on this machine", () => {
  const tls = (url: string) => read(url).tls;
  assertEquals(tls("postgres://u@localhost/d"), false);
  assertEquals(tls("postgres://u@127.0.0.1/d"), false);
  assertEquals(tls("postgres://u@db.example/d"), "prefer");
  assertEquals(tls("postgres://u@localhost,db.example/d"), "prefer");
  assertEquals(tls("postgres://u@localhost/d?sslmode=require"), "require");
  assertEquals(tls("postgres://u@db.example/d?sslmode=disable"), false);
  assertEquals(tls("postgres://u@db.example/d?sslmode=verify-full"), "verify-full");
  assertEquals(tls("postgres://u@db.example/d?sslrootcert=system"), "verify-full");
});

Deno.test("a PostgreSQL URL that is none is refused, and nothing of it is shown", () => {
  const secret = "5ecret";
  for (
    const url of [
      `mysql://u:${secret}@h/d`,
      `postgres://u:${secret}/x@h/d`,
      `postgres://u:12?${secret}@h/d`,
      `postgres://u:12#${secret}@h/d`,
      `postgres://u:${secret}@h:99999/d`,
      `postgres://u:${secret}%zz@h/d`,
      `postgres://u:${secret}@h/d?sslmode=verify-ca`,
      `postgres://u:${secret}@h/d?nonsense=1`,
      `postgres://u:${secret}@h/d?sslmode=require&sslrootcert=/x`,
    ]
  ) {
    const error = assertThrows(() => read(url), CoordinatorError);
    assertEquals(error.code, "invalid_config");
    assert(!`${error.message}${error.hint}`.includes(secret), error.message);
    assert(urlFault(url) !== null && !urlFault(url)!.includes(secret), url);
  }
  assertEquals(urlFault("postgres://u@h/d?sslmode=require&channel_binding=require"), null);
});

Deno.test("names lie in PostgreSQL without NUL, short enough for an index, and distinct", async () => {
  const ids = new Set<string>();
  for (const name of HOSTILE_NAMES) {
    const { id, long } = await storedName(name);
    assert(!id.includes("\0") && utf8Length(id) <= 1000, name);
    assertEquals(unescapeText(long ?? id), name);
    ids.add(id);
  }
  assertEquals(ids.size, HOSTILE_NAMES.length);
  const digest = (await storedName("x".repeat(1024))).id;
  assert((await storedName(digest)).id !== digest, "a name that looks like a hash is none");
});

Deno.test("a notice holds any two names, below PostgreSQL's 8,000 bytes", () => {
  const names = [...HOSTILE_NAMES, "\\", "|", "\\|", "\\".repeat(1024), "\0".repeat(1024)];
  for (const scope of names) {
    for (const key of ["k", "\\", "|", "\u{10ffff}".repeat(512), "日".repeat(1024)]) {
      const payload = ["v-1", escapeText(scope), escapeText(key)].join("\\|");
      assert(utf8Length(payload) < 8000);
      assertEquals(splitTexts(payload), ["v-1", scope, key]);
    }
  }
  assertEquals(splitTexts("\\|s\\|k"), ["", "s", "k"]);
});

Deno.test("a certificate that is none is refused, and not looked at before it is needed", () => {
  for (const path of ["/nowhere/x", "/dev/zero", "."]) {
    const url = `postgres://u:hunter2@h/d?sslrootcert=${path}`;
    assertEquals(urlFault(url), null);
    const error = assertThrows(() => read(url), CoordinatorError);
    assertEquals(error.code, "invalid_config");
    assert(!`${error.message}${error.hint}`.includes("hunter2"), error.message);
  }
});
