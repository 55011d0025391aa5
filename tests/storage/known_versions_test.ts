/** What a watch knows: what is reported, once each, and in which order. */

import type { Change, Version } from "../../src/storage/adapter.ts";
import { KnownVersions, type Versions } from "../../src/storage/known_versions.ts";
import { assertEquals } from "../support/assert.ts";

/** A change of the scope `s`; null for a deletion. */
function change(key: string, version: string | null): Change {
  return { scope: "s", key, version: version as Version | null };
}

/** What a look finds in the scope `s`. */
function found(versions: Record<string, string>): Versions {
  return new Map([["s", new Map(Object.entries(versions) as [string, Version][])]]);
}

Deno.test("known versions: the first look reports nothing, each further one what differs", () => {
  const known = new KnownVersions();
  assertEquals(known.isReady, false);
  assertEquals(known.meet(found({ same: "1", changed: "1", deleted: "1" })), []);
  assertEquals(known.isReady, true);
  assertEquals(known.meet(found({ same: "1", changed: "2", created: "1" })), [
    change("changed", "2"),
    change("created", "1"),
    change("deleted", null),
  ]);
  assertEquals(known.meet(new Map()).map(({ version }) => version), [null, null, null]);
});

Deno.test("known versions: what is told is reported once", () => {
  const known = new KnownVersions();
  known.meet(found({ k: "1" }));
  for (const told of [change("k", "2"), change("k", null), change("k", "3")]) {
    assertEquals(known.take(told), [told]);
    assertEquals(known.take(told), []);
  }
  assertEquals(known.take(change("unknown", null)), []);
  assertEquals(known.meet(found({ k: "3" })), []);
});

Deno.test("known versions: what is told during a look comes after it, the last is the latest", () => {
  const known = new KnownVersions();
  assertEquals(known.take(change("k", "2")), []);
  assertEquals(known.meet(found({ k: "1", other: "1" })), [change("k", "2")]);
  known.hold();
  assertEquals(known.take(change("k", "4")), []);
  assertEquals(known.take(change("other", null)), []);
  assertEquals(known.meet(found({ k: "3", other: "1" })), [
    change("k", "3"),
    change("k", "4"),
    change("other", null),
  ]);
});

Deno.test("known versions: what was told before a look has failed is older than the next one", () => {
  const known = new KnownVersions();
  known.meet(found({ k: "1" }));
  known.hold();
  known.take(change("k", "2"));
  known.hold();
  assertEquals(known.meet(found({ k: "3" })), [change("k", "3")]);
});

Deno.test("known versions: a look is left as it is, others meet it too", () => {
  const versions = found({ k: "1" });
  const known = new KnownVersions();
  known.meet(versions);
  known.take(change("k", "2"));
  assertEquals(versions, found({ k: "1" }));
});
