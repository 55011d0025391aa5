import fc from "fast-check";
import { carry } from "../src/commit/carry.ts";
import { diffLines } from "../src/commit/diff.ts";
import { type Edit, type OwnCommit, shortId, weaveOf } from "../src/commit/history.ts";
import { bytesOf, EXISTS, isMixed, tokensOf } from "../src/commit/tokens.ts";
import { digest, Snapshots } from "../src/journal/snapshots.ts";
import { assert, assertEquals } from "./support/assert.ts";

/** On failure fast-check prints the seed and the path; set both variables to see it again. */
const SETTINGS = {
  seed: Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101),
  path: Deno.env.get("CSC_TEST_PATH"),
  endOnFailure: true,
};

const encode = (lines: readonly string[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));

Deno.test("any bytes are the same after the way to lines and back", () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.constantFrom(10, 13, 97, 0, 0xff)).map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(fc.option(content), (bytes) => {
      const tokens = tokensOf(bytes);
      assertEquals(bytesOf(tokens), bytes);
      assert(!isMixed(tokens));
    }),
    { ...SETTINGS, numRuns: 500 },
  );
  assert(isMixed(["line"]) && isMixed(["a", EXISTS]) && isMixed([EXISTS, EXISTS]));
  assert(isMixed([...tokensOf(Uint8Array.of(0)), "line"]));
});

Deno.test("the difference of two lists is right, shortest, and in separate hunks that stand late", () => {
  const lines = fc.array(fc.constantFrom("a", "b", "c", "d", "}"), { maxLength: 30 });
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const result: string[] = [];
      let [done, deleted] = [0, 0];
      const hunks = diffLines(a, b);
      for (const [index, { aStart, aEnd, bStart, bEnd }] of hunks.entries()) {
        const canMove = aEnd < (hunks[index + 1]?.aStart ?? a.length);
        if (aStart === aEnd) assert(!canMove || b[bStart] !== b[bEnd], "could stand later");
        if (bStart === bEnd) assert(!canMove || a[aStart] !== a[aEnd], "could stand later");
        assert(index === 0 ? aStart >= 0 : aStart > done, "hunks touch");
        assert(aEnd > aStart || bEnd > bStart, "an empty hunk");
        result.push(...a.slice(done, aStart));
        assertEquals(result.length, bStart);
        result.push(...b.slice(bStart, bEnd));
        [done, deleted] = [aEnd, deleted + aEnd - aStart];
      }
      assertEquals([...result, ...a.slice(done)], b);
      assertEquals(deleted, a.length - longestCommon(a, b));
    }),
    { ...SETTINGS, numRuns: 1000 },
  );
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    b.forEach((other, j) => next.push(line === other ? row[j] + 1 : Math.max(row[j + 1], next[j])));
    row = next;
  }
  return row[b.length];
}

Deno.test("an insertion stands as late as it can: after the end of a block, not before it", () => {
  const [hunk] = diffLines(["f {", "}", "g"], ["f {", "}", "f2 {", "}", "g"]);
  assertEquals(hunk, { aStart: 2, aEnd: 2, bStart: 2, bEnd: 4 });
  const among = diffLines(
    ["x", "f {", "}", "g", "y"],
    ["X", "f {", "}", "f2 {", "}", "g", "Y"],
  );
  assertEquals(among[1], { aStart: 3, aEnd: 3, bStart: 3, bEnd: 5 });
  assertEquals(among.length, 3);
});

Deno.test("a difference of everything takes no time", () => {
  const a = Array.from({ length: 6000 }, (_, index) => `${index % 700}`);
  const b = a.map((line, index) => index % 3 === 0 ? `${index % 500}` : line).reverse();
  const start = performance.now();
  diffLines(a, b);
  assert(performance.now() - start < 5000);
});

Deno.test("edits of the same moment are in the order in which one begins where another ends", async () => {
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  const versions = [["1", "2", "3"], ["1", "B", "3"], ["1", "B", "A"], ["C", "B", "A"]];
  const ids = await Promise.all(versions.map(async (lines) => {
    const id = await digest(encode(lines));
    contents.set(id, encode(lines));
    return id;
  }));
  const edit = (session: string, from: number, atMs: number) => ({
    session,
    atMs,
    before: ids[from],
    after: ids[from + 1],
  });
  const snapshots = new Snapshots("/nowhere");
  snapshots.read = (id) => contents.get(id) ?? null;
  for (
    const edits of [
      [edit("c", 2, 1000), edit("a", 1, 1000), edit("b", 0, 1000)],
      [edit("a", 1, 1000), edit("c", 2, 1500), edit("b", 0, 1900)],
    ]
  ) {
    const ends = { head: encode(versions[0]), tree: encode(versions[3]) };
    const weave = await weaveOf({ edits, commits: [] }, snapshots, ends);
    const { lines } = carry(weave!, "a");
    assertEquals(lines.slice(1).map(({ text }) => text), ["1", "2", "A", ""]);
  }
});

