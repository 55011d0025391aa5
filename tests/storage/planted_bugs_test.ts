import type { StorageAdapter } from "../../src/storage/adapter.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CONTRACT } from "./contract.ts";
import { READING_BUGS } from "./planted/reading.ts";
import { Shared, Sound } from "./planted/sound.ts";
import { WRITING_BUGS } from "./planted/writing.ts";

/** The names of the clauses that a store breaks. */
async function brokenClauses(Store: new (shared: Shared) => StorageAdapter): Promise<string[]> {
  const broken: string[] = [];
  for (const clause of CONTRACT) {
    const shared = new Shared();
    const a = new Store(shared);
    const b = new Store(shared);
    const advance = (ms: number) => void (shared.nowMs += ms);
    try {
      await clause.check({ a, b, advance, patienceMs: 50 });
    } catch {
      broken.push(clause.name);
    } finally {
      await a.close();
      await b.close();
    }
  }
  return broken;
}

const brokenBySound = brokenClauses(Sound);

Deno.test("the contract holds for a sound store", async () => {
  assertEquals(await brokenBySound, []);
});

Deno.test("the contract has no two clauses of one name", () => {
  assertEquals(new Set(CONTRACT.map(({ name }) => name)).size, CONTRACT.length);
});

for (const [bug, Store] of Object.entries({ ...WRITING_BUGS, ...READING_BUGS })) {
  Deno.test(`the contract catches a store that ${bug}`, async () => {
    const known = new Set(await brokenBySound);
    const broken = (await brokenClauses(Store)).filter((name) => !known.has(name));
    assert(broken.length > 0, "no clause has noticed");
    assert(broken.length < CONTRACT.length, "the store is not just unusable");
  });
}
