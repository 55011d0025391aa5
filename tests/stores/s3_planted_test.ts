/** Bugs that a store on S3 could have, planted beneath it on the real gateway: each is caught. */

import { parseJson } from "../../src/domain/json.ts";
import type { Bucket, Condition, ETagForm, PutAnswer } from "../../src/storage/s3/bucket.ts";
import { type S3Options, S3Store } from "../../src/storage/s3/s3.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runningKinds } from "../support/network_store.ts";
import { bucketOf, clientOptions } from "../support/s3_client.ts";
import { CLOCK_ERROR_MS } from "../support/servers/s3.ts";
import { CONTRACT } from "../storage/contract.ts";

/** A sound bucket, to be broken by overriding. */
class Through implements Bucket {
  constructor(protected readonly inner: Bucket) {}
  get endpoint() {
    return this.inner.endpoint;
  }
  get server() {
    return this.inner.server;
  }
  get clock() {
    return this.inner.clock;
  }
  get etagForm(): ETagForm {
    return this.inner.etagForm;
  }
  set etagForm(form: ETagForm) {
    this.inner.etagForm = form;
  }
  get(name: string, until: number) {
    return this.inner.get(name, until);
  }
  put(name: string, text: string, condition: Condition | null, until: number): Promise<PutAnswer> {
    return this.inner.put(name, text, condition, until);
  }
  remove(name: string, etag: string, sinceMs: number, until: number) {
    return this.inner.remove(name, etag, sinceMs, until);
  }
  list(prefix: string, token: string | null, until: number) {
    return this.inner.list(prefix, token, until);
  }
  close() {
    this.inner.close();
  }
}

/** Whether it is a key's object, and not part of the proof at the start. */
const isKey = (name: string) => !name.includes("/.csc/");

class WithoutIfMatch extends Through {
  override put(name: string, text: string, condition: Condition | null, until: number) {
    const kept = condition === "absent" || !isKey(name) ? condition : null;
    return super.put(name, text, kept, until);
  }
}

class WithoutIfNoneMatch extends Through {
  override put(name: string, text: string, condition: Condition | null, until: number) {
    const kept = condition !== "absent" || !isKey(name) ? condition : null;
    return super.put(name, text, kept, until);
  }
}

/** What makes each write unlike any other is left out: the ETag comes back with the value. */
class WithoutNames extends Through {
  override put(name: string, text: string, condition: Condition | null, until: number) {
    if (!isKey(name)) return super.put(name, text, condition, until);
    const body = parseJson(text) as { entry: { value: unknown } | null };
    const entry = body.entry && { ...body.entry, storedAtMs: 0, version: `${body.entry.value}` };
    const same = { ...body, write: "", count: 1, trail: [], entry };
    return super.put(name, JSON.stringify(same), condition, until);
  }
}

/** Holds back the next write of a key until it is let go. */
class Holding extends Through {
  readonly reached = Promise.withResolvers<void>();
  readonly release = Promise.withResolvers<void>();
  isHolding = false;
  override async put(name: string, text: string, condition: Condition | null, until: number) {
    if (this.isHolding && isKey(name)) {
      this.isHolding = false;
      this.reached.resolve();
      await this.release.promise;
    }
    return await super.put(name, text, condition, until);
  }
}

class OtherETags extends Through {
  override get etagForm() {
    return super.etagForm;
  }
  override set etagForm(_form: ETagForm) {
    super.etagForm = "quoted"; // as HTTP has it, and this gateway does not
  }
}

class FirstPageOnly extends Through {
  override async list(prefix: string, token: string | null, until: number) {
    return { ...await super.list(prefix, token, until), next: null };
  }
}

class DeletesObjects extends Through {
  override async put(name: string, text: string, condition: Condition | null, until: number) {
    const answer = await super.put(name, text, condition, until);
    const isGone = answer.did === "write" && isKey(name) && /"entry":null\}/.test(text);
    if (isGone) await super.remove(name, answer.etag, this.clock.nowMs!, until);
    return answer;
  }
}

class RemembersListings extends Through {
  readonly #pages = new Map<string, Awaited<ReturnType<Bucket["list"]>>>();
  override async list(prefix: string, token: string | null, until: number) {
    const page = this.#pages.get(prefix) ?? await super.list(prefix, token, until);
    this.#pages.set(prefix, page);
    return page;
  }
}

/** A server that often fails: before the write and after it, in turn. */
class Failing extends Through {
  #puts = 0;
  override async put(name: string, text: string, condition: Condition | null, until: number) {
    const turn = isKey(name) ? this.#puts++ % 5 : 0;
    if (turn === 3) return { did: "unsure", reason: "HTTP status 500" } as const;
    const answer = await super.put(name, text, condition, until);
    return turn === 1 ? { did: "unsure", reason: "HTTP status 500" } as const : answer;
  }
}