/** A file that sessions edit, without git: what is committed is kept here. */
class Model {
  work: string[];
  head: string[];
  readonly #contents = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #edits: Edit[] = [];
  readonly #commits: OwnCommit[] = [];
  #nowMs = 0;

  constructor(lines: readonly string[]) {
    this.work = [...lines];
    this.head = [...lines];
  }

  async edit(session: string | null, lines: readonly string[]): Promise<void> {
    const before = await this.#keep(this.work);
    this.work = [...lines];
    const after = await this.#keep(this.work);
    this.#nowMs += 10_000;
    if (session !== null) this.#edits.push({ session, atMs: this.#nowMs, before, after });
  }

  /** Commits what is a session's; null where there is nothing or it is entangled. */
  async commit(session: string, { isRecorded = true } = {}): Promise<"entangled" | "done" | null> {
    const isPending = this.work.join("\n") !== this.head.join("\n");
    if (!isPending || !this.#edits.some((edit) => edit.session === session)) return null;
    const recorded = { edits: this.#edits, commits: this.#commits };
    const ends = { head: encode(this.head), tree: encode(this.work) };
    const weave = await weaveOf(recorded, this.#snapshots(), ends);
    assert(weave);
    const { lines, entangled } = carry(weave, session);
    if (entangled.length > 0) return "entangled";
    const headId = shortId(await digest(ends.head));
    const tokens = lines.map(({ text }) => text);
    assert(!isMixed(tokens));
    this.head = new TextDecoder().decode(bytesOf(tokens)!).split("\n").slice(0, -1);
    if (isRecorded) this.#commits.push({ session, seenMs: this.#nowMs + 1, headId });
    return "done";
  }

  async #keep(lines: readonly string[]): Promise<string> {
    const content = encode(lines);
    const id = await digest(content);
    this.#contents.set(id, content);
    return id;
  }

  #snapshots(): Snapshots {
    const snapshots = new Snapshots("/nowhere");
    snapshots.read = (id) => this.#contents.get(id) ?? null;
    return snapshots;
  }
}

const REGIONS = 6;
const [A, B, C] = ["a", "b", "c"];
const ownerOf = (region: number) => [A, B, C][region % 3];

/** What is done to the regions of a file: each belongs to one session. */
function regionSteps(line: fc.Arbitrary<string>) {
  return fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          region: fc.nat(REGIONS - 1),
          at: fc.nat(6),
          deleted: fc.nat(3),
          inserted: fc.array(line, { maxLength: 4 }),
        }),
      },
      { weight: 1, arbitrary: fc.constantFrom(A, B, C) },
    ),
    { maxLength: 25 },
  );
}

const sizes = fc.array(fc.nat(5), { minLength: REGIONS, maxLength: REGIONS });
const order = fc.shuffledSubarray([A, B, C], { minLength: 3 });

/** Runs steps; each commit must be exactly the session's regions, or be refused. */
async function runRegions(
  start: readonly (readonly string[])[],
  steps: readonly (string | { region: number; at: number; deleted: number; inserted: string[] })[],
  whole: (regions: readonly (readonly string[])[]) => string[],
  isRecorded = true,
): Promise<number> {
  let work = start.map((lines) => [...lines]);
  let committed = start;
  let entangled = 0;
  const model = new Model(whole(start));
  for (const step of steps) {
    if (typeof step !== "string") {
      const { region, at, deleted, inserted } = step;
      work = work.map((lines, index) =>
        index === region ? lines.toSpliced(Math.min(at, lines.length), deleted, ...inserted) : lines
      );
      await model.edit(ownerOf(region), whole(work));
      continue;
    }
    const outcome = await model.commit(step, { isRecorded });
    if (outcome === "entangled") entangled++;
    if (outcome !== "done") continue;
    committed = committed.map((lines, index) => ownerOf(index) === step ? work[index] : lines);
    assertEquals(model.head, whole(committed));
  }
  if (entangled === 0) assertEquals(model.head, model.work);
  return entangled;
}

