/** The parts of the S3 store that need no server. */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { ADAPTER_SETTINGS } from "../../src/storage/settings.ts";
import { decideDelete, decideStore, EMPTY, type KeyRecord } from "../../src/storage/record.ts";
import { refusedError } from "../../src/storage/s3/answers.ts";
import { ServerClock } from "../../src/storage/s3/clock.ts";
import { credentialsOf } from "../../src/storage/s3/credentials.ts";
import {
  type Body,
  decodeBody,
  encodeBody,
  fateOf,
  kindOfSize,
  nameOf,
  nextBody,
  partOf,
  partsOf,
  prefixesOf,
} from "../../src/storage/s3/layout.ts";
import { readPage } from "../../src/storage/s3/page.ts";
import { Turns } from "../../src/storage/s3/turns.ts";
import { CoordinatorError } from "../../src/domain/error.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../support/assert.ts";
import { HOSTILE_NAMES } from "./contract/names.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;

Deno.test("s3: names become parts of objects' names that S3 and URLs leave alone", async () => {
  const parts = await Promise.all(HOSTILE_NAMES.map(partOf));
  assertEquals(new Set(parts).size, HOSTILE_NAMES.length);
  for (const [i, part] of parts.entries()) {
    assertMatch(part, /^(?!\.)[A-Za-z0-9._~-]{1,200}$/);
    const name = nameOf(part);
    assert(name === HOSTILE_NAMES[i] || (name === null && part.startsWith("~~")), part);
    const url = new URL(`https://host/bucket/${part}/${part}`);
    assertEquals(url.pathname, `/bucket/${part}/${part}`);
    assertEquals(partsOf(`${part}/${part}`), { scope: part, key: part });
  }
  assertEquals([nameOf(".csc"), nameOf("~zz"), nameOf("a b"), nameOf("~FF")], [
    null,
    null,
    null,
    null,
  ]);
  for (const other of ["", "a", "a/b/c", ".csc/proof", "/a", "a/"]) {
    assertEquals(partsOf(other), null);
  }
});

Deno.test("s3: a glob's listing covers every scope that it matches", async () => {
  for (const name of HOSTILE_NAMES.filter((one) => !/[*?[]/.test(one))) {
    for (const cut of [0, 1, 2, name.length]) {
      const start = [...name].slice(0, cut).join("");
      const part = await partOf(name);
      const isCovered = prefixesOf(`${start}*`).some((prefix) => part.startsWith(prefix));
      assert(isCovered, JSON.stringify([name.slice(0, 20), cut]));
    }
  }
  assertEquals(prefixesOf("m:p*"), ["m~3Ap", "~~"]);
  assertEquals(prefixesOf("*"), [""]);
});

/** A key's object after some writes. */
function bodies(count: number): Body[] {
  const all: Body[] = [];
  for (let i = 0; i < count; i++) {
    all.push(nextBody({ scope: "s", key: "k" }, all.at(-1) ?? null, EMPTY, `write-${i}`));
  }
  return all;
}

Deno.test("s3: an object tells for each of its late writes whether it happened", () => {
  const all = bodies(60);
  for (const [i, written] of all.entries()) {
    const before = i === 0 ? null : all[i - 1];
    assertEquals(fateOf(written, before), "open");
    for (const [j, current] of all.entries()) {
      if (j < i) continue;
      const expected = j - i <= 24 ? "happened" : "unknown";
      assertEquals(fateOf(written, current), expected, `${i} ${j}`);
      const rival = { ...written, write: "another" };
      assertEquals(fateOf(rival, current), j - i <= 24 ? "lost" : "unknown", `${i} ${j}`);
    }
  }
  assertEquals(fateOf(all[5], null), "unknown", "the object has gone");
  assertEquals(fateOf(all[5], all[2]), "unknown", "it began anew");
  assertEquals(fateOf(all[5], { ...all[4], write: "x" }), "unknown", "it began anew");
});

Deno.test("s3: an object's size tells what a listing needs to know, whatever it holds", () => {
  const stored = (ttlMs?: number, fence?: number) =>
    decideStore(EMPTY, "日😀", { ttlMs, fence, author: "é" }, 0).next!;
  const deleted = (record: KeyRecord) => decideDelete(record, {}, 0).next!;
  const kinds: [KeyRecord, string][] = [
    [stored(), "lasting"],
    [stored(undefined, 3), "lasting"],
    [stored(5), "ending"],
    [stored(5, 3), "ending"],
    [deleted(stored()), "gone"],
    [deleted(stored(5)), "gone"],
    [deleted(stored(5, 0)), "fence"],
  ];
  for (const [record, kind] of kinds) {
    for (const key of ["k", "kk", "kkk", "kkkk", "日"]) {
      const body = nextBody({ scope: "s", key }, null, record, "w");
      const text = encodeBody(body);
      assertEquals(kindOfSize(bytes(text)), kind);
      assertEquals(decodeBody(text, "name"), body);
    }
  }
});

Deno.test("s3: an object that csc did not write is corrupt, and one of a newer csc is newer", () => {
  const whole = JSON.parse(encodeBody(bodies(1)[0]));
  const codeOf = (value: unknown) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return (assertThrows(() => decodeBody(text, "n"), CoordinatorError) as CoordinatorError).code;
  };
  for (const text of ["", "{", "[]", "null", "7", '"x"', "{}"]) {
    assertEquals(codeOf(text), "store_corrupt", text);
  }
  for (const member of ["scope", "key", "write", "count", "trail", "fence", "entry"]) {
    assertEquals(codeOf({ ...whole, [member]: { odd: true } }), "store_corrupt", member);
  }
  assertEquals(codeOf({ ...whole, schema: 99, csc: "9.9.9" }), "store_newer");
});