class TakesFailuresForSuccess extends Failing {
  override async put(name: string, text: string, condition: Condition | null, until: number) {
    const answer = await super.put(name, text, condition, until);
    return answer.did === "unsure" ? { did: "write", etag: "" } as const : answer;
  }
}

/** Objects that do not say who wrote them: what was written cannot be recognised. */
class ForgetsWriters extends Failing {
  #count = 0;
  override async get(name: string, until: number) {
    const found = await super.get(name, until);
    if (!found || !isKey(name)) return found;
    const body = parseJson(found.text) as Record<string, unknown>;
    const write = `${this.#count++}`;
    return { ...found, text: JSON.stringify({ ...body, write, trail: [write] }) };
  }
}

/** The bugs, with the clause that must notice. */
const BUGS: Record<string, readonly [new (inner: Bucket) => Bucket, clause: string]> = {
  "sends no `If-Match`": [WithoutIfMatch, "clients that retry lost races lose no update"],
  "sends no `If-None-Match`": [
    WithoutIfNoneMatch,
    "a race to create a key has one winner, whom the losers learn",
  ],
  "sends ETags in the form of other endpoints": [
    OtherETags,
    "`store()` without a condition always writes",
  ],
  "reads the first page of a listing": [
    FirstPageOnly,
    "`retrieveAll()` gives a large value whole beside 1,000 others",
  ],
  "deletes the objects of deleted keys": [DeletesObjects, "a fence outlives `delete()`"],
  "remembers listings": [
    RemembersListings,
    "`retrieveAll()` gives versions that a write accepts, and that a write changes",
  ],
  "takes a failure for a success": [
    TakesFailuresForSuccess,
    "`increment()` loses nothing when both clients count at once",
  ],
  "does not recognise its own writes": [
    ForgetsWriters,
    "`increment()` loses nothing when both clients count at once",
  ],
};

/** Whether a clause holds for clients whose buckets are of a class; throws where it does not. */
async function check(name: string, Broken: new (inner: Bucket) => Bucket): Promise<void> {
  const clause = CONTRACT.find((one) => one.name === name);
  if (!clause) throw new Error(`the contract has no clause '${name}'`);
  const options: S3Options = clientOptions({ timeoutMs: 10_000, clockErrorMs: CLOCK_ERROR_MS });
  const open = () => S3Store.open(options, new Broken(bucketOf(options)));
  const a = await open();
  const b = await open();
  try {
    const advance = () => assert(false, "none of these clauses moves the clock");
    await clause.check({ a, b, advance, patienceMs: 5_000 });
  } finally {
    await a.close();
    await b.close();
  }
}

/** Whether a writer that slept while its value went and came back still writes. */
async function writesAfterReturn(Kind: new (inner: Bucket) => Bucket): Promise<boolean> {
  const options = clientOptions({ timeoutMs: 10_000 });
  const holding = new Holding(new Kind(bucketOf(options)));
  const sleeper = await S3Store.open(options, holding);
  const other = await S3Store.open(options, new Kind(bucketOf(options)));
  try {
    await sleeper.store("s", "k", "A");
    const { version: expected } = (await sleeper.retrieve("s", "k"))!;
    holding.isHolding = true;
    const writing = sleeper.store("s", "k", "C", { expected });
    await holding.reached.promise;
    for (const value of ["B", "A"]) await other.store("s", "k", value);
    holding.release.resolve();
    return (await writing).ok;
  } finally {
    await sleeper.close();
    await other.close();
  }
}

if (runningKinds().includes("s3")) {
  Deno.test("s3: a server that fails often is no obstacle", async () => {
    for (const name of new Set(Object.values(BUGS).map(([, clause]) => clause))) {
      await check(name, Failing);
    }
  });

  Deno.test("s3: a writer that slept while its value came back is refused", async () => {
    assertEquals(await writesAfterReturn(Through), false);
    assertEquals(await writesAfterReturn(WithoutNames), true, "what the names are there for");
  });

  for (const [bug, [Broken, clause]] of Object.entries(BUGS)) {
    Deno.test({
      name: `s3: the contract catches a store that ${bug}`,
      // A clause that fails leaves what it began.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        const caught = await check(clause, Broken).then(() => null, (error: Error) => error);
        assert(caught !== null, `'${clause}' has not noticed`);
        assertEquals(caught instanceof TypeError, false, `${caught.stack}`);
      },
    });
  }
}