Deno.test("regions of a file are committed apart, whatever lines they repeat", async () => {
  const line = fc.constantFrom("x", "y", "}", "", "z");
  const property = fc.asyncProperty(
    sizes,
    regionSteps(line),
    order,
    async (counts, steps, order) => {
      const start = counts.map((count) =>
        Array.from({ length: count }, (_, index) => "x}y"[index % 3])
      );
      const whole = (regions: readonly (readonly string[])[]) =>
        regions.flatMap((lines, index) => [`== ${index}`, ...lines]);
      assertEquals(await runRegions(start, [...steps, ...order], whole), 0);
    },
  );
  await fc.assert(property, { ...SETTINGS, numRuns: 300 });
});

Deno.test("commits that the journal does not know of are found out, or refused", async () => {
  const line = fc.constantFrom("x", "y", "}", "");
  let refused = 0;
  const property = fc.asyncProperty(
    sizes,
    regionSteps(line),
    order,
    async (counts, steps, order) => {
      const start = counts.map((count) =>
        Array.from({ length: count }, (_, index) => "x}y"[index % 3])
      );
      const whole = (regions: readonly (readonly string[])[]) =>
        regions.flatMap((lines, index) => [`== ${index}`, ...lines]);
      refused += Math.min(1, await runRegions(start, [...steps, ...order], whole, false));
    },
  );
  await fc.assert(property, { ...SETTINGS, numRuns: 300 });
  assert(refused < 15, `${refused} of 300`);
});

Deno.test("lines that stand side by side are told apart, or refused where their place is a guess", async () => {
  let count = 0;
  let refused = 0;
  const fresh = () => `line ${count++}`;
  const property = fc.asyncProperty(
    sizes,
    regionSteps(fc.constant("")),
    order,
    async (counts, steps, order) => {
      const start = counts.map((length) => Array.from({ length }, fresh));
      const unique = steps.map((step) =>
        typeof step === "string" ? step : { ...step, inserted: step.inserted.map(fresh) }
      );
      refused += Math.min(
        1,
        await runRegions(start, [...unique, ...order, ...order], (all) => all.flat()),
      );
    },
  );
  await fc.assert(property, { ...SETTINGS, numRuns: 300 });
  assert(refused < 15, `${refused} of 300`);
});

Deno.test("edits all over each other: nothing of another's is committed, nothing is dropped", async () => {
  let count = 0;
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        by: fc.constantFrom(A, B, C, null),
        at: fc.nat(12),
        deleted: fc.nat(3),
        inserted: fc.nat(3),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom(A, B, C, "all") },
  );
  const property = fc.asyncProperty(
    fc.nat(10),
    fc.array(step, { maxLength: 14 }),
    async (size, steps) => {
      const model = new Model(Array.from({ length: size }, () => `base ${count++}`));
      const deletedBy = new Map<string, string | null>();
      for (const step of [...steps, A, B, C, A, B, C]) {
        if (step === "all") model.head = model.work;
        else if (typeof step === "string") await commitChecked(model, step, deletedBy);
        else {
          const lines = [...model.work];
          const fresh = Array.from({ length: step.inserted }, () => `${step.by} ${count++}`);
          for (
            const line of lines.splice(Math.min(step.at, lines.length), step.deleted, ...fresh)
          ) {
            deletedBy.set(line, step.by);
          }
          await model.edit(step.by, lines);
        }
      }
    },
  );
  await fc.assert(property, { ...SETTINGS, numRuns: 500 });
});

/** Commits, and checks the commit by what is known of each line, all of which are different. */
async function commitChecked(
  model: Model,
  session: string,
  deletedBy: ReadonlyMap<string, string | null>,
): Promise<void> {
  const before = model.head;
  if (await model.commit(session) !== "done") return;
  const [head, work, after] = [before, model.work, model.head].map((lines) => new Set(lines));
  const isMine = (line: string) => line.startsWith(`${session} `);
  for (const line of after) {
    assert(head.has(line) || (work.has(line) && isMine(line)), `foreign: ${line}`);
  }
  for (const line of head) {
    const isTaken = !work.has(line) && deletedBy.get(line) === session;
    assert(after.has(line) || isTaken, `dropped: ${line}`);
  }
  for (const line of work) assert(!isMine(line) || after.has(line), `not committed: ${line}`);
  const shared = (lines: readonly string[], others: ReadonlySet<string>) =>
    lines.filter((line) => others.has(line));
  assertEquals(shared(model.head, work), shared(model.work, after));
  assertEquals(shared(model.head, head), shared(before, after));
}