Deno.test("s3: a page of a listing is read, and half of one is none", () => {
  const xml =
    '<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>' +
    "<Contents><Key>p/a~3Ab</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>" +
    "<ETag>&quot;abc&quot;</ETag><Size>12</Size></Contents><Contents><Key>p/&#x41;&amp;</Key>" +
    "<ETag>&#34;d&#34;</ETag><Size>0</Size></Contents>" +
    "<NextContinuationToken>a&amp;b=&lt;&gt;</NextContinuationToken></ListBucketResult>";
  const page = readPage(xml)!;
  assertEquals(page.next, "a&b=<>");
  const writtenAtMs = Date.UTC(2026, 0, 1);
  assertEquals(page.objects[0], { name: "p/a~3Ab", etag: "abc", bytes: 12, writtenAtMs });
  assertEquals([page.objects[1].name, page.objects[1].etag], ["p/A&", "d"]);
  assertEquals(readPage(xml.slice(0, -5)), null);
  assertEquals(readPage("<html></html>"), null);
  assertEquals(readPage(xml.replace(/<Next.*Token>/, "")), null, "it must say where it goes on");
  assertEquals(readPage(xml.replace("true", "false"))!.next, null);
});

Deno.test("s3: the server's clock is narrowed down, stands rather than runs back, and can be set", () => {
  const clock = new ServerClock();
  assertEquals(clock.nowMs, null);
  const baseMs = Date.UTC(2026, 0, 1);
  const startedAt = performance.now() + 730; // the server's second began 730 ms before
  const hear = (atMs: number, shiftMs = 0) => {
    const trueMs = baseMs + shiftMs + atMs + 730;
    const date = new Date(Math.floor(trueMs / 1000) * 1000).toUTCString();
    clock.learn(date, startedAt + atMs - 5, startedAt + atMs + 5);
  };
  hear(0);
  assert(clock.errorMs <= 505);
  let last = clock.nowMs!;
  for (let atMs = 10; atMs < 1000; atMs += 10) {
    hear(atMs);
    assert(clock.nowMs! >= last, "it does not run back");
    last = clock.nowMs!;
  }
  assert(clock.errorMs < 15, `${clock.errorMs}`);
  const trueNow = () => baseMs + 730 + performance.now() - startedAt;
  assert(Math.abs(clock.nowMs! - trueNow()) <= 515, `${clock.nowMs! - trueNow()}`);
  hear(1000, -3600_000);
  assert(Math.abs(clock.nowMs! - (trueNow() - 3600_000)) < 600, "set back by an hour");
  clock.learn("no date", 0, 0);
  assert(Math.abs(clock.nowMs! - (trueNow() - 3600_000)) < 600, "what is no date says nothing");
});

Deno.test("s3: keys come from the environment, else from the user's own file", () => {
  const file = [
    "# mine",
    "[default]",
    "aws_access_key_id = AKIADEFAULT",
    "aws_secret_access_key=secret/default+=",
    "[ work ]",
    "AWS_ACCESS_KEY_ID=AKIAWORK",
    "aws_secret_access_key = w",
    "aws_session_token = t==",
    "[half]",
    "aws_access_key_id = AKIAHALF",
  ].join("\r\n");
  const of = (env: Record<string, string>) =>
    credentialsOf(
      (name) => env[name],
      (path) => path === "/home/me/.aws/credentials" || path === "/mine" ? file : null,
    );
  assertEquals(
    of({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", HOME: "/home/me" }),
    { accessKeyId: "a", secretAccessKey: "b", sessionToken: undefined },
  );
  const own = { accessKeyId: "AKIADEFAULT", secretAccessKey: "secret/default+=" };
  assertEquals(of({ HOME: "/home/me" }), { ...own, sessionToken: undefined });
  assertEquals(of({ AWS_SHARED_CREDENTIALS_FILE: "/mine" }).accessKeyId, "AKIADEFAULT");
  assertEquals(
    of({ HOME: "/home/me", AWS_PROFILE: "work" }),
    { accessKeyId: "AKIAWORK", secretAccessKey: "w", sessionToken: "t==" },
  );
  const said = (env: Record<string, string>) =>
    assertThrows(() => of(env), CoordinatorError).message;
  assertMatch(said({}), /no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment/);
  assertMatch(said({ AWS_ACCESS_KEY_ID: "a" }), /AWS_SECRET_ACCESS_KEY is missing/);
  assertMatch(said({ HOME: "/home/me", AWS_PROFILE: "half" }), /profile 'half' in \/home\/me/);
});

Deno.test("s3: each refusal says what helps", () => {
  const place = { bucket: "b", region: "us-east-1" };
  const endpoint = { what: "S3", location: "s3://b/ (https://host)" };
  const hints: [status: number, code: string, code_: string, hint: RegExp][] = [
    [404, "NoSuchBucket", "store_io", /aws s3 mb s3:\/\/b --region us-east-1/],
    [403, "InvalidAccessKeyId", "store_io", /AWS_ACCESS_KEY_ID/],
    [403, "SignatureDoesNotMatch", "store_io", /AWS_SECRET_ACCESS_KEY/],
    [400, "ExpiredToken", "store_io", /Sign on again/],
    [403, "RequestTimeTooSkewed", "store_io", /clock/],
    [301, "PermanentRedirect", "store_io", /"eu-west-1"/],
    [403, "QuotaExceeded", "store_io", /quota/],
    [507, "", "store_io", /Free some/],
    [403, "AccessDenied", "store_io", /s3:ListBucket/],
    [503, "SlowDown", "store_unreachable", /csc doctor/],
    [405, "", "store_io", /S3 endpoint/],
  ];
  for (const [status, code, expected, hint] of hints) {
    const error = refusedError({ status, code, region: "eu-west-1" }, place, endpoint);
    assertEquals(error.code, expected, code);
    assertMatch(error.hint, hint);
    assert(error.message.includes("s3://b/"), error.message);
  }
});

Deno.test("s3: settings that cannot work are refused, also keys of an account", () => {
  const accepts = (config: object) => ADAPTER_SETTINGS.s3.safeParse(config).success;
  const good = { bucket: "my-team.locks", region: "eu-central-1", prefix: "a/b-c/" };
  assert(accepts({ bucket: "abc" }) && accepts(good) && accepts({ ...good, prefix: "" }));
  assert(accepts({ ...good, endpoint: "http://ceph:7480" }));
  for (const bucket of ["ab", "UPPER", "a_b", "-ab", "a/b", "x".repeat(64), undefined]) {
    assert(!accepts({ ...good, bucket }), `${bucket}`);
  }
  for (
    const prefix of ["a", "/a/", "a//", "../", "./", "a/../b/", "a b/", "ä/", "a/".repeat(101)]
  ) {
    assert(!accepts({ ...good, prefix }), prefix);
  }
  for (const endpoint of ["", "host", "ftp://h", "http://u:p@h", "http://h/?a=b", "http://h/#x"]) {
    assert(!accepts({ ...good, endpoint }), endpoint);
  }
  for (const key of ["access_key_id", "secret_access_key", "session_token", "accessKeyId"]) {
    assert(!accepts({ ...good, [key]: "x" }), key);
  }
  assertEquals(DEFAULT_LIMITS.maxValueBytes > 0, true);
});

Deno.test("s3: writers of one object take turns, also after one that failed or did not wait", async () => {
  const turns = new Turns();
  const order: number[] = [];
  const far = performance.now() + 60_000;
  const late = () => new Error("late");
  const first = Promise.withResolvers<void>();
  const take = (name: string, until: number, n: number, task: () => Promise<void>) =>
    turns.take(name, until, late, async () => {
      order.push(n);
      await task();
    }).then(() => "done", (error: Error) => error.message);
  const one = take("k", far, 1, () => first.promise);
  const two = take("k", performance.now() + 20, 2, () => Promise.resolve());
  const three = take("k", far, 3, () => Promise.reject(new Error("failed")));
  const four = take("k", far, 4, () => Promise.resolve());
  assertEquals(await take("other", far, 5, () => Promise.resolve()), "done");
  assertEquals(await two, "late");
  first.resolve();
  assertEquals(await Promise.all([one, three, four]), ["done", "failed", "done"]);
  assertEquals(order, [1, 5, 3, 4]);
});
